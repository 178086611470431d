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
    """Bright discs, squares, crosses and stripes of any colour on dark noise: four classes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    images = []
    labels = np.repeat(np.arange(4), per_class)
    for label in labels:
        radius = size * rng.uniform(0.2, 0.33)
        centre = rng.uniform(0.35, 0.65, 2) * size
        dy, dx = np.abs(y - centre[0]), np.abs(x - centre[1])
        square = np.maximum(dy, dx) < radius
        mask = (
            dy**2 + dx**2 < radius**2,
            square,
            square & (np.minimum(dy, dx) < radius / 3),
            square & (np.sin(x * 2) > 0),
        )[label]
        picture = rng.normal(rng.uniform(20, 100, 3)[:, None, None], 15, (3, size, size))
        picture = np.where(mask, rng.uniform(140, 255, 3)[:, None, None], picture)
        images.append(picture.clip(0, 255))
    return np.stack(images).astype(np.uint8), labels


@pytest.fixture
def one_thread():
    """Small networks train faster so, above all on busy cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_set(shapes):
    """Forty images of 16 pixels."""
    from benchmark.pretraining.training_set import TrainingSet

    return TrainingSet(*shapes(10, size=16), classes=4)


@pytest.fixture(scope="session")
def tiny_recipe():
    """Three epochs of five updates, with everything that draws random numbers."""
    from benchmark.pretraining.recipes import Recipe

    return Recipe(
        name="tiny",
        epochs=3,
        batch_size=8,
        image_size=16,
        lr=2e-3,
        label_smoothing=0.1,
        mixup=0.2,
        cutmix=1.0,
        mix_probability=0.5,
        crop_scale=0.5,
        saturation=0.3,
        drop_path=0.2,
    )
