"""Reports: all records of a split as one table, laid out like Tables 2 and 3 of the Task2Sim paper.

Rows are methods. Each column group is a block: the numbers of one source (reward table or live
profile) under one protocol. Nothing is ranked or averaged over blocks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from benchmark.core.files import canonical_json, safe_name, write_bytes, write_text
from benchmark.leaderboard.budget import BudgetBoard, budget_boards
from benchmark.leaderboard.columns import (
    DAGGERS,
    columns_of,
    explanation,
    fact_notes,
    legend,
    row_json,
    row_values,
)
from benchmark.leaderboard.rows import (
    Group,
    Kind,
    Outcome,
    Place,
    Row,
    TaskFact,
    collect,
    distinct,
    find_faults,
)
from benchmark.leaderboard.text_tables import (
    DASH,
    Column,
    TextTable,
    csv_text,
    latex,
    markdown,
    write_table,
)
from benchmark.protocols.registry import known_protocols, stated_protocol
from benchmark.runs.published import published_rows

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.runs.published import PublishedRow
    from benchmark.runs.record import Record
    from benchmark.tasks.registry import Task

_SPLITS = ("seen", "unseen")
_SIZES = {"released": "paper-100c-40k"}  # of the paper's tables of rewards
_Key = TypeVar("_Key", bound=Hashable)

#: Columns of tidy tables, and their Arrow types.
TIDY_COLUMNS: Mapping[str, str] = {
    "method": "string",
    "task": "string",
    "side": "string",
    "split": "string",
    "seed": "int64",
    "status": "string",
    "accuracy": "float64",
    "regret": "float64",
    "configuration": "string",
    "random": "float64",
    "oracle": "float64",
    "queries": "int64",
    "budget": "int64",
    "protocol": "string",
    "source": "string",
    "kind": "string",
    "name": "string",
    "options": "string",
    "source_kind": "string",
    "profile": "string",
    "n_images": "int64",
    "simulator": "string",
    "n_test": "int64",
    "stands_in_for": "string",
    "protocol_version": "int64",
    "suite_version": "int64",
}


@dataclass(frozen=True)
class Block:
    """A column group: numbers of one place.

    Attributes:
        size: The source in words: ``mini, 4,000 images`` or ``table gl-mini``.
        protocol: Title of the protocol.
        name: Short name for columns of files: ``mini/knn5``.
        place: Coordinates of its numbers.
        n_images: Rendered images that a backbone is pre-trained on; None if unknown.
        facts: Facts about its tasks.
    """

    size: str
    protocol: str
    name: str
    place: Place
    n_images: int | None
    facts: Mapping[str, TaskFact]

    @property
    def title(self) -> str:
        """Source and protocol in words."""
        return f"{self.size}: {self.protocol}"


@dataclass(frozen=True)
class ReportRow:
    """A method with its options, or a published row.

    Attributes:
        label: Name and changed options.
        kind: "method", "reference" or "published"; see :class:`benchmark.leaderboard.rows.Row`.
        name: Registered name; empty for published rows.
        options: Options as canonical JSON.
        cells: Its numbers by block; None without records.
        published: Published averages by block, percent; empty for measured rows.
        note: Footnote.
    """

    label: str
    kind: Kind
    name: str
    options: bytes
    cells: tuple[Row | None, ...]
    published: tuple[float | None, ...] = ()
    note: str = ""

    def in_block(self, number: int) -> Row:
        """The row in one block; without records it has no numbers."""
        found = self.cells[number]
        if found is not None:
            return found
        average = self.published[number] if self.published else None
        faults = () if self.kind == "published" else ("no records",)
        return Row(
            self.name,
            self.options,
            self.label,
            self.kind,
            faults=faults,
            published=average,
            note=self.note,
        )


@dataclass(frozen=True)
class Report:
    """Methods x blocks of one split and suite version.

    Attributes:
        title: One line.
        stem: Name of its files without the ending.
        split: Split of the judged tasks.
        tasks: Union of the tasks of all blocks, in order.
        blocks: Column groups.
        rows: Methods first, then references, then published rows.
        records: Records behind the rows: one per cell.
    """

    title: str
    stem: str
    split: str
    tasks: tuple[str, ...]
    blocks: tuple[Block, ...]
    rows: tuple[ReportRow, ...]
    records: tuple[Record, ...]

    def text(self) -> TextTable:
        """Averages of all blocks; of a single block, with the columns of its tasks."""
        single = len(self.blocks) == 1
        columns = [Column("Method", [row.label + DAGGERS[row.kind] for row in self.rows])]
        for number, block in enumerate(self.blocks):
            rows = [row.in_block(number) for row in self.rows]
            found, tasks = columns_of(rows, self._tasks_of(block), block.facts)
            group = ("",) if single else (block.size, block.protocol)
            columns += tasks if single else []
            columns += [
                replace(found[name], group=group)
                for name in ("Avg", "± seeds", "Regret")
                if name == "Avg" or any(value is not None for value in found[name].values)
            ]
        last: tuple[str, ...] = ("",) if single else ()
        columns += [
            Column("Seeds", [_range(row, "n_seeds") for row in self.rows], 0, group=last),
            Column("Queries", [_range(row, "queries") for row in self.rows], 0, group=last),
        ]
        return TextTable(self.title, tuple(columns), _sections(self.rows), tuple(self._notes()))

    def details(self) -> list[TextTable]:
        """Tables of several blocks: methods x tasks, one for each block."""
        tables = []
        for number, block in enumerate(self.blocks if len(self.blocks) > 1 else ()):
            kept = [row for row in self.rows if row.cells[number] is not None]
            rows = [row.in_block(number) for row in kept]
            columns, tasks = columns_of(rows, self._tasks_of(block), block.facts)
            title = f"{self.split} tasks, {block.title}"
            shown = (columns["Method"], *tasks, columns["Avg"])
            tables.append(TextTable(title, shown, _sections(kept)))
        return tables

    def texts(self) -> list[TextTable]:
        """All tables: the averages, then the details; the last one has the notes."""
        main, *others = [self.text(), *self.details()]
        tables = [replace(main, notes=()), *others]
        return [*tables[:-1], replace(tables[-1], notes=main.notes)]

    def _tasks_of(self, block: Block) -> list[str]:
        return [task for task in self.tasks if task in block.facts]

    def _notes(self) -> list[str]:
        """Footnotes; those of some of the blocks name them."""
        notes = [explanation([row for row, _ in self._cells()])]
        places: dict[str, list[str]] = {}
        for number, block in enumerate(self.blocks):
            rows = [row for row, place in self._cells() if place == number]
            tasks = self._tasks_of(block)
            for note in [*fact_notes(tasks, block.facts), *legend(rows)]:
                places.setdefault(note, []).append(block.title)
        for note, titles in places.items():
            everywhere = len(titles) == len(self.blocks)
            notes.append(note if everywhere else f"{note} [{'; '.join(titles)}]")
        published = (row for row in self.rows if row.kind == "published")
        notes += legend([row.in_block(0) for row in published])
        return [*notes, *self._gaps(), *self._sources()]

    def _cells(self) -> Iterable[tuple[Row, int]]:
        """Measured rows and the numbers of their blocks."""
        for row in self.rows:
            yield from ((cell, place) for place, cell in enumerate(row.cells) if cell is not None)

    def _gaps(self) -> list[str]:
        """Footnotes on rows without records in a block, and on blocks without some tasks."""
        absent: dict[str, list[str]] = {}
        for row in self.rows:
            pairs = zip(self.blocks, row.cells, strict=True)
            titles = [block.title for block, cell in pairs if cell is None]
            if titles and row.kind != "published":
                absent.setdefault("; ".join(titles), []).append(row.label)
        notes = [f"{', '.join(rows)}: no records in {titles}." for titles, rows in absent.items()]
        for block in self.blocks:
            missing = [task for task in self.tasks if task not in block.facts]
            if missing:
                count = f"{len(block.facts)} of {len(self.tasks)} tasks"
                notes.append(f"{block.title}: {count}, without {', '.join(missing)}.")
        return notes

    def _sources(self) -> list[str]:
        """Footnote on sources and protocols of several blocks; a single one is in the title."""
        if len(self.blocks) == 1:
            return []
        places = [block.place for block in self.blocks]
        sources = dict.fromkeys(f"{p.kind} {p.source} ({p.digest[:8]})" for p in places)
        protocols = dict.fromkeys(f"{p.protocol} v{p.protocol_version}" for p in places)
        return [f"Sources: {', '.join(sources)}. Protocols: {', '.join(protocols)}."]

    def markdown(self) -> str:
        """All tables in Markdown."""
        return "\n".join(map(markdown, self.texts()))

    def latex(self) -> str:
        """All tables in LaTeX, for the packages booktabs and graphicx."""
        needed = "% Needs the packages booktabs and graphicx."
        return "\n".join([needed, *map(latex, self.texts())])

    def values(self) -> list[dict[str, Any]]:
        """One mapping per row; None where there is no number.

        Keys of several blocks begin with the block: ``mini/knn5:average``, ``mini/knn5:task:CUB``.
        """
        single, found = len(self.blocks) == 1, []
        for row in self.rows:
            values: dict[str, Any] = {"method": row.label, "kind": row.kind}
            for number, block in enumerate(self.blocks):
                cells = row_values(row.in_block(number), self._tasks_of(block))
                prefix = "" if single else f"{block.name}:"
                names = [name for name in cells if name not in values]
                values |= {f"{prefix}{name}": cells[name] for name in names}
            found.append(values)
        return found

    def csv(self) -> str:
        """One line per row, numbers in full precision; empty where there is no number."""
        return csv_text(self.values())

    def tidy(self) -> list[dict[str, Any]]:
        """One mapping per method, task, source, protocol and seed, as :func:`tidy_row`."""
        return [tidy_row(record) for record in self.records]

    def json(self) -> bytes:
        """Canonical JSON: equal reports, equal bytes."""
        content = {
            "schema_version": 2,
            "title": self.title,
            "split": self.split,
            "tasks": list(self.tasks),
            "blocks": [
                {
                    "title": block.title,
                    "name": block.name,
                    "place": block.place.to_json(),
                    "n_images": block.n_images,
                    "tasks": self._tasks_of(block),
                    "task_facts": {t: f._asdict() for t, f in block.facts.items() if any(f)},
                }
                for block in self.blocks
            ],
            "rows": [
                {
                    "method": row.label,
                    "name": row.name,
                    "kind": row.kind,
                    "note": row.note,
                    "published": list(row.published),
                    "blocks": [
                        None if cell is None else row_json(cell, self._tasks_of(block))
                        for block, cell in zip(self.blocks, row.cells, strict=True)
                    ],
                }
                for row in self.rows
            ],
        }
        return canonical_json(content) + b"\n"

    def write(self, stem: Path) -> None:
        """Write the report in all formats.

        They are ``<stem>.md``, ``.tex``, ``.csv`` (wide) and ``.json``, and the tidy table as
        ``<stem>-tidy.csv`` and ``-tidy.parquet``.

        Raises:
            StorageError: When the file system refuses.
        """
        write_table(stem, self.markdown(), self.csv(), self.json())
        write_text(stem.with_name(f"{stem.name}.tex"), self.latex())
        tidy = self.tidy()
        write_text(stem.with_name(f"{stem.name}-tidy.csv"), csv_text(tidy))
        write_bytes(stem.with_name(f"{stem.name}-tidy.parquet"), _parquet(tidy))

    def with_published(self, rows: Mapping[Place, Sequence[PublishedRow]]) -> Report:
        """The report with these published rows, one per label, instead of those that it has.

        Args:
            rows: Published rows by place; places that are not in the report are passed over.
        """
        labels: dict[str, list[str]] = {}
        found: dict[tuple[str, Place], float | None] = {}
        for block in self.blocks:
            for one in rows.get(block.place, ()):
                notes = labels.setdefault(one.label, [])
                notes += [one.footnote] if one.footnote not in notes else []
                found[one.label, block.place] = one.average
        added = (
            ReportRow(
                label,
                "published",
                "",
                b"{}",
                (None,) * len(self.blocks),
                tuple(found.get((label, block.place)) for block in self.blocks),
                "; ".join(notes),
            )
            for label, notes in labels.items()
        )
        measured = (row for row in self.rows if row.kind != "published")
        return replace(self, rows=(*measured, *added))


def _range(row: ReportRow, name: str) -> float | str | None:
    """A number of a row's cells; the smallest and the largest one where blocks differ."""
    numbers = {getattr(cell, name) for cell in row.cells if cell is not None} - {None}
    if len(numbers) > 1:
        return f"{min(numbers)}{DASH}{max(numbers)}"
    return next(iter(numbers), None)


def _sections(rows: Iterable[ReportRow]) -> tuple[int, ...]:
    kinds = [row.kind for row in rows]
    return tuple(kinds.count(kind) for kind in DAGGERS if kind in kinds)


def tidy_row(record: Record) -> dict[str, Any]:
    """A record as one flat row with the columns :data:`TIDY_COLUMNS`.

    Accuracies are in percent; regret is 0 at the oracle and 1 at the mean over all configurations,
    and None where the task has no scale. Costs are left out: a repeated run has the same rows.
    """
    reference, pretraining, data = record.reference, record.pretraining, record.task.data
    return {
        "method": record.method.label,
        "task": record.task.name,
        "side": record.task.side,
        "split": record.split,
        "seed": record.seed,
        "status": record.status,
        "accuracy": record.accuracy,
        "regret": Outcome.of(record).regret,
        "configuration": record.decision.configuration if record.decision else None,
        "random": reference.random if reference else None,
        "oracle": reference.oracle if reference else None,
        "queries": record.method.queries,
        "budget": record.budget.queries if record.budget else None,
        "protocol": record.protocol.name,
        "source": record.source.id,
        "kind": "reference" if record.method.privileged else "method",
        "name": record.method.name,
        "options": record.method.options_json.decode(),
        "source_kind": record.source.kind,
        "profile": pretraining.profile,
        "n_images": pretraining.n_images,
        "simulator": pretraining.simulator,
        "n_test": record.task.n_test,
        "stands_in_for": data.stands_in_for if data else None,
        "protocol_version": record.protocol.version,
        "suite_version": record.suite_version,
    }


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in TIDY_COLUMNS.items()])
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema), stream, compression="zstd")
    return stream.getvalue()


def build_reports(
    records: Iterable[Record],
    registry: Iterable[Task],
    *,
    debug: bool = False,
    published: bool = True,
) -> list[Report | BudgetBoard]:
    """Reports of records, one per suite version and split, and the boards of budgets after them.

    A record of split "all" (of earlier versions) belongs to the side of its task.

    Args:
        records: Rows have the order in which they first appear in the records.
        registry: Tasks in the order of the columns; tasks that it lacks come last, by name.
        debug: Take the debug records (of ``--limit``), and only these.
        published: True to add the paper's rows to blocks of its rewards or sizes with its tasks.

    Returns:
        The newest suite version first; then seen, unseen, and other splits by name.
    """
    tasks, listed = list(registry), [_on_its_side(record) for record in records]
    groups = collect(listed, debug=debug)
    splits: dict[tuple[int, str], dict[Place, Group]] = {}
    for place, group in groups.items():
        if place.budget is None:
            splits.setdefault((place.suite_version, place.split), {})[place] = group
    ordered = sorted(splits, key=lambda key: (-key[0], key[1] not in _SPLITS, key[1]))
    newest: dict[str, int] = {}
    reports: list[Report | BudgetBoard] = []
    for version, split in ordered:
        older = version < newest.setdefault(split, version)
        stem = f"{safe_name(split)}{f'@v{version}' if older else ''}{'-debug' if debug else ''}"
        report = _report(stem, splits[version, split], listed, tasks)
        if published and not debug:
            report = report.with_published(_published(report.blocks, tasks))
        reports.append(report)
    return [*reports, *budget_boards(groups, [task.name for task in tasks])]


def _on_its_side(record: Record) -> Record:
    return (
        record.model_copy(update={"split": record.task.side}) if record.split == "all" else record
    )


def _report(
    stem: str, groups: Mapping[Place, Group], records: Sequence[Record], registry: Sequence[Task]
) -> Report:
    order = {task.name: number for number, task in enumerate(registry)}
    judged = {task for group in groups.values() for task in group.facts}
    tasks = sorted(judged, key=lambda task: (order.get(task, len(order)), task))
    blocks = _blocks(groups, records)
    rows = _rows(blocks, groups, tasks, dict.fromkeys(map(_method_of, records)))
    place = blocks[0].place
    title = f"{place.split} tasks, suite {place.suite_version}"
    counted = {one for row in rows for cell in row.cells if cell for one in cell.record_ids}
    return Report(
        title=title if len(blocks) > 1 else place.title,
        stem=stem,
        split=place.split,
        tasks=tuple(tasks),
        blocks=blocks,
        rows=rows,
        records=_in_order(records, counted, rows, blocks, tasks),
    )


def _method_of(record: Record) -> tuple[str, bytes]:
    return record.method.name, record.method.options_json


def _rows(
    blocks: Sequence[Block],
    groups: Mapping[Place, Group],
    tasks: Sequence[str],
    methods: Iterable[tuple[str, bytes]],
) -> tuple[ReportRow, ...]:
    """Rows over all blocks: methods before references, otherwise in the order of ``methods``."""
    by_method: dict[tuple[str, bytes], dict[Place, Row]] = {method: {} for method in methods}
    for place, group in groups.items():
        judged = [task for task in tasks if task in group.facts]
        for row in group.rows:
            row.faults = find_faults(row, judged)
            by_method[row.name, row.options][place] = row
    by_method = {method: rows for method, rows in by_method.items() if rows}
    labels = distinct(min(row.label for row in rows.values()) for rows in by_method.values())
    found = []
    for ((name, options), rows), label in zip(by_method.items(), labels, strict=True):
        for row in rows.values():
            row.label = label
        cells = tuple(rows.get(block.place) for block in blocks)
        kind = next(iter(rows.values())).kind
        found.append(ReportRow(label, kind, name, options, cells))
    return tuple(sorted(found, key=lambda row: row.kind != "method"))


def _in_order(
    records: Iterable[Record],
    counted: set[bytes],
    rows: Sequence[ReportRow],
    blocks: Sequence[Block],
    tasks: Sequence[str],
) -> tuple[Record, ...]:
    """Records that count, once each: by row, block, task and seed."""
    found = {r.record_id: r for r in records if bytes.fromhex(r.record_id) in counted}
    row_of = {(row.name, row.options): number for number, row in enumerate(rows)}
    block_of = {block.place: number for number, block in enumerate(blocks)}

    def place(record: Record) -> tuple[int, int, int, int]:
        block = block_of[Place.of(record)]
        return row_of[_method_of(record)], block, tasks.index(record.task.name), record.seed

    return tuple(sorted(found.values(), key=place))


class _Source(NamedTuple):
    """Table or live profile of a block."""

    kind: str
    name: str
    digest: str

    @classmethod
    def of(cls, place: Place) -> _Source:
        return cls(place.kind, place.source, place.digest)

    def words(self, n_images: int | None) -> str:
        """The source in words."""
        if self.kind == "table":
            return f"table {self.name}"
        return self.name if n_images is None else f"{self.name}, {n_images:,} images"


def _blocks(groups: Mapping[Place, Group], records: Iterable[Record]) -> tuple[Block, ...]:
    """Blocks of places: tables first, then by size; protocols in their order."""
    images = _n_images(records)
    sources = {source: images.get(source) for source in map(_Source.of, groups)}
    sizes = _unique(
        {source: source.words(count) for source, count in sources.items()},
        lambda source: f" ({source.digest[:8]})",
    )
    names = _unique({s: s.name for s in sources}, lambda source: f"@{source.digest[:8]}")
    protocols = {(place.protocol, place.protocol_version) for place in groups}
    versions = {key: f" v{key[1]}" for key in protocols}
    titles = _unique(
        {key: stated_protocol(key[0]).title for key in protocols}, versions.__getitem__
    )
    shorts = _unique({key: key[0] for key in protocols}, lambda key: f"@v{key[1]}")
    order = known_protocols()

    def rank(place: Place) -> tuple[Any, ...]:
        known = order.index(place.protocol) if place.protocol in order else len(order)
        source = _Source.of(place)
        return place.kind != "table", sources[source] or 0, source, known, place

    return tuple(
        Block(
            sizes[source],
            titles[protocol],
            f"{names[source]}/{shorts[protocol]}",
            place,
            sources[source],
            groups[place].facts,
        )
        for place in sorted(groups, key=rank)
        for source in [_Source.of(place)]
        for protocol in [(place.protocol, place.protocol_version)]
    )


def _n_images(records: Iterable[Record]) -> dict[_Source, int]:
    """Rendered images by source; references are pre-trained on none, or on others."""
    found: dict[_Source, int] = {}
    for record in records:
        entry = record.pretraining
        if entry.kind == "rendered" and entry.n_images is not None:
            found[_Source.of(Place.of(record))] = entry.n_images
    return found


def _unique(texts: Mapping[_Key, str], suffix: Callable[[_Key], str]) -> dict[_Key, str]:
    """The texts, with a suffix where several keys have the same one."""
    shared = list(texts.values())
    return {k: f"{t}{suffix(k)}" if shared.count(t) > 1 else t for k, t in texts.items()}


def _published(
    blocks: Iterable[Block], registry: Iterable[Task]
) -> dict[Place, list[PublishedRow]]:
    """Rows of the paper about its own rewards, and about live profiles of its sizes."""
    originals = [task for task in registry if not hasattr(task, "stands_in_for")]
    found = {}
    for place, facts in ((block.place, block.facts) for block in blocks):
        side = {task.name for task in originals if task.side == place.split}
        size = place.source if place.kind == "live" else _SIZES.get(place.source)
        if size is not None and side <= facts.keys():
            found[place] = published_rows(place.split, stated_protocol(place.protocol).title, size)
    return found
