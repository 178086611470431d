"""Small images and trees that imitate the official downloads."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.tasks.images import LabelledImages, encode_png


def jpeg(number: int, size=(12, 10)) -> bytes:
    """A JPEG of one colour with a few dots, unlike those of all other numbers."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG")
    return stream.getvalue()


@pytest.fixture(autouse=True)
def no_user_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("T2SBENCH_DATA", raising=False)


@pytest.fixture
def put() -> Callable[[Path], bytes]:
    """Writer of JPEG files, each with content of its own."""
    count = iter(range(10**6))

    def write(path: Path) -> bytes:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content := jpeg(next(count)))
        return content

    return write


@pytest.fixture(scope="session")
def make_images() -> Callable[..., LabelledImages]:
    """Maker of images in memory: ``make_images(labels, is_train, names)``."""

    def make(labels, is_train, names=("cat", "dog")) -> LabelledImages:
        rng = np.random.default_rng(len(labels))
        encoded = [
            encode_png(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)) for _ in range(len(labels))
        ]
        return LabelledImages(
            tuple(names), np.array(labels), np.array(is_train, dtype=bool), encoded.__getitem__
        )

    return make


@pytest.fixture
def small(make_images) -> LabelledImages:
    """Six training and four test images of two classes."""
    return make_images([0, 1] * 5, [True] * 6 + [False] * 4)
