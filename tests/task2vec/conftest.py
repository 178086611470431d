"""Small tasks of coloured images, and a probe whose branches are in use."""

import dataclasses

import numpy as np
import pytest
import torch

from benchmark.pretraining.networks import build_backbone
from benchmark.task2vec.probe import make_probe
from benchmark.task2vec.settings import FAST
from benchmark.tasks.images import LabelledImages

SIDE = 16

#: Enough for a test, seconds.
QUICK = dataclasses.replace(FAST, name="quick", head_steps=60, draws=64)


def lively(seed=0):
    """A mini-resnet whose residual branches do something; built, they begin at zero."""
    backbone = build_backbone("mini-resnet", seed)
    for name, weights in backbone.named_parameters():
        if name.endswith("bn2.weight"):
            torch.nn.init.constant_(weights, 0.5)
    return backbone


@pytest.fixture(autouse=True)
def one_thread():
    """One thread: small networks are faster, and results repeat bit for bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def backbone():
    return lively()


@pytest.fixture(scope="session")
def probe():
    return make_probe(lively(), "lively", "drawn for tests", SIDE)


@pytest.fixture(scope="session")
def quick():
    return QUICK


@pytest.fixture(scope="session")
def pictures():
    """``pictures(n, classes, seed, kind)``: uint8 images and labels, two kinds of tasks."""

    def make(n=60, classes=3, seed=0, kind="colour"):
        rng = np.random.default_rng([seed, classes])
        labels = np.arange(n) % classes
        images = rng.normal(0, 20, (n, 3, SIDE, SIDE))
        if kind == "colour":
            palette = np.random.default_rng(7).uniform(30, 225, (classes, 3))
            images += palette[labels][:, :, None, None]
        else:
            waves = np.sin(np.arange(SIDE)[None] * (0.3 + 0.5 * labels[:, None]))
            images += 128 + 90 * waves[:, None, None, :]
        return images.clip(0, 255).astype(np.uint8), labels

    return make


@pytest.fixture
def prepared(tmp_path, monkeypatch, pictures):
    """A folder with three prepared tasks: USPS, EuroSAT (colours), DTD (waves)."""
    import io

    from PIL import Image

    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import Description, write_task_data

    folder = tmp_path / "data"
    monkeypatch.setenv("T2SBENCH_DATA", str(folder))

    def png(image):
        stream = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(stream, "png")
        return stream.getvalue()

    for seed, (name, kind) in enumerate(
        [("USPS", "waves"), ("EuroSAT", "colour"), ("DTD", "waves")]
    ):
        images, labels = pictures(60, 3, seed, kind)
        encoded = [png(image) for image in images]
        rows = LabelledImages(
            ("a", "b", "c"), labels, np.arange(len(labels)) < 45, lambda row, e=encoded: e[row]
        )
        write_task_data(load_data_tasks()[name], rows, Description(source="tests"), folder)
    return folder
