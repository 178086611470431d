"""Arrow files of others, checked before the library ``datasets`` maps them into memory.

Buffers may be compressed, and the table at the end of a file may name one batch many times: a few
kilobytes can stand for gigabytes. PyArrow decompresses whole batches, and says their sizes only
afterwards. Hence sizes are read from the messages' metadata here. PyArrow does not check offsets
either unless it is asked to, and reads outside of the buffers for wrong ones.

Source: the Arrow columnar format, section "Serialization and Interprocess Communication (IPC)", and
its schemas ``Message.fbs`` and ``File.fbs``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidFileError
from benchmark.core.extras import require
from benchmark.core.files import check_regular
from benchmark.tasks.parquet_files import content_bound, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flatbuffers.table import Table

#: Largest content of a file whose buffers are compressed.
MAX_COMPRESSED = 2**29
_REMEDY = "Save the data set again with save_to_disk, or as Parquet."
_FILE_MARK = b"ARROW1"
_UNREADABLE = (OSError, EOFError, TypeError, ValueError, KeyError, struct.error)
# Kinds of messages.
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def check_arrow(path: Path) -> None:
    """Check sizes and values of an Arrow file, in the stream or the file format.

    Raises:
        InvalidFileError: If it is not readable as Arrow, holds far more than its size, or has
            columns whose values share memory.
        UnavailableError: If a package of the extra ``data`` is not installed.
    """
    import pyarrow as pa

    require("data", "Reading Arrow files", "flatbuffers")
    try:
        check_regular(path)
        with pa.memory_map(str(path)) as source:
            faults = _faults(path, source.read_buffer())
    except (*_UNREADABLE, pa.ArrowException) as error:
        faults = [f"not readable as Arrow: {' '.join(str(error).split())[:200]}"]
    if faults:
        raise InvalidFileError(path, faults, _REMEDY)


def _faults(path: Path, content: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    is_file = memoryview(content)[: len(_FILE_MARK)] == _FILE_MARK
    fault = _size_fault(path, _from_file(content) if is_file else _from_stream(content))
    if fault:
        return [fault]
    reader = pa.ipc.open_file(content) if is_file else pa.ipc.open_stream(content)
    faults = [
        f"column '{field.name}' is of type {str(field.type)[:80]}, whose values share memory"
        for field in reader.schema
        if _shares(field.type)
    ]
    if not faults:
        numbers = range(reader.num_record_batches) if is_file else ()
        for batch in map(reader.get_batch, numbers) if is_file else reader:
            batch.validate(full=True)
    return faults


def _size_fault(path: Path, messages: Iterator[Any]) -> str:
    """The fault of a file that holds too much; empty without one."""
    size, is_compressed = 0, False
    for message in messages:
        content, compressed = _content(message)
        size, is_compressed = size + content, is_compressed or compressed
        if is_compressed and size > MAX_COMPRESSED:
            return f"over {MAX_COMPRESSED / 1e6:,.0f} MB of content in a file with compression"
        if size > content_bound(path):
            return too_large(path, size)
    return ""


def _from_stream(content: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    return iter(pa.ipc.MessageReader.open_stream(content))


def _from_file(content: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
    """Messages of dictionaries and rows that the table at the end of a file names."""
    import pyarrow as pa

    whole = memoryview(content)
    end = len(whole) - len(_FILE_MARK) - 4
    (length,) = struct.unpack_from("<i", whole, end)
    if not 0 < length < end:
        raise ValueError("a wrong length of the footer")
    footer = _root(whole[end - length : end])
    for number in (2, 3):
        for place, _, _ in _structures(footer, number, "<qi4xq"):
            if not 0 <= place < len(whole):
                raise ValueError("a position outside of the file")
            yield pa.ipc.read_message(pa.BufferReader(content.slice(place)))


def _content(message: Any) -> tuple[int, bool]:  # noqa: ANN401 - pyarrow has no types
    """Bytes that the buffers of a message stand for, and whether they are compressed."""
    root, body = _root(memoryview(message.metadata)), memoryview(message.body or b"")
    kind = _field(root, 1)
    number = struct.unpack_from("<B", root.Bytes, kind)[0] if kind else 0
    if number not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return 0, False
    batch = _table(root, 2)
    batch = _table(batch, 1) if number == _DICTIONARY_BATCH else batch
    if not _field(batch, 3):
        return len(body), False
    # A compressed buffer begins with its decompressed length; -1 for one that is not.
    sizes = (
        max(struct.unpack_from("<q", body, place)[0], length)
        for place, length in _structures(batch, 2, "<qq")
        if length
    )
    return sum(sizes), True


def _root(content: memoryview) -> Table:
    from flatbuffers.table import Table

    return Table(content, struct.unpack_from("<I", content)[0])


def _field(table: Table, number: int) -> int:
    """Position of a field of a table; 0 if it has its default value."""
    offset = table.Offset(4 + 2 * number)
    return int(table.Pos + offset) if offset else 0


def _table(table: Table, number: int) -> Table:
    """Table of a field of a table."""
    from flatbuffers.table import Table as Inner

    return Inner(table.Bytes, table.Indirect(_field(table, number)))


def _structures(table: Table, number: int, layout: str) -> Iterator[tuple[int, ...]]:
    """Structures of a field that is a vector of them."""
    offset = table.Offset(4 + 2 * number)
    if not offset:
        return iter(())
    start, size = table.Vector(offset), table.VectorLen(offset) * struct.calcsize(layout)
    return struct.iter_unpack(layout, table.Bytes[start : start + size])


def _shares(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    """True for types whose values may be larger than the memory that they take."""
    from pyarrow import types

    kinds = ("dictionary", "run_end_encoded", "string_view", "binary_view", "list_view")
    if any(getattr(types, f"is_{name}")(kind) for name in (*kinds, "large_list_view")):
        return True
    return any(_shares(kind.field(number).type) for number in range(kind.num_fields))
