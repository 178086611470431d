import numpy as np
import pytest
import torch

from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.training_set import Batches, TrainingSet


def images(count=6, size=4):
    return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("pixels", "labels", "classes", "message"),
    [
        (images().astype(np.float32), LABELS, 3, "uint8 .* float32"),
        (images()[:, :1], LABELS, 3, r"shape \(6, 1, 4, 4\)"),
        (images()[..., :3], LABELS, 3, "square"),
        (images(0), LABELS[:0], 3, "at least one"),
        (images(), LABELS[:5], 3, r"\(6,\).* int64 of shape \(5,\)"),
        (images(), LABELS.astype(float), 3, "float64"),
        (images(), LABELS, 2, "0 and 1 .*0 to 2"),
        (images(), LABELS - 1, 3, "-1 to 1"),
        (images(), np.zeros(6, int), 3, "two categories .* category 0"),
    ],
)
def test_bad_sets_are_refused(pixels, labels, classes, message):
    with pytest.raises(InvalidInputError, match=message):
        TrainingSet(pixels, labels, classes)


def test_the_digest_sees_pixels_labels_and_classes():
    base = TrainingSet(images(), LABELS, 3)
    other = images()
    other[5, 2, 3, 3] ^= 1
    different = [
        TrainingSet(other, LABELS, 3),
        TrainingSet(images(), LABELS[::-1].copy(), 3),
        TrainingSet(images(), LABELS, 4),
    ]
    assert len({s.sha256 for s in [base, *different]}) == 4
    same = TrainingSet(torch.from_numpy(images()), torch.from_numpy(LABELS), 3)
    assert same.sha256 == base.sha256
    assert TrainingSet(images(), LABELS, 3, known_sha256="f" * 64).sha256 == "f" * 64


def test_batches_are_the_rows_asked_for(tmp_path):
    np.save(tmp_path / "images.npy", images())
    rows = np.array([5, 0, 5])
    for source in (
        images(),
        np.load(tmp_path / "images.npy", mmap_mode="r"),
        torch.from_numpy(images()),
    ):
        taken, labels = Batches(TrainingSet(source, LABELS, 3), torch.device("cpu")).take(rows)
        assert torch.equal(taken, torch.from_numpy(images()[rows]))
        assert labels.tolist() == [2, 0, 2]
        assert labels.dtype == torch.int64
