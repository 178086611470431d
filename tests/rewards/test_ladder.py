"""Rows of the paper's Table 1 from a reward table."""

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.ladder import STEPS, ladder, step_configurations
from benchmark.rewards.table import RewardTable
from benchmark.space import PAPER_SPACE, Parameter, ParameterSpace

CONFIGURATIONS = ("11000000", "11111000", "11111100", "11111101", "11111111")


def table_of(values) -> RewardTable:
    tasks = ("USPS", "CUB")
    return RewardTable("t", PAPER_SPACE, tasks, (0, 1), values, [100, 50], "knn5", "mini")


def test_each_step_adds_variations_to_the_one_before():
    rng = np.random.default_rng(0)
    table = table_of(rng.uniform(0, 100, size=(2, 256, 2)))
    *rows, mean = ladder(table)
    assert list(STEPS) == ["Pose", "+Lighting", "+Blur", "+Materials", "+Background"]
    for row in rows:
        for step, text in zip(STEPS, CONFIGURATIONS, strict=True):
            expected = table.reward(row["task"], PAPER_SPACE.parse(text))
            assert row[step] == pytest.approx(expected, abs=0.005)
    for step in STEPS:
        assert mean[step] == pytest.approx((rows[0][step] + rows[1][step]) / 2, abs=0.011)


def test_a_step_takes_the_most_varied_level_and_leaves_other_settings_alone():
    fog = Parameter("fog", ("none", "thick"))
    blur = Parameter("focus_blur", ("none", "random", "always"), most_varied="random")
    rest = [p for p in PAPER_SPACE.parameters if p.name != "focus_blur"]
    space = ParameterSpace((fog, *rest, blur))
    found = [str(one) for one in step_configurations(space, "The table")]
    assert found == ["011000000", "011111000", "011111001", "011111011", "011111111"]


def test_the_noise_is_that_of_a_difference_of_two_columns():
    rng = np.random.default_rng(1)
    row, _, _ = ladder(table_of(50 + rng.normal(size=(2, 256, 2))))
    assert row["noise"] == pytest.approx(1.96 * np.sqrt(2 / 2), rel=0.15)


def test_missing_rewards_are_none():
    values = np.full((2, 256, 2), 50.0)
    values[0, PAPER_SPACE.index(PAPER_SPACE.parse("11111000")), 1] = np.nan
    rows = ladder(table_of(values))
    assert [row["+Lighting"] for row in rows] == [None, 50.0, None]
    assert [row["+Blur"] for row in rows] == [50.0, 50.0, 50.0]


def test_published_values_follow_their_tasks():
    tasks = ("USPS", "SVHN", "DTD")
    values = np.full((3, 256, 1), 50.0)
    rows = ladder(RewardTable("t", PAPER_SPACE, tasks, (0,), values, [1, 1, 1], "knn5", "mini"))
    places = [(row["task"], row["source"]) for row in rows]
    assert places == [
        ("USPS", "t, knn5"),
        ("SVHN", "t, knn5"),
        ("SVHN", "published, linear"),
        ("DTD", "t, knn5"),
        ("DTD", "published, linear"),
        ("mean", "t, knn5"),
    ]
    # Table 1 of the paper.
    assert [rows[2][step] for step in STEPS] == [28.49, 32.36, 35.58, 44.84, 29.93]
    assert [rows[4][step] for step in STEPS] == [37.39, 40.32, 37.66, 38.51, 32.39]


def test_a_table_with_other_settings_is_refused():
    space = ParameterSpace((Parameter("background", ("off", "on")), Parameter("fog", ("a", "b"))))
    values = np.zeros((1, 4, 1))
    table = RewardTable("foggy", space, ("USPS",), (0,), values, [100], "knn5", "mini")
    with pytest.raises(InvalidInputError, match=r"foggy.*focus_blur"):
        ladder(table)
