"""Rewards that were measured elsewhere: read from CSV files and data frames, checked, tabulated.

The form is long: one row per measured cell, with columns ``task``, ``configuration`` (bit string or
named form; or one column per parameter of the space), ``seed`` and ``reward`` (percent). All faults
are listed at once with their lines.
"""

from __future__ import annotations

import csv
import functools
import io
import math
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from pydantic import Field

from benchmark.core.errors import InvalidFileError, InvalidInputError, did_you_mean
from benchmark.core.files import MAX_LINES, regular_bytes, sha256_file
from benchmark.core.models import Frozen
from benchmark.core.yaml_files import read_model_yaml
from benchmark.rewards.storage import CARD, read_card, write_table
from benchmark.rewards.table import RewardTable, content_digest
from benchmark.space import Configuration, ParameterSpace, space_from_json
from benchmark.tasks.vectors import TaskEmbeddings, read_vectors

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.rewards.card import Description
    from benchmark.tasks.registry import TaskRegistry

_MOST_DIGITS = 15  # exact as floats, and within 64 bits
#: Names of references that a table may have.
REFERENCES = ("untrained", "real-images")

_MOST_ROWS = 3_000_000  # 65,536 configurations, 20 tasks and two seeds
_HEAD = 2**20  # characters in which the line of names is looked for
_LISTED = 20  # faults of one file
_MISSING = 5  # names of missing cells or tasks in one sentence
_PLACE = re.compile(r"(?:line|row) (\d+):")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_ZEROS = (
    "Spreadsheets drop leading zeros: format the column 'configuration' as text, or read it with "
    "dtype=str."
)

_T = TypeVar("_T")


@dataclass
class Sheet:
    """Rows of a file or frame as text, and the faults found so far.

    Attributes:
        source: Name of the file or frame.
        columns: Names of its columns.
        places: Name of the place of each row, such as ``line 7``.
        cells: Texts of each row, in the order of the columns.
        faults: Faults, one sentence each.
        decimal_comma: True if numbers may have a comma for a decimal point.
        remedies: Last lines of the error message.
    """

    source: str
    columns: list[str]
    places: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    decimal_comma: bool = False
    remedies: dict[str, None] = field(default_factory=dict)

    def column(self, name: str, read: Callable[[str], _T]) -> list[_T | None]:
        """Return the values of a column; a cell that cannot be read is a fault, and None."""
        place = self.columns.index(name)

        def filled(text: str) -> _T:
            if not text:
                raise InvalidInputError(f"{name} is empty. Leave out rows that were not measured.")
            return read(text)

        return [
            self.attempt(where, functools.partial(filled, row[place]))
            for where, row in zip(self.places, self.cells, strict=True)
        ]

    def attempt(self, where: str, read: Callable[[], _T]) -> _T | None:
        """Return a value; None and a fault if it cannot be read."""
        try:
            return read()
        except InvalidInputError as error:
            self.faults.append(f"{where}: {error}")
            return None

    def check_columns(
        self, required: Sequence[str], known: Sequence[str], remedy: str = ""
    ) -> None:
        """Check that columns are unique and known, and that no required one is missing.

        Raises:
            InvalidFileError: If they are not.
        """
        unknown = [name for name in self.columns if name not in known]
        for name in dict.fromkeys(n for n in self.columns if self.columns.count(n) > 1):
            self.faults.append(f"column '{name}' occurs {self.columns.count(name)} times")
        for name in required:
            if name not in self.columns:
                self.faults.append(f"missing column '{name}'. {did_you_mean(name, unknown)}")
        self.faults += [
            f"unknown column '{name}'. {did_you_mean(name, known) or 'Remove it.'}"
            for name in unknown
        ]
        self.refuse(f"Known columns: {', '.join(known)}. {remedy}".rstrip())

    def refuse(self, remedy: str = "") -> None:
        """Raise an error that lists the faults, if there are any.

        Raises:
            InvalidFileError: If there is a fault.
        """
        if not self.faults:
            return
        ordered = sorted(self.faults, key=_number)
        listed = [fault.rstrip() for fault in ordered[:_LISTED]]
        if len(self.faults) > _LISTED:
            listed.append(f"and {len(self.faults) - _LISTED} more. Correct these first.")
        remedies = " ".join(filter(None, [remedy, *self.remedies]))
        raise InvalidFileError(self.source, listed, remedies)


def _number(fault: str) -> int:
    """Number of the line or row of a fault; faults of the whole come first."""
    found = _PLACE.match(fault)
    return int(found[1]) if found else -1


def read_rows(source: Path | pd.DataFrame) -> Sheet:
    """Read a CSV file (commas, semicolons or tabs; UTF-8) or a data frame.

    Raises:
        InvalidFileError: If the file cannot be read, or has no rows.
    """
    rows = _csv_rows(source) if isinstance(source, Path) else _frame_rows(source)
    if rows.columns and rows.columns[0] in {"", "Unnamed: 0"}:  # the index of a written frame
        rows.columns = rows.columns[1:]
        rows.cells = [row[1:] for row in rows.cells]
    if not rows.cells and not rows.faults:
        rows.faults = ["no rows"]
        rows.refuse("Give a row of column names, and one row per measured reward.")
    return rows


def _csv_rows(path: Path) -> Sheet:
    text = _text(path)
    header = next((line for line in text[:_HEAD].splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=header.count)
    stream = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=delimiter)
    rows = Sheet(str(path), [], decimal_comma=delimiter == ";")
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(rows.cells) == _MOST_ROWS:
                rows.faults.append(f"more than {_MOST_ROWS:,} rows")
                break
            if not rows.columns:
                rows.columns = cells
            elif len(row) == len(rows.columns):
                rows.places.append(f"line {reader.line_num}")
                rows.cells.append(cells)
            else:
                rows.faults.append(
                    f"line {reader.line_num}: {len(row)} fields instead of {len(rows.columns)}"
                )
    except csv.Error as error:
        rows.faults.append(f"line {reader.line_num}: {error}")
    return rows


def _text(path: Path) -> str:
    try:
        text = regular_bytes(path, MAX_LINES).decode("utf-8-sig")
    except OSError as error:
        raise InvalidFileError(path, [f"not readable: {error.strerror}"]) from error
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        fault = "not text in the encoding UTF-8"
        raise InvalidFileError(path, [fault], "Save it as CSV with encoding UTF-8.")
    return text


def _frame_rows(frame: pd.DataFrame) -> Sheet:
    cells = frame.astype(object).where(frame.notna(), "").to_numpy().tolist()
    texts = [[str(cell).strip() for cell in row] for row in cells]
    places = [f"row {number}" for number in range(len(texts))]
    return Sheet("The data frame", [str(name) for name in frame.columns], places, texts)


def _whole(name: str, least: int, text: str) -> int:
    """Whole number of at least ``least``; ``3.0`` is one, as frames with gaps write it."""
    digits = text.removesuffix(".0")
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS or int(digits) < least:
        raise InvalidInputError(
            f"{name} must be a whole number of at least {least} and at most {_MOST_DIGITS} digits "
            f"(got '{text:.40}')"
        )
    return int(digits)


def _percent(decimal_comma: bool, text: str) -> float:
    if decimal_comma and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        raise InvalidInputError(f"reward must be a number (got '{text}')") from None
    if not math.isfinite(number) or not 0 <= number <= 100:
        raise InvalidInputError(f"reward must be 0 to 100 percent (got {text})")
    return number


def tabulate_rewards(rows: Sheet, space: ParameterSpace, registry: TaskRegistry) -> RewardTable:
    """Return the table of some rows; cells without a row are empty.

    Tasks have the order of their first rows, seeds that of their numbers.

    Args:
        rows: Columns ``task``, ``configuration`` or one per parameter, ``reward``, and optionally
            ``seed`` (0 without it) and ``n_test``, the number of test images of the task.
        space: The configurations.
        registry: Known tasks, for their numbers of test images.

    Raises:
        InvalidFileError: For faults of the rows; lists all.
    """
    named = "configuration" in rows.columns
    how = ["configuration"] if named or not {*space.names} & {*rows.columns} else space.names
    known = ["task", "configuration", *space.names, "seed", "reward", "n_test"]
    rows.check_columns(
        ["task", *how, "reward"], known, "Other parameters need a file of the space (--space)."
    )
    tasks = rows.column("task", str)
    points = list(_configurations(rows, space))
    seeds = _seeds(rows)
    rewards = rows.column("reward", functools.partial(_percent, rows.decimal_comma))
    n_test = _test_images(rows, tasks, registry)
    _check_repeated(rows, list(zip(tasks, points, seeds, strict=True)))
    _check_scale(rows, rewards)
    rows.refuse()
    names, layers = tuple(n_test), tuple(sorted({seed for seed in seeds if seed is not None}))
    row_of, layer_of = ({value: i for i, value in enumerate(one)} for one in (names, layers))
    values = np.full((len(names), space.size, len(layers)), np.nan)
    for task, point, seed, reward in zip(tasks, points, seeds, rewards, strict=True):
        assert task is not None  # noqa: S101 - rows with faults are refused
        assert point is not None  # noqa: S101
        assert seed is not None  # noqa: S101
        values[row_of[task], space.index(point), layer_of[seed]] = reward
    return RewardTable(
        id="imported",
        space=space,
        tasks=names,
        seeds=layers,
        values=values,
        n_test=np.array([n_test[name] for name in names]),
        protocol="",
        profile="",
    )


def _configurations(rows: Sheet, space: ParameterSpace) -> Iterator[Configuration | None]:
    """Configuration of each row; where both notations are given they must agree."""
    columns = [(name, rows.columns.index(name)) for name in space.names if name in rows.columns]
    spelt = rows.columns.index("configuration") if "configuration" in rows.columns else None

    @functools.cache
    def read(text: str) -> Configuration:
        digits = len(space.shape)
        if text.isalnum() and len(text) != digits:
            rows.remedies.setdefault(_ZEROS if text.isdecimal() and len(text) < digits else "")
            raise InvalidInputError(f"configuration must have {digits} digits (got '{text}')")
        return space.parse(text)

    for where, row in zip(rows.places, rows.cells, strict=True):
        levels = ",".join(f"{name}={row[place]}" for name, place in columns)
        texts = [levels] if spelt is None else [row[spelt], levels] if levels else [row[spelt]]
        found = [rows.attempt(where, functools.partial(read, text)) for text in texts]
        if len({*found}) > 1 and None not in found:
            rows.faults.append(
                f"{where}: configuration '{texts[0]}' differs from the row's levels, {found[1]}"
            )
        yield found[0]


def _seeds(rows: Sheet) -> list[int | None]:
    if "seed" not in rows.columns:
        return [0] * len(rows.cells)
    return rows.column("seed", functools.partial(_whole, "seed", 0))


def _test_images(
    rows: Sheet, tasks: Sequence[str | None], registry: TaskRegistry
) -> dict[str, int]:
    """Number of test images by task: that of the rows, or else of the registry."""
    given: dict[str, int] = {}
    if "n_test" in rows.columns:
        counts = rows.column("n_test", functools.partial(_whole, "n_test", 1))
        for where, task, count in zip(rows.places, tasks, counts, strict=True):
            if task is not None and count is not None and given.setdefault(task, count) != count:
                rows.faults.append(f"{where}: n_test of {task} was {given[task]} before")
        return given
    registered = {task.name: task.split.test for task in registry}
    for task in dict.fromkeys(filter(None, tasks)):
        count = registered.get(task)
        if count is None:
            rows.faults.append(
                f"unknown task '{task}'. {did_you_mean(task, registered)} Add a column n_test, its "
                "number of test images, or define the task in a file (--tasks-file)."
            )
        given[task] = count or 1
    return given


def _check_repeated(rows: Sheet, cells: Sequence[tuple[Hashable, ...]]) -> None:
    first: dict[tuple[Hashable, ...], str] = {}
    for where, cell in zip(rows.places, cells, strict=True):
        if None not in cell and first.setdefault(cell, where) != where:
            rows.faults.append(f"{where}: repeats the cell of {first[cell]}")


def _check_scale(rows: Sheet, rewards: Sequence[float | None]) -> None:
    known = [reward for reward in rewards if reward is not None]
    if known and 0 < max(known) <= 1:
        rows.faults.append(
            f"all rewards are at most {max(known):g}, as fractions are. Multiply them by 100: "
            "rewards are percent."
        )


def missing_rewards(table: RewardTable) -> list[str]:
    """Return the tasks with missing cells, and some of these, one sentence each."""
    found = []
    for task, empty in zip(table.tasks, np.isnan(table.values), strict=True):
        if empty.any():
            cells = [
                f"{table.space.at(int(column))} seed {table.seeds[layer]}"
                for column, layer in np.argwhere(empty)[:_MISSING]
            ]
            more = ", ..." if empty.sum() > _MISSING else ""
            found.append(
                f"{task}: {empty.sum()} of {empty.size} rewards are missing: {', '.join(cells)}"
                f"{more}"
            )
    return found


def read_references(rows: Sheet, table: RewardTable) -> dict[str, dict[str, list[float]]]:
    """Return accuracies of references by name and task, one per seed of a table.

    Args:
        rows: Columns ``task``, ``reference`` (``untrained`` or ``real-images``), ``reward``, and
            ``seed`` if the table's rows had one.
        table: The table.

    Raises:
        InvalidFileError: For faults of the rows, or missing accuracies; lists all.
    """
    columns = ["task", "reference", "reward"]
    rows.check_columns(columns, [*columns, "seed"])
    tasks = rows.column("task", functools.partial(_one_of, "task", table.tasks))
    names = rows.column("reference", functools.partial(_one_of, "reference", REFERENCES))
    seeds = _seeds(rows)
    rewards = rows.column("reward", functools.partial(_percent, rows.decimal_comma))
    cells = list(zip(names, tasks, seeds, strict=True))
    _check_repeated(rows, cells)
    _check_scale(rows, rewards)
    rows.refuse()
    found = dict(zip(cells, rewards, strict=True))
    wanted = [
        (name, task, seed)
        for name in dict.fromkeys(names)
        for task in table.tasks
        for seed in table.seeds
    ]
    rows.faults += [
        f"no accuracy of reference {name} for {task}, seed {seed}"
        for name, task, seed in wanted
        if (name, task, seed) not in found
    ]
    rows.faults += [f"{seed} is no seed of the table" for seed in {*seeds} - {*table.seeds}]
    rows.refuse()
    made: dict[str, dict[str, list[float]]] = {}
    for name, task, seed in wanted:
        value = found[name, task, seed]
        assert name is not None  # noqa: S101 - rows with faults are refused
        assert value is not None  # noqa: S101
        made.setdefault(name, {}).setdefault(task, []).append(value)
    return made


def _one_of(kind: str, known: Sequence[str], text: str) -> str:
    if text not in known:
        raise InvalidInputError(f"unknown {kind} '{text}'. {did_you_mean(text, known)}")
    return text


@dataclass(frozen=True)
class ImportedTable:
    """Facts of a table that its rows do not state.

    Attributes:
        id: Short name.
        space: The configurations.
        registry: Known tasks.
        protocol: Evaluation protocol of the rewards.
        profile: Name of the settings of rendering and training.
        description: Other facts of the card.
    """

    id: str
    space: ParameterSpace
    registry: TaskRegistry
    protocol: str
    profile: str
    description: Description

    def write(
        self,
        folder: Path,
        rewards: Path | pd.DataFrame,
        references: Path | pd.DataFrame | None,
        vectors: Path | None,
        *,
        with_gaps: bool,
    ) -> RewardTable:
        """Write the table of some rewards; nothing is written if there is a fault.

        Args:
            folder: Folder of the table.
            rewards: Its rows; see :func:`tabulate_rewards`.
            references: Rows of references; see :func:`read_references`.
            vectors: File of Task2Vec vectors of all tasks.
            with_gaps: True to write the table although rewards are missing.

        Raises:
            InvalidFileError: For faults of a file.
            InvalidInputError: For missing rewards or vectors, or another table in the folder.
        """
        found = replace(
            tabulate_rewards(read_rows(rewards), self.space, self.registry),
            id=self.id,
            protocol=self.protocol,
            profile=self.profile,
        )
        missing = [] if with_gaps else missing_rewards(found)
        if missing:
            raise InvalidInputError(
                "\n  - ".join(["The table is not complete:", *missing[:_LISTED]])
                + "\nAdd these rows, or write the incomplete table with --with-gaps."
            )
        facts: dict[str, Any] = {"notes": [*self.description.notes, _note(rewards)]}
        if references is not None:
            facts["references"] = read_references(read_rows(references), found)
        if vectors is not None:
            embeddings, facts["probe"] = _vectors(vectors, found.tasks)
            found = replace(found, embeddings=embeddings)
        description = self.description.model_copy(update=facts)
        _check_folder(folder, content_digest(found, description.references))
        return write_table(found, folder, description)


def _note(source: Path | pd.DataFrame) -> str:
    if isinstance(source, Path):
        return f"Imported from {source.name}, SHA-256 {sha256_file(source)}."
    return "Imported from a data frame."


def _vectors(path: Path, tasks: Sequence[str]) -> tuple[TaskEmbeddings, str]:
    """Vectors of the tasks, in their order, and their origin."""
    embeddings, origin = read_vectors(path)
    missing = [task for task in tasks if task not in embeddings.tasks]
    if missing:
        raise InvalidFileError(
            path,
            [f"no vector of {', '.join(missing)}"],
            "Embed all tasks of the table with 't2sbench task2vec'.",
        )
    rows = np.stack([embeddings.of(task) for task in tasks])
    return TaskEmbeddings(tuple(tasks), rows), str(origin or "not stated")


def _check_folder(folder: Path, digest: str) -> None:
    """Refuse to replace another table: records may name it."""
    if (folder / CARD).exists() and read_card(folder).digest != digest:
        raise InvalidInputError(
            f"{folder} holds another table. Choose another --output, or delete that folder."
        )


class _Parameter(Frozen):
    """Parameter of a file: name, levels in order, and the one that varies most."""

    name: str
    levels: list[str]
    most_varied: str | None = None


class _SpaceFile(Frozen):
    """Parameters of a space."""

    schema_version: Literal[1] = Field(1, alias="schema")
    parameters: list[_Parameter]


def read_space(path: Path) -> ParameterSpace:
    """Read a space from a YAML file: ``parameters``, each with ``name`` and ``levels``.

    Raises:
        InvalidFileError: If the file is missing or invalid; lists all faults with their lines.
    """
    remedy = "See docs/commands.md, 'Rewards measured elsewhere'."
    content = read_model_yaml(path, _SpaceFile, remedy).model_dump(exclude_none=True)
    parameters: list[dict[str, Any]] = content["parameters"]
    try:
        return space_from_json(parameters)
    except InvalidInputError as error:
        raise InvalidFileError(path, [str(error)], remedy) from error
