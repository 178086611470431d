from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import AccessError, InvalidInputError, UnavailableError, UnknownNameError
from benchmark.rewards.catalog import DEFAULT_TABLE, load_table
from benchmark.rewards.noise import noise_variances, task_noise
from benchmark.rewards.reliability import (
    interaction_reliability,
    spearman_brown,
    split_half_reliability,
)
from benchmark.rewards.table import RewardTable
from benchmark.rewards.text import table_text
from benchmark.space import PAPER_SPACE, Parameter, ParameterSpace, contrasts

FOG = ParameterSpace((Parameter("fog", ("off", "on")),))


def fog_table(values) -> RewardTable:
    values = np.asarray(values, dtype=float)
    names = tuple(f"T{i}" for i in range(len(values)))
    return RewardTable(
        "fog",
        FOG,
        names,
        tuple(range(values.shape[2])),
        values,
        np.full(len(values), 10),
        "knn5",
        "mini",
    )


def test_values_cannot_be_changed(small_table):
    with pytest.raises(ValueError, match="read-only"):
        small_table.values[0, 0, 0] = 1


def test_reward_is_the_seed_mean():
    table = fog_table([[[10, 20], [30, 50]]])
    assert table.reward("T0", FOG.parse("1")) == 40


def test_missing_cells_and_unknown_tasks_are_said():
    table = fog_table([[[10], [np.nan]]])
    with pytest.raises(UnavailableError, match="No reward for T0"):
        table.reward("T0", FOG.parse("1"))
    with pytest.raises(UnknownNameError, match="task of table fog"):
        table.reward("T1", FOG.parse("1"))
    with pytest.raises(UnavailableError, match="empty cell"):
        table.restrict(["T0"]).reward("T0", FOG.parse("1"))


def test_wrong_shapes_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(1, 3, 1\)"):
        RewardTable("x", FOG, ("A",), (0,), np.zeros((1, 3, 1)), np.array([1]), "knn5", "mini")


def test_digest_sees_every_part(small_table):
    from dataclasses import replace

    changed = np.array(small_table.values)
    changed[0, 0, 0] += 1
    variants = [
        replace(small_table, values=changed),
        replace(small_table, protocol="linear"),
        replace(small_table, profile="small"),
        replace(small_table, n_test=small_table.n_test + 1),
        replace(small_table, tasks=(*small_table.tasks[:-1], "Other")),
    ]
    digests = {table.digest for table in [small_table, *variants]}
    assert len(digests) == 6


@given(st.sets(st.integers(0, 7), min_size=1))
def test_a_view_never_holds_other_tasks(chosen):
    values = np.arange(8 * 256, dtype=float).reshape(8, 256, 1)
    tasks = tuple(f"T{i}" for i in range(8))
    table = RewardTable("t", PAPER_SPACE, tasks, (0,), values, np.full(8, 1), "knn5", "mini")
    names = [f"T{i}" for i in sorted(chosen)]
    view = table.restrict(names)
    held = set(view.matrix().ravel())
    assert held == set(values[sorted(chosen)].ravel())
    reachable = {id(v) for v in vars(view).values()}
    assert id(table.values) not in reachable
    assert id(table.means) not in reachable
    for array in (v for v in vars(view).values() if isinstance(v, np.ndarray)):
        assert array.base is None  # no window into the whole table
    for other in set(tasks) - set(names):
        with pytest.raises(AccessError, match="held-out task"):
            view.reward(other, PAPER_SPACE.at(0))


def test_queries_count_distinct_cells(small_table):
    view = small_table.restrict(small_table.tasks[:3])
    view.reward(small_table.tasks[0], PAPER_SPACE.at(5))
    view.reward(small_table.tasks[0], PAPER_SPACE.at(5))
    view.lookup([0, 1], [5, 6])
    assert view.queries == 2
    view.matrix()
    assert view.queries == 3 * 256


def test_view_rewards_cannot_be_changed_through_its_answers(small_table):
    view = small_table.restrict(small_table.tasks[:1])
    view.matrix()[:] = 0
    assert view.matrix().max() > 0


def test_reliability_of_pure_noise_is_near_zero_and_of_signal_near_one():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2000, 4))
    signal = rng.normal(size=(2000, 1)) + 0.1 * rng.normal(size=(2000, 4))
    assert abs(split_half_reliability(noise)) < 0.1
    assert split_half_reliability(signal) > 0.99
    assert split_half_reliability(noise[:, :1]) is None


def test_equal_rewards_have_no_reliability_whatever_their_last_digits():
    assert split_half_reliability(np.full((256, 3), 100 / 3)) is None


def test_what_a_seed_does_to_all_configurations_is_no_noise():
    rng = np.random.default_rng(5)
    signal = rng.normal(50, 3, size=(400, 1))
    values = signal + np.array([0.0, 6.0, -2.0]) + rng.normal(scale=1.5, size=(400, 3))
    noise = task_noise(values, 1000)
    assert noise.seed_sd == pytest.approx(1.5, rel=0.05)
    shifted = task_noise(values + np.array([10.0, 0.0, 0.0]), 1000)
    assert (shifted.seed_sd, shifted.near_best) == (pytest.approx(noise.seed_sd), noise.near_best)
    means = values.mean(axis=1)
    assert noise.near_best == (means > means.max() - 1.96 * noise.seed_sd * (2 / 3) ** 0.5).sum()


@pytest.mark.parametrize("shape", [(5, 1), (1, 3)])
def test_without_repetition_noise_is_unknown(shape):
    noise = task_noise(np.full(shape, 50.0), 100)
    assert noise.seed_sd is noise.near_best is None


def test_reliability_estimates_the_true_one():
    rng = np.random.default_rng(1)
    # One seed has signal variance 1 and noise variance 1: reliability of a mean of 4 is 4/5.
    values = rng.normal(size=(20000, 1)) + rng.normal(size=(20000, 4))
    assert split_half_reliability(values) == pytest.approx(0.8, abs=0.02)
    assert spearman_brown(0.5, 4) == pytest.approx(0.8)


@pytest.mark.parametrize(("n_seeds", "pairs"), [(3, 3), (4, 3), (5, 15)])
def test_every_pair_of_halves_counts_once(n_seeds, pairs):
    import itertools

    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 1)) + rng.normal(size=(60, n_seeds))
    half, found = n_seeds // 2, {}
    for order in itertools.permutations(range(n_seeds)):
        first, second = sorted([order[:half], order[half : 2 * half]], key=sorted)
        key = (frozenset(first), frozenset(second))
        means = [values[:, list(part)].mean(axis=1) for part in (first, second)]
        found[key] = np.corrcoef(*means)[0, 1]
    assert len(found) == pairs
    wanted = spearman_brown(np.mean(list(found.values())), n_seeds / half)
    assert split_half_reliability(values) == pytest.approx(wanted)


def test_noise_is_not_stepped_up():
    values = np.column_stack([np.arange(9.0), -np.arange(9.0), np.arange(9.0) % 2])
    assert -1 <= split_half_reliability(values) < 0


def rewards_of_low_order(shape, noise, n_tasks=40, seed=0):
    """Rewards of main effects and interactions of up to three settings, and their reliability."""
    rng = np.random.default_rng(seed)
    found = contrasts(shape)
    effects = rng.normal(size=(n_tasks, len(found.orders))) / found.orders
    effects[:, found.orders >= 4] = 0
    signal = 50 + effects @ found.matrix.T
    values = signal + noise * rng.normal(size=signal.shape)
    return values, 1 - noise**2 / values.var(axis=1, ddof=1)


@pytest.mark.parametrize("shape", [(2,) * 8, (3, 2, 2, 3, 2, 2)])
@pytest.mark.parametrize("noise", [0.1, 0.3, 1.0])
def test_high_interactions_estimate_noise_and_reliability(shape, noise):
    values, reliability = rewards_of_low_order(shape, noise)
    found = contrasts(shape)
    variances = noise_variances(values @ found.matrix, found.orders)
    # A mean of n squares has the relative standard error sqrt(2 / n).
    error = np.sqrt(2 / (found.orders >= 4).sum())
    assert variances.mean() == pytest.approx(noise**2, rel=4 * error / np.sqrt(len(values)))
    assert np.std(variances / noise**2) == pytest.approx(error, rel=0.4)
    estimated = interaction_reliability(values, shape)
    assert estimated == pytest.approx(reliability, abs=4 * error * (1 - reliability).max())


def test_estimated_and_measured_reliability_agree_on_the_packaged_table():
    table = load_table(DEFAULT_TABLE)
    measured = [entry.reliability for entry in table.card.tasks]
    estimated = interaction_reliability(table.means, table.space.shape)
    assert np.corrcoef(measured, estimated)[0, 1] > 0.9


def test_reliability_without_high_interactions_or_variation_is_unknown():
    rng = np.random.default_rng(0)
    assert np.isnan(interaction_reliability(rng.normal(size=(2, 8)), (2, 2, 2))).all()
    rows = rng.normal(size=(3, 16))
    rows[0], rows[1, 3] = 100 / 3, np.nan
    assert np.isnan(interaction_reliability(rows, (2,) * 4)).tolist() == [True, True, False]


def test_a_table_of_one_seed_shows_the_estimated_reliability(small_table):
    noise = np.random.default_rng(0).normal(size=small_table.space.size)
    values = small_table.values[:, :, :1].copy()
    values[0, :, 0] = 50 + noise
    text = table_text(replace(small_table, seeds=(0,), values=values))
    low = interaction_reliability(values[:, :, 0], small_table.space.shape)[0]
    assert low < 0.5
    assert f"{small_table.tasks[0]} {low:.2f}" in text
    assert "estimated" not in table_text(load_table(DEFAULT_TABLE))
