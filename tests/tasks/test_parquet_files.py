"""Parquet files that hold far more than their bytes are refused before memory is taken."""

import os
import resource

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmark.cli.main import main
from benchmark.core.errors import InvalidFileError
from benchmark.tasks.loaders.own import own_images
from benchmark.tasks.pack import open_pack
from benchmark.tasks.parquet_files import batches, read_labels

MINE = "schema: 1\ntasks:\n  - {name: My, side: unseen, classes: 2, split: {test: 2}}\n"


def table(path, rows: int, *, store_schema=True, **columns):
    """A prepared file of which some columns are others."""
    given = {
        "image": [b"x"] * rows,
        "label": [i % 2 for i in range(rows)],
        "label_name": ["ab"[i % 2] for i in range(rows)],
        "split": ["train", "train", "test", "test"] * (rows // 4),
        **columns,
    }
    content = pa.table(given)
    limit = 2**30  # large values go into the dictionary
    parquet.write_table(
        content,
        path,
        compression="zstd",
        dictionary_pagesize_limit=limit,
        store_schema=store_schema,
    )
    return path


@pytest.fixture
def grown():
    """Function that gives the growth of this process in MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return lambda: (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def repeated(value: bytes | str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


def test_uncompressed_sizes_are_refused(tmp_path, monkeypatch, capsys):
    path = table(tmp_path / "My.parquet", 12, image=repeated(bytes(80_000_000), 12))
    assert path.stat().st_size < 20_000
    (tmp_path / "my.yaml").write_text(MINE)
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    assert main(["data", "adopt", str(path), "--tasks-file", str(tmp_path / "my.yaml")]) == 2
    assert "80 MB" in capsys.readouterr().err


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("column", ["image", "label_name", "split"])
def test_one_large_value_for_all_rows(tmp_path, column, typed, grown):
    noise = np.random.default_rng(0).integers(32, 126, 2**20, dtype=np.uint8).tobytes()
    value = noise if column == "image" else noise.decode()
    columns = {column: repeated(value, 1200)}
    path = table(tmp_path / "a.parquet", 1200, store_schema=typed, **columns)
    with pytest.raises(InvalidFileError, match=f"'{column}'"):
        list(batches(path, column))
    with pytest.raises(InvalidFileError):
        list(open_pack(path).images())
    assert grown() < 700


def test_numbers_of_rows(tmp_path, monkeypatch):
    path = table(tmp_path / "a.parquet", 40)
    monkeypatch.setattr("benchmark.tasks.parquet_files.MAX_ROWS", 39)
    with pytest.raises(InvalidFileError, match="40 rows"):
        open_pack(path)
    with pytest.raises(InvalidFileError, match="40 rows"):
        own_images(str(path))


def test_values_and_their_places(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"x": ["b", None, "a", "b"]}), path, row_group_size=3)
    values, places = read_labels(path, "x")
    assert values == ["a", "b"]
    assert places.tolist() == [1, -1, 0, 1]


def test_many_wrong_labels_are_refused_quickly(tmp_path):
    rows = 40_000
    path = table(tmp_path / "a.parquet", rows, label=list(range(7, 7 + rows)))
    with pytest.raises(InvalidFileError, match="label 7 is out of range"):
        open_pack(path)


def test_labels_beyond_64_bits(tmp_path):
    label = pa.array([2**64 - 1, 1] * 2, pa.uint64())
    with pytest.raises(InvalidFileError, match=str(2**64 - 1)):
        open_pack(table(tmp_path / "a.parquet", 4, label=label))


def test_text_that_is_not_utf_8(tmp_path):
    text = pa.array([b"a", b"\xff"] * 2).view(pa.string())
    path = table(tmp_path / "a.parquet", 4, label_name=text)
    with pytest.raises(InvalidFileError, match="UTF-8"):
        open_pack(path)
    with pytest.raises(InvalidFileError, match="UTF-8"):
        own_images(str(table(tmp_path / "a.parquet", 4, label=text)))


@pytest.mark.parametrize("command", ["adopt", "prepare"])
def test_a_pipe_does_not_block(tmp_path, command, capsys, monkeypatch):
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "my.yaml").write_text(MINE)
    os.mkfifo(tmp_path / "My.parquet")
    file, tasks = str(tmp_path / "My.parquet"), ["--tasks-file", str(tmp_path / "my.yaml")]
    words = ["adopt", file] if command == "adopt" else ["prepare", "My", "--from", file]
    assert main(["data", *words, *tasks]) == 2
    assert "My.parquet" in capsys.readouterr().err


def test_names_of_several_columns_are_faults(tmp_path):
    columns = [pa.array([b"a", b"b"]), pa.array([0, 1]), pa.array([1, 0])]
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table(columns, names=["image", "label", "label"]), path)
    with pytest.raises(InvalidFileError, match="2 columns are named 'label'"):
        own_images(str(path))


def test_damaged_files_are_faults(tmp_path):
    whole = table(tmp_path / "a.parquet", 40).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 4):
            content[place] = rng.integers(256)
        (tmp_path / "b.parquet").write_bytes(content)
        try:
            images = own_images(str(tmp_path / "b.parquet"))
            for row in range(len(images)):
                images.read(row)
        except InvalidFileError:
            pass


TEXTS = pa.array(["cat", "ant"] * 5)
NUMBERS = pa.array([1, 0] * 5)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (TEXTS.dictionary_encode(), ("ant", "cat")),
        (NUMBERS.dictionary_encode(), ("0", "1")),
        (TEXTS.cast(pa.large_string()), ("ant", "cat")),
        (TEXTS.cast(pa.string_view()), ("ant", "cat")),
        (TEXTS.cast(pa.large_binary()), ("ant", "cat")),
        (pa.array([[text] for text in TEXTS.to_pylist()]), ("ant", "cat")),
        (pa.array([[n] for n in NUMBERS.to_pylist()], pa.list_(pa.int64(), 1)), ("0", "1")),
        (NUMBERS.cast(pa.bool_()), ("False", "True")),
        (NUMBERS.cast(pa.float16()), ("0", "1")),
        (NUMBERS.cast(pa.decimal128(21, 2)), ("0", "1")),
    ],
)
@pytest.mark.parametrize("column", ["img", "picture", "image.bytes", "scan"])
def test_types_of_labels_and_names_of_images(tmp_path, labels, names, column):
    encoded = [bytes([number]) * 40 for number in range(10)]
    kind = pa.large_binary() if column == "img" else pa.binary()
    content = {column: pa.array(encoded, kind), "label": labels}
    parquet.write_table(pa.table(content), tmp_path / "a.parquet", row_group_size=4)
    images = own_images(str(tmp_path / "a.parquet"))
    assert images.class_names == names
    assert images.labels.tolist() == [1, 0] * 5
    assert [images.read(row) for row in range(10)] == encoded


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        ([[1, 0]] * 4, "2 labels"),
        ([[]] * 4, "0 labels"),
        ([0.5, 1, 1, 0], "not whole"),
        ([float("nan")] * 4, "not whole"),
        ([float("inf")] * 4, "not whole"),
        ([b"\xff"] * 4, "UTF-8"),
    ],
)
def test_values_that_are_no_labels(tmp_path, labels, fact):
    content = {"image": [b"x"] * 4, "label": pa.array(labels)}
    parquet.write_table(pa.table(content), tmp_path / "a.parquet")
    with pytest.raises(InvalidFileError, match=f"'label'.*{fact}"):
        own_images(str(tmp_path / "a.parquet"))
