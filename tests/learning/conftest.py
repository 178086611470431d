"""Made-up pixels: smooth enough for resampling, with extremes for the operations on bytes."""

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session")
def pictures():
    """Maker of pictures: ``pictures(count, size, seed)``."""
    return _pictures


@pytest.fixture(scope="session")
def shapes():
    """Maker of labelled images: ``shapes(per_class, size, seed)``."""
    return _shapes


def _pictures(count=6, size=32, seed=0):
    """uint8 (count, 3, size, size)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-40, 295, (count, 3, 5, 5)).astype(np.float32)
    smooth = torch.nn.functional.interpolate(
        torch.from_numpy(coarse), size, mode="bicubic", align_corners=False
    )
    noisy = smooth + torch.from_numpy(rng.normal(0, 4, smooth.shape).astype(np.float32))
    return noisy.clamp(0, 255).round().to(torch.uint8)


def _shapes(per_class, size=32, seed=0):
    """Coloured discs, squares, crosses and stripes on noise, in two sizes: 8 classes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    images, labels = [], []
    for label in range(8):
        for _ in range(per_class):
            big = label % 2
            radius = size * (0.33 if big else 0.17)
            cy, cx = rng.uniform(0.35, 0.65, 2) * size
            dy, dx = np.abs(y - cy), np.abs(x - cx)
            mask = (
                dy**2 + dx**2 < radius**2,
                np.maximum(dy, dx) < radius,
                (np.minimum(dy, dx) < radius / 3) & (np.maximum(dy, dx) < radius),
                (np.maximum(dy, dx) < radius) & (np.sin(x * 2) > 0),
            )[label // 2]
            picture = rng.normal(rng.uniform(60, 190, 3)[:, None, None], 20, (3, size, size))
            picture = np.where(mask, rng.uniform(0, 255, 3)[:, None, None], picture)
            images.append(picture.clip(0, 255))
            labels.append(label)
    return np.stack(images).astype(np.uint8), np.array(labels)
