"""Rates of stages, fitted to samples; costs of cells of a store and of a file."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError
from benchmark.pipeline.profiles import find_profile
from benchmark.planning import costs as module
from benchmark.planning.costs import Costs, evaluation_amounts, fit, task_sizes, total
from benchmark.tasks.registry import Hyperparameters, Split, Task, TaskRegistry, Training

ENTRIES = [
    ("dataset", "mini: configuration 00000000, seed 0", 4.0, 40_000),
    ("dataset", "mini: real images, seed 0", 1.0, 1000),
    ("backbone", "mini: configuration 00000000, seed 0", 8.0, 500),
    ("backbone", "mini: configuration 00000000, seed 1", 10.0, 700),
    ("backbone", "mini: configuration 00000000, seed 2", 90.0, 600),
    ("backbone", "other: configuration 00000000, seed 2", 90.0, 600),
    ("score", "mini: knn5 of AID, configuration 00000000, seed 0", 2.0, 100),
    ("score", "mini+classes=20: finetune of AID, untrained, seed 0", 16.0, 100),
    ("score", "mini+classes=20: finetune of Gone, untrained, seed 0", 1000.0, 100),
    ("score", "knn5 of AID, of an earlier version", 99.0, 100),
]


def task(name, train, test, classes=10, batch=10):
    training = Training(batch_size=batch)
    split = Split(rule="none", train=train, test=test)
    both = Hyperparameters(linear=training, finetune=training)
    return Task(name=name, side="seen", classes=classes, split=split, hyperparameters=both)


AID, DTD = task("AID", 60, 40), task("DTD", 150, 50)


@pytest.fixture
def store_costs(monkeypatch, tmp_path):
    entries = [
        SimpleNamespace(kind=kind, label=label, seconds=seconds, bytes=size)
        for kind, label, seconds, size in ENTRIES
    ]
    monkeypatch.setattr(module, "default_store", lambda: SimpleNamespace(entries=lambda: entries))
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path))
    return Costs.of_store(TaskRegistry((AID, DTD)))


def test_stages_of_a_profile_and_of_one_like_it(store_costs):
    mini, large = find_profile("mini"), find_profile("mini-95c-10k")
    found = store_costs.backbone(mini)
    assert found.seconds == pytest.approx(9, rel=0.02), "the disturbed one is left out"
    low, high = found.interval
    assert low < 8.5
    assert high > 9.5
    assert store_costs.backbone(large).seconds == pytest.approx(found.seconds * 10_070 / 4000)
    assert store_costs.dataset(large).seconds == pytest.approx(4.0 * 10_070 / 4000)
    assert store_costs.dataset(mini, rendered=False).seconds == pytest.approx(1)
    assert store_costs.backbone(find_profile("small")) is None
    assert store_costs.bytes_of("backbone", ("mini-resnet6", "mini")) == 600
    assert store_costs.bytes_of("dataset", ("gl", "32", "png")) == 10


def test_scores_of_a_task_of_another_task_and_of_another_profile(store_costs):
    mini, large = find_profile("mini"), find_profile("mini-95c-10k")

    def seconds(profile, protocol, of):
        return store_costs.score(profile, protocol, of).seconds

    assert seconds(mini, "knn5", AID) == pytest.approx(2)
    assert seconds(mini, "knn5", DTD) == pytest.approx(4)
    assert seconds(large, "knn5", DTD) == pytest.approx(4)
    assert seconds(large, "finetune", AID) == pytest.approx(16)
    few = find_profile("mini", {"evaluation.finetune_epochs": 2})
    assert seconds(few, "finetune", DTD) == pytest.approx(16 * 2 * 150 / (8 * 60))
    assert store_costs.score(mini, "linear", AID) is None
    assert store_costs.score(find_profile("small"), "knn5", AID) is None
    assert store_costs.typical(mini, "knn5") == 2
    assert store_costs.typical(mini, "linear") is None


def test_the_work_of_protocols():
    profile = find_profile("mini", {"evaluation.linear_min_steps": 100})
    assert evaluation_amounts("knn5", profile, AID) == (2400,)
    # 50 epochs of 6 batches are enough; 150 images have 15.
    assert evaluation_amounts("linear", profile, AID) == (300, 300 * 10 * 10)
    assert evaluation_amounts("linear", profile, DTD) == (750, 750 * 10 * 10)
    assert evaluation_amounts("finetune", profile, AID) == (8 * 60, 40)
    assert evaluation_amounts("mine", profile, AID) == (100,)
    assert task_sizes(task("unknown", None, 50)) == (400, 50)


def test_two_rates_are_told_apart():
    rng = np.random.default_rng(0)
    amounts = rng.uniform(1, 100, (40, 2))
    seconds = amounts @ [0.5, 0.02] * np.exp(rng.normal(0, 0.02, 40))
    rate = fit(list(zip(amounts.tolist(), seconds, strict=True)))
    assert rate.of([1000, 0]).seconds == pytest.approx(500, rel=0.05)
    assert rate.of([0, 1000]).seconds == pytest.approx(20, rel=0.3)
    assert rate.spread == pytest.approx(0.02, rel=0.4)


def test_no_rate_is_negative():
    samples = [([1.0, 9.0], 1.0), ([2.0, 5.0], 2.0), ([4.0, 1.0], 4.0)]
    rate = fit(samples)
    assert (rate.weights >= 0).all()
    assert rate.of([8, 0]).seconds == pytest.approx(8)


@pytest.mark.parametrize(("count", "spread"), [(5, 0.1), (5, 0.5), (20, 0.3)])
def test_intervals_cover_the_mean(count, spread):
    """Of 400 intervals of 95 %, 368 to 392 cover with probability 0.996."""
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(400):
        seconds = np.exp(rng.normal(0, spread, count))
        samples = [([7.0], 7 * one) for one in seconds.tolist()]
        low, high = fit(samples, ("trial", str(trial))).of([1.0]).interval
        covered += low <= np.exp(spread**2 / 2) <= high
    assert 368 <= covered <= 392


def test_sums_of_one_rate_are_as_uncertain_as_its_parts():
    rate = fit([([1.0], 1.0), ([1.0], 1.2), ([1.0], 0.9)], ("a",))
    other = fit([([1.0], 1.0), ([1.0], 1.2), ([1.0], 0.9)], ("b",))

    def width(estimate):
        low, high = estimate.interval
        return (high - low) / estimate.seconds

    alone = width(rate.of([1.0]))
    assert width(total([rate.of([3.0]), rate.of([5.0]) * 2])) == pytest.approx(alone)
    assert width(total([rate.of([1.0]), other.of([1.0])])) < 0.9 * alone
    assert fit([([1.0], 1.0)]).of([1.0]).interval == pytest.approx((1, 1)), "no second sample"


def sample(stage, place, amounts, seconds, **more):
    return {"stage": stage, "place": place, "amounts": amounts, "seconds": seconds, **more}


def test_costs_of_a_file_count_features_once(tmp_path):
    place = ["mini-resnet6", "mini"]
    content = {
        "schema": 1,
        "machine": "a machine",
        "device": "cpu",
        "measured": "2026-11-26",
        "samples": [
            sample("features", place, [10], 1.0),
            sample("evaluation", ["knn5", *place], [2400], 3.0, unit_bytes=7),
            sample("evaluation", ["finetune", *place], [8 * 60, 40], 5.0),
        ],
    }
    path = tmp_path / "costs.json"
    path.write_text(json.dumps(content))
    costs, mini = Costs.of_file(path), find_profile("mini")
    assert costs.score(mini, "knn5", AID).seconds == pytest.approx(13)
    assert costs.score(mini, "knn5", AID, with_features=False).seconds == pytest.approx(3)
    assert costs.score(mini, "finetune", AID).seconds == pytest.approx(5)
    assert "a machine" in costs.machine
    content["samples"][0] |= {"seconds": 0, "stage": "feature"}
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidFileError, match=r"samples.0.stage(.|\n)*samples.0.seconds"):
        Costs.of_file(path)
