"""Arrow files: sizes behind compression and repetition, wrong offsets, and what is read."""

import struct

import pyarrow as pa
import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.tasks.arrow_files import check_arrow

MAKERS = {"stream": pa.ipc.new_stream, "file": pa.ipc.new_file}


def batch(size=10, rows=1):
    images = pa.array([b"\1" * size] * rows, pa.binary())
    return pa.record_batch([images, pa.array(range(rows), pa.int64())], names=["image", "label"])


def write(path, batches, form="stream", compression=None):
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with MAKERS[form](path, batches[0].schema, options=options) as writer:
        for one in batches:
            writer.write_batch(one)
    return path


@pytest.mark.parametrize("form", MAKERS)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_usual_files_pass(tmp_path, form, compression):
    batches = [batch(2000, 30), batch(0, 0), batch(5, 300)]
    check_arrow(write(tmp_path / "a.arrow", batches, form, compression))


@pytest.mark.parametrize("form", MAKERS)
@pytest.mark.parametrize(("size", "count", "fact"), [(2**27, 1, "134 MB"), (2**26, 4, "MB")])
def test_compressed_content_counts_before_it_is_read(tmp_path, form, size, count, fact):
    path = write(tmp_path / "a.arrow", [batch(size)] * count, form, "zstd")
    before = pa.total_allocated_bytes()
    with pytest.raises(InvalidFileError, match=f"{fact} of content in a file of"):
        check_arrow(path)
    assert pa.total_allocated_bytes() <= before


def test_content_of_large_compressed_files_is_bounded_too(tmp_path):
    noise = pa.record_batch([pa.array([bytes(range(256)) * 2**14])], names=["image"])
    batches = [noise, *[pa.record_batch([pa.array([b"\1" * 2**26])], names=["image"])] * 8]
    path = write(tmp_path / "a.arrow", batches, compression="zstd")
    with path.open("ab") as stream:  # unread bytes that make the file large
        stream.truncate(2**23)
    with pytest.raises(InvalidFileError, match="537 MB of content in a file with compression"):
        check_arrow(path)


def test_compressed_dictionaries_count(tmp_path):
    column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([b"\1" * 2**27]))
    path = write(
        tmp_path / "a.arrow", [pa.record_batch([column], names=["image"])], compression="zstd"
    )
    with pytest.raises(InvalidFileError, match="134 MB"):
        check_arrow(path)


def test_a_batch_that_is_named_many_times(tmp_path):
    path = write(tmp_path / "a.arrow", [batch(2**20), *[batch(0, 0)] * 999], "file")
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack("<i", content[-10:-6])
    start = len(content) - 10 - length
    place = content.index(struct.pack("<I", 1000), start) + 4  # the vector of blocks
    first = bytes(content[place : place + 24])
    content[place : place + 24_000] = first * 1000
    path.write_bytes(content)
    assert pa.ipc.open_file(path).get_batch(999).num_rows == 1
    with pytest.raises(InvalidFileError, match="of content in a file of"):
        check_arrow(path)


def test_wrong_offsets_are_named(tmp_path):
    path = write(tmp_path / "a.arrow", [batch(70_001, 2)])
    right, wrong = (struct.pack("<iii", 0, 70_001, end) for end in (140_002, 2**30))
    content = path.read_bytes()
    assert content.count(right) == 1
    path.write_bytes(content.replace(right, wrong))
    with pytest.raises(InvalidFileError, match="not readable as Arrow"):
        check_arrow(path)


@pytest.mark.parametrize(
    "kind", [pa.dictionary(pa.int8(), pa.string()), pa.string_view(), pa.list_(pa.binary_view())]
)
def test_columns_whose_values_share_memory(tmp_path, kind):
    schema = pa.schema([("caption", kind)])
    path = write(tmp_path / "a.arrow", [pa.RecordBatch.from_pylist([], schema)])
    with pytest.raises(InvalidFileError, match="'caption'"):
        check_arrow(path)


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"ARROW1" * 3, b"\xff" * 40, b"\0" * 40])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.arrow").write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"a\.arrow"):
        check_arrow(tmp_path / "a.arrow")


@pytest.mark.parametrize("form", MAKERS)
def test_truncated_files_are_refused(tmp_path, form):
    path = write(tmp_path / "a.arrow", [batch(1000, 4)] * 2, form)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InvalidFileError, match=r"a\.arrow"):
        check_arrow(path)
