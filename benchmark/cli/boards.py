"""``t2sbench leaderboard`` and ``submit``: boards from records, and submissions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    PATH,
    Choice,
    Group,
    decorated,
    folder_argument,
    jobs_option,
    methods_option,
    output_option,
    plugin_option,
    source_options,
    table_option,
    tasks_file_option,
)
from benchmark.core.errors import InvalidInputError
from benchmark.core.texts import visible
from benchmark.runs.plan import Split

if TYPE_CHECKING:
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import Record
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


_tables_option = click.option(
    "--table",
    "tables",
    type=PATH,
    multiple=True,
    metavar="DIR",
    help="Reward table of the records that has no name on this machine; may be repeated.",
)


@leaderboard.command()
@_records_option
@output_option("Folder of boards.", _BOARDS)
@_tables_option
@tasks_file_option
@click.option("--plots", is_flag=True, help="Also draw ranks and wins of each board as SVG.")
def build(records: Path, output: Path, **given: Any) -> int:  # noqa: ANN401 - options of the API
    """Write one board per source, protocol and split as Markdown, CSV and JSON.

    Scores of tables are computed again from the decisions. Lines that are broken or disagree with
    their table are reported and left out; the exit code is 2 then. Files without records are
    reported, not deleted.
    """
    import t2sbench as t2s

    files = t2s.build_boards(records, output, **given)
    _warn_broken(files.broken)
    for path in files.written:
        click.echo(path)
    _warn(
        [*files.warnings, *(f"{path} has no records any more; delete it." for path in files.stale)]
    )
    return 2 if files.broken else 0


@leaderboard.command("verify")
@_records_option
@click.option("--boards", type=PATH, default=_BOARDS, show_default=True, help="Folder of boards.")
@_tables_option
@tasks_file_option
@click.option(
    "--strict", is_flag=True, help="Fail if the table of a score is not here to compute it again."
)
def verify_boards(records: Path, boards: Path, **given: Any) -> int:  # noqa: ANN401 - of the API
    """Rebuild the boards in memory and compare them with the folder, byte for byte.

    Scores of tables are computed again from the decisions. Exits with 1 if boards differ, or if a
    record is broken or disagrees with its table.
    """
    import t2sbench as t2s

    _warn(t2s.verify_boards(records, boards, **given))
    click.echo(f"{boards}: every board equals the one built from {records}.")
    return 0


@leaderboard.command()
@_records_option
@output_option("New folder of the site, or one of an earlier build.")
@_tables_option
@tasks_file_option
@click.option(
    "--sheets", type=PATH, default=_SHEETS, show_default=True, help="Folder of contact sheets."
)
def site(records: Path, output: Path, **given: Any) -> int:  # noqa: ANN401 - options of the API
    """Write the boards as a static site, for a browser.

    Pages: boards, tasks, methods, configurations, and the paper's tables. Open index.html, or put
    the folder on any web server. See docs/site.md. Lines that are broken or disagree with their
    table are reported and left out; the exit code is 2 then.
    """
    import t2sbench as t2s

    files = t2s.build_site(records, output, **given)
    _warn_broken(files.broken)
    _warn(
        [
            *files.warnings,
            *(
                f"table '{visible(name)}' is not on this machine: its scores are not computed "
                "again, and its tasks and configurations have no pages. Name its folder with "
                "--table, or see 't2sbench table fetch --help'."
                for name in files.absent
            ),
        ]
    )
    size = sum(path.stat().st_size for path in files.written) / 2**20
    click.echo(f"{len(files.written)} files, {size:.1f} MiB. Open {output / 'index.html'}")
    return 2 if files.broken else 0


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

    _warn([f"skipped a line: {fault}" for fault in first_faults(faults)])


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


def _proof_options(command: Callable[..., int]) -> Callable[..., int]:
    return decorated(
        command,
        click.option(
            "--rerun",
            is_flag=True,
            help="Run the submitted code, isolated, on permuted and renamed tasks.",
        ),
        click.option(
            "--decisions",
            type=PATH,
            metavar="FILE",
            help="Compare with decisions that 'submit decide' made elsewhere, instead of --rerun.",
        ),
        click.option(
            "--summary",
            type=PATH,
            metavar="FILE",
            help="Write result and boards as Markdown, as for a comment.",
        ),
        table_option,
        tasks_file_option,
    )


@submit.command()
@click.argument("path", type=PATH)
@click.option(
    "--records", type=PATH, metavar="PATH", help="Records of other methods, to find duplicates."
)
@_proof_options
def check(path: Path, records: Path | None, **given: Any) -> int:  # noqa: ANN401
    """Check the submission at PATH; all faults are listed at once. CI runs the same code.

    Nothing of the submission is executed without --rerun.
    """
    from benchmark.submissions.scoring import score_all

    checked = _check(path, given["table"], given["tasks_files"])
    others = _compare(checked, records) if records is not None else []
    isolated = _prove(checked, rerun=given["rerun"], decisions=given["decisions"])
    submission = checked.submission
    click.echo(
        f"{submission.id}: ok. {len(submission.decisions)} decisions, "
        f"{len(submission.seeds)} seeds, split '{submission.split}', table {submission.source.id}."
    )
    if given["summary"] is not None:
        scored = score_all(checked, isolated=isolated)
        _write_summary(given["summary"], checked, scored, others)
    return 0


@submit.command()
@click.argument("path", type=PATH)
@click.option("--records", type=PATH, required=True, metavar="DIR", help="Folder of records.")
@_proof_options
def score(path: Path, records: Path, **given: Any) -> int:  # noqa: ANN401
    """Check the submission at PATH, score it, and write its records into a folder.

    With --rerun or --decisions, the records state that the decisions are the code's own. Boards do
    not rank decisions without that proof.
    """
    from benchmark.submissions.scoring import score as write

    checked = _check(path, given["table"], given["tasks_files"])
    others = _compare(checked, records) if records.exists() else []
    isolated = _prove(checked, rerun=given["rerun"], decisions=given["decisions"])
    file, scored = write(checked, records, isolated=isolated)
    values = [record.accuracy for record in scored if record.accuracy is not None]
    click.echo(
        f"{checked.submission.id}: {len(values)} cells, mean accuracy "
        f"{sum(values) / len(values):.2f} %. Records in {file}."
    )
    if given["summary"] is not None:
        _write_summary(given["summary"], checked, scored, others)
    return 0


@submit.command()
@click.argument("path", type=PATH)
@table_option
@tasks_file_option
@output_option("New folder of the bundle.")
def bundle(path: Path, output: Path, **given: Any) -> int:  # noqa: ANN401
    """Write what a rerun of the submission at PATH needs: its code, and data to learn from.

    The bundle holds no rewards of tasks that are only judged. Nothing is executed.
    """
    from benchmark.submissions.bundle import write_bundle

    write_bundle(_check(path, given["table"], given["tasks_files"]), output)
    click.echo(f"Wrote {output}. Now, where its code may run: t2sbench submit decide {output}")
    return 0


@submit.command()
@click.argument("folder", metavar="BUNDLE", type=PATH)
@output_option("File of the decisions.", Path("decisions.json"))
def decide(folder: Path, output: Path) -> int:
    """Run the code of a BUNDLE, isolated, and write its decisions. No table is needed."""
    from benchmark.submissions.bundle import decide as run
    from benchmark.submissions.bundle import read_bundle, write_rerun

    rerun = run(read_bundle(folder), folder)
    write_rerun(rerun, output)
    click.echo(f"{len(rerun.decisions)} decisions in {output}.")
    return 0


def _prove(checked: Checked, *, rerun: bool, decisions: Path | None) -> bool:
    """Compare with a rerun, if one is asked for; return True if it proves the decisions."""
    from benchmark.submissions.bundle import read_rerun
    from benchmark.submissions.rerun import check_rerun, require_same

    if rerun and decisions is not None:
        raise InvalidInputError("--rerun and --decisions exclude each other. Give one.")
    if rerun:
        again = check_rerun(checked)
    elif decisions is not None:
        again = read_rerun(decisions)
        require_same(checked, again)
    else:
        return False
    click.echo(f"Rerun: {len(again.decisions)} decisions agree with tasks permuted and renamed.")
    if not again.confined:
        _warn(["the rerun proves nothing: only Linux (5.13, with Landlock) keeps code from files."])
    return again.confined


def _write_summary(
    path: Path, checked: Checked, scored: Sequence[Record], others: Sequence[Record]
) -> None:
    """Write a Markdown text on a submission: what is proved, and the boards with its row."""
    from benchmark.core.files import write_bytes
    from benchmark.leaderboard import build_all_boards
    from benchmark.leaderboard.rows import Place
    from benchmark.leaderboard.text_tables import escape, markdown

    method, places = checked.submission.method, {Place.of(record) for record in scored}
    boards = build_all_boards(
        [*scored, *(record for record in others if Place.of(record) in places)],
        checked.context.registry.names,
    )
    proof = (
        "The code made the same decisions in an isolated process without the judged rewards."
        if scored[0].method.isolated
        else "**Nothing proves that the code made these decisions**: it was not run again."
    )
    parts = [
        f"## Submission {escape(checked.submission.board_label)}",
        escape(method.description),
        f"By {escape(', '.join(method.authors))}. {proof}",
        *(markdown(board.text()).rstrip() for board in boards),
    ]
    write_bytes(path, ("\n\n".join(parts) + "\n").encode())


def _load(table: str, tasks_files: tuple[Path, ...]) -> tuple[RewardTable, TaskRegistry]:
    from benchmark.rewards.catalog import load_table
    from benchmark.tasks.registry import load_data_tasks

    return load_table(table), load_data_tasks(tasks_files)


def _check(path: Path, table: str, tasks_files: tuple[Path, ...]) -> Checked:
    from benchmark.submissions.checks import check_path

    checked = check_path(path, *_load(table, tasks_files))
    _warn(checked.warnings)
    return checked


def _compare(checked: Checked, path: Path) -> list[Record]:
    """Warn of duplicates, and of records that could not stand on a board; return the records."""
    from benchmark.leaderboard.audit import Audit
    from benchmark.runs.record_file import BrokenLines, current_records, iterate_records
    from benchmark.submissions.scoring import find_duplicates

    broken, audit = BrokenLines(), Audit(checked.context.registry, [checked.context.table])
    records = current_records(iterate_records(path, broken, audit.check))
    _warn_broken(broken.faults)
    _warn(audit.warnings())
    _warn(
        [
            f"same decisions on every task as '{label}'. Fine only if it is the same method, or if "
            "both choose one configuration for all tasks."
            for label in find_duplicates(checked.submission, records)
        ]
    )
    return records


def _warn(sentences: list[str]) -> None:
    for sentence in sentences:
        click.echo(f"Warning: {sentence}", err=True)
