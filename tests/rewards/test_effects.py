"""Main effects, against differences of means, scikit-learn and simulation."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from benchmark.rewards.effects import agreement, effect_names, main_effects
from benchmark.rewards.table import RewardTable
from benchmark.space import Parameter, ParameterSpace

WEATHER = ParameterSpace(
    (Parameter("fog", ("off", "on")), Parameter("sky", ("clear", "grey", "storm")))
)


def weather_table(values) -> RewardTable:
    values = np.asarray(values, dtype=float)
    tasks = tuple(f"Task {row}" for row in range(len(values)))
    seeds = tuple(range(values.shape[2]))
    return RewardTable("w", WEATHER, tasks, seeds, values, [100] * len(tasks), "knn5", "mini")


def test_of_switches_they_are_differences_of_means(small_table):
    found = main_effects(small_table)
    levels = small_table.space.level_matrix()
    assert found.names == small_table.space.names
    for column in range(levels.shape[1]):
        on = levels[:, column] == 1
        expected = small_table.means[:, on].mean(axis=1) - small_table.means[:, ~on].mean(axis=1)
        assert found.values[:, column] == pytest.approx(expected, abs=1e-9)
    assert np.isnan(found.errors).all()  # one seed: no noise is known


def test_three_levels_and_gaps_are_as_in_scikit_learn():
    rng = np.random.default_rng(0)
    values = rng.uniform(20, 80, size=(2, 6, 3))
    values[0, 4, 1] = np.nan  # the configuration counts on the other task only
    found = main_effects(weather_table(values))
    assert found.names == effect_names(WEATHER) == ("fog", "sky=grey", "sky=storm")
    levels = WEATHER.level_matrix()
    inputs = np.column_stack([levels[:, 0] == 1, levels[:, 1] == 1, levels[:, 1] == 2])
    for task, kept in enumerate(([0, 1, 2, 3, 5], range(6))):
        means = values[task, list(kept)].mean(axis=1)
        other = LinearRegression().fit(inputs[list(kept)], means)
        assert found.values[task] == pytest.approx(other.coef_)
        assert found.explained[task] == pytest.approx(other.score(inputs[list(kept)], means))


def test_effects_that_cannot_be_told_are_nan():
    values = np.full((1, 6, 1), np.nan)
    values[0, :3] = 50.0  # fog is off in all that was measured
    found = main_effects(weather_table(values))
    assert np.isnan(found.values).all()
    assert np.isnan(found.explained).all()


def test_a_table_that_does_not_vary_has_no_share_to_explain():
    found = main_effects(weather_table(np.full((1, 6, 2), 50.0)))
    assert found.values == pytest.approx(0)
    assert np.isnan(found.explained).all()


def test_standard_errors_are_those_of_repeated_measuring():
    rng = np.random.default_rng(1)
    repeated = weather_table(50 + rng.normal(scale=2.0, size=(3000, 6, 4)))
    found = main_effects(repeated)
    assert found.values.std(axis=0) == pytest.approx(
        np.sqrt((found.errors**2).mean(axis=0)), rel=0.05
    )


def test_agreement_needs_variation():
    assert agreement(np.zeros(3), np.array([1.0, 2.0, 3.0])) is None
    assert agreement(np.array([np.nan, 1.0]), np.array([1.0, 2.0])) is None
    assert agreement(np.array([1.0, 2.0]), np.array([5.0, 1.0])) == -1.0


def test_on_an_additive_table_the_effects_explain_everything(small_table):
    levels = small_table.space.level_matrix()
    added = 50 + levels @ np.arange(1, levels.shape[1] + 1)
    values = np.repeat(added[None, :, None], len(small_table.tasks), axis=0)
    found = main_effects(replace(small_table, values=values))
    assert found.values[0] == pytest.approx(np.arange(1, levels.shape[1] + 1))
    assert found.explained == pytest.approx(1)
