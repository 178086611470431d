from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.tasks.images import LabelledImages
from benchmark.tasks.pack import ROWS_PER_GROUP, open_pack, write_pack


def table(path: Path, **changes: list) -> Path:
    columns = {
        "image": [b"a", b"b", b"c", b"d"],
        "label": [0, 1, 0, 1],
        "label_name": ["cat", "dog", "cat", "dog"],
        "split": ["train", "train", "test", "test"],
        **changes,
    }
    parquet.write_table(pa.table({k: v for k, v in columns.items() if v is not None}), path)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=20))
def test_what_is_written_is_read(tmp_path, make_images, extra):
    rows = [(False, True), (True, True), (False, False), *extra]
    images = make_images([int(label) for label, _ in rows], [train for _, train in rows])
    written, _ = write_pack(images, tmp_path / "a.parquet")
    pack = open_pack(tmp_path / "a.parquet")
    assert pack.class_names == ("cat", "dog")
    assert (pack.labels == images.labels).all()
    assert (pack.is_train == images.is_train).all()
    assert list(pack.images()) == [images.read(row) for row in range(len(images))]
    assert [pack.image_bytes(row) for row in range(len(pack))] == list(pack.images())
    assert pack.digest == written
    assert sorted([*pack.train, *pack.test]) == list(range(len(rows)))


def test_random_access_over_several_groups(tmp_path, make_images):
    count = 2 * ROWS_PER_GROUP + 3
    small = make_images([0, 1, 0, 1], [True, True, False, False])
    images = LabelledImages(
        small.class_names,
        np.arange(count) % 2,
        np.arange(count) % 3 > 0,
        lambda row: small.read(row % 4) + str(row).encode(),  # trailing bytes do no harm
    )
    write_pack(images, tmp_path / "a.parquet")
    pack = open_pack(tmp_path / "a.parquet")
    for row in (count - 1, 0, ROWS_PER_GROUP - 1, ROWS_PER_GROUP, 2 * ROWS_PER_GROUP):
        assert pack.image_bytes(row) == images.read(row)
    with pytest.raises(InvalidInputError, match=f"0 to {count - 1}"):
        pack.image_bytes(count)


def test_same_images_make_the_same_bytes(tmp_path, small):
    for name in ("a", "b"):
        write_pack(small, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_digest_covers_images_labels_parts_and_names(tmp_path, make_images):
    labels, parts = [0, 1, 0, 1], [True, True, False, False]
    made = [
        make_images(labels, parts),
        make_images([1, 0, 0, 1], parts),
        make_images(labels, [True, False, True, False]),
        make_images(labels, parts, ("cat", "cow")),
        make_images([*labels, 0], [*parts, False]),
    ]
    assert len({write_pack(images, tmp_path / "x") for images in made}) == len(made)


def test_adopting_another_layout_of_the_file_keeps_the_digest(tmp_path, small):
    first, _ = write_pack(small, tmp_path / "a.parquet")
    content = parquet.read_table(tmp_path / "a.parquet")
    parquet.write_table(content, tmp_path / "b.parquet", row_group_size=3, compression="snappy")
    assert open_pack(tmp_path / "b.parquet").digest == first


def test_what_is_no_image_is_not_written(tmp_path, small):
    broken = LabelledImages(
        small.class_names,
        small.labels,
        small.is_train,
        lambda row: b"text" if row in (2, 7) else small.read(row),
    )
    with pytest.raises(InvalidFileError, match="row 2: not an image") as caught:
        write_pack(broken, tmp_path / "a.parquet")
    assert len(caught.value.faults) == 2
    assert list(tmp_path.glob("*")) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": None}, "no column 'label'"),
        ({"split": None, "image": None}, "no column 'split'"),
        ({"label": ["x", "y", "x", "y"]}, "column 'label' is string"),
        ({"label": [0, None, 0, 1]}, "column 'label': 1 rows are empty"),
        ({"label": [0, 2, 0, 2]}, "row 1: label 2 is out of range"),
        ({"label": [-1, 1, -1, 1]}, "row 0: label -1 is out of range"),
        (
            {"label_name": ["cat", "dog", "cow", "dog"]},
            "do not belong one to one: 0 'cat', 0 'cow'",
        ),
        ({"label": [0, 0, 0, 0], "label_name": ["cat"] * 4}, "one class only, 'cat'"),
        ({"split": ["train"] * 4}, "the test split is empty"),
        ({"split": ["test"] * 4}, "0 training images, fewer than the 1 needed"),
        ({"split": ["train", "val", "test", "test"]}, "row 1: split is 'val'"),
        ({"split": ["train", "test", "train", "test"]}, "all training images are of one class"),
    ],
)
def test_faults_of_structure(tmp_path, changes, says):
    with pytest.raises(InvalidFileError, match=says):
        open_pack(table(tmp_path / "a.parquet", **changes))


def test_all_faults_at_once(tmp_path):
    path = table(tmp_path / "a.parquet", label=[0, 5, 0, 1], split=["train"] * 4)
    with pytest.raises(InvalidFileError) as caught:
        open_pack(path, min_train=5)
    text = str(caught.value)
    assert "out of range" in text
    assert "test split is empty" in text
    assert "4 training images, fewer than the 5 needed" in text


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(InvalidFileError, match="not readable as Parquet"):
        open_pack(tmp_path / "a.parquet")
    with pytest.raises(InvalidFileError, match="not readable as Parquet"):
        open_pack(tmp_path / "absent.parquet")


def test_an_empty_table(tmp_path):
    empty = {name: [] for name in ("image", "label", "label_name", "split")}
    with pytest.raises(InvalidFileError, match="test split is empty"):
        open_pack(table(tmp_path / "a.parquet", **empty))


def test_labels_are_read_only(tmp_path, small):
    write_pack(small, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="read-only"):
        open_pack(tmp_path / "a.parquet").labels[0] = 1
