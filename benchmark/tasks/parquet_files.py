"""Parquet files of others, read within bounds of memory.

Sizes are refused from the metadata before a page is read. A few kilobytes can stand for gigabytes
still: a value in a dictionary counts once in the metadata, whatever its rows. Hence rows are read
in batches that are small where values may be large, and what they hold is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import check_regular
from benchmark.tasks.card import REMEDY

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Largest number of rows.
MAX_ROWS = 20_000_000
# Content that any file may hold, and the largest ratio of content and file beyond it.
_ALLOWANCE, _RATIO = 2**26, 100
_BATCH_BYTES, _BATCH_ROWS = 2**27, 512
_BUFFER = 2**20
_CORRECT = "Correct the column."


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a Parquet file whose sizes are within the bounds.

    Raises:
        InvalidFileError: If it is not readable as Parquet, also while it is read; or too large.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        check_regular(path)
        with parquet.ParquetFile(path, buffer_size=_BUFFER) as file:
            faults = _size_faults(path, file.metadata) + _repeated(file.schema_arrow.names)
            if faults:
                raise InvalidFileError(path, faults, "Get or write the file again.")
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidFileError(path, [f"not readable as Parquet: {reason}"], REMEDY) from error


def _repeated(names: list[str]) -> list[str]:
    return [f"{n} columns are named '{name}'" for name, n in Counter(names).items() if n > 1]


def content_bound(path: Path) -> int:
    """Largest content, in bytes, that a file may stand for."""
    return _ALLOWANCE + _RATIO * path.stat().st_size


def _size_faults(path: Path, metadata: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    faults = []
    if metadata.num_rows > MAX_ROWS:
        faults.append(f"{metadata.num_rows:,} rows exceed the limit of {MAX_ROWS:,}")
    chunks = (
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    )
    size = sum(abs(chunk.total_uncompressed_size) for chunk in chunks)
    if size > content_bound(path):
        faults.append(too_large(path, size))
    return faults


def too_large(path: Path, size: int) -> str:
    """Return the fault of a file that holds so many bytes."""
    return (
        f"{size / 1e6:,.0f} MB of content in a file of {path.stat().st_size / 1e3:,.0f} kB; the "
        f"limit is {content_bound(path) / 1e6:,.0f} MB"
    )


def batches(path: Path, column: str, groups: range | None = None) -> Iterator[Any]:
    """Yield the arrays of a column, in the order of the rows.

    Args:
        path: The file.
        column: Name of the column.
        groups: Row groups to read; None for all.

    Raises:
        InvalidFileError: If the file is damaged, or the column holds far more than its file.
    """
    from pyarrow import types

    with opened(path) as file:
        found = 0
        for group in range(file.num_row_groups) if groups is None else groups:
            rows = _batch_rows(file.metadata.row_group(group), column)
            for batch in file.iter_batches(rows, row_groups=[group], columns=[column]):
                array = batch.column(0)
                array = array.dictionary_decode() if types.is_dictionary(array.type) else array
                found += array.nbytes
                if found > content_bound(path):
                    fault = f"column '{column}': {too_large(path, found)}"
                    raise InvalidFileError(path, [fault], "Get or write the file again.")
                yield array


def check_contents(path: Path) -> None:
    """Check what the columns of a Parquet file hold, by reading them all.

    Raises:
        InvalidFileError: If the file is damaged, or a column holds far more than its file.
    """
    with opened(path) as file:
        names = file.schema_arrow.names
    for name in names:
        for _ in batches(path, name):
            pass


def _batch_rows(group: Any, column: str) -> int:  # noqa: ANN401 - pyarrow has no types
    """Rows that fit into memory even if each holds the largest value that the group can have."""
    chunks = [group.column(number) for number in range(group.num_columns)]
    size = sum(
        chunk.total_uncompressed_size
        for chunk in chunks
        if f"{chunk.path_in_schema}.".startswith(f"{column}.")
    )
    return int(min(max(_BATCH_BYTES // max(size, 1), 1), _BATCH_ROWS))


def encoded_images(column: Any) -> list[bytes | None]:  # noqa: ANN401 - pyarrow has no types
    """Bytes of a column of images, which the library ``datasets`` writes as a structure."""
    from pyarrow import types

    found = column.field("bytes") if types.is_struct(column.type) else column
    images: list[bytes | None] = found.to_pylist()
    return images


def holds_images(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """True if a column of a type can hold encoded images."""
    from pyarrow import types

    if types.is_struct(kind):
        inner = [kind.field(number) for number in range(kind.num_fields)]
        return any(
            field.name == "bytes"
            and not types.is_dictionary(field.type)
            and not types.is_struct(field.type)
            and holds_images(field.type)
            for field in inner
        )
    if types.is_dictionary(kind):
        return holds_images(kind.value_type)
    plain = types.is_binary, types.is_large_binary, types.is_fixed_size_binary
    return any(fits(kind) for fits in (*plain, types.is_binary_view, types.is_null))


def holds_numbers(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """True if a column of a type can hold whole numbers."""
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_null(kind))


def holds_labels(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """True if a column of a type can hold values that :func:`label_value` takes."""
    from pyarrow import types

    lists = types.is_list, types.is_large_list, types.is_fixed_size_list
    if types.is_dictionary(kind) or any(fits(kind) for fits in lists):
        return holds_labels(kind.value_type)
    fitting = types.is_integer, types.is_boolean, types.is_floating, types.is_decimal
    plain = any(fits(kind) for fits in fitting)
    return plain or holds_text(kind) or (holds_images(kind) and not types.is_struct(kind))


def label_value(value: Any) -> Any:  # noqa: ANN401 - of any library
    """A label as a whole number, boolean or text; None for an empty row.

    Raises:
        ValueError: If it is a list of several, a number that is not whole, or not UTF-8.

    Example:
        >>> label_value([3.0]), label_value(b"cat")
        (3, 'cat')
    """
    if isinstance(value, list):
        if len(value) != 1:
            raise ValueError(f"a row has {len(value)} labels; one is needed")
        return label_value(value[0])
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueError("text is not UTF-8") from None
    if isinstance(value, (float, Decimal)):
        if value % 1 != 0:
            raise ValueError(f"numbers are not whole ({value})")
        return int(value)
    return value


def holds_text(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """True if a column of a type can hold text."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return holds_text(kind.value_type)
    fitting = types.is_string, types.is_large_string, types.is_string_view, types.is_null
    return any(fits(kind) for fits in fitting)


def read_labels(path: Path, column: str) -> tuple[list[int | str], NDArray[np.int64]]:
    """Read a column of labels or other values as :func:`label_value` gives them.

    Returns:
        Its values in ascending order, and the number of each row's value, int64 ``(n,)``; -1 for
        empty rows.

    Raises:
        InvalidFileError: If the file is damaged, or values are no labels.
    """
    places: dict[Any, int] = {None: -1}
    found = []
    for array in batches(path, column):
        try:
            plain = map(label_value, _values(path, array))
            codes = [places.setdefault(value, len(places) - 1) for value in plain]
        except ValueError as error:
            raise InvalidFileError(path, [f"column '{column}': {error}"], _CORRECT) from error
        found.append(np.array(codes, dtype=np.int64))
    values = list(places)[1:]
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(values)), -1
    labels = rank[np.concatenate(found)] if found else np.empty(0, dtype=np.int64)
    return [values[place] for place in order], labels


def _values(path: Path, array: Any) -> list[Any]:  # noqa: ANN401 - pyarrow has no types
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError as error:
        raise InvalidFileError(path, ["text is not UTF-8"], REMEDY) from error
    return values
