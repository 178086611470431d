"""``t2sbench leaderboard`` and ``submit``: boards from records, and submissions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    Choice,
    Group,
    folder_argument,
    jobs_option,
    methods_option,
    output_option,
    plugin_option,
    source_options,
    table_option,
)
from benchmark.runs.plan import Split

if TYPE_CHECKING:
    from benchmark.rewards.table import RewardTable
    from benchmark.submissions.checks import Checked
    from benchmark.tasks.registry import TaskRegistry

_RECORDS = Path("leaderboards/records")
_BOARDS = Path("leaderboards")
_SHEETS = Path("leaderboards/sheets")

_records_option = click.option(
    "--records",
    type=PATH,
    default=_RECORDS,
    show_default=True,
    help="Folder (or file) of records; all *.jsonl files below it count.",
)


@click.group(cls=Group)
def leaderboard() -> None:
    """Build or verify leaderboards."""


@leaderboard.command()
@_records_option
@output_option("Folder of boards.", _BOARDS)
@click.option("--plots", is_flag=True, help="Also draw ranks and wins of each board as SVG.")
def build(records: Path, output: Path, *, plots: bool) -> int:
    """Write one board per source, protocol and split as Markdown, CSV and JSON.

    Broken lines are reported and left out. Files without records are reported, not deleted.
    """
    import t2sbench as t2s

    files = t2s.build_boards(records, output, plots=plots)
    _warn_broken(files.broken)
    for path in files.written:
        click.echo(path)
    _warn([f"{path} has no records any more; delete it." for path in files.stale])
    return 0


@leaderboard.command("verify")
@_records_option
@click.option("--boards", type=PATH, default=_BOARDS, show_default=True, help="Folder of boards.")
def verify_boards(records: Path, boards: Path) -> int:
    """Rebuild the boards in memory and compare them with the folder, byte for byte.

    Exits with 1 if they differ.
    """
    import t2sbench as t2s

    t2s.verify_boards(records, boards)
    click.echo(f"{boards}: every board equals the one built from {records}.")
    return 0


@leaderboard.command()
@_records_option
@output_option("New folder of the site, or one of an earlier build.")
@click.option(
    "--table", "tables", multiple=True, metavar="TABLE", help="One more reward table: a folder."
)
@click.option(
    "--sheets", type=PATH, default=_SHEETS, show_default=True, help="Folder of contact sheets."
)
def site(records: Path, output: Path, sheets: Path, *, tables: tuple[str, ...]) -> int:
    """Write the boards as a static site, for a browser.

    Pages: boards, tasks, methods, configurations, and the paper's tables. Open index.html, or put
    the folder on any web server. See docs/site.md.
    """
    import t2sbench as t2s

    files = t2s.build_site(records, output, tables=tables, sheets=sheets)
    _warn_broken(files.broken)
    _warn(
        [
            f"table '{name}' is not on this machine: its tasks and configurations have no pages. "
            f"Get it with 't2sbench table fetch {name}', or name its folder with --table."
            for name in files.absent
        ]
    )
    size = sum(path.stat().st_size for path in files.written) / 2**20
    click.echo(f"{len(files.written)} files, {size:.1f} MiB. Open {output / 'index.html'}")
    return 0


@leaderboard.command()
@methods_option("Method, also with options: task2sim[epochs=10]; may be repeated.")
@click.option(
    "--split",
    type=Choice([str(s) for s in Split]),
    default="leave-one-task-out",
    show_default=True,
    help="Tasks to learn from and to judge.",
)
@table_option
@plugin_option
@jobs_option("Processes that fit methods.")
def seeds(methods: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - options of the API
    """Judge methods on a seed of the table that they did not learn from.

    All tasks share the backbones of a seed, and thus part of their noise. Regret on the seeds that
    a method learnt from is shown next to the regret on the seed held out.
    """
    import t2sbench as t2s

    click.echo(t2s.cross_seeds(methods, **given))
    return 0


def _warn_broken(faults: list[str]) -> None:
    from benchmark.runs.record_file import first_faults

    _warn([f"skipped a broken line: {fault}" for fault in first_faults(faults)])


@click.group(cls=Group)
def submit() -> None:
    """Pack, check or score a submission: a method's decisions, not its scores."""


@submit.command()
@folder_argument
@click.option("--method", "-m", "label", required=True, help="Method, as result tables show it.")
@click.option("--split", type=Choice([str(s) for s in Split]), default="unseen", show_default=True)
@click.option("--id", "name", default="", help="Name of the submission; default: from the method.")
@click.option("--author", "authors", multiple=True, required=True, help="May be repeated.")
@click.option("--description", required=True, help="One or two sentences for the board.")
@click.option("--link", default="", help="Web address of a paper or repository.")
@click.option("--contact", default="", help="Contact address; it is published.")
@source_options
@output_option("New folder of the submission.")
def pack(**given: Any) -> int:  # noqa: ANN401 - click passes every option by name
    """Make a submission from the records in results FOLDER.

    Only decisions, costs and counts of queries are packed; `submit score` computes the scores.
    """
    from benchmark.submissions.packing import PackRequest
    from benchmark.submissions.packing import pack as write

    request = PackRequest(
        results=given["folder"],
        label=given["label"],
        split=Split(given["split"]),
        authors=given["authors"],
        description=given["description"],
        id=given["name"],
        link=given["link"],
        contact=given["contact"],
        plugin_files=given["plugins"],
    )
    path = write(request, *_load(given["table"], given["tasks_files"]), given["output"])
    click.echo(f"Packed {path}. Now: t2sbench submit check {path.parent}")
    return 0


@submit.command()
@click.argument("path", type=PATH)
@click.option(
    "--records", type=PATH, metavar="PATH", help="Records of other methods, to find duplicates."
)
@click.option(
    "--rerun",
    is_flag=True,
    help="Run the method (installed, or of --plugin) again on permuted and renamed tasks.",
)
@source_options
def check(path: Path, records: Path | None, rerun: bool, **given: Any) -> int:  # noqa: ANN401
    """Check the submission at PATH; all faults are listed at once. CI runs the same code."""
    checked = _check(path, given["table"], given["tasks_files"])
    if records is not None:
        _compare(checked, records)
    if rerun:
        from benchmark.submissions.rerun import check_rerun

        agreed = check_rerun(checked, given["plugins"])
        click.echo(f"Rerun: {agreed} decisions agree with tasks permuted and renamed.")
    submission = checked.submission
    click.echo(
        f"{submission.id}: ok. {len(submission.decisions)} decisions, "
        f"{len(submission.seeds)} seeds, split '{submission.split}', table {submission.source.id}."
    )
    return 0


@submit.command()
@click.argument("path", type=PATH)
@click.option("--records", type=PATH, required=True, metavar="DIR", help="Folder of records.")
@source_options
def score(path: Path, records: Path, **given: Any) -> int:  # noqa: ANN401
    """Check the submission at PATH, score it, and write its records into a folder."""
    from benchmark.submissions.scoring import score as write

    checked = _check(path, given["table"], given["tasks_files"])
    if records.exists():
        _compare(checked, records)
    file, scored = write(checked, records)
    values = [record.accuracy for record in scored if record.accuracy is not None]
    click.echo(
        f"{checked.submission.id}: {len(values)} cells, mean accuracy "
        f"{sum(values) / len(values):.2f} %. Records in {file}."
    )
    return 0


def _load(table: str, tasks_files: tuple[Path, ...]) -> tuple[RewardTable, TaskRegistry]:
    from benchmark.rewards.catalog import load_table
    from benchmark.tasks.registry import load_data_tasks

    return load_table(table), load_data_tasks(tasks_files)


def _check(path: Path, table: str, tasks_files: tuple[Path, ...]) -> Checked:
    from benchmark.submissions.checks import check_path

    checked = check_path(path, *_load(table, tasks_files))
    _warn(checked.warnings)
    return checked


def _compare(checked: Checked, path: Path) -> None:
    """Warn of duplicates, and of records that could not stand on a board."""
    from benchmark.runs.record_file import BrokenLines, current_records, iterate_records
    from benchmark.submissions.scoring import audit_records, find_duplicates

    broken = BrokenLines()
    records = current_records(iterate_records(path, broken))
    _warn_broken(broken.faults)
    _warn(audit_records(records, checked.context.table))
    _warn(
        [
            f"same decisions on every task as '{label}'. Fine only if it is the same method, or if "
            "both choose one configuration for all tasks."
            for label in find_duplicates(checked.submission, records)
        ]
    )


def _warn(sentences: list[str]) -> None:
    for sentence in sentences:
        click.echo(f"Warning: {sentence}", err=True)
