"""Small folders of images, whose classes differ in colour."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.task2vec import settings


def picture(label: int, number: int) -> bytes:
    """A noisy image whose mean colour depends on its class."""
    rng = np.random.default_rng([label, number])
    noise = rng.integers(-60, 60, (24, 24, 3))
    pixels = (np.array([60 + 60 * label, 128, 200 - 50 * label]) + noise).clip(0, 255)
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path) -> Callable[..., Path]:
    """Writer of class folders: ``folder(cat=10, dog=10)``; ``part`` puts them below a part."""

    def write(name: str = "photos", part: str = "", **counts: int) -> Path:
        root = tmp_path / name
        for label, (kind, count) in enumerate(counts.items()):
            below = root / part / kind
            below.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                unique = number + 1000 * len(part)
                (below / f"{number:03d}.png").write_bytes(picture(label, unique))
        return root

    return write


@pytest.fixture
def quick(monkeypatch, tmp_path) -> dict[str, object]:
    """Arguments of a recommendation that takes seconds: toy simulator, few steps."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    fast = dataclasses.replace(settings.FAST, draws=64, head_steps=30)
    monkeypatch.setitem(settings.RECIPES, "fast", fast)
    changes = {
        "simulator": "toy",
        "classes": 4,
        "images_per_class": 32,
        "evaluation.linear_epochs": 2,
        "evaluation.linear_min_steps": 20,
    }
    return {"changes": changes}
