"""Tables and figures of the paper, made from measurements."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.files import write_text
from benchmark.leaderboard.report import Report, build_reports
from benchmark.leaderboard.text_tables import Column, TextTable, csv_text, markdown
from benchmark.paper.differences import differences, size_differences
from benchmark.paper.experiments import METHODS
from benchmark.paper.measurements import Neighbour, Probability
from benchmark.plots.paper import (
    Panel,
    Series,
    Shown,
    draw_bars,
    draw_curves,
    draw_neighbours,
    draw_probabilities,
)
from benchmark.plots.style import FORMATS, save_picture
from benchmark.protocols.registry import stated_protocol
from benchmark.rewards.catalog import DEFAULT_TABLE, load_table
from benchmark.rewards.ladder import PUBLISHED, STEPS, ladder
from benchmark.runs.published import published_rows
from benchmark.tasks.registry import load_data_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from benchmark.leaderboard.report import ReportRow
    from benchmark.leaderboard.rows import Place, Row
    from benchmark.paper.experiments import Experiment
    from benchmark.paper.measurements import Measurements
    from benchmark.runs.published import PublishedRow
    from benchmark.runs.record import Record

_NO_NUMBERS = "The paper shows this figure without numbers."


@dataclass(frozen=True)
class Exhibit:
    """A table or figure of the paper, as measured.

    Attributes:
        experiment: Its description.
        tables: Its numbers, to print.
        differences: Differences from the paper, one sentence each.
        values: Rows of the CSV file.
        report: All formats of the numbers, for tables of methods.
        draw: Function that draws it; None for tables.
    """

    experiment: Experiment
    tables: tuple[TextTable, ...]
    differences: tuple[str, ...]
    values: tuple[Mapping[str, Any], ...] = ()
    report: Report | None = None
    draw: Callable[[], Figure] | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """Number and contents.

        Example:
            >>> from benchmark.paper.experiments import EXPERIMENTS
            >>> Exhibit(EXPERIMENTS["table1"], (), ()).title[:17]
            'Table 1. Linear p'
        """
        kind, number = self.experiment.name[:-1], self.experiment.name[-1]
        return f"{'Figure' if kind == 'fig' else 'Table'} {number}. {self.experiment.title}"

    def markdown(self) -> str:
        """The page: title, picture, numbers with the published ones, differences."""
        name = self.experiment.name
        picture = f"![{self.title}]({name}.png)\n\n" if self.draw else ""
        numbers = "\n".join(map(markdown, self.tables))
        listed = "".join(f"- {line}\n" for line in self.differences)
        return f"# {self.title}\n\n{picture}{numbers}\n## Differences from the paper\n\n{listed}"

    def write(self, folder: Path) -> list[Path]:
        """Write page and CSV file, of tables of methods also LaTeX, JSON and tidy files; draw.

        Returns:
            Page, CSV file and pictures.

        Raises:
            UnavailableError: For a figure without matplotlib.
            StorageError: When the file system refuses.
        """
        stem = folder / self.experiment.name
        paths = [stem.with_suffix(ending) for ending in (".md", ".csv")]
        if self.report is not None:
            self.report.write(stem)
        else:
            write_text(paths[1], csv_text(self.values))
        write_text(paths[0], self.markdown())
        if self.draw is not None:
            pictures = [stem.with_suffix(f".{ending}") for ending in FORMATS]
            for path in pictures:
                save_picture(path, self.draw)
            paths += pictures
        return paths


def make_exhibit(experiment: Experiment, measurements: Measurements) -> Exhibit:
    """Make a table or figure from measurements.

    Raises:
        UnavailableError: When it has not been measured.
        T2SBenchError: For an unknown profile or damaged files.
    """
    return _MAKERS[experiment.kind](experiment, measurements)


def _report_of(experiment: Experiment, records: Sequence[Record]) -> Report:
    """Report of the records of an experiment, of the newest suite, rows in its order."""
    report = build_reports(records, load_data_tasks(), published=False)[0]
    assert isinstance(report, Report)  # noqa: S101 - records of live scores have no budgets
    order = list(experiment.methods)
    return replace(report, rows=tuple(sorted(report.rows, key=lambda row: order.index(row.name))))


def _published(experiment: Experiment, report: Report) -> dict[Place, list[PublishedRow]]:
    """Published averages by place."""
    sizes = experiment.sizes()
    return {
        block.place: published_rows(
            experiment.split,
            stated_protocol(block.place.protocol).title,
            sizes[block.place.source][1],
        )
        for block in report.blocks
    }


def _beside(experiment: Experiment, report: Report) -> TextTable:
    """Measured averages next to the published ones."""
    published = _published(experiment, report)
    columns = [Column("Method", [row.label for row in report.rows])]
    for number, block in enumerate(report.blocks):
        cells = [row.in_block(number) for row in report.rows]
        group = (block.size, block.protocol)
        competing = [cell.complete for cell in cells]
        averages = [cell.average for cell in cells]
        columns.append(Column("here", averages, 2, "largest", competing, group))
        theirs = {one.method: one.average for one in published[block.place]}
        if theirs:
            values = [theirs.get(row.name) for row in report.rows]
            columns.append(Column("paper", values, 2, "largest", group=group))
    notes = (
        "Average accuracy over the tasks in percent, mean over seeds; best bold, second "
        "underlined, here and in the paper."
    )
    title = f"{experiment.split} tasks, measured here and in the paper"
    return TextTable(title, tuple(columns), (len(report.rows),), (notes,))


def _gaps(experiment: Experiment, records: Iterable[Record]) -> list[str]:
    """Sentences on what the experiment states and nobody measured."""
    listed = list(records)
    methods = {record.method.label for record in listed}
    blocks = {(record.source.id, record.protocol.name) for record in listed}
    absent = [name for name in experiment.methods if name not in methods]
    empty = [
        f"{profile} under {stated_protocol(protocol).title}"
        for profile in experiment.sizes()
        for protocol in experiment.protocols
        if (profile, protocol) not in blocks
    ]
    return [f"Not measured: {', '.join(missing)}." for missing in (absent, empty) if missing]


def _averages(experiment: Experiment, measurements: Measurements) -> Exhibit:
    records = measurements.of_experiment(experiment)
    report = _report_of(experiment, records)
    measured = {record.source.id for record in records}
    pairs = [
        f"{paper} next to {name}"
        for name, (_, paper) in experiment.sizes().items()
        if name in measured
    ]
    lines = (
        f"Published values: {', '.join(pairs)}.",
        *differences(records, experiment),
        *_gaps(experiment, records),
    )
    return Exhibit(
        experiment,
        (_beside(experiment, report), *report.texts()),
        lines,
        report=report.with_published(_published(experiment, report)),
    )


def _bars(experiment: Experiment, measurements: Measurements) -> Exhibit:
    found = _averages(experiment, measurements)
    report = found.report
    assert report is not None  # noqa: S101 - made above
    tasks = [task for task in report.tasks if task in report.blocks[0].facts]
    rows = [(row.label, row.cells[0]) for row in report.rows]
    methods = [
        _series(label, [_accuracies(row, task) for task in tasks])
        for label, row in rows
        if row is not None
    ]
    title = f"{experiment.split} tasks, {report.blocks[0].title}; lines: range over seeds"
    return replace(found, draw=partial(draw_bars, tasks, methods, title))


def _accuracies(row: Row, task: str) -> list[float]:
    outcomes = row.cells.get(task, {}).values()
    return [outcome.accuracy for outcome in outcomes if outcome.accuracy is not None]


def _series(label: str, samples: Sequence[Sequence[float]]) -> Series:
    """Mean and range of some samples, one per point."""
    means, lows, highs = (
        [function(values) if values else math.nan for values in samples]
        for function in (fmean, min, max)
    )
    return Series(label, means, lows, highs, list(METHODS).index(label))


def _curves(experiment: Experiment, measurements: Measurements) -> Exhibit:
    records = measurements.of_experiment(experiment)
    report = _report_of(experiment, records)
    profiles = {name: profile for name, (profile, _) in experiment.sizes().items()}
    places = [block.place.source for block in report.blocks]
    points = sorted(
        (getattr(profiles[name], experiment.axis), number) for number, name in enumerate(places)
    )
    samples = {
        row.label: [_seed_averages(row, number) for _, number in points]
        for row in report.rows
        if row.kind == "method"
    }
    axis = _AXES[experiment.axis]
    n_tasks = max(len(block.facts) for block in report.blocks)
    title = f"{n_tasks} {experiment.split} tasks, fine-tuning; lines: range over seeds"
    lines = [_series(label, values) for label, values in samples.items()]
    columns = [
        Column(f"{x:,}", [fmean(found[place]) if found[place] else None
                          for found in samples.values()])
        for place, (x, _) in enumerate(points)
    ]  # fmt: skip
    table = TextTable(
        f"Average accuracy over {n_tasks} {experiment.split} tasks, percent, by number of {axis}",
        (Column("Method", list(samples)), *columns),
        (len(samples),),
    )
    values = (
        {"method": label, experiment.axis: x, "profile": places[number], "average": average}
        for label, found in samples.items()
        for (x, number), averages in zip(points, found, strict=True)
        for average in averages
    )
    return Exhibit(
        experiment,
        (table,),
        (
            *differences(records, experiment),
            _NO_NUMBERS,
            *_gaps(experiment, records),
            *_incomplete(report),
        ),
        tuple(values),
        draw=partial(draw_curves, [x for x, _ in points], lines, axis, title),
    )


_AXES = {
    "classes": "categories",
    "objects_per_class": "objects of each category",
    "n_images": "images",
}


def _seed_averages(row: ReportRow, block: int) -> list[float]:
    """Averages over tasks, one per seed; none for a row that is incomplete."""
    cell = row.cells[block]
    if cell is None or not cell.complete:
        return []
    by_task = (_accuracies(cell, task) for task in cell.cells)
    return [fmean(values) for values in zip(*by_task, strict=True)]


def _incomplete(report: Report) -> list[str]:
    """Sentence on the points of curves that are left out."""
    found = [
        f"{row.label} at {block.place.source} ({'; '.join(row.in_block(number).faults)})"
        for row in report.rows
        for number, block in enumerate(report.blocks)
        if row.in_block(number).faults
    ]
    return [f"Incomplete and left out: {', '.join(found)}."] * bool(found)


def _ladder(experiment: Experiment, measurements: Measurements) -> Exhibit:
    table = measurements.ladder(experiment)
    entries = table.card.tasks if table.card else []
    data = {entry.name: entry.data for entry in entries}
    originals = {name: one.stands_in_for for name, one in data.items() if one and one.stands_in_for}
    rows = []
    for row in ladder(table):
        original = originals.get(row["task"], row["task"])
        if original not in PUBLISHED:
            continue
        rows.append(row)
        if original != row["task"]:
            published = dict(zip(STEPS, PUBLISHED[original], strict=True))
            rows.append({"task": original, "source": "published, linear", **published})
    columns = [
        Column("Task", [row["task"] for row in rows]),
        Column("Source", [row["source"] for row in rows]),
        *(Column(step, [row[step] for row in rows]) for step in STEPS),
        Column("Noise", [row.get("noise") for row in rows]),
    ]
    note = (
        "Accuracy in percent, mean over seeds. Noise: difference between two columns that seeds "
        "alone exceed in 5 % of cases."
    )
    absent = [name for name in PUBLISHED if name not in {row["task"] for row in rows}]
    lines = [
        *_stand_ins(originals, [row["task"] for row in rows]),
        *([f"Not measured: {', '.join(absent)}."] if absent else []),
        *size_differences({name: experiment.sizes()[name] for name in [table.profile]}),
        f"Seeds: {', '.join(map(str, table.seeds))}.",
    ]
    shown = TextTable(experiment.title, tuple(columns), (len(rows),), (note,))
    values = tuple({"task": "", "source": "", **row, "noise": row.get("noise")} for row in rows)
    return Exhibit(experiment, (shown,), tuple(lines), values)


def _stand_ins(originals: Mapping[str, str], shown: Sequence[str]) -> list[str]:
    pairs = [f"{name} for {original}" for name, original in originals.items() if name in shown]
    return [f"Stand-ins: {', '.join(pairs)}."] * bool(pairs)


def _probabilities(experiment: Experiment, measurements: Measurements) -> Exhibit:
    rows = measurements.rows(experiment, Probability)
    panels = [
        _panel(name, [row for row in rows if row.table == name])
        for name in dict.fromkeys(row.table for row in rows)
    ]
    shown = tuple(
        TextTable(
            f"Probability of variation, {panel.title}",
            (
                Column("Task", panel.tasks),
                *(
                    Column(name, panel.values[:, place].tolist())
                    for place, name in enumerate(panel.parameters)
                ),
            ),
            tuple(filter(None, (panel.n_first, len(panel.tasks) - panel.n_first))),
        )
        for panel in panels
    )
    sources = dict.fromkeys(f"{row.table} ({row.table_sha256[:8]})" for row in rows)
    seeds = sorted({row.seed for row in rows})
    rewards = (
        f"Rewards: tables {', '.join(sources)}; the paper's are 5-NN accuracies of its own images, "
        "which the table 'released' holds."
    )
    lines = (
        rewards,
        f"Mean over seeds {', '.join(map(str, seeds))} of Task2Sim; the paper shows one training.",
        _NO_NUMBERS,
        *_other_edition({row.table_sha256 for row in rows if row.table == DEFAULT_TABLE}),
    )
    draw = partial(draw_probabilities, panels, "seen tasks above the line, unseen tasks below")
    return Exhibit(experiment, shown, lines, tuple(row.model_dump() for row in rows), draw=draw)


def _other_edition(digests: Collection[str]) -> list[str]:
    """Sentence on probabilities of another edition of the packaged table."""
    if not digests or set(digests) == {load_table(DEFAULT_TABLE).digest}:
        return []
    words = (
        f"The package holds another edition of table {DEFAULT_TABLE}: measure again with --live."
    )
    return [words]


def _panel(table: str, rows: Sequence[Probability]) -> Panel:
    """Mean probabilities over seeds, seen tasks first."""
    sides = {row.task: row.side for row in rows}
    tasks = sorted(sides, key=lambda task: sides[task] != "seen")
    parameters = list(dict.fromkeys(row.parameter for row in rows))
    samples: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        samples.setdefault((row.task, row.parameter), []).append(row.probability)
    means = [[fmean(samples.get((t, p), [math.nan])) for p in parameters] for t in tasks]
    n_seen = sum(side == "seen" for side in sides.values())
    names = [name.replace("_", " ") for name in parameters]
    return Panel(f"learnt from {table}", tasks, names, np.array(means), n_seen)


def _neighbours(experiment: Experiment, measurements: Measurements) -> Exhibit:
    rows = measurements.rows(experiment, Neighbour)
    by_query: dict[int, dict[str, list[Neighbour]]] = {}
    for row in sorted(rows, key=lambda row: row.rank):
        by_query.setdefault(row.query, {}).setdefault(row.method, []).append(row)
    methods = list(dict.fromkeys(row.method for row in rows))
    pixels = _Pixels(rows[0].task, rows[0].data_sha256)
    ordered = [row for found in by_query.values() for method in methods for row in found[method]]
    sizes = experiment.sizes()
    known = {row.profile: sizes[row.profile] for row in rows if row.profile in sizes}
    lines = [
        "Test images: drawn at random with seed 0; the paper chose three.",
        *size_differences(known),
        *([pixels.absence] if pixels.absence else []),
    ]
    return Exhibit(
        experiment,
        (_neighbour_table(rows[0].task, ordered, len(by_query)),),
        tuple(lines),
        tuple(row.model_dump() for row in rows),
        draw=partial(_draw_neighbours, list(by_query.values()), methods, pixels),
    )


def _neighbour_table(task: str, rows: Sequence[Neighbour], n_queries: int) -> TextTable:
    return TextTable(
        f"{task}: nearest training images by the features of a backbone",
        (
            Column("Test image", [f"{row.query} ({row.query_class})" for row in rows]),
            Column("Backbone", [row.method for row in rows]),
            Column("Rank", [row.rank for row in rows], 0),
            Column("Class of the neighbour", [row.neighbour_class for row in rows]),
            Column("Same", ["yes" if _is_same(row) else "no" for row in rows]),
            Column("Similarity", [row.similarity for row in rows], 3),
        ),
        (len(rows) // n_queries,) * n_queries,
    )


def _draw_neighbours(
    queries: Sequence[Mapping[str, Sequence[Neighbour]]], methods: Sequence[str], pixels: _Pixels
) -> Figure:
    firsts = [next(iter(found.values()))[0] for found in queries]
    shown = [Shown(_caption(one.query_class), None, pixels.of(one.query)) for one in firsts]
    columns = [
        (
            method,
            [
                [
                    Shown(_caption(one.neighbour_class), _is_same(one), pixels.of(one.neighbour))
                    for one in found[method]
                ]
                for found in queries
            ],
        )
        for method in methods
    ]
    return draw_neighbours(shown, columns, "nearest training images; blue frame: same class")


def _is_same(row: Neighbour) -> bool:
    return row.query_class == row.neighbour_class


def _caption(name: str) -> str:
    r"""Class name on at most two lines.

    Example:
        >>> _caption("013.Bobolink"), _caption("Black_footed_Albatross")
        ('Bobolink', 'Black footed\nAlbatross')
    """
    words = name.partition(".")[2] or name
    return "\n".join(textwrap.wrap(words.replace("_", " "), 14)[:2])


class _Pixels:
    """Images of a task, where the same data are prepared on this machine.

    Args:
        task: The task.
        digest: Digest of the data.
    """

    def __init__(self, task: str, digest: str) -> None:
        from benchmark.tasks.task_data import is_prepared, load_task_data

        data = load_task_data(task) if is_prepared(task) else None
        self._pack = data.pack if data is not None and data.digest == digest else None
        words = "other images are" if data is not None else "the images are not"
        self.absence = "" if self._pack else f"Frames without images: {words} prepared here."

    def of(self, row: int) -> NDArray[np.uint8] | None:
        """Pixels of an image, uint8 ``(side, side, 3)``; None where it is not available."""
        if self._pack is None:
            return None
        from benchmark.tasks.decoding import read_rgb, resized_square

        return np.asarray(resized_square(read_rgb(self._pack.image_bytes(row)), 128, margin=1))


_MAKERS: Mapping[str, Callable[[Experiment, Measurements], Exhibit]] = {
    "ladder": _ladder,
    "averages": _averages,
    "bars": _bars,
    "probabilities": _probabilities,
    "curves": _curves,
    "neighbours": _neighbours,
}
