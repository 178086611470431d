import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.protocols.data import EvaluationData, check_features


def images(n, side=8):
    return np.zeros((n, 3, side, side), np.uint8)


def build(**changes):
    fields = {
        "name": "t",
        "train_images": images(3),
        "train_labels": np.array([0, 1, 1]),
        "test_images": images(2),
        "test_labels": np.array([0, 1]),
        "n_classes": 2,
    }
    return EvaluationData(**(fields | changes))


def test_labels_of_any_whole_type_become_int64():
    assert build(train_labels=np.array([0, 1, 1], np.uint8)).train_labels.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"test_images": images(0), "test_labels": np.array([], np.int64)},
            r"^Expected the test split of task 't' to hold images, but got none. Prepare",
        ),
        (
            {"train_images": images(0), "train_labels": np.array([], np.int64)},
            "Expected the train split of task 't' to hold images",
        ),
        ({"train_images": images(3).astype(float)}, "uint8 images .* but got float64"),
        ({"train_images": images(3)[:, :1]}, r"but got uint8 of shape \(3, 1, 8, 8\)"),
        ({"train_images": images(3)[:, :, 1:]}, r"but got uint8 of shape \(3, 3, 7, 8\)"),
        (
            {"test_labels": np.array([0, 2])},
            "labels of the test split of task 't' from 0 to 1, but got 2 for item 1",
        ),
        ({"train_labels": np.array([0, -1, 1])}, "from 0 to 1, but got -1 for item 1"),
        ({"train_labels": np.array([0, 1])}, "Expected 3 whole numbers as labels of the train"),
        ({"train_labels": np.array([0.0, 1.0, 1.0])}, "but got float64"),
        (
            {"train_labels": np.array([1, 1, 1])},
            "at least two classes in the train .* class 1 only",
        ),
        ({"test_images": images(2, 9)}, "of one size"),
    ],
)
def test_refuses(changes, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        build(**changes)


def test_features_that_are_not_finite_are_counted():
    broken = np.ones((4, 2), np.float32)
    broken[[1, 3], 0] = np.nan, np.inf
    with pytest.raises(InvalidInputError, match="in 2 of 4 rows, the first 1"):
        check_features(broken, "x")
    with pytest.raises(InvalidInputError, match=r"but got \(0, 2\)"):
        check_features(np.ones((0, 2), np.float32), "x")
