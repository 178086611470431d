"""Searches of the budgeted track: what each method asks for, and what it chooses."""

import numpy as np
import pytest

from baselines.bayesian_optimization import BayesianOptimization
from baselines.portfolio_order import PortfolioOrder
from baselines.random_choice import RandomChoice
from baselines.walsh_gp.method import WalshGp, WalshGpThompson
from baselines.walsh_gp.model import WalshModel
from baselines.walsh_gp.search import expected_improvement
from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.methods import TaskView
from benchmark.rewards.view import Queries, RewardView
from benchmark.space import PAPER_SPACE, Parameter, ParameterSpace
from benchmark.testing import toy_problem

SPACE = ParameterSpace(tuple(Parameter(name, ("off", "on")) for name in "abc"))


def fitted(method, rewards, space=SPACE):
    names = tuple(f"task{i}" for i in range(len(rewards)))
    vectors = np.random.default_rng(0).uniform(0.1, 1, (len(rewards), 6)).astype(np.float32)
    tasks = [TaskView(name, vector) for name, vector in zip(names, vectors, strict=True)]
    method.fit(tasks, RewardView(names, space, np.array(rewards)), np.random.default_rng(0))
    return method, tasks


def asked(method, task, rewards, budget, seed=0, space=SPACE):
    queries = Queries(space, np.array(rewards, dtype=np.float64), budget)
    choice = method.search(task, queries, np.random.default_rng(seed))
    return list(queries.asked), space.index(choice)


REWARDS = [
    [0, 9, 0, 0, 0, 0, 0, 8.0],
    [0, 0, 9, 0, 0, 0, 0, 8.0],
    [0, 0, 0, 6, 0, 5, 0, 5.0],
]


def test_portfolio_order_begins_with_the_best_for_all_then_adds_what_others_lack():
    method, tasks = fitted(PortfolioOrder(), REWARDS)
    order, _ = asked(method, tasks[0], range(8), 8)
    assert order[0] == 7
    assert set(order[1:4]) == {1, 2, 3}
    assert order[4] == 5  # nothing adds any more: by mean gain
    assert SPACE.index(method.select(tasks[0], np.random.default_rng(0))) == 7


def test_portfolio_order_does_not_depend_on_a_task_of_large_rewards():
    scaled = [REWARDS[0], REWARDS[1], [100 - 10 * (9 - x) for x in REWARDS[2]]]
    method, tasks = fitted(PortfolioOrder(), REWARDS)
    other, _ = fitted(PortfolioOrder(), scaled)
    assert asked(method, tasks[0], range(8), 8) == asked(other, tasks[0], range(8), 8)


def test_portfolio_order_leaves_unmeasured_configurations_out():
    rewards = np.array(REWARDS)
    rewards[0, 7] = np.nan
    method, tasks = fitted(PortfolioOrder(), rewards)
    order, _ = asked(method, tasks[0], range(8), 8)
    assert 7 not in order
    assert len(order) == 7
    with pytest.raises(UnavailableError):
        fitted(PortfolioOrder(), np.full((2, 8), np.nan))


@pytest.mark.parametrize("make", [RandomChoice, BayesianOptimization])
def test_searches_without_learning_find_the_best_of_all_and_differ_between_seeds(make):
    method, tasks = fitted(make(), REWARDS)
    rewards = [3, 1, 4, 1, 5, 9, 2, 6]
    orders = set()
    for seed in range(4):
        order, choice = asked(method, tasks[0], rewards, 8, seed)
        assert sorted(order) == list(range(8))
        assert choice == 5
        orders.add(tuple(order))
        # A smaller budget asks for the first ones of the same order.
        assert asked(method, tasks[0], rewards, 3, seed)[0] == order[:3]
    assert len(orders) > 1


def test_bayesian_optimization_needs_fewer_rewards_than_random_search():
    levels = PAPER_SPACE.level_matrix()
    rng = np.random.default_rng(5)
    found = {RandomChoice: [], BayesianOptimization: []}
    for seed in range(6):
        rewards = levels @ rng.normal(size=8) + 0.1 * rng.normal(size=len(levels))
        for make, gains in found.items():
            method, tasks = fitted(make(), np.zeros((1, PAPER_SPACE.size)), PAPER_SPACE)
            _, choice = asked(method, tasks[0], rewards, 20, seed, PAPER_SPACE)
            gains.append((rewards.max() - rewards[choice]) / (rewards.max() - rewards.mean()))
    assert np.mean(found[BayesianOptimization]) < 0.5 * np.mean(found[RandomChoice])


def test_bayesian_optimization_names_its_extra(monkeypatch):
    from benchmark.core import extras

    monkeypatch.setattr(extras, "missing_packages", lambda *_: ["scikit-learn"])
    with pytest.raises(UnavailableError, match=r"t2sbench\[search\]"):
        BayesianOptimization()


def test_bayesian_optimization_refuses_no_initial_configuration():
    with pytest.raises(InvalidInputError, match="initial"):
        BayesianOptimization(0)


@pytest.mark.parametrize("make", [WalshGp, WalshGpThompson])
def test_walsh_gp_asks_first_for_its_choice_and_never_twice(make):
    problem = toy_problem()
    method = make()
    method.fit(problem.learn, problem.view(privileged=False), np.random.default_rng(0))
    for task, rewards in zip(problem.targets, problem.means[len(problem.learn) :], strict=True):
        first = problem.space.index(method.select(task, np.random.default_rng(0)))
        order, _ = asked(method, task, rewards, 16, space=problem.space)
        assert order[0] == first
        assert sorted(order) == list(range(16))


def test_walsh_gp_trusts_rewards_that_score_and_shrinks_those_of_another_seed():
    problem = toy_problem()
    method = WalshGp()
    method.fit(problem.learn, problem.view(privileged=False), np.random.default_rng(0))
    task = problem.targets[0]
    vector = task.vector().astype(np.float64)
    rewards = np.full(problem.space.size, 50.0)
    rewards[problem.space.index(method.select(task, np.random.default_rng(0)))] = 50.1
    for averaged in (1, 3):
        queries = Queries(problem.space, rewards, 8, averaged)
        chosen = problem.space.index(method.search(task, queries, np.random.default_rng(0)))
        noise = averaged * method.model.noise
        mean = method.model.posterior(vector, queries.asked, noise).mean
        best = max(queries.asked, key=queries.asked.get)
        assert chosen == (best if averaged == 1 else int(mean.argmax()))


def test_expected_improvement_agrees_with_draws_of_the_posterior():
    problem = toy_problem()
    vectors = np.stack([task.vector() for task in problem.learn]).astype(np.float64)
    model = WalshModel(problem.space.shape, problem.means[: len(vectors)], vectors)
    target = problem.targets[0].vector().astype(np.float64)
    known = {3: float(problem.means[6, 3]), 9: float(problem.means[6, 9])}
    posterior = model.posterior(target, known)
    rng = np.random.default_rng(0)
    gains = expected_improvement(posterior, 3, rng)
    draws = posterior.sample(rng, 20000)
    sampled = np.maximum(draws - draws[:, [3]], 0)
    error = sampled.std(axis=0) / np.sqrt(len(draws))
    assert gains[3] == pytest.approx(0, abs=1e-6)
    assert (np.abs(gains - sampled.mean(axis=0)) <= 4.5 * error + 1e-6).all()
    means, deviations = posterior.differences(3)
    ours = posterior.weights @ means
    assert ours == pytest.approx(posterior.mean - posterior.mean[3])
    spread = posterior.weights @ (deviations**2 + means**2) - ours**2
    covariance = posterior.covariance
    wanted = np.diag(covariance) + covariance[3, 3] - 2 * covariance[3]
    assert spread == pytest.approx(np.maximum(wanted, 0), abs=1e-6)
