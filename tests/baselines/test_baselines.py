"""Every baseline against a brute-force reference on the small table."""

import numpy as np
import pytest

from baselines.domain_randomization import DomainRandomization
from baselines.nearest_task import NearestTask
from baselines.oracle import Oracle
from baselines.random_choice import RandomChoice
from baselines.single_best import SingleBest
from benchmark.core.errors import InvalidInputError
from benchmark.methods import TaskView
from benchmark.rewards.view import RewardView
from benchmark.space import PAPER_SPACE, Parameter, ParameterSpace

SEEN = ("CropDisease", "EuroSAT", "SVHN", "ChestX", "DTD")
UNSEEN = ("CUB", "AID", "USPS")


@pytest.fixture
def views(small_table):
    return {t: TaskView(t, small_table.embeddings.of(t)) for t in small_table.tasks}


def fitted(method, small_table, views, learn=SEEN):
    method.fit([views[t] for t in learn], small_table.restrict(learn), np.random.default_rng(0))
    return method


def chosen(method, views, task):
    return method.select(views[task], np.random.default_rng(0))


def test_single_best_is_the_best_on_average(small_table, views):
    totals = {c: sum(small_table.reward(t, c) for t in SEEN) for c in PAPER_SPACE}
    method = fitted(SingleBest(), small_table, views)
    for task in UNSEEN:
        assert totals[chosen(method, views, task)] == max(totals.values())


def test_single_best_skips_configurations_with_an_empty_cell():
    space = ParameterSpace((Parameter("fog", ("off", "thin", "thick")),))
    view = RewardView(("A", "B"), space, np.array([[np.nan, 1, 2], [99, 5, 3.0]]))
    method = SingleBest()
    method.fit([], view, np.random.default_rng(0))
    assert str(method.select(TaskView("C"), np.random.default_rng(0))) == "1"


def test_nearest_task_equals_brute_force(small_table, views):
    def cosine(a: str, b: str) -> float:
        x, y = views[a].vector().astype(float), views[b].vector().astype(float)
        return float(x @ y / np.sqrt((x @ x) * (y @ y)))

    method = fitted(NearestTask(), small_table, views)
    for task in UNSEEN:
        nearest = max(SEEN, key=lambda seen: cosine(task, seen))
        best = max(PAPER_SPACE, key=lambda c: small_table.reward(nearest, c))
        assert chosen(method, views, task) == best


def test_nearest_task_is_the_oracle_on_learnt_tasks(small_table, views):
    nearest, oracle = (fitted(m(), small_table, views) for m in (NearestTask, Oracle))
    for task in SEEN:
        assert chosen(nearest, views, task) == chosen(oracle, views, task)


def test_nearest_task_ignores_the_length_of_embeddings(small_table, views):
    method = fitted(NearestTask(), small_table, views)
    longer = TaskView("x", views["CUB"].vector() * 1000)
    assert method.select(longer, np.random.default_rng(0)) == chosen(method, views, "CUB")


def test_an_embedding_of_zeros_is_refused(small_table, views):
    method = fitted(NearestTask(), small_table, views)
    with pytest.raises(InvalidInputError, match="zeros"):
        method.select(TaskView("x", np.zeros(40, np.float32)), np.random.default_rng(0))


def test_domain_randomization_turns_everything_on(small_table, views):
    assert str(chosen(fitted(DomainRandomization(), small_table, views), views, "CUB")) == "1" * 8


def test_random_is_the_uniform_mixture(small_table, views):
    mixture = chosen(fitted(RandomChoice(), small_table, views), views, "CUB")
    np.testing.assert_allclose(mixture.probabilities, 1 / 256)


def test_oracle_finds_the_maximum(small_table, views):
    method = fitted(Oracle(), small_table, views, learn=SEEN + UNSEEN)
    for task in UNSEEN:
        best = max(small_table.reward(task, c) for c in PAPER_SPACE)
        assert small_table.reward(task, chosen(method, views, task)) == best


@pytest.mark.parametrize(
    ("method", "queries"),
    [(RandomChoice, 0), (DomainRandomization, 0), (SingleBest, 1280), (NearestTask, 1280)],
)
def test_queries_are_counted(method, queries, small_table, views):
    view = small_table.restrict(SEEN)
    method().fit([views[t] for t in SEEN], view, np.random.default_rng(0))
    assert view.queries == queries
