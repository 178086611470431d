import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.shell_completion import ShellComplete

from benchmark.cli.main import _COMMANDS, cli, main
from benchmark.core import extras, plugins
from benchmark.runs.record_file import append_record


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in _COMMANDS)


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: t2sbench")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rum"], "Did you mean 'run'"),
        (["run", "-m", "task2sin"], "Did you mean 'task2sim'"),
        (["run", "-m", "random", "--protocol", "knn55", "--table", "TABLE"], "Did you mean 'knn5'"),
        (
            ["run", "-m", "random", "--protocol", "linear", "--table", "TABLE"],
            "'knn5', not 'linear'",
        ),
        (["run", "-m", "random", "--tasks", "CUBB", "--table", "TABLE"], "Did you mean 'CUB'"),
        (["run", "-m", "random", "--seeds", "a-b"], "'a-b' names no seeds"),
        (["run", "-m", "random", "--seeds", "0-99999999999"], "100,000 seeds"),
        (["run", "-m", "random", "--seeds", "99999999999999999999"], "Name fewer or smaller ones"),
        (["taxonomy", "solve", "--budget", "1-1000000"], "100,000 budgets"),
        (["table", "build", "-o", "t", "--profile", "mini-by-classes"], "series"),
        (["leaderboard", "verify", "--records", ".", "--boards", "."], "no records to verify"),
        (["run", "-m", "random", "-O", "epochs"], "NAME=VALUE"),
        (["run", "-m", "random", "-O", "task2sim.epochs=3"], "Add --method task2sim"),
        (["run", "-m", "random", "-O", "epochs=3"], "option of method 'random'"),
        (["run", "-m", "task2sim", "-O", "epochs=x"], "task2sim.epochs must be int"),
        (["run", "-m", "task2sim", "-O", "epochs=-1"], "epochs: "),
        (["run", "-m", "random", "--split", "unsen"], "Did you mean 'unseen'"),
        (["run"], "--method"),
        (["show", "CUBB"], "Did you mean 'CUB'"),
        (["table", "check", "./nowhere"], "nowhere"),
        (["ls", "task"], "Did you mean 'tasks'"),
        (["ls", "tasks", "--tasks-file", "absent.yaml"], "absent.yaml"),
        (["status", "nowhere"], "No records in nowhere"),
        (["status", "-o", "nowhere"], "t2sbench status FOLDER"),
        (["data", "check", "--workers", "2"], "--jobs"),
        (["task2vec", "--out", "x"], "--output"),
        (["submit", "pack", "--results", "x"], "folder without an option"),
        (["run", "-m", "random", "--simulator-plugin", "x.py"], "--plugin"),
        (["run", "-m", "random", "--metod", "x"], "--method"),
        (["data", "chekc"], "Did you mean 'check'"),
        (["table", "build", "-o", "t", "--profile", "mini", "--profile", "small"], "mini"),
    ],
)
def test_mistakes_get_one_sentence_and_exit_code_2(words, says, small_table_folder, capsys):
    words = [str(small_table_folder) if word == "TABLE" else word for word in words]
    assert main(words) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert not Path("results").exists()


EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_show_finds_what_a_users_file_registers(capsys):
    methods, simulators = (str(EXAMPLES / f"my_{kind}.py") for kind in ("method", "simulator"))
    assert main(["show", "discs", "--plugin", simulators]) == 0
    assert "discs: simulator of" in capsys.readouterr().out
    assert main(["show", "similarity-vote", "--plugin", methods, "--plugin", simulators]) == 0
    assert "sharpness" in capsys.readouterr().out
    assert main(["show", "similarity-voe", "--plugin", methods]) == 2
    assert "Did you mean 'similarity-vote'?" in capsys.readouterr().err
    assert main(["show", "disks", "--plugin", simulators]) == 2
    assert "Did you mean 'discs'?" in capsys.readouterr().err
    assert main(["show", "x", "--plugin", str(EXAMPLES / "nothing.py")]) == 2


def test_one_file_registers_network_recipe_and_protocol(capsys):
    plugin = ["--plugin", str(EXAMPLES / "my_network.py")]
    for kind, name in (
        ("networks", "two-conv"),
        ("recipes", "two-epochs"),
        ("protocols", "nearest-mean"),
    ):
        assert main(["ls", kind, "--format", "json", *plugin]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert name in {row[kind.removesuffix("s")] for row in rows}
        assert main(["show", name, *plugin]) == 0
        assert f"{name}: {kind.removesuffix('s')}" in capsys.readouterr().out
    assert main(["show", "two-conf", *plugin]) == 2
    assert "'two-conv'" in capsys.readouterr().err


def test_show_describes_a_profile_and_the_recipe_of_its_name(capsys):
    assert main(["show", "mini"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("name: mini\n")
    assert "mini: recipe of t2sbench" in shown


def test_a_cache_folder_that_is_a_file_is_found(tmp_path, monkeypatch):
    from benchmark.cli.names import cache_check

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "file"))
    assert cache_check()[1] is False


def test_no_network_and_no_mirror_says_what_to_run(capsys, monkeypatch):
    import requests

    def refuse(*_args: object, **_options: object) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", refuse)
    assert main(["run", "-m", "random", "--table", "released"]) == 2
    message = capsys.readouterr().err
    assert "T2SBENCH_MIRROR" in message
    assert "t2sbench table fetch released" in message


def test_light_commands_import_nothing_heavy():
    """One process runs them all; a test of wall-clock time would fail on a busy machine."""
    code = """
import sys
from benchmark.cli.main import main

for words in (["--help"], ["--version"]):
    assert main(words) == 0
    assert not {"numpy", "pydantic", "rich", "yaml"} & set(sys.modules), (words, sys.modules)
for words in (["run", "--help"], ["ls", "tasks"], ["ls", "tables"], ["show", "CUB"],
              ["ls", "methods"], ["ls", "simulators"], ["ls", "profiles"], ["data", "ls"],
              ["ls", "networks"], ["ls", "recipes"], ["ls", "protocols"], ["show", "mini"]):
    assert main(words) == 0
    heavy = {"torch", "torchvision", "pandas", "scipy", "pyarrow", "datasets"} & set(sys.modules)
    assert not heavy, (words, heavy)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def completions(*words, incomplete=""):
    complete = ShellComplete(cli, {}, "t2sbench", "_T2SBENCH_COMPLETE")
    return [item.value for item in complete.get_completions(list(words), incomplete)]


@pytest.mark.parametrize(
    ("words", "incomplete", "name"),
    [
        ([], "ta", "table"),
        (["table"], "e", "effects"),
        (["run", "-m"], "ora", "oracle"),
        (["run", "--tasks"], "C", "CUB"),
        (["run", "--table"], "", "gl-mini"),
        (["run", "--split"], "un", "unseen"),
        (["run", "--profile"], "mini-", "mini-by-objects"),
        (["run", "--protocol"], "knn", "knn5"),
        (["render", "--simulator"], "t", "tdw"),
        (["show"], "tas", "task2sim"),
        (["data", "check", "AID"], "CU", "CUB"),
        (["run"], "--out", "--output"),
    ],
)
def test_the_shell_completes_names(words, incomplete, name):
    found = completions(*words, incomplete=incomplete)
    assert name in found
    assert all(value.startswith(incomplete) for value in found)


def test_completion_knows_tasks_of_a_file_and_is_silent_about_faults(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema: 1\ntasks:\n  - {name: Mine, side: seen, classes: 2, split: {test: 9}}\n"
    )
    assert completions("run", "--tasks-file", str(path), "--tasks", incomplete="M") == ["Mine"]
    path.write_text("nonsense")
    assert completions("run", "--tasks-file", str(path), "--tasks", incomplete="M") == []
    assert completions("runn", incomplete="x") == []


def test_a_missing_extra_is_named_before_any_work(monkeypatch, capsys):
    monkeypatch.setattr(extras, "missing_packages", lambda _distribution, _extra: ["torch"])
    assert main(["run", "-m", "random", "--live"]) == 2
    captured = capsys.readouterr()
    assert "torch" in captured.err
    assert "pip install 't2sbench[live]'" in captured.err
    assert captured.out == ""
    assert not Path("results").exists()


def test_running_baselines_does_not_import_torch(small_table_folder, tmp_path):
    code = (
        "import sys\nfrom benchmark.cli.main import main\n"
        f"code = main(['run', '-m', 'single-best', '-m', 'nearest-task', '--table', "
        f"{str(small_table_folder)!r}, '-o', {str(tmp_path / 'out')!r}])\n"
        "sys.exit('torch was imported' if 'torch' in sys.modules else code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_ctrl_c_exits_130(monkeypatch, capsys, small_table_folder):
    from benchmark.runs import execution as run

    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "make_plan", interrupt)
    assert main(["run", "-m", "random", "--table", str(small_table_folder)]) == 130
    assert "Finished cells are kept" in capsys.readouterr().err


def test_an_end_of_file_in_a_library_is_neither_an_interruption_nor_a_plug_in(monkeypatch, capsys):
    monkeypatch.setattr(plugins, "_FILES", {})
    monkeypatch.setattr("t2sbench.prepare", lambda *_args: np.load(io.BytesIO(b"")))
    assert main(["data", "prepare", "SVHN", "--from", "x", "--verbose"]) == 2
    message = capsys.readouterr().err
    assert "A library failed: EOFError" in message
    assert "numpy/" in message


def test_an_end_of_file_in_this_package_is_raised(monkeypatch):
    def end(*_args):
        raise EOFError

    monkeypatch.setattr("t2sbench.prepare", end)
    monkeypatch.setattr("benchmark.core.tracebacks._OURS", str(Path(__file__).parents[2]))
    with pytest.raises(EOFError):
        main(["data", "prepare", "SVHN", "--from", "x"])


@pytest.mark.parametrize(
    "words",
    [
        ["fit"],
        ["render", "--config", "00000000"],
        ["table", "build"],
        ["table", "import", "x.csv", "--protocol", "knn5"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_output_without_a_default_is_required(words, capsys):
    assert main(words) == 2
    assert "--output" in capsys.readouterr().err


HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\x1b[31m\x9b31m\r\u202eX"


def hostile_words(tmp_path: Path, small_table_folder: Path, record, failed) -> dict[str, list[str]]:
    """Commands whose files hold control characters."""
    escaped = json.dumps(HOSTILE)
    tasks, transfers, out = tmp_path / "t.yaml", tmp_path / "t.csv", tmp_path / "results"
    tasks.write_text(f"schema: 1\ntasks:\n  - name: {escaped}\n")
    transfers.write_text(f"target,sources,affinity,{HOSTILE}\nA,self,0.3,\n")
    card = small_table_folder / "card.json"
    changes = {HOSTILE: 1, "title": HOSTILE}
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))
    append_record(out / "records.jsonl", record)
    append_record(out / "records.jsonl", failed)
    with (out / "records.jsonl").open("a") as stream:
        stream.write(f'{{{escaped}: "{HOSTILE}\n')
    return {
        "tasks": ["ls", "tasks", "--tasks-file", str(tasks)],
        "transfers": ["taxonomy", "solve", "--transfers", str(transfers), "--budget", "1"],
        "table": ["table", "check", str(small_table_folder)],
        "status": ["status", str(out)],
        "report": ["report", str(out)],
        "retry": ["retry", str(out)],
        "argument": ["show", HOSTILE],
        "option": ["run", f"--{HOSTILE}"],
        "folder": ["status", str(tmp_path / HOSTILE)],
        "command": [HOSTILE],
    }


def test_control_characters_never_reach_a_terminal(
    tmp_path, small_table_folder, make_record, capsys
):
    records = make_record(label=HOSTILE), make_record(label=HOSTILE, seed=1, value=None)
    for name, words in hostile_words(tmp_path, small_table_folder, *records).items():
        capsys.readouterr()
        main(words)
        printed = "".join(capsys.readouterr())
        assert not {c for c in printed if not c.isprintable()} - {"\n", "\t"}, name
        assert "PWNED" in printed or name == "retry", name


@pytest.mark.parametrize("is_terminal", [False, True])
def test_consoles_escape_texts_but_keep_their_own_colours(is_terminal, monkeypatch):
    import io

    from rich.progress import Progress
    from rich.text import Text

    from benchmark.core.terminal import SafeConsole
    from benchmark.core.texts import VisibleStream

    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stderr", VisibleStream(VisibleStream(stream)))
    console = SafeConsole(stderr=True)
    with Progress(console=console, transient=True, disable=not is_terminal) as progress:
        progress.add_task(HOSTILE)
        console.print(HOSTILE, markup=False, highlight=False, soft_wrap=True)
        console.print(Text(HOSTILE, style="bold"))
    shown = stream.getvalue()
    assert "PWNED" in shown
    assert not [part for part in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\u202e") if part in shown]
    assert ("\x1b[" in shown) == is_terminal


@pytest.mark.parametrize("option", ["--seeds", "--budget", "--jobs", "--limit"])
@pytest.mark.parametrize("text", ["9" * 5000, "0-" + "9" * 5000])
def test_numbers_of_many_digits_are_refused(option, text, tmp_path, capsys):
    assert main(["run", "-m", "random", option, text, "-o", str(tmp_path / "out")]) == 2
    assert "Error" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("data check EuroSAT -j", "--jobs"),
        ("render --config 00000000 -o out --images-per-class", "--images-per-class"),
        ("render --config 00000000 -o out --seed", "--seed"),
        ("run -m random -o out --limit", "--limit"),
    ],
)
def test_numbers_beyond_all_counts_are_refused(words, option, capsys):
    assert main([*words.split(), str(2**63)]) == 2
    assert f"{option}: {2**63}" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("column", ["seed", "n_test"])
@pytest.mark.parametrize("text", ["9" * 5000, "9" * 30, "9" * 17, "1e308"])
def test_long_numbers_of_imported_rows_are_faults(column, text, tmp_path, capsys):
    cells = {"task": "mine", "configuration": "00000000", "seed": "0", "reward": "50"}
    cells |= {"n_test": "100", column: text}
    path = tmp_path / "rows.csv"
    path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    words = ["table", "import", str(path), "--protocol", "knn5", "-o", str(tmp_path / "table")]
    assert main(words) == 2
    assert column in capsys.readouterr().err


def test_tables_are_printed_and_written_on_a_terminal_of_ascii(tmp_path: Path):
    out = tmp_path / "out"
    words = ["run", "-m", "single-best", "--tasks", "CUB", "--seeds", "0", "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "t2sbench", *words],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"single-best" in done.stdout
    assert (out / "unseen.md").is_file()
