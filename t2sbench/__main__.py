"""``python -m t2sbench``: the command line."""

from benchmark.cli.main import run_main

if __name__ == "__main__":
    run_main()
