"""Forecasts of jobs on a cluster."""

import numpy as np
import pytest

from benchmark.cli.planning import forecast_lines
from benchmark.pipeline.profiles import find_profile
from benchmark.planning.cluster import Cluster
from benchmark.planning.costs import Costs, dataset_place, fit, network_place
from benchmark.planning.forecast import (
    JobKind,
    Piece,
    backbone_pieces,
    forecast,
    score_pieces,
)
from tests.planning.test_costs import task


def piece(stage, seconds, task="", name="p", spread=0.0, count=8):
    rng = np.random.default_rng(len(stage))
    noise = np.exp(rng.normal(0, spread, count))
    rate = fit([([1.0], float(one)) for one in noise], (stage,))
    return Piece(name, stage, rate.of([seconds]), task, bytes=10.0)


def test_hours_storage_and_the_critical_path():
    small = JobKind("small", 10, (piece("dataset", 60), piece("backbone", 600)))
    large = JobKind("large", 2, (piece("backbone", 6000), piece("knn5", 60, "CUB")))
    found = forecast([small, large], Cluster(workers=3, gpus=2, start=30), "here")
    assert found.jobs == 12
    assert found.work.seconds == pytest.approx(10 * 660 + 2 * 6060)
    assert [(row.stage, row.cells, row.bytes) for row in found.rows] == [
        ("dataset", 10, 100.0),
        ("backbone", 12, 120.0),
        ("knn5", 2, 20.0),
    ]
    assert found.longest is large
    # Three workers do the small jobs in four rounds; the large ones begin in the last.
    assert found.wall.value == pytest.approx(30 + 3 * 660 + 6060)
    text = "\n".join(forecast_lines(found))
    assert "12 jobs" in text
    assert "6 GPU" not in text, "GPUs are those of each worker"
    assert "10.4 h" in text, "two GPUs each"
    assert "knn5 of CUB" in text


def test_intervals_of_the_wall_time_hold_the_spread_of_jobs():
    kind = JobKind("k", 64, (piece("backbone", 100, spread=0.3, count=30),))
    many, one = (forecast([kind], Cluster(workers=n)) for n in (64, 1))
    assert one.wall.low <= one.work.seconds <= one.wall.high
    low, high = one.work.interval
    assert one.wall.high - one.wall.low == pytest.approx(high - low, rel=0.5)
    assert many.wall.value > 1.5 * 100, "the slowest of 64"
    assert many.shares["tail"] > 0.3


def test_unknown_stages_are_counted_not_guessed():
    unknown = Piece("p", "linear", None, "CUB")
    found = forecast([JobKind("k", 3, (piece("dataset", 5), unknown))], Cluster())
    assert (found.unknown, found.work.seconds) == (3, pytest.approx(15))
    assert "3 cells of unknown time" in "\n".join(forecast_lines(found))


def test_nothing_to_do():
    found = forecast([], Cluster(workers=4, start=10))
    assert (found.jobs, found.work.seconds, found.wall.value) == (0, 0, 0)
    assert forecast_lines(found)


def test_the_first_protocol_of_a_task_computes_its_features():
    mini = find_profile("mini")
    costs = Costs("a file")
    costs.add("dataset", dataset_place(mini), (4000.0, 1.0), 8.0, 5.0)
    costs.add("features", network_place(mini), (100.0,), 10.0)
    for protocol, amounts in (("knn5", (2400.0,)), ("linear", (1.0, 1.0))):
        costs.add("evaluation", (protocol, *network_place(mini)), amounts, 1.0)
    protocols = ("finetune", "linear", "knn5")
    found = score_pieces(costs, mini, [(task("AID", 60, 40), protocols)])
    seconds = {one.stage: one.estimate and one.estimate.seconds for one in found}
    assert seconds["finetune"] is None
    assert seconds["linear"] > 10
    assert seconds["knn5"] == pytest.approx(1)
    dataset, backbone = backbone_pieces(costs, mini)
    assert (dataset.estimate.seconds, dataset.bytes) == (pytest.approx(8), 20_000)
    assert (backbone.estimate, backbone.bytes) == (None, None)
