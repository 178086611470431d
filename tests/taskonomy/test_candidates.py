import itertools

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from taskonomy.candidates import (
    Chain,
    grow,
    high_order_candidates,
    transitive_benefit,
    transitive_chains,
)

WORTH = dict(zip("ABCDEFGH", [3, 8, 1, 6, 5, 4, 7, 2], strict=True))


@pytest.mark.parametrize(
    ("order", "pool", "count"), [(2, "BDEFG", 10), (3, "BDEFG", 10), (4, "ABDEFG", 15)]
)
def test_orders_2_to_4(order, pool, count):
    found = high_order_candidates(WORTH, order)
    assert found == sorted(itertools.combinations(pool, order))
    assert len(found) == count


def test_few_sources_and_other_orders():
    assert high_order_candidates({"A": 1.0}, 2) == []
    with pytest.raises(InvalidInputError, match="order 2, 3 or 4, but got 5"):
        high_order_candidates(WORTH, 5)


def test_growing_takes_the_best_extension_each_time():
    calls = []

    def evaluate(names):
        calls.append(names)
        return sum(WORTH[name] for name in names) - 100 * ("B" in names and "G" in names)

    found = grow(("B",), tuple(WORTH), 4, evaluate)
    assert found == [("B", "D"), ("B", "D", "E"), ("B", "D", "E", "F")]
    assert len(calls) == 7 + 6 + 5
    assert grow((), "AB", 9, evaluate) == [("B",), ("A", "B")]
    with pytest.raises(UnknownNameError, match="Unknown source"):
        grow(("Z",), "AB", 2, evaluate)


def test_chains_have_three_tasks_and_start_from_the_best():
    worth = {
        "T": {"A": 0.9, "B": 0.5, "C": 0.1},
        "A": {"T": 0.9, "C": 0.2, "B": 0.3},
        "B": {"A": 1},
    }
    assert list(map(str, transitive_chains(worth, "T", 2))) == ["B -> A -> T", "A -> B -> T"]
    with pytest.raises(UnknownNameError, match="target"):
        transitive_chains(worth, "Z")


def test_chains_are_judged_against_the_direct_transfer(rng):
    direct = {"A": rng.random(40), "B": rng.random(40)}
    better, same = Chain("C", "A", "T"), Chain("C", "B", "T")
    found = transitive_benefit(direct, {better: direct["A"] - 1, same: direct["B"]})
    assert found == {better: 1.0, same: 0.5}
    with pytest.raises(UnknownNameError, match="direct transfer"):
        transitive_benefit(direct, {Chain("A", "C", "T"): np.zeros(40)})
