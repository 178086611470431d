"""Stages and heart-beats in the costs of records."""

from benchmark.core.beats import Beat
from benchmark.runs.efforts import Efforts
from benchmark.runs.record import Cost

NETWORK = "mini: configuration 01101101, seed 0"


def long_training(efforts, epochs=100, seconds=400.0):
    efforts.add(Beat("pre-train", NETWORK, at=1000.0))
    for epoch in range(1, epochs + 1):
        at = 1000.0 + epoch * seconds / epochs
        efforts.add(Beat("pre-train", NETWORK, epoch, epochs, {"loss": 1.0}, "point", at=at))
    ended = Beat("pre-train", NETWORK, kind="ended", seconds=seconds, at=1000.0 + seconds)
    efforts.add(ended)


def test_long_stages_leave_at_most_16_heart_beats():
    efforts = Efforts()
    long_training(efforts)
    efforts.add(Beat("knn5", NETWORK, task="USPS", at=1400.5))
    efforts.add(Beat("knn5", NETWORK, kind="ended", task="USPS", seconds=1.25, at=1401.75))
    cost = efforts.cost(402.0, NETWORK, "USPS", "knn5")
    assert cost.stages == {"pre-train": 400.0, "knn5": 1.25}
    assert len(cost.beats) == 16
    assert cost.beats[0] == (0.0, "pre-train", None, None)
    assert cost.beats[-1] == (400.5, "knn5", None, None)
    assert all(
        one[0] <= next_one[0] for one, next_one in zip(cost.beats, cost.beats[1:], strict=False)
    )
    assert {total for *_, total in cost.beats} == {None, 100}


def test_the_first_record_has_the_backbone_and_short_ones_have_no_heart_beats():
    efforts = Efforts()
    long_training(efforts, epochs=2, seconds=20.0)
    efforts.add(Beat("knn5", NETWORK, kind="ended", task="USPS", seconds=1.0))
    efforts.add(Beat("linear", NETWORK, kind="ended", task="USPS", seconds=2.0))
    first = efforts.cost(22.0, NETWORK, "USPS", "linear")
    assert (first.stages, first.beats) == ({"pre-train": 20.0, "linear": 2.0}, None)
    assert efforts.cost(1.0, NETWORK, "USPS", "knn5").stages == {"knn5": 1.0}
    assert efforts.cost(0.1, NETWORK, "USPS", "knn5").stages is None


def test_costs_without_stages_keep_their_bytes():
    assert Cost(wall_seconds=1.5).model_dump(mode="json") == {
        "wall_seconds": 1.5,
        "gpu_seconds": 0.0,
    }
    full = Cost(wall_seconds=1.5, stages={"knn5": 1.0}, beats=[(0.0, "knn5", None, None)])
    assert Cost.model_validate_json(full.model_dump_json()) == full
