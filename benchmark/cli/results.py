"""``t2sbench status``, ``report``, ``retry`` and ``compare``: the contents of results folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    RESULTS,
    Choice,
    Command,
    folder_argument,
    is_verbose,
    plugin_option,
)
from benchmark.core.errors import CellsFailedError, InvalidInputError
from benchmark.runs.plan import Split

if TYPE_CHECKING:
    from benchmark.leaderboard import BudgetBoard
    from benchmark.leaderboard.report import Report
    from benchmark.runs.record import Record

_STDOUT = Path("-")


@click.command(cls=Command)
@folder_argument
def status(folder: Path) -> int:
    """Count finished, failed and missing cells of results FOLDER, per method and split.

    Jobs under way are shown with machine, stage, and time spent and left; those of a table or
    dataset in the making, too.
    """
    import t2sbench as t2s

    click.echo(t2s.status(folder))
    return 0


@click.command(cls=Command)
@click.argument("folders", nargs=-1, type=PATH, metavar="[FOLDER]...")
@click.option(
    "--split",
    type=Choice([str(s) for s in Split]),
    help="Only this split.  [default: all]",
)
@click.option(
    "--output",
    "-o",
    type=PATH,
    metavar="DIR",
    help="Folder of the reports.  [default: FOLDER, if there is one]",
)
def report(folders: tuple[Path, ...], split: str | None, output: Path | None) -> int:
    """Print and write one report per split, of all records in each FOLDER (default: results).

    Rows are methods; each profile or table and each protocol has a group of columns. The report is
    written as Markdown, LaTeX, CSV and JSON, and as tidy tables in CSV and Parquet.
    """
    import t2sbench as t2s

    named = folders or (RESULTS,)
    for folder in named:
        _warn(folder)
    for path, one in t2s.report(named, split, output).items():
        print_report(one)
        click.echo(f"Tables: {path}.*", err=True)
    return 0


def print_report(report: Report | BudgetBoard) -> None:
    """Print the tables of a report, or a board of budgets."""
    from benchmark.core.terminal import SafeConsole
    from benchmark.leaderboard.text_tables import print_table

    for text in report.texts():
        print_table(text, SafeConsole())


@click.command(cls=Command)
@folder_argument
@click.option("--failed", is_flag=True, help="Redo failed cells only.")
@click.option("--timed-out", is_flag=True, help="Redo timed-out cells only.")
@click.option("--missing", is_flag=True, help="Do missing cells only.")
@plugin_option
def retry(
    folder: Path, *, failed: bool, timed_out: bool, missing: bool, plugins: tuple[Path, ...]
) -> int:
    """Redo failed, timed-out and missing cells of results FOLDER as they were requested.

    New records supersede old ones. Plug-in files of the requests are executed only if --plugin
    names them again.
    """
    import t2sbench as t2s

    chosen = {"failed": failed, "timeout": timed_out, "missing": missing}
    statuses = [status for status, wanted in chosen.items() if wanted] or list(chosen)
    _warn(folder)
    found = t2s.retry(folder, statuses, plugins=plugins, on_record=_echo)
    if not found:
        click.echo("No cells to redo.")
    bad = sum(record.status != "ok" for record in found)
    if bad:
        raise CellsFailedError(
            f"{bad} of {len(found)} cells failed again. Remove the cause named above, then retry."
        )
    return 0


def _warn(folder: Path) -> None:
    import t2sbench as t2s

    for fault in t2s.load_results(folder).broken:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)


def _echo(record: Record) -> None:
    line = f"{record.status}: {record.method.label} on {record.task.name}, seed {record.seed}"
    click.echo(f"{line}{f': {record.error.message}' if record.error else ''}")
    if record.error and record.error.traceback and is_verbose():
        click.echo(record.error.traceback)


@click.command(cls=Command)
@click.argument("before", type=PATH)
@click.argument("after", type=PATH, default=RESULTS)
@click.option(
    "--method",
    "-m",
    "methods",
    multiple=True,
    metavar="NAME",
    help="Compare only it; may be repeated.",
)
@click.option(
    "--split", "splits", multiple=True, metavar="SPLIT", help="Compare only it; may be repeated."
)
@click.option(
    "--fail-on",
    "limits",
    multiple=True,
    metavar="METRIC:CHANGE",
    help="Exit with 1 on a worse change: 'regret:+0.02', 'accuracy:-0.5', 'task:CUB:-1'; may be "
    "repeated. A method that AFTER lacks breaks every limit.",
)
@click.option("--allow-different-source", is_flag=True, help="Compare across tables or protocols.")
@click.option(
    "--summary",
    type=PATH,
    metavar="FILE",
    help="Also write the changes and the broken limits as Markdown, for the summary of a CI job.",
)
@click.option("--json", "data", type=PATH, metavar="FILE", help="Also write them as JSON.")
def compare(
    before: Path,
    after: Path,
    limits: tuple[str, ...],
    summary: Path | None,
    data: Path | None,
    **chosen: Any,  # noqa: ANN401
) -> int:
    """Compare results AFTER (default: results) with results BEFORE: folders or record files.

    For --summary and --json, the FILE - is the standard output; the table is then left out.
    """
    import t2sbench as t2s
    from benchmark.core.files import write_text

    if summary == data == _STDOUT:
        raise InvalidInputError("Only one of --summary and --json can be the standard output.")
    found = t2s.compare(before, after, **chosen)
    for path, made in ((summary, found.to_markdown), (data, found.to_json)):
        if path == _STDOUT:
            click.echo(made(limits))
        elif path is not None:
            write_text(path, made(limits).rstrip("\n") + "\n")
    if _STDOUT not in (summary, data):
        click.echo(found)
    found.check(limits)
    return 0
