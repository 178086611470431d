"""A store, a quick profile and two small tasks that a network can learn."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.core.store import CellStore
from benchmark.pipeline.profiles import Profile
from benchmark.tasks.images import LabelledImages, encode_png
from benchmark.tasks.registry import load_data_tasks
from benchmark.tasks.task_data import Description, load_task_data, write_task_data


def coloured(seed: int, count: int, classes: int) -> LabelledImages:
    """Noise of another colour for every class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    colours = rng.integers(60, 196, (classes, 3))
    images = [
        encode_png(np.clip(colours[label] + rng.normal(0, 40, (12, 12, 3)), 0, 255).astype("u1"))
        for label in labels
    ]
    names = tuple(f"c{i}" for i in range(classes))
    return LabelledImages(names, labels, np.arange(count) < count * 2 // 3, images.__getitem__)


def written(images: LabelledImages, folder: Path) -> list[Path]:
    """Write images as one folder per class; return the paths."""
    paths = []
    for row in range(len(images)):
        path = folder / images.class_names[images.labels[row]] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.read(row))
        paths.append(path)
    return paths


def write_tasks(folder: Path) -> None:
    """EuroSAT (seen) and PacsC (unseen), a few images each."""
    tasks = load_data_tasks()
    for seed, name in enumerate(("EuroSAT", "PacsC")):
        images = coloured(seed, 45, 3)
        write_task_data(tasks[name], images, Description(source="made by a test"), folder)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("task-data")
    write_tasks(folder)
    return folder


@pytest.fixture
def task(tiny_data):
    return load_task_data("EuroSAT", tiny_data)


@pytest.fixture
def tiny_profile():
    return Profile.model_validate(
        {
            "name": "tiny",
            "simulator": "toy",
            "classes": 3,
            "images_per_class": 12,
            "size": 32,
            "encoding": "png",
            "network": "mini-resnet",
            "recipe": "mini",
            "cpu_threads": 1,
            "evaluation": {"linear_epochs": 2, "linear_min_steps": 0, "finetune_epochs": 1},
        }
    )


@pytest.fixture
def store(tmp_path):
    return CellStore(tmp_path / "cells")
