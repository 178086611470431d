"""The linear probe next to scikit-learn on features of real tasks; needs ``T2SBENCH_DATA``."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.pretraining.networks import build_backbone
from benchmark.protocols.data import EvaluationData
from benchmark.protocols.evaluate import evaluate
from benchmark.protocols.evaluators import MemoryFeatureCache
from benchmark.protocols.settings import EvaluationSettings, hyperparameters_of

TASKS = ("USPS", "CactusAerial", "PacsC", "ChestX")
FOLDER = Path(os.environ.get("T2SBENCH_DATA", "no-such-folder"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the task packs in T2SBENCH_DATA"),
]


def read_pack(name, side=32):
    from pyarrow import parquet

    table = parquet.read_table(FOLDER / f"{name}.parquet").to_pydict()
    images, labels = {"train": [], "test": []}, {"train": [], "test": []}
    for data, label, split in zip(table["image"], table["label"], table["split"], strict=True):
        content = data["bytes"] if isinstance(data, dict) else data
        image = Image.open(io.BytesIO(content)).convert("RGB").resize((side, side))
        images[split].append(np.asarray(image).transpose(2, 0, 1))
        labels[split].append(label)
    parts = [part for s in ("train", "test") for part in (np.stack(images[s]), np.array(labels[s]))]
    return EvaluationData(name, *parts, int(max(labels["train"])) + 1)


def test_linear_probe_is_no_worse_than_logistic_regression():
    backbone = build_backbone("mini-resnet", 0)
    gaps = []
    for name in TASKS:
        data, cache = read_pack(name), MemoryFeatureCache()
        settings = EvaluationSettings(hyperparameters=hyperparameters_of(name))
        found = evaluate("linear", backbone, data, settings, 0, cache)
        features = cache.held["eval"]
        reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        predicted = reference.fit(features.train, data.train_labels).predict(features.test)
        wanted = 100 * float((predicted == data.test_labels).mean())
        print(name, found.accuracy, wanted, found.half_width)  # noqa: T201 - shown on failure
        gaps.append(found.accuracy - wanted)
        # Within what the test images can tell apart on each task, within half a point on average.
        assert abs(gaps[-1]) <= max(0.5, found.half_width)
    assert np.mean(gaps) >= -0.5
