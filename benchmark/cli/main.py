"""Entry point of ``t2sbench``: sub-commands are imported only when they are called."""

from __future__ import annotations

import importlib
import sys

import click

from benchmark.core.errors import T2SBenchError, UnknownNameError
from benchmark.core.versions import package_version

_INTERRUPTED = 130

# name -> (module, attribute, one line of help): help must not import the command.
_COMMANDS = {
    "run": ("benchmark.cli.run", "run", "Compare methods, on a reward table or live."),
    "status": ("benchmark.cli.status", "status", "Say what a result folder holds and lacks."),
    "retry": ("benchmark.cli.status", "retry", "Do the failed cells of a result folder again."),
    "render": ("benchmark.cli.render", "render", "Render a pre-training dataset."),
    "preview": ("benchmark.cli.preview", "preview", "Make contact sheets of what is rendered."),
    "ls": ("benchmark.cli.listing", "ls", "List tasks, methods, simulators and more."),
    "show": ("benchmark.cli.show", "show", "Describe a task, method, simulator and more."),
    "doctor": ("benchmark.cli.doctor", "doctor", "Say what works here and what to install."),
    "table": ("benchmark.cli.table", "table", "Fetch, show, check or build reward tables."),
    "data": ("benchmark.cli.data", "data", "Fetch, prepare or check the images of tasks."),
    "cache": ("benchmark.cli.cache", "cache", "List or prune the cells of live scoring."),
    "fit": ("benchmark.cli.model", "fit", "Train Task2Sim and save the model."),
    "select": ("benchmark.cli.model", "select", "Choose a configuration for a new task."),
    "leaderboard": ("benchmark.cli.leaderboard", "leaderboard", "Build or verify leaderboards."),
    "compare": ("benchmark.cli.compare", "compare", "Compare two result sets; catch regressions."),
    "task2vec": ("benchmark.cli.task2vec", "task2vec", "Embed tasks as Task2Vec vectors."),
    "taxonomy": (
        "benchmark.cli.taxonomy.group",
        "taxonomy",
        "Choose the few sources that serve all tasks.",
    ),
    "submit": ("benchmark.cli.submit", "submit", "Pack, check or score a submission."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            raise UnknownNameError("command", cmd_name, _COMMANDS)
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success, 1 regression found, 2 usage, 3 some cells failed.",
)
@click.version_option(package_version(), prog_name="t2sbench", message="%(prog)s %(version)s")
def cli() -> None:
    """Which simulator settings render the best pre-training data for a task?"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; every error that is the user's to mend is one sentence.

    Returns:
        The exit code: 0 success, 1 regression found, 2 usage, 3 some cells failed,
        130 interrupted.
    """
    from benchmark.core.owners import check_import_owners

    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words and words[0] not in {"-h", "--help", "--version"}:
            check_import_owners()
        result = cli.main(words, prog_name="t2sbench", standalone_mode=False)
    except T2SBenchError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "Interrupted. Finished cells are kept; run the command again to go on.", err=True
        )
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads the output any more, as with `| head`
        return 0
    return result if isinstance(result, int) else 0


def run_main() -> None:
    """Console script."""
    sys.exit(main())


if __name__ == "__main__":
    run_main()
