"""Main effects, against differences of means, scikit-learn and simulation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from benchmark.core.errors import InvalidFileError
from benchmark.rewards.effects import EffectsFile, agreement, main_effects, read_effects
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


def test_three_levels_and_gaps_are_as_in_scikit_learn():
    rng = np.random.default_rng(0)
    values = rng.uniform(20, 80, size=(2, 6, 3))
    values[0, 4, 1] = np.nan  # the configuration counts on the other task only
    found = main_effects(weather_table(values))
    assert found.names == ("fog", "sky=grey", "sky=storm")
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
    for numbers in (found.values, found.errors, found.interactions, found.explained):
        assert np.isnan(numbers).all()


def test_a_task_without_rewards_has_no_effects():
    values = np.full((2, 6, 1), np.nan)
    values[1] = np.arange(6.0)[:, None]
    found = main_effects(weather_table(values))
    assert np.isnan(found.values[0]).all()
    assert found.values[1] == pytest.approx([3.0, 1.0, 2.0])


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


def test_interactions_are_differences_of_differences():
    rng = np.random.default_rng(2)
    values = rng.uniform(20, 80, size=(1, 6, 2))
    found = main_effects(weather_table(values))
    assert found.pairs == ("fog x sky=grey", "fog x sky=storm")
    (fog_off, fog_on) = values[0].mean(axis=1).reshape(2, 3)
    expected = [(fog_on[level] - fog_off[level]) - (fog_on[0] - fog_off[0]) for level in (1, 2)]
    assert found.interactions[0] == pytest.approx(expected)


SWITCHES = ParameterSpace(tuple(Parameter(name, ("off", "on")) for name in "abcdef"))


def switch_table(values, name="s") -> RewardTable:
    tasks = tuple(f"T{row}" for row in range(len(values)))
    seeds = tuple(range(values.shape[2]))
    return RewardTable(name, SWITCHES, tasks, seeds, values, [100] * len(tasks), "knn5", "mini")


def test_with_one_seed_the_errors_come_from_higher_interactions():
    rng = np.random.default_rng(3)
    values = 50 + rng.normal(scale=2.0, size=(200, 64, 1))
    found = main_effects(switch_table(values))
    # An effect is a difference of two means of 32 rewards.
    assert np.sqrt((found.errors**2).mean()) == pytest.approx(2 * 2 / np.sqrt(64), rel=0.05)
    assert found.is_noise.mean() == pytest.approx(0.95, abs=0.02)


def test_an_effect_that_varies_over_seeds_has_a_larger_error():
    rng = np.random.default_rng(4)
    on = SWITCHES.level_matrix()[:, 0]
    values = 50 + rng.normal(size=(20, 64, 3))
    values += 8 * rng.normal(size=(20, 1, 3)) * on[None, :, None]
    errors = main_effects(switch_table(values)).errors.mean(axis=0)
    assert errors[0] == pytest.approx(8 / np.sqrt(3), rel=0.4)
    assert errors[0] > 4 * errors[1]


def test_a_file_holds_the_effects(small_table, tmp_path):
    found = main_effects(small_table)
    path = tmp_path / "first.json"
    path.write_text(EffectsFile.of(found).model_dump_json())
    again = read_effects(path)
    assert (again.table, again.digest) == ("first", small_table.digest)
    assert (again.names, again.pairs, again.tasks) == (found.names, found.pairs, found.tasks)
    for field in ("values", "by_seed", "errors", "interactions", "deviation", "explained"):
        assert getattr(again, field) == pytest.approx(getattr(found, field), abs=1e-6, nan_ok=True)


def test_unknown_effects_survive_in_a_file():
    values = np.full((2, 6, 1), np.nan)
    values[1] = np.arange(6.0)[:, None]
    found = main_effects(weather_table(values))
    again = EffectsFile.model_validate_json(EffectsFile.of(found).model_dump_json()).effects()
    assert again.values == pytest.approx(found.values, nan_ok=True)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"errors": [[1.0]]}, "errors"), ({"tasks": []}, "by_seed"), ({"extra": 1}, "extra")],
)
def test_a_file_that_disagrees_with_itself_is_refused(small_table, tmp_path, change, word):
    content = EffectsFile.of(main_effects(small_table)).model_dump(mode="json")
    path = tmp_path / "e.json"
    path.write_text(json.dumps({**content, **change}))
    with pytest.raises(InvalidFileError, match=word):
        read_effects(path)
    with pytest.raises(InvalidFileError, match="absent"):
        read_effects(tmp_path / "absent.json")
