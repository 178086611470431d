"""A reward table on disk: a folder with a card, the rewards and, if it has them, embeddings.

``rewards.parquet`` has one row per measured cell: ``task`` (string), ``configuration`` (bit
string), ``seed`` (int64), ``accuracy`` (float64, percent).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import (
    canonical_json,
    read_model,
    sha256_file,
    write_atomically,
    write_bytes,
)
from benchmark.rewards.card import (
    Description,
    EmbeddingsCard,
    TableCard,
    TableFacts,
    TableTask,
)
from benchmark.rewards.checks import range_faults
from benchmark.rewards.noise import task_noise
from benchmark.rewards.reliability import split_half_reliability
from benchmark.rewards.table import RewardTable, content_digest
from benchmark.tasks.parquet_files import opened
from benchmark.tasks.vectors import read_embeddings, write_embeddings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pyarrow import ChunkedArray, Table

    from benchmark.tasks.vectors import TaskEmbeddings

CARD = "card.json"
REWARDS = "rewards.parquet"
EMBEDDINGS = "embeddings.safetensors"
_RESTORE = "Copy the table again from its source, or build it again."


def write_table(table: RewardTable, folder: Path, description: Description) -> RewardTable:
    """Write a table with its card, the card last, so that a folder with a card is complete.

    Returns:
        The table as :func:`read_table` gives it, card included.

    Raises:
        InvalidInputError: For accuracies outside 0 to 100 percent; nothing is written then.
    """
    if faults := range_faults(table):
        raise InvalidFileError(f"table {table.id}", faults, "Measure these cells again.")
    (folder / CARD).unlink(missing_ok=True)
    write_atomically(folder / REWARDS, lambda scratch: _write_rewards(table, scratch))
    card = TableCard(
        **{name: getattr(description, name) for name in TableFacts.model_fields},
        id=table.id,
        protocol=table.protocol,
        profile=table.profile,
        space=table.space.to_json(),
        tasks=[
            TableTask(
                name=name,
                n_test=n_test,
                reliability=split_half_reliability(values),
                noise=task_noise(values, n_test),
                data=description.data.get(name),
            )
            for name, n_test, values in zip(
                table.tasks, table.n_test.tolist(), table.values, strict=True
            )
        ],
        seeds=list(table.seeds),
        digest=content_digest(table, description.references),
        rewards_sha256=sha256_file(folder / REWARDS),
        embeddings=_write_embeddings(table.embeddings, folder, description.probe),
    )
    write_bytes(folder / CARD, canonical_json(card.model_dump(mode="json")) + b"\n")
    return read_table(folder)


def _write_embeddings(
    embeddings: TaskEmbeddings | None, folder: Path, probe: str
) -> EmbeddingsCard | None:
    if embeddings is None:
        return None
    write_embeddings(embeddings, folder / EMBEDDINGS)
    return EmbeddingsCard(
        file_sha256=sha256_file(folder / EMBEDDINGS),
        digest=embeddings.digest,
        dimension=embeddings.dimension,
        probe=probe,
    )


def _write_rewards(table: RewardTable, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows, columns, layers = np.nonzero(~np.isnan(table.values))
    configurations = np.array([str(configuration) for configuration in table.space])
    content = pa.table(
        {
            "task": pa.array(np.array(table.tasks)[rows]),
            "configuration": pa.array(configurations[columns]),
            "seed": pa.array(np.array(table.seeds, dtype=np.int64)[layers]),
            "accuracy": pa.array(table.values[rows, columns, layers]),
        }
    )
    parquet.write_table(content, path, compression="zstd")


def read_card(folder: Path) -> TableCard:
    """Read the card of a table folder.

    Raises:
        InvalidFileError: When it is missing or breaks the schema; lists all faults.
    """
    return read_model(folder / CARD, TableCard, _RESTORE)


def read_table(folder: Path) -> RewardTable:
    """Read a table and verify it: file digests, schema, content digest, range of accuracies.

    Raises:
        InvalidFileError: When anything disagrees with the card.
    """
    card = read_card(folder)
    _verify_file(folder / REWARDS, card.rewards_sha256)
    table = RewardTable(
        id=card.id,
        space=card.parameter_space,
        tasks=card.task_names,
        seeds=tuple(card.seeds),
        values=_cells(folder, card),
        n_test=np.array([task.n_test for task in card.tasks]),
        protocol=card.protocol,
        profile=card.profile,
        card=card,
    )
    if table.digest != card.digest:
        raise InvalidFileError(
            folder, [f"content digest is {table.digest}, but the card says {card.digest}"], _RESTORE
        )
    if faults := range_faults(table):
        raise InvalidFileError(folder, faults, "Measure these cells again, or correct the table.")
    if card.embeddings is None:
        return table
    _verify_file(folder / EMBEDDINGS, card.embeddings.file_sha256)
    return replace(table, embeddings=read_embeddings(folder / EMBEDDINGS, card.task_names))


def _verify_file(path: Path, expected: str) -> None:
    try:
        found = sha256_file(path)
    except OSError as error:
        raise InvalidFileError(
            path.parent, [f"no readable {path.name}: {error.strerror}"], _RESTORE
        ) from error
    if found != expected:
        fault = (
            f"{path.name} is damaged or was changed: {path.stat().st_size} bytes with "
            f"sha256 {found[:16]}..., but the card says {expected[:16]}..."
        )
        raise InvalidFileError(path.parent, [fault], _RESTORE)


def _check_size(path: Path, most_rows: int) -> None:
    with opened(path) as file:
        rows = file.metadata.num_rows
    if rows > most_rows:
        raise InvalidFileError(path, [f"{rows:,} rows for {most_rows:,} cells"])


def _read_rewards(path: Path, most_rows: int) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    names = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("task", names),
            ("configuration", names),
            ("seed", pa.int64()),
            ("accuracy", pa.float64()),
        ]
    )
    try:
        _check_size(path, most_rows)
        # Not read_table (pyarrow.dataset): it imports pandas, as to_numpy does, in half a second.
        # Texts stay in dictionaries: written out, a long one in many rows would fill the memory.
        with parquet.ParquetFile(path, read_dictionary=["task", "configuration"]) as file:
            return file.read().select(schema.names).cast(schema)
    except InvalidFileError as error:
        faults = [f"{path.name}: {fault}" for fault in error.faults]
        raise InvalidFileError(path.parent, faults, _RESTORE) from error
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InvalidFileError(path.parent, [f"{path.name}: {error}"], _RESTORE) from error


def _cells(folder: Path, card: TableCard) -> NDArray[np.float64]:
    """Values (n_tasks, n_configurations, n_seeds) from the long form; absent cells are NaN."""
    space = card.parameter_space
    shape = len(card.tasks), space.size, len(card.seeds)
    content = _read_rewards(folder / REWARDS, math.prod(shape))
    if any(column.null_count for column in content.columns):
        raise InvalidFileError(folder, [f"{REWARDS}: a value is missing"], _RESTORE)
    positions: tuple[dict[str, int] | dict[int, int], ...] = (
        {name: row for row, name in enumerate(card.task_names)},
        {str(configuration): column for column, configuration in enumerate(space)},
        {seed: layer for layer, seed in enumerate(card.seeds)},
    )
    values = np.full(shape, np.nan)
    try:
        cells = tuple(
            _numbers(content.column(name), where)
            for name, where in zip(("task", "configuration", "seed"), positions, strict=True)
        )
    except KeyError as error:
        raise InvalidFileError(
            folder, [f"{REWARDS}: {error} is not on the card"], _RESTORE
        ) from error
    flat = np.ravel_multi_index(cells, values.shape)
    if len(np.unique(flat)) != len(flat):
        raise InvalidFileError(folder, [f"{REWARDS}: a cell occurs twice"], _RESTORE)
    values.reshape(-1)[flat] = content.column("accuracy").to_pylist()
    return values


def _numbers(column: ChunkedArray, where: dict[str, int] | dict[int, int]) -> NDArray[np.int64]:
    """Positions of the values of a column."""
    found = [np.empty(0, dtype=np.int64)]
    for chunk in column.chunks:
        is_text = hasattr(chunk, "dictionary")
        keys = (chunk.dictionary if is_text else chunk).to_pylist()
        numbers = np.array([where[key] for key in keys], dtype=np.int64)
        found.append(numbers[chunk.indices.to_pylist()] if is_text else numbers)
    return np.concatenate(found)


def read_any_table(folder: Path) -> RewardTable:
    """Read a table like :func:`read_table`; refuse a path that is not a folder.

    Raises:
        InvalidInputError: When the path is not a folder.
        InvalidFileError: When anything disagrees with the card.
    """
    if not folder.is_dir():
        raise InvalidInputError(
            f"{folder} is not a folder with a {CARD}. List the known tables with 't2sbench ls "
            "tables'."
        )
    return read_table(folder)
