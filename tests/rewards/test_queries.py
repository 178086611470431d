"""Rewards of the judged task come one at a time, counted, up to the budget, of one seed."""

import gc
from types import FunctionType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import AccessError, InvalidInputError, UnavailableError
from benchmark.rewards.view import Queries
from benchmark.space import PAPER_SPACE

REWARDS = np.random.default_rng(3).uniform(0, 100, PAPER_SPACE.size)
CONFIGURATIONS = st.lists(st.integers(0, PAPER_SPACE.size - 1), max_size=40)


@given(CONFIGURATIONS, st.integers(0, 20))
def test_a_method_never_learns_more_rewards_than_its_budget(numbers, budget):
    queries, learnt = Queries(PAPER_SPACE, REWARDS, budget), {}
    for number in numbers:
        fresh = number not in learnt
        if fresh and len(learnt) == budget:
            with pytest.raises(AccessError, match=str(budget)):
                queries.ask(PAPER_SPACE.at(number))
        else:
            learnt[number] = queries.ask(PAPER_SPACE.at(number))
    assert queries.asked == learnt
    assert list(queries.asked) == list(learnt)
    assert learnt == {number: REWARDS[number] for number in learnt}
    assert queries.left == budget - len(learnt)


@given(st.permutations(range(16)), st.integers(1, 16))
def test_best_asks_in_order_and_returns_the_highest(order, budget):
    queries = Queries(PAPER_SPACE, REWARDS, budget)
    chosen = queries.best(order)
    assert list(queries.asked) == order[:budget]
    assert chosen == PAPER_SPACE.at(max(order[:budget], key=lambda number: REWARDS[number]))


def test_the_log_cannot_be_changed_and_no_attribute_holds_the_rewards():
    queries = Queries(PAPER_SPACE, REWARDS, 2)
    with pytest.raises(TypeError):
        queries.asked[0] = 1.0
    # Objects reachable from the view through attributes, containers and bound methods.
    found, left = [], [queries]
    while left:
        one = left.pop()
        if any(one is known for known in found):
            continue
        found.append(one)
        if not isinstance(one, FunctionType | type):
            left += [x for x in gc.get_referents(one) if not isinstance(x, type)]
    arrays = [one for one in found if isinstance(one, np.ndarray)]
    assert not [one for one in arrays if np.isin(REWARDS, one).any()]


def test_an_empty_cell_is_refused_and_does_not_count():
    rewards = np.where(np.arange(PAPER_SPACE.size) == 5, np.nan, REWARDS)
    queries = Queries(PAPER_SPACE, rewards, 1)
    with pytest.raises(UnavailableError, match="5"):
        queries.ask(PAPER_SPACE.at(5))
    assert queries.left == 1


def test_no_best_without_a_question():
    with pytest.raises(InvalidInputError):
        Queries(PAPER_SPACE, REWARDS, 0).best([1, 2])
