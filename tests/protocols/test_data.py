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
            "test split of task 't'",
        ),
        (
            {"train_images": images(0), "train_labels": np.array([], np.int64)},
            "train split of task 't'",
        ),
        ({"train_images": images(3).astype(float)}, "uint8 .* float64"),
        ({"train_images": images(3)[:, :1]}, r"\(3, 1, 8, 8\)"),
        ({"train_images": images(3)[:, :, 1:]}, r"\(3, 3, 7, 8\)"),
        (
            {"test_labels": np.array([0, 2])},
            "test split of task 't' .* 0 to 1 .* 2 for item 1",
        ),
        ({"train_labels": np.array([0, -1, 1])}, "0 to 1 .*-1 for item 1"),
        ({"train_labels": np.array([0, 1])}, "train .* 3 whole numbers"),
        ({"train_labels": np.array([0.0, 1.0, 1.0])}, "float64"),
        (
            {"train_labels": np.array([1, 1, 1])},
            "at least two classes in the train .* class 1 only",
        ),
        ({"test_images": images(2, 9)}, "same size"),
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
    with pytest.raises(InvalidInputError, match=r"\(0, 2\)"):
        check_features(np.ones((0, 2), np.float32), "x")
