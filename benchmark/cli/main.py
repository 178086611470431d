"""Entry point of ``t2sbench``: commands are imported only when they are called."""

from __future__ import annotations

import importlib
import sys
from contextlib import redirect_stderr, redirect_stdout

import click
from click.shell_completion import CompletionItem

from benchmark.cli.options import Group
from benchmark.core.errors import T2SBenchError
from benchmark.core.texts import VisibleStream
from benchmark.core.versions import package_version

_INTERRUPTED = 130

# name -> (module below benchmark.cli, one line of help): --help must not import the commands.
_COMMANDS = {
    "recommend": ("recommend", "From your images to a pre-trained network."),
    "run": ("run", "Compare methods, on a reward table or live."),
    "status": ("results", "Count finished, failed and missing cells of a results folder."),
    "report": ("results", "Print and write one table per split of results folders."),
    "retry": ("results", "Redo failed, timed-out and missing cells of a results folder."),
    "compare": ("results", "Compare two sets of results; detect regressions."),
    "paper": ("paper", "Show the paper's tables and figures, published and measured."),
    "render": ("render", "Render a pre-training dataset."),
    "verify": ("render", "Compare a rendered dataset with its manifest."),
    "pretrain": ("backbones", "Pre-train a backbone and write it for torchvision or timm."),
    "evaluate": ("backbones", "Score any backbone on prepared tasks."),
    "preview": ("render", "Draw contact sheets of rendered images."),
    "ls": ("names", "List tasks, methods, simulators and more."),
    "show": ("names", "Describe a task, method, simulator and more."),
    "doctor": ("names", "Check this installation and name what is missing."),
    "table": ("table", "Fetch, show, check, build, import or analyse reward tables."),
    "data": ("data", "Fetch, prepare or check the images of tasks."),
    "cache": ("data", "List or prune the cell store."),
    "fit": ("vectors", "Train a method and save the model."),
    "select": ("vectors", "Choose a configuration for a new task."),
    "task2vec": ("vectors", "Embed tasks as Task2Vec vectors."),
    "taxonomy": ("taxonomy", "Choose few sources that serve all tasks."),
    "leaderboard": ("boards", "Build or verify leaderboards."),
    "submit": ("boards", "Pack, check or score a submission."),
}


class _LazyGroup(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"benchmark.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [
            *(
                CompletionItem(name, help=summary)
                for name, (_, summary) in _COMMANDS.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success, 1 a comparison or verification failed, 2 wrong usage or input, "
    "3 some cells failed, 130 interrupted.",
)
@click.version_option(package_version(), prog_name="t2sbench", message="%(prog)s %(version)s")
def cli() -> None:
    """Which simulator settings render the best pre-training data for a task?"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; print the message of a user's error without a traceback.

    Control characters of all that is printed are shown as escapes.

    Returns:
        The exit code: 0 success, 1 a comparison or verification failed, 2 wrong usage or input,
        3 some cells failed, 130 interrupted.
    """
    out, err = (stream and VisibleStream(stream) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        return _main(arguments)


def _main(arguments: list[str] | None) -> int:
    from benchmark.core.owners import check_import_owners

    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words and words[0] not in {"-h", "--help", "--version"}:
            check_import_owners()
        result = cli.main(words, prog_name="t2sbench", standalone_mode=False)
    except T2SBenchError as error:
        click.echo(f"Error: {error}", err=True)
        _show_traceback(error, words)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__cause__, EOFError):  # of a file: Click takes it for a prompt's
            return _failed(error.__cause__, words)
        click.echo(
            "Interrupted. Finished cells are kept; run the same command to continue.", err=True
        )
        return _INTERRUPTED
    except Exception as error:
        return _failed(error, words)
    return result if isinstance(result, int) else 0


def _show_traceback(error: Exception, words: list[str]) -> str:
    """Print the traceback of a plug-in's error with ``--verbose``; return it."""
    from benchmark.core.tracebacks import author_traceback

    text = author_traceback(error)
    if text and "--verbose" in words:
        click.echo(text, err=True)
    return text


def _failed(error: Exception, words: list[str]) -> int:
    """Print an error of a plug-in, library or file; return the exit code. Raise all others."""
    from benchmark.core.plugins import any_imported

    text = _show_traceback(error, words)
    if text:
        is_plugin = any_imported() or hasattr(error, "author_traceback")  # of an isolated process
        whose = "A plug-in" if is_plugin else "A library"
        hint = "" if "--verbose" in words else " --verbose shows the place."
        click.echo(f"Error: {whose} failed: {text.splitlines()[-1]}.{hint}", err=True)
    elif isinstance(error, OSError) and error.errno is not None:
        name = "" if error.filename is None else f"{error.filename}: "
        click.echo(
            f"Error: {name}{error.strerror}. Check the path, its permissions and the free space. "
            "Finished work is kept.",
            err=True,
        )
    else:
        raise error
    return T2SBenchError.exit_code


def run_main() -> None:
    """Console script."""
    from benchmark.core.outputs import Outputs

    outputs = Outputs()
    code = main()
    lost = outputs.failure()
    if lost:
        click.echo(
            f"Error: the standard output cannot be written: {lost}. Files of this command are "
            "not affected.",
            err=True,
        )
    sys.exit(code or (T2SBenchError.exit_code if lost else 0))


if __name__ == "__main__":
    run_main()
