"""Users' folders: what is read, left out, and refused."""

import os

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.store import default_store
from benchmark.recommend.task import look, open_task


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))


def test_a_folder_becomes_a_task(folder):
    own = open_task(str(folder(cat=10, dog=7)))
    assert own.data.name == "photos"
    assert own.data.class_names == ("cat", "dog")
    assert own.data.pack.class_counts == ((7, 4), (3, 3))
    assert (own.left_out, own.repeated) == ((), 0)


def test_given_parts_are_kept_and_repetitions_counted(folder):
    folder(part="train", cat=6, dog=6)
    root = folder(part="val", cat=2, dog=2)
    (root / "val/cat/000.png").write_bytes((root / "train/cat/000.png").read_bytes())
    own = open_task(str(root))
    assert own.data.pack.class_counts == ((6, 6), (2, 2))
    assert own.repeated == 1


def test_a_changed_image_gives_another_task_and_an_unchanged_folder_the_same(folder):
    root = folder(cat=10, dog=10)
    before = open_task(str(root)).data
    assert open_task(str(root)).data.digest == before.digest
    made = len(default_store().durations("images"))
    path = root / "cat/000.png"
    path.write_bytes((root / "cat/001.png").read_bytes())
    os.utime(path, ns=(1, 1))
    assert open_task(str(root)).data.digest != before.digest
    assert len(default_store().durations("images")) == made + 1


def test_few_broken_images_are_left_out_and_named(folder):
    root = folder(cat=20, dog=20)
    (root / "dog/003.png").write_bytes(b"<html>")
    truncated = (root / "cat/005.png").read_bytes()[:200]
    (root / "cat/005.png").write_bytes(truncated)
    own = open_task(str(root))
    assert [text.partition(": ")[0] for text in own.left_out] == [
        str(root / "cat/005.png"),
        str(root / "dog/003.png"),
    ]
    assert np.bincount(own.data.labels).tolist() == [19, 19]


def test_many_broken_images_are_refused_all_at_once(folder):
    root = folder(cat=10, dog=10)
    for number in range(3):
        (root / f"dog/{number:03d}.png").write_bytes(b"<html>")
    with pytest.raises(InvalidFileError, match=r"dog/000\.png.*\n.*dog/001\.png") as caught:
        open_task(str(root))
    assert len(caught.value.faults) == 3
    assert default_store().durations("images") == []


@pytest.mark.parametrize(
    ("counts", "facts"),
    [
        ({"cat": 10}, "one class only, cat"),
        ({"cat": 3, "dog": 3}, r"fewer than 5 images in 2 of 2 classes: cat \(3\), dog \(3\)"),
        ({"cat": 20, "dog": 4}, r"in 1 of 2 classes: dog \(4\)"),
    ],
)
def test_too_few_classes_or_images(folder, counts, facts):
    with pytest.raises(InvalidFileError, match=facts):
        look(str(folder(**counts)))


def test_too_many_classes(folder):
    root = folder(cat=5)
    image = (root / "cat/000.png").read_bytes()
    for number in range(1000):
        (root / f"c{number}").mkdir()
        (root / f"c{number}/0.png").write_bytes(image)
    with pytest.raises(InvalidFileError, match="1,001 classes exceed the limit of 1,000") as caught:
        look(str(root))
    assert "1,000 of 1,001 classes: c0 (1), c1 (1), c10 (1), ..." in caught.value.faults[1]


def test_a_class_without_enough_training_images(folder):
    folder(part="train", cat=2, dog=9)
    root = folder(part="test", cat=9, dog=9)
    with pytest.raises(InvalidFileError, match=r"fewer than 3 training images.*cat \(2\)"):
        look(str(root))


def test_nothing_there(tmp_path):
    with pytest.raises(InvalidInputError, match="absent"):
        look(str(tmp_path / "absent"))
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose/0.png").write_bytes(b"")
    with pytest.raises(InvalidFileError, match="loose"):
        look(str(tmp_path / "loose"))
