import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from taskonomy.affinity import affinities
from taskonomy.transfers import (
    Transfer,
    transfers_of_rewards,
    transfers_of_samples,
    transfers_of_table,
)


def test_samples_become_affinities_gain_and_quality(rng):
    right = rng.random((4, 200)) < np.array([[0.9], [0.6], [0.5], [0.7]])
    scratch = rng.random(200) < 0.3
    sources = [(), ("B",), ("B", "A"), ("A",)]
    found = transfers_of_samples("T", sources, right, scratch)
    assert [one.sources for one in found] == [(), ("B",), ("A", "B"), ("A",)]
    assert sum(one.affinity for one in found) == pytest.approx(1)
    assert (
        np.argsort([one.affinity for one in found]).tolist()
        == np.argsort(right.mean(axis=1)).tolist()
    )
    assert found[0].quality == 0.5
    for one, row in zip(found, right, strict=True):
        assert one.gain == pytest.approx(0.5 + (row.mean() - scratch.mean()) / 2)
        assert one.quality == pytest.approx(0.5 + (row.mean() - right[0].mean()) / 2)


def test_without_references_there_is_neither_gain_nor_quality():
    (one,) = transfers_of_samples("T", [("A",)], np.array([[0.1, 0.2]]))
    assert (one.affinity, one.gain, one.quality) == (1.0, None, None)


def test_a_reward_table_holds_the_tournament(small_table):
    """Made-up correctness with the table's accuracies gives the same affinities."""
    task, n_test = small_table.tasks[0], 400
    found = transfers_of_table(small_table, [task])
    counts = np.rint(small_table.means[0] / 100 * n_test).astype(int)
    assert counts / n_test * 100 == pytest.approx(small_table.means[0])
    rng = np.random.default_rng(0)
    right = np.stack([rng.permutation(np.arange(n_test) < count) for count in counts])
    sampled = transfers_of_samples(task, [one.sources for one in found], right)
    assert [a.affinity for a in found] == pytest.approx([b.affinity for b in sampled], rel=1e-9)
    assert len(transfers_of_table(small_table)) == 256 * len(small_table.tasks)


def test_unknown_task(small_table):
    with pytest.raises(UnknownNameError, match="Did you mean 'CUB'"):
        transfers_of_table(small_table, ["CUBB"])


def test_cells_that_were_not_measured_give_no_transfer():
    values = np.array([[1.0, np.nan], [np.nan, 4.0]])
    found = transfers_of_rewards(values, ["T", "U"], ["a", "b"])
    assert [(str(one), one.affinity) for one in found] == [("a -> T", 1.0), ("b -> U", 4.0)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("T", ("T", "A"), 0.5), "target T"),
        (("T", ("A", "A"), 0.5), "distinct"),
        (("T", ("A",), -0.5), "not negative"),
        (("T", ("A",), float("nan")), "finite"),
        (("T", ("A",), 1e308), "at most 1e"),
    ],
)
def test_bad_transfers(arguments, says):
    with pytest.raises(InvalidInputError, match=says):
        Transfer(*arguments)


def test_rows_and_sources_must_agree():
    with pytest.raises(InvalidInputError, match=r"T .*\(1, n_items\)"):
        transfers_of_samples("T", [("A",)], np.zeros((2, 3)))


def test_affinities_are_those_of_the_tournament():
    rewards = np.array([0.2, 0.8])
    expected = affinities(0.5 + (rewards[:, None] - rewards) / 2)
    found = transfers_of_samples("T", [("A",), ("B",)], np.arange(10) < np.array([[2], [8]]))
    assert [one.affinity for one in found] == pytest.approx(expected)
