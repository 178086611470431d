"""The portfolio against brute force, and between single-best and nearest-task."""

import itertools

import numpy as np
import pytest

from baselines.nearest_task import NearestTask
from baselines.portfolio import Portfolio
from baselines.single_best import SingleBest
from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.methods import TaskView
from benchmark.rewards.view import RewardView
from benchmark.space import Parameter, ParameterSpace

SPACE = ParameterSpace(tuple(Parameter(f"p{i}", ("a", "b")) for i in range(4)))


def problem(seed=0, n_tasks=6):
    rng = np.random.default_rng(seed)
    names = tuple(f"t{i}" for i in range(n_tasks))
    tasks = [TaskView(name, rng.random(12).astype(np.float32)) for name in names]
    return tasks, RewardView(names, SPACE, rng.uniform(10, 90, (n_tasks, SPACE.size)))


def decided(method, tasks, view, targets=None):
    method.fit(tasks, view, np.random.default_rng(0))
    return [method.select(task, np.random.default_rng(0)) for task in targets or tasks]


def worth_of(matrix, value):
    """Values by LAPACK, straight from the definition."""
    if value == "reward":
        return matrix
    rows = []
    for accuracies in matrix / 100:
        win_rates = 0.5 + (accuracies[:, None] - accuracies[None]) / 2
        eigenvalues, vectors = np.linalg.eig(win_rates / win_rates.T)
        vector = np.abs(vectors[:, eigenvalues.real.argmax()].real)
        rows.append(vector / vector.sum())
    return np.sqrt(rows) if value == "sqrt" else np.array(rows)


@pytest.mark.parametrize("value", ["reward", "p", "sqrt"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_choice_equals_brute_force(k, value):
    for seed in range(3):
        tasks, view = problem(seed)
        found = decided(Portfolio(k, value), tasks, view)
        worth = worth_of(view.matrix(), value)
        best = max(
            worth[:, list(chosen)].max(axis=1).sum()
            for chosen in itertools.combinations(range(SPACE.size), k)
        )
        total = sum(worth[row, SPACE.index(c)] for row, c in enumerate(found))
        assert total == pytest.approx(best, rel=1e-9)
        assert len(set(found)) <= k


def test_one_configuration_is_single_best_and_many_are_nearest_task():
    tasks, view = problem()
    targets = problem(1)[0]
    assert decided(Portfolio(1), tasks, view, targets) == decided(
        SingleBest(), tasks, view, targets
    )
    for k in (6, 16, 99):
        assert decided(Portfolio(k), tasks, view, targets) == decided(
            NearestTask(), tasks, view, targets
        )


def test_empty_cells_are_never_chosen():
    tasks, view = problem()
    matrix = view.matrix()
    matrix[:, 3] = 99
    matrix[0, 3] = np.nan
    found = decided(Portfolio(1, "p"), tasks, RewardView(view.tasks, SPACE, matrix))
    assert found[0] != SPACE.at(3)
    assert decided(Portfolio(2), tasks, RewardView(view.tasks, SPACE, matrix))[1] == SPACE.at(3)


@pytest.mark.parametrize("row", [[np.nan] * 16, [np.nan] * 15 + [1.0]])
def test_a_table_with_too_many_holes(row):
    tasks, view = problem()
    matrix = view.matrix()
    matrix[1] = row
    matrix[2, 15] = np.nan
    with pytest.raises(UnavailableError, match="measured on all 6 tasks"):
        decided(Portfolio(1), tasks, RewardView(view.tasks, SPACE, matrix))


def test_k_must_be_positive():
    with pytest.raises(InvalidInputError, match="at least 1"):
        Portfolio(0)
