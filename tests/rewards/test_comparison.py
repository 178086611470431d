"""Comparison of effects: by hand, on synthetic tables, and on the released table."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.comparison import compare_effects
from benchmark.rewards.effects import main_effects, read_effects
from benchmark.rewards.table import RewardTable
from benchmark.space import Parameter, ParameterSpace

SPACE = ParameterSpace(tuple(Parameter(name, ("off", "on")) for name in ("fog", "rain", "sun")))
SIGNS = 2 * SPACE.level_matrix() - 1
TASKS = ("A", "B", "C", "D", "E")


def table_of(effects, *, tasks=TASKS, scale=1.0, noise=0.0, seeds=2, name="t") -> RewardTable:
    """Rewards with these main effects ``(n_tasks, 3)`` and with noise."""
    rng = np.random.default_rng(0)
    means = 50 + scale * np.asarray(effects) @ SIGNS.T / 2
    values = means[:, :, None] + noise * rng.normal(size=(*means.shape, seeds))
    numbers = tuple(range(seeds))
    return RewardTable(name, SPACE, tasks, numbers, values, [100] * len(tasks), "knn5", "mini")


def by_hand(table: RewardTable) -> np.ndarray:
    """Main effects in standard deviations, as differences of means."""
    means = table.values.mean(axis=2)
    columns = [
        means[:, SIGNS[:, place] > 0].mean(axis=1) - means[:, SIGNS[:, place] < 0].mean(axis=1)
        for place in range(3)
    ]
    return np.column_stack(columns) / means.std(axis=1, ddof=1)[:, None]


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


FIRST = rng(1).normal(loc=[2.0, -1.0, 0.5], size=(5, 3))
SECOND = rng(2).normal(loc=[1.0, 1.0, 0.5], size=(5, 3))


def test_means_differences_and_correlations_are_those_by_hand():
    one, other = table_of(FIRST, noise=0.1), table_of(SECOND, scale=3.0, noise=0.1, name="u")
    found = compare_effects([main_effects(one)], main_effects(other))
    assert (found.against, found.tasks) == ("u", TASKS)
    (table,) = found.tables
    mine, theirs = by_hand(one), by_hand(other)
    assert [entry.setting for entry in table.settings] == list(SPACE.names)
    assert [entry.mean for entry in table.settings] == pytest.approx(mine.mean(axis=0))
    assert [entry.against for entry in table.settings] == pytest.approx(theirs.mean(axis=0))
    differences = mine - theirs
    assert [e.difference for e in table.settings] == pytest.approx(differences.mean(axis=0))
    assert table.r_main == pytest.approx(np.corrcoef(mine.mean(0), theirs.mean(0))[0, 1])
    assert table.r_main_all == table.r_main
    for row, task in enumerate(TASKS):
        assert table.r_by_task[task] == pytest.approx(np.corrcoef(mine[row], theirs[row])[0, 1])


def test_the_interval_is_the_t_interval_of_paired_differences():
    one, other = table_of(FIRST), table_of(SECOND)
    (table,) = compare_effects([main_effects(one)], main_effects(other)).tables
    differences = by_hand(one) - by_hand(other)
    for place, entry in enumerate(table.settings):
        ends = scipy.stats.ttest_1samp(differences[:, place], 0).confidence_interval()
        assert (entry.low, entry.high) == pytest.approx(tuple(ends))
        assert entry.is_clear == (entry.low > 0 or entry.high < 0)


def test_scaled_rewards_have_the_same_effects():
    one, other = main_effects(table_of(FIRST)), main_effects(table_of(FIRST, scale=7.0))
    (table,) = compare_effects([one], other).tables
    assert [entry.difference for entry in table.settings] == pytest.approx([0, 0, 0])
    assert not any(entry.signs_differ or entry.is_clear for entry in table.settings)
    assert (table.r_main, set(table.r_by_task.values())) == (1.0, {1.0})


def test_different_signs_are_named_where_both_tables_are_sure():
    flat = np.tile([3.0, 2.0, 1.0], (5, 1))
    turned = flat * [-1, 1, 1]
    turned[0, 1] = -2.0
    turned[1, 1] = -0.01  # within the noise
    one, other = (main_effects(table_of(values, noise=0.2)) for values in (flat, turned))
    (table,) = compare_effects([one], other).tables
    fog, rain, sun = table.settings
    assert (fog.signs_differ, fog.is_clear, fog.opposite_tasks) == (True, True, TASKS)
    assert (rain.signs_differ, rain.opposite_tasks) == (False, ("A",))
    assert (sun.signs_differ, sun.is_clear, sun.opposite_tasks) == (False, False, ())


def test_the_seed_error_is_the_variation_of_the_mean_effect_over_seeds():
    table = table_of(FIRST, noise=0.5, seeds=3)
    (found,) = compare_effects([main_effects(table)], main_effects(table)).tables
    deviation = table.means.std(axis=1, ddof=1)
    per_seed = [
        (2 * table.values[:, :, seed] @ SIGNS / 8 / deviation[:, None]).mean(axis=0)
        for seed in range(3)
    ]
    expected = np.std(per_seed, axis=0, ddof=1) / np.sqrt(3)
    assert [entry.seed_error for entry in found.settings] == pytest.approx(expected)
    (single,) = compare_effects(
        [main_effects(table_of(FIRST, seeds=1))], main_effects(table)
    ).tables
    assert {entry.seed_error for entry in single.settings} == {None}


def test_interactions_correlate():
    rain_in_fog = np.outer([1.0, 2.0, 1.0, 2.0, 1.0], SIGNS[:, 0] * SIGNS[:, 1])
    tables = []
    for factor in (1.0, -4.0):
        values = table_of(FIRST).values + factor * rain_in_fog[:, :, None]
        tables.append(RewardTable("t", SPACE, TASKS, (0, 1), values, [100] * 5, "knn5", "mini"))
    one, other = map(main_effects, tables)
    (table,) = compare_effects([one], other).tables
    assert table.r_pairwise == pytest.approx(-1.0)


def test_only_tasks_of_the_same_name_in_all_tables_are_compared():
    effects = [
        main_effects(table_of(FIRST)),
        main_effects(table_of(FIRST[:3], tasks=("C", "X", "B"))),
        main_effects(table_of(SECOND, tasks=("B", "C", "Y", "A", "E"))),
    ]
    found = compare_effects(effects[:2], effects[2])
    assert found.tasks == ("B", "C")
    assert set(found.tables[1].r_by_task) == {"B", "C"}
    assert found.tables[0].r_main != found.tables[0].r_main_all
    assert compare_effects(effects[:1], effects[2], only=("A",)).tasks == ("A",)
    single = compare_effects(effects[:1], effects[2], only=("A",)).tables[0].settings[0]
    assert (single.low, single.high, single.is_clear) == (None, None, False)


def test_tasks_that_do_not_vary_or_lack_configurations_are_left_out():
    values = table_of(FIRST).values.copy()
    values[0] = 50.0
    values[1, 3:] = np.nan
    table = RewardTable("gaps", SPACE, TASKS, (0, 1), values, [100] * 5, "knn5", "mini")
    found = compare_effects([main_effects(table)], main_effects(table_of(SECOND)))
    assert found.tasks == ("C", "D", "E")


def test_tables_without_common_tasks_or_settings_are_refused():
    one = main_effects(table_of(FIRST))
    with pytest.raises(InvalidInputError, match=r"task.*t: A, B.*t: X"):
        compare_effects([one], main_effects(table_of(FIRST[:1], tasks=("X",))))
    space = ParameterSpace((Parameter("snow", ("off", "on")),))
    values = np.array([[[1.0], [2.0]]] * 5)
    other = RewardTable("snowy", space, TASKS, (0,), values, [100] * 5, "knn5", "mini")
    with pytest.raises(InvalidInputError, match=r"setting.*fog.*snowy: snow"):
        compare_effects([one], main_effects(other))


@pytest.mark.released
def test_the_first_edition_of_gl_mini_against_the_released_table(released):
    """Figures typed from an independent analysis of the first edition."""
    path = Path(__file__).parents[2] / "docs" / "effects" / "gl-mini-1.json"
    found = compare_effects([read_effects(path)], main_effects(released))
    (table,) = found.tables
    entries = {entry.setting: entry for entry in table.settings}
    blur, materials, distance = (
        entries[name] for name in ("focus_blur", "materials", "object_distance")
    )
    assert len(found.tasks) == 14
    shown = [blur.mean, blur.against, blur.difference, blur.low, blur.high]
    assert [round(value, 2) for value in shown] == [-0.16, 0.19, -0.34, -0.46, -0.23]
    assert (round(materials.mean, 2), round(materials.against, 2)) == (-0.86, -0.53)
    assert (round(distance.mean, 2), round(distance.against, 2)) == (0.19, 0.45)
    assert (round(table.r_main_all, 2), round(table.r_pairwise_all, 2)) == (0.94, -0.12)
    assert blur.signs_differ
    assert blur.is_clear
