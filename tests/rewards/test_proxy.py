"""Agreement of protocols: against scipy, by hand, and by simulation with known truth."""

import json

import numpy as np
import pytest
import scipy.stats

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidInputError
from benchmark.rewards import proxy as module
from benchmark.rewards.proxy import cross_fitted_gain, proxy, spearman
from benchmark.rewards.storage import Description, write_table
from benchmark.rewards.table import RewardTable
from benchmark.space import Parameter, ParameterSpace

SPACE = ParameterSpace(tuple(Parameter(f"p{i}", ("off", "on")) for i in range(5)))
N = 24


def table_of(values, name="t", protocol="knn5", tasks=None, seeds=None) -> RewardTable:
    """A table whose first configurations have these rewards ``(n_tasks, n, n_seeds)``."""
    whole = np.full((len(values), SPACE.size, values.shape[2]), np.nan)
    whole[:, : values.shape[1]] = values
    tasks = tasks or tuple(f"T{row}" for row in range(len(values)))
    seeds = seeds or tuple(range(values.shape[2]))
    return RewardTable(name, SPACE, tasks, seeds, whole, [100] * len(tasks), protocol, "mini")


def draw(rng, n_tasks, *, rho=0.6, noise=(0.5, 0.7), common=0.0, n_seeds=2, n=N):
    """Two tables: true rewards of variance 1 and correlation ``rho``, and noise.

    ``common``: correlation of the noise of both tables.
    """
    one = rng.normal(size=(n_tasks, n, 1))
    other = rho * one + np.sqrt(1 - rho**2) * rng.normal(size=one.shape)
    both = rng.normal(size=(n_tasks, n, n_seeds))
    errors = [
        sd * (np.sqrt(common) * both + np.sqrt(1 - common) * rng.normal(size=both.shape))
        for sd in noise
    ]
    return table_of(50 + one + errors[0]), table_of(50 + other + errors[1], "u", "finetune")


def ranked(r, n=1e9):
    """Expected Spearman correlation of ``n`` pairs of normals with correlation ``r`` (Moran)."""
    return 6 / np.pi / (n + 1) * (np.arcsin(r) + (n - 2) * np.arcsin(r / 2))


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture
def no_bootstrap(monkeypatch):
    monkeypatch.setattr(module, "_bootstrap", lambda _one, _other: (-1.0, 1.0))


def mean_of(tasks, name):
    return np.mean([value for t in tasks if (value := getattr(t, name)) is not None])


def test_correlations_are_those_of_scipy_ties_included():
    one, other = rng().integers(0, 6, (50, 12)), rng(1).integers(0, 6, (50, 12))
    expected = [scipy.stats.spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert spearman(one.astype(float), other.astype(float)) == pytest.approx(expected)
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))
    chosen, judged = draw(rng(2), 3)
    found = proxy(chosen, judged)
    for row, task in enumerate(found.tasks):
        means = [table.means[row, :N] for table in (chosen, judged)]
        assert task.correlation == pytest.approx(scipy.stats.spearmanr(*means).statistic)
    values = [task.correlation for task in found.tasks]
    interval = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    assert found.correlation.value == pytest.approx(np.mean(values))
    assert found.correlation.half_width == pytest.approx((interval.high - interval.low) / 2)


def test_intervals_are_percentile_bootstrap_and_cover_the_truth():
    chosen, judged = draw(rng(3), 150, rho=0.6, noise=(0.5, 0.5))
    found = proxy(chosen, judged)
    truth = ranked(0.6 / 1.125)  # reliabilities 1 / (1 + 0.5**2 / 2)
    covered = [task.low <= truth <= task.high for task in found.tasks]
    assert 0.90 <= np.mean(covered) <= 0.99
    means = [table.means[0, :N] for table in (chosen, judged)]
    expected = scipy.stats.bootstrap(
        means,
        lambda a, b: scipy.stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert (found.tasks[0].low, found.tasks[0].high) == pytest.approx(tuple(expected), abs=0.05)


@pytest.mark.parametrize(("common", "n_seeds"), [(0.0, 2), (0.6, 2), (0.6, 3)])
def test_the_ceiling_is_the_correlation_of_perfect_agreement(common, n_seeds, no_bootstrap):
    chosen, judged = draw(rng(4), 300, rho=1.0, common=common, n_seeds=n_seeds)
    found = proxy(chosen, judged)
    spread = [np.sqrt(1 + sd**2 / n_seeds) for sd in (0.5, 0.7)]
    truth = ranked((1 + common * 0.5 * 0.7 / n_seeds) / np.prod(spread), N)
    assert found.correlation.value == pytest.approx(truth, abs=0.02)
    assert found.ceiling.value == pytest.approx(truth, abs=0.03)
    assert mean_of(found.tasks, "corrected") == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("rho", "common"), [(0.6, 0.0), (0.6, 0.6), (0.0, 0.6)])
def test_the_corrected_correlation_is_the_true_one(rho, common, no_bootstrap):
    chosen, judged = draw(rng(5), 300, rho=rho, common=common)
    found = proxy(chosen, judged)
    assert mean_of(found.tasks, "corrected") == pytest.approx(ranked(rho), abs=0.04)
    assert found.corrected.value == pytest.approx(ranked(rho), abs=0.04)
    assert found.corrected.half_width < 0.05
    shared = common * 0.5 * 0.7 / 2 / np.sqrt((1 + 0.5**2 / 2) * (1 + 0.7**2 / 2))
    assert mean_of(found.tasks, "shared") == pytest.approx(shared, abs=0.02)


def test_intervals_over_tasks_cover_the_truth(no_bootstrap):
    generator, hits = rng(6), {"corrected": 0, "share": 0, "regret": 0}
    many = proxy(*draw(generator, 1500))
    truths = {"corrected": ranked(0.6), "share": many.share.value, "regret": many.regret.value}
    for _ in range(40):
        found = proxy(*draw(generator, 15))
        for name, truth in truths.items():
            one = getattr(found, name)
            hits[name] += abs(one.value - truth) <= one.half_width
    assert all(count >= 34 for count in hits.values()), hits


def test_noise_is_neither_gain_nor_regret(no_bootstrap):
    """Both tables score noise, which is in part the same."""
    values = rng(7).normal(size=(2, 800, N, 2))
    values[1] += values[0]
    found = proxy(*(table_of(50 + one, protocol=p) for one, p in zip(values, "ab", strict=True)))
    for one in (found.gain, found.own_gain, found.regret):
        assert abs(one.value) <= one.half_width * 1.2
        assert one.half_width < 0.2
    assert (found.corrected.value, found.corrected.half_width) == (None, None)
    plain = np.mean(found.own_gain.value - (values[1].mean(2).max(1) - values[1].mean((1, 2))))
    assert plain < -1.5  # the gain of the best seed mean is noise


def test_gains_and_regret_without_noise_are_exact():
    chosen, judged = draw(rng(8), 6, noise=(0.0, 0.0))
    found = proxy(chosen, judged)
    for row, task in enumerate(found.tasks):
        one, other = chosen.means[row, :N], judged.means[row, :N]
        assert task.gain == pytest.approx(other[one.argmax()] - other.mean())
        assert task.own_gain == pytest.approx(other.max() - other.mean())
        assert task.regret == pytest.approx(other.max() - other[one.argmax()])
        assert task.share == pytest.approx(task.gain / task.own_gain)
        assert (task.choice, task.best) == tuple(
            str(SPACE.at(int(values.argmax()))) for values in (one, other)
        )
        assert (task.ceiling, task.reliability) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found.share.value == pytest.approx(
        sum(t.gain for t in found.tasks) / sum(t.own_gain for t in found.tasks)
    )
    same = proxy(chosen, chosen)
    assert (same.correlation.value, same.regret.value, same.share.value) == pytest.approx((1, 0, 1))


def test_equal_choices_count_by_their_mean_and_seeds_do_not_judge_themselves():
    chooser = np.array([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0], [0.0, 0.0, 9.0]])
    judge = np.array([[1.0, 4.0, 0.0], [3.0, 0.0, 0.0], [5.0, 5.0, 6.0]])
    # Seed 0: rows 0 and 1 have 1.0, row 2 has 4.5; seed 1: row 2; seed 2: rows 0 and 1.
    expected = np.mean([5 - 3, 5 - 3, 0 - 2])
    assert cross_fitted_gain(chooser, judge) == pytest.approx(expected)
    assert cross_fitted_gain(chooser[:, :1], judge[:, :1]) is None


def test_only_what_both_tables_have_counts():
    chosen, judged = draw(rng(9), 3, n_seeds=3)
    values = judged.values[:, :N].copy()
    values[0, 10:] = np.nan
    values[1, 3:] = np.nan
    other = table_of(values[:, :, [2, 0]], "u", "finetune", ("T0", "T1", "X"), (2, 0))
    found = proxy(chosen, other)
    assert (found.seeds, found.left_out) == ((0, 2), ("T1",))
    (task,) = found.tasks
    assert (task.task, task.n_configurations) == ("T0", 10)
    means = [table.values[0, :10][:, [0, 2]].mean(axis=1) for table in (chosen, judged)]
    assert task.correlation == pytest.approx(scipy.stats.spearmanr(*means).statistic)
    assert (found.correlation.half_width, found.share.half_width) == (None, None)


def test_one_seed_has_a_correlation_and_no_noise():
    chosen, judged = (table.of_seeds([0]) for table in draw(rng(10), 2))
    found = proxy(chosen, judged)
    assert found.correlation.value is not None
    for one in (found.ceiling, found.corrected, found.gain, found.regret, found.share):
        assert one.value is None
    constant = proxy(chosen, table_of(np.full((2, N, 2), 50.0), "u"))
    assert {(t.correlation, t.low, t.share) for t in constant.tasks} == {(None, None, None)}


def test_tables_without_common_rewards_are_refused():
    chosen, judged = draw(rng(11), 2)
    with pytest.raises(InvalidInputError, match=r"tasks.*T0, T1.*A, B"):
        proxy(chosen, table_of(judged.values[:, :N], tasks=("A", "B")))
    with pytest.raises(InvalidInputError, match=r"seeds.*0, 1.*5, 6"):
        proxy(chosen, table_of(judged.values[:, :N], seeds=(5, 6)))
    with pytest.raises(InvalidInputError, match=r"--configurations"):
        proxy(chosen, table_of(judged.values[:, :4]))
    space = ParameterSpace((Parameter("fog", ("off", "on")),))
    foggy = RewardTable("f", space, ("T0",), (0,), np.zeros((1, 2, 1)), [9], "linear", "mini")
    with pytest.raises(InvalidInputError, match=r"p0.*fog"):
        proxy(chosen, foggy)
    with pytest.raises(InvalidInputError, match="judges"):
        t2s.proxy(chosen)


@pytest.fixture
def folders(tmp_path):
    tables = draw(rng(12), 4)
    for table, name in zip(tables, ("chosen", "judged"), strict=True):
        tasks = ("EuroSAT", "SVHN", "USPS", "CUB")
        values = table.values[:, :N].round()
        given = table_of(values, name, table.protocol, tasks)
        about = Description(title="Synthetic", simulator="toy", simulator_version="1")
        write_table(given, tmp_path / name, about)
    return [str(tmp_path / name) for name in ("chosen", "judged")]


def test_the_command_has_four_formats(folders, capsys):
    found = t2s.proxy(*folders)
    (one,) = found.proxies
    assert main(["table", "proxy", *folders]) == 0
    text = capsys.readouterr().out
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    for task in one.tasks:
        assert f"{task.correlation:.2f} [{task.low:.2f}, {task.high:.2f}]" in lines[task.task]
        assert f"{task.regret:+.2f}" in lines[task.task]
    assert f"{one.regret.value:+.2f} ±{one.regret.half_width:.2f}" in lines["mean"]
    assert main(["table", "proxy", *folders, "--format", "markdown"]) == 0
    assert sum(line.startswith("| ") for line in capsys.readouterr().out.splitlines()) == 6
    assert main(["table", "proxy", *folders, folders[0], "--format", "csv"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split(",")[:4] == ["chosen_by", "judged_by", "protocol", "task"]
    assert len(rows) == 8
    assert main(["table", "proxy", *folders, "--format", "json"]) == 0
    (written,) = json.loads(capsys.readouterr().out)
    assert written["regret"]["value"] == pytest.approx(one.regret.value)
    assert [task["task"] for task in written["tasks"]] == ["EuroSAT", "SVHN", "USPS", "CUB"]


def test_the_picture_shows_every_number(folders, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    found = t2s.proxy(folders[0], folders[1], folders[0])
    left, right = found.plot().figure.axes
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels == ["EuroSAT", "SVHN", "USPS", "CUB", "mean"]
    first = found.proxies[0]
    assert left.lines[0].get_xdata() == pytest.approx([t.correlation for t in first.tasks])
    drawn = {round(float(x), 6) for line in right.lines for x in line.get_xdata()}
    assert {round(t.gain, 6) for t in first.tasks} <= drawn
    target = tmp_path / "proxy.png"
    assert main(["table", "proxy", *folders, "--plot", str(target)]) == 0
    assert target.stat().st_size > 0
    assert str(target) in capsys.readouterr().err


def test_the_picture_has_room_for_unknown_numbers():
    pytest.importorskip("matplotlib")
    chosen = draw(rng(13), 2)[0].of_seeds([0])
    constant = table_of(np.full((2, N, 1), 50.0), "u", "linear")
    assert len(t2s.proxy(chosen, constant).plot().figure.axes) == 2
