import math

import pytest

from benchmark.core.errors import InvalidInputError
from task2sim.config import PAPER, RELEASED


def test_rate_rises_for_fifty_epochs_and_falls_at_500():
    step = (1e-3 - 1e-6) / 50
    assert PAPER.rate_at(0) == 1e-6
    assert PAPER.rate_at(49) == pytest.approx(1e-6 + 49 * step)
    assert [PAPER.rate_at(e) for e in (50, 499)] == [1e-3, 1e-3]
    assert PAPER.rate_at(500) == PAPER.rate_at(999) == pytest.approx(1e-4)


def test_released_rate_runs_one_epoch_late():
    assert RELEASED.rate_at(0) == RELEASED.rate_at(1) == 1e-6
    for epoch in range(1, 1000):
        assert RELEASED.rate_at(epoch) == PAPER.rate_at(epoch - 1)


def test_exploration_falls_every_epoch_or_every_fifth():
    for epoch in range(50):
        assert PAPER.exploration_at(epoch) == pytest.approx(0.4 / (epoch + 1))
        assert RELEASED.exploration_at(epoch) == pytest.approx(0.4 / math.ceil((epoch + 1) / 5))


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": True},
        {"batch_size": 0},
        {"hidden": -1},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"momentum": 0.0},
        {"momentum": 1.0},
        {"weight_decay": -1e-5},
        {"weight_decay": 100.0},
        {"decay_factor": 0.0},
        {"exploration": 1.0},
        {"imitation_start": -1},
        {"credit": "both"},
        {"log_of": "other"},
        {"rate_lag": 1},
        {"warmup_rate": "fast"},
    ],
)
def test_options_out_of_range_are_refused(change):
    (name,) = change
    with pytest.raises(InvalidInputError, match=name):
        PAPER.changed(change)


def test_all_faults_of_the_options_are_named_at_once():
    with pytest.raises(InvalidInputError, match=r"epochs.*momentum"):
        PAPER.changed({"epochs": 0, "momentum": 2.0})
