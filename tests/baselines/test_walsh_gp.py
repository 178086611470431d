"""walsh-gp against dense Gaussian processes and finite differences, and on unusual tables."""

import numpy as np
import pytest

from baselines.walsh_gp.evidence import (
    Evidence,
    groups_of,
    task_distances,
)
from baselines.walsh_gp.method import WalshGp
from baselines.walsh_gp.model import MEMBERS, WalshModel
from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.methods import TaskView, find_method
from benchmark.rewards.noise import noise_variances
from benchmark.rewards.view import RewardView
from benchmark.space import Parameter, ParameterSpace, contrasts

SPACES = [(2, 2), (3, 2), (2, 3, 4), (2, 2, 2, 2), (2, 2, 3, 2, 2)]


def space_of(shape):
    return ParameterSpace(tuple(Parameter(f"p{i}", tuple("abcd"[:n])) for i, n in enumerate(shape)))


def problem(shape=(2, 3, 2), n_tasks=6, seed=0):
    """Vectors and rewards; nearer vectors have more similar effects."""
    rng = np.random.default_rng(seed)
    vectors = rng.gamma(0.7, 1.0, (n_tasks, 30))
    found = contrasts(shape)
    effects = vectors @ rng.normal(size=(30, len(found.orders))) / 2.0**found.orders
    rewards = 50 + effects @ found.matrix.T + rng.normal(0, 0.3, (n_tasks, len(found.matrix)))
    return vectors, rewards


def fitted(vectors, rewards, shape):
    names = tuple(f"t{i}" for i in range(len(rewards)))
    tasks = [TaskView(n, v.astype(np.float32)) for n, v in zip(names, vectors, strict=True)]
    method = WalshGp()
    method.fit(tasks, RewardView(names, space_of(shape), rewards), np.random.default_rng(0))
    return method, tasks


def chosen(method, task):
    return method._known().space.index(method.select(task, np.random.default_rng(0)))


@pytest.mark.parametrize("shape", [*SPACES, (2,), (5,), (2,) * 8])
def test_contrasts_are_orthonormal_and_vary_with_their_parameters_only(shape):
    found = contrasts(shape)
    n = np.prod(shape)
    full = np.column_stack([np.full(n, n**-0.5), found.matrix])
    np.testing.assert_allclose(full.T @ full, np.eye(n), atol=1e-12)
    for column, uses in zip(found.matrix.T, found.uses, strict=True):
        cube = column.reshape(shape)
        varies = [np.ptp(cube, axis=place).max() > 1e-9 for place in range(len(shape))]
        assert varies == uses.tolist()
    assert found.orders.tolist() == found.uses.sum(axis=1).tolist()


def test_switches_have_walsh_functions():
    signs = np.sign(contrasts((2, 2, 2)).matrix)
    assert np.abs(contrasts((2, 2, 2)).matrix) == pytest.approx(8**-0.5)
    products = {tuple(signs[:, 0] * signs[:, 1]), tuple(-signs[:, 0] * signs[:, 1])}
    assert tuple(signs[:, 2]) in products


def test_groups_of_eight_switches():
    found = contrasts((2,) * 8)
    assert len(groups_of(found, free=True).order) == 8 + 28 + 1
    assert len(groups_of(found, free=False).order) == 3


def test_noise_is_that_of_high_orders():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, [[1.0], [3.0]], (2, 256))
    found = contrasts((2,) * 8)
    variances = noise_variances(noise @ found.matrix, found.orders)
    np.testing.assert_allclose(variances, [1, 9], rtol=0.25)
    small = contrasts((2, 2))
    assert noise_variances(np.array([[5.0, 5.0, 2.0]]), small.orders) == pytest.approx(4)


def test_distances_by_their_definitions():
    x, y = vectors = np.random.default_rng(0).gamma(1, 1, (2, 50))

    def cosine(a, b):
        return 1 - a @ b / np.sqrt((a @ a) * (b @ b))

    logs = [np.log(v + 1e-8) - np.log(v + 1e-8).mean() for v in vectors]
    expected = [
        cosine(x, y),
        cosine(x**0.5, y**0.5),
        cosine(*logs),
        cosine(x / (x + y), y / (x + y)),
    ]
    found = task_distances(vectors)
    np.testing.assert_allclose(found[:, 0, 1], expected, rtol=1e-6)
    assert (found[:, [0, 1], [0, 1]] == 0).all()


def evidence_of(shape, free, n_tasks=5, seed=1):
    rng = np.random.default_rng(seed)
    found = contrasts(shape)
    groups = groups_of(found, free=free)
    columns = rng.normal(size=(n_tasks, len(found.orders))) / found.orders
    factors = rng.normal(size=(2, n_tasks, n_tasks))
    kernels = np.concatenate([factors @ factors.swapaxes(1, 2), np.eye(n_tasks)[None]])
    parts = [columns[:, groups.of_column == g] for g in range(len(groups.order))]
    products = np.stack([p @ p.T for p in parts])
    counts = np.array([p.shape[1] for p in parts], dtype=float)
    noise = rng.uniform(0.05, 0.2, n_tasks)
    return found, columns, Evidence(kernels, products, counts, groups, noise, -0.7, free)


def penalty(evidence, x, n_parameters):
    """Negative log density of the priors, up to a constant, term by term."""
    total, n = 0.0, n_parameters
    j = len(evidence.kernels)
    for index, value in enumerate(x):
        if index < 6:
            total += (value - evidence.level) ** 2 / (2 * 3**2)
        elif index < 6 + 2 * n:
            total += value**2 / (2 * 0.5**2)
        else:
            total += (value + np.log(j)) ** 2 / 2
    return total


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("shape", SPACES)
def test_the_value_is_a_sum_of_gaussian_densities(shape, free):
    from scipy.stats import multivariate_normal

    found, columns, evidence = evidence_of(shape, free)
    n = len(shape)
    x = evidence.centre + np.random.default_rng(2).normal(0, 0.4, len(evidence.centre))
    value, _ = evidence.value(x)
    kernel = sum(np.exp(w) * k for w, k in zip(x[6 + 2 * n :], evidence.kernels, strict=True))
    expected = penalty(evidence, x, n)
    for column, uses in zip(columns.T, found.uses, strict=True):
        order = min(uses.sum(), 3)
        factor = uses & (free and order < 3)
        a = np.exp(x[order - 1] + x[6 : 6 + n] @ factor)
        b = np.exp(x[2 + order] + x[6 + n : 6 + 2 * n] @ factor)
        covariance = a * np.ones_like(kernel) + b * kernel + np.diag(evidence.noise)
        expected -= multivariate_normal(np.zeros(len(column)), covariance).logpdf(column)
    constant = columns.size / 2 * np.log(2 * np.pi)
    assert value == pytest.approx(expected - constant, rel=1e-9)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("shape", SPACES)
def test_the_gradient_equals_finite_differences(shape, free):
    _, _, evidence = evidence_of(shape, free)
    x = evidence.centre + np.random.default_rng(3).normal(0, 0.4, len(evidence.centre))
    step = 1e-5
    for index, slope in enumerate(evidence.value(x)[1]):
        move = step * (np.arange(len(x)) == index)
        numeric = (evidence.value(x + move)[0] - evidence.value(x - move)[0]) / (2 * step)
        assert slope == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def dense(model, member, scale, vector):
    """Mean and covariance of all rewards of learnt tasks and a new one, by the definition.

    The new task comes last. Rewards are divided by the tasks' scales, except the new task's,
    which is multiplied by ``scale``.
    """
    options = MEMBERS[member]
    found = model._contrasts
    x, n_parameters = model.parameters[member], found.uses.shape[1]
    stacked = np.vstack([model.vectors, vector])
    n = len(stacked)
    distances = task_distances(stacked)
    weights = np.exp(x[6 + 2 * n_parameters :])
    kernel, j = weights[-1] * np.eye(n), 0
    for d in distances:
        median = np.median(d[:-1, :-1][np.triu_indices(n - 1, 1)])
        for length in options.lengths:
            kernel = kernel + weights[j] * np.exp(-d / (length * median))
            j += 1
    total = 0
    for column, uses in zip(found.matrix.T, found.uses, strict=True):
        order = min(uses.sum(), 3)
        factor = uses & (options.free and order < 3)
        a = np.exp(x[order - 1] + x[6 : 6 + n_parameters] @ factor)
        b = np.exp(x[2 + order] + x[6 + n_parameters : 6 + 2 * n_parameters] @ factor)
        total = total + np.kron(a + b * kernel, np.outer(column, column))
    size = len(found.matrix)
    sizes = np.repeat([1.0] * (n - 1) + [scale], size)
    return total * np.outer(sizes, sizes)


def conditioned(covariance, data, noise, known):
    """Gaussian conditioned on some of its entries, by plain linear algebra."""
    at = covariance[np.ix_(known, known)] + np.diag(noise)
    cross = covariance[:, known]
    mean = cross @ np.linalg.solve(at, data)
    return mean, covariance - cross @ np.linalg.solve(at, cross.T)


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (2, 2, 2)])
@pytest.mark.parametrize("observed", [{}, {1: 52.0, 3: 47.0, 0: 50.5}])
def test_the_posterior_equals_a_dense_gaussian_process(shape, observed):
    vectors, rewards = problem(shape, n_tasks=5)
    model = WalshModel(shape, rewards[:-1], vectors[:-1])
    posterior = model.posterior(vectors[-1], observed, noise=0.4)
    size, n = len(model._contrasts.matrix), 4
    centred = model.rewards - model.rewards.mean(axis=1, keepdims=True)
    coefficients = centred @ model._contrasts.matrix
    noise = noise_variances(coefficients, model._contrasts.orders)
    squares = (coefficients**2).sum(axis=1)
    signal = np.maximum(squares - (size - 1) * noise, 0.1 * squares) / (size - 1)
    log_scales = 0.5 * np.log(signal) - 0.5 * np.log(signal).mean()
    points, weights = np.polynomial.hermite_e.hermegauss(5)
    logs_of_weights = []
    for component in range(0, 40, 3):
        member, point = divmod(component, 5)
        logs = MEMBERS[member].gamma * log_scales
        scale = np.exp(points[point] * logs.std(ddof=1))
        covariance = dense(model, member, scale, vectors[-1])
        floor = 1e-6 * (coefficients**2 / np.exp(2 * logs)[:, None]).mean()
        each = np.maximum(noise / np.exp(2 * logs), floor)
        data = (centred / np.exp(logs)[:, None]).ravel()
        # The flat prior of the new task's mean, as a very wide one.
        places = [n * size + index for index in observed]
        covariance[n * size :, n * size :] += 1e7
        mean, left = conditioned(
            covariance,
            np.concatenate([data, np.array(list(observed.values())) - 50]),
            np.concatenate([np.repeat(each, size), np.full(len(observed), 0.4)]),
            [*range(n * size), *places],
        )
        logs_of_weights.append(
            np.log(weights[point]) + evidence_of_observed(covariance, data, each, observed)
        )
        centre = np.eye(size) - 1 / size
        np.testing.assert_allclose(posterior.means[component], centre @ mean[n * size :], atol=2e-4)
        np.testing.assert_allclose(
            posterior.covariances[component],
            centre @ left[n * size :, n * size :] @ centre,
            atol=2e-4,
        )
    found = np.log(posterior.weights[::3])
    np.testing.assert_allclose(
        found - found[0], np.array(logs_of_weights) - logs_of_weights[0], atol=2e-3
    )


def evidence_of_observed(covariance, data, noise, observed):
    """Log density of the observed rewards given the learnt tasks' ones."""
    from scipy.stats import multivariate_normal

    if not observed:
        return 0.0
    known, size = len(data), len(data) // len(noise)
    mean, left = conditioned(covariance, data, np.repeat(noise, size), range(known))
    places = known + np.array(list(observed))
    rewards = np.array(list(observed.values())) - 50
    left = left[np.ix_(places, places)] + 0.4 * np.eye(len(places))
    return multivariate_normal(mean[places], left).logpdf(rewards)


@pytest.mark.parametrize("shape", SPACES)
def test_samples_have_the_moments_of_the_posterior(shape):
    vectors, rewards = problem(shape, n_tasks=4)
    model = WalshModel(shape, rewards[:-1], vectors[:-1])
    observed = {0: float(rewards[-1, 0]), 2: float(rewards[-1, 2])}
    posterior = model.posterior(vectors[-1], observed)
    draws = posterior.sample(np.random.default_rng(0), 4000)
    size = np.sqrt(np.diag(posterior.covariance))
    assert np.abs(draws.mean(axis=0) - posterior.mean).max() < 0.1 * size.max()
    error = np.cov(draws.T) - posterior.covariance
    assert np.abs(error).max() < 0.25 * size.max() ** 2
    gain = posterior.gain(1, 2)
    differences = draws[:, 1] - draws[:, 2]
    spread = differences.std()
    assert gain.mean == pytest.approx(differences.mean(), abs=0.1 * spread)
    assert gain.low == pytest.approx(np.quantile(differences, 0.025), abs=0.4 * spread)
    assert gain.high == pytest.approx(np.quantile(differences, 0.975), abs=0.4 * spread)
    assert posterior.gain(2, 2) == (0, 0, 0)


def test_observed_rewards_move_the_choice():
    shape = (2, 2, 2, 2)
    vectors, rewards = problem(shape)
    model = WalshModel(shape, rewards[:-1], vectors[:-1])
    target = rewards[-1] + 20 * np.random.default_rng(5).normal(size=rewards.shape[1])
    everything = model.posterior(vectors[-1], dict(enumerate(target)), noise=1e-6)
    np.testing.assert_allclose(everything.mean, target - target.mean(), atol=1e-2)
    one = model.posterior(vectors[-1], {3: 80.0})
    np.testing.assert_allclose(one.mean, model.posterior(vectors[-1]).mean, atol=1e-9)


@pytest.mark.parametrize("shape", [(2,), (3,), *SPACES])
def test_noise_free_main_effects_are_found(shape):
    levels = space_of(shape).level_matrix()
    best = tuple(n - 1 - (i % 2) for i, n in enumerate(shape))
    row = 50 - np.abs(levels - best).sum(axis=1).astype(float)
    vectors = np.random.default_rng(0).gamma(1, 1, (4, 20))
    for n_tasks in (1, 2, 4):
        method, tasks = fitted(vectors[:n_tasks], np.tile(row, (n_tasks, 1)), shape)
        target = TaskView("new", vectors[3].astype(np.float32))
        assert method.select(target, np.random.default_rng(0)).levels == best
    same, tasks = fitted(np.tile(vectors[0], (3, 1)), np.tile(row, (3, 1)), shape)
    assert same.select(tasks[0], np.random.default_rng(0)).levels == best
    assert same.gain(tasks[0]) == (0, 0, 0)


def test_near_tasks_decide():
    """Two clusters of tasks with opposite effects."""
    shape = (2, 2, 2, 2, 2)
    rng = np.random.default_rng(0)
    centres = rng.gamma(0.5, 1, (2, 40)) + 0.01
    effect = contrasts(shape).matrix[:, :3] @ [4.0, 2.0, 1.0]
    cluster = np.arange(11) % 2
    vectors = centres[cluster] * rng.uniform(0.8, 1.2, (11, 40))
    rewards = 50 + np.where(cluster, 1, -1)[:, None] * effect + rng.normal(0, 0.1, (11, 32))
    method, _ = fitted(vectors[:9], rewards[:9], shape)
    for task in (9, 10):
        target = TaskView("new", vectors[task].astype(np.float32))
        sign = 1 if cluster[task] else -1
        assert (sign * effect)[chosen(method, target)] == pytest.approx((sign * effect).max())


@pytest.mark.parametrize("fault", [np.nan, 41.0])
def test_incomplete_and_constant_tasks_are_left_out(fault):
    shape = (2, 3, 2)
    vectors, rewards = problem(shape)
    broken = rewards.copy()
    broken[2, 5 if np.isnan(fault) else slice(None)] = fault
    method, tasks = fitted(vectors, broken, shape)
    rest, _ = fitted(np.delete(vectors, 2, axis=0), np.delete(rewards, 2, axis=0), shape)
    np.testing.assert_array_equal(method.model.parameters[3], rest.model.parameters[3])
    assert [chosen(method, task) for task in tasks] == [chosen(rest, task) for task in tasks]
    with pytest.raises(UnavailableError, match="1 tasks" if np.isnan(fault) else "same reward"):
        fitted(vectors[2:3], broken[2:3], shape)


def test_the_gain_refers_to_the_single_best_configuration():
    shape = (2, 2, 2, 2)
    vectors, rewards = problem(shape)
    method, tasks = fitted(vectors, rewards, shape)
    best = int(rewards.mean(axis=0).argmax())
    posterior = method.model.posterior(tasks[0].vector().astype(float))
    assert method.gain(tasks[0]) == posterior.gain(chosen(method, tasks[0]), best)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_vectors_without_direction_are_refused(value):
    vectors, rewards = problem()
    method, _ = fitted(vectors, rewards, (2, 3, 2))
    broken = TaskView("Basalt", np.full(30, value, dtype=np.float32))
    with pytest.raises(InvalidInputError, match="Basalt"):
        method.select(broken, np.random.default_rng(0))
    vectors[1] = value
    with pytest.raises(InvalidInputError, match="t1"):
        fitted(vectors, rewards, (2, 3, 2))


def test_an_unfitted_method_says_so():
    with pytest.raises(InvalidInputError, match="not fitted"):
        _ = WalshGp().model


@pytest.mark.parametrize("name", ["member2", "rewards", "vectors", "single_best"])
def test_states_that_do_not_fit_are_refused(name):
    vectors, rewards = problem()
    method, space = find_method("walsh-gp"), space_of((2, 3, 2))
    state = fitted(vectors, rewards, (2, 3, 2))[0].state()
    assert method.from_state(state, space).state().keys() == state.keys()
    wrong = space.size if name == "single_best" else state[name][:-1]
    for changed in (state | {name: wrong}, {k: v for k, v in state.items() if k != name}):
        with pytest.raises(InvalidInputError, match="walsh-gp"):
            method.from_state(changed, space)
