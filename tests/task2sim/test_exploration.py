import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from task2sim.exploration import Perturbed, logit_gradient, one_hot, perturb, sample, softmax

COUNTS = np.array([2, 3, 4])


def random_logits(seed, n=4):
    logits = np.random.default_rng(seed).normal(0, 2, (n, 3, 4))
    logits[:, np.arange(4) >= COUNTS[:, None]] = -np.inf
    return logits


def test_exploration_takes_from_the_most_probable_level_of_two():
    found = perturb(np.array([[0.9, 0.1], [0.4, 0.6]]), 0.4, np.array([2, 2]))
    np.testing.assert_allclose(found.raw, [[0.5, 0.5], [0.8, 0.2]])


def test_exploration_beyond_what_the_most_probable_level_has_is_cut_and_rescaled():
    found = perturb(np.array([[0.3, 0.4, 0.3]]), 0.6, np.array([3]))
    np.testing.assert_allclose(found.raw / found.total, [[0.5, 0.0, 0.5]])


@given(st.integers(0, 10**6), st.floats(0, 0.99))
def test_exploration_gives_probabilities_and_none_to_missing_levels(seed, amount):
    found = perturb(softmax(random_logits(seed)), amount, COUNTS)
    shares = found.raw / found.total
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=-1), 1)
    assert not shares[:, np.arange(4) >= COUNTS[:, None]].any()


@given(st.integers(0, 10**6))
def test_samples_are_levels_that_exist(seed):
    found = perturb(softmax(random_logits(seed)), 0.4, COUNTS)
    uniforms = np.random.default_rng(seed).random((4, 3))
    levels = sample(found, uniforms, COUNTS)
    assert (levels >= 0).all()
    assert (levels < COUNTS).all()
    assert (sample(found, np.full((4, 3), 1 - 2**-53), COUNTS) < COUNTS).all()


def test_samples_follow_the_probabilities():
    probabilities = np.array([[0.5, 0.2, 0.3]])
    uniforms = np.linspace(0, 1, 1000, endpoint=False)[:, None]
    levels = sample(Perturbed(probabilities, np.array([[1.0]])), uniforms, np.array([3]))
    np.testing.assert_array_equal(np.bincount(levels[:, 0]), [500, 200, 300])


@pytest.mark.parametrize("credit", ["own", "cross"])
@pytest.mark.parametrize("amount", [None, 0.0, 0.1, 0.7])
def test_gradient_equals_autograd(credit, amount):
    logits, rng = random_logits(1), np.random.default_rng(2)
    probabilities = softmax(logits)
    perturbed = None if amount is None else perturb(probabilities, amount, COUNTS)
    shares = probabilities if perturbed is None else perturbed.raw / perturbed.total
    # Levels that no exploration leaves out, where the loss is finite.
    actions = np.array([[np.flatnonzero(shares.min(0)[k] > 0)[-1] for k in range(3)]] * 4)
    advantages = rng.normal(0, 3, 4)
    found = logit_gradient(probabilities, actions, advantages, credit, perturbed)
    leaf = torch.tensor(logits, requires_grad=True)
    loss = torch_loss(leaf, torch.tensor(actions), torch.tensor(advantages), credit, amount)
    loss.backward()
    real = one_hot(actions, 4).shape[-1] > np.arange(4)
    expected = np.nan_to_num(leaf.grad.numpy())
    np.testing.assert_allclose(found[..., real], expected, atol=1e-12)


def torch_loss(logits, actions, advantages, credit, amount):
    heads = []
    for k, count in enumerate(COUNTS.tolist()):
        head = torch.softmax(logits[:, k, :count], dim=1)
        if amount is not None:
            shift = torch.full_like(head, amount / (count - 1))
            shift.scatter_(1, head.argmax(1, keepdim=True), -amount)
            head = torch.relu(head + shift)
            head = head / head.sum(1, keepdim=True)
        heads.append(torch.log(head[:, actions[:, k]]))
    pairs = sum(heads)
    if credit == "own":
        return -(pairs.diagonal() * advantages).mean()
    return -(pairs * advantages[None, :]).mean()


def test_own_and_cross_credit_of_two_tasks_by_hand():
    # One head of two levels at even odds; task 0 took level 0 and gained 2, task 1 took level 1
    # and gained 4. Own: -A (1[a] - p) / 2. Cross: every row -(2 (1, 0) + 4 (0, 1) - 6 p) / 4.
    probabilities = np.full((2, 1, 2), 0.5)
    actions, advantages = np.array([[0], [1]]), np.array([2.0, 4.0])
    own = logit_gradient(probabilities, actions, advantages, "own")
    cross = logit_gradient(probabilities, actions, advantages, "cross")
    np.testing.assert_allclose(own[:, 0], [[-0.5, 0.5], [1.0, -1.0]])
    np.testing.assert_allclose(cross[:, 0], [[0.25, -0.25], [0.25, -0.25]])


def test_a_level_that_exploration_leaves_out_has_no_gradient():
    probabilities = np.array([[[0.3, 0.4, 0.3]]])
    perturbed = perturb(probabilities, 0.6, np.array([3]))
    found = logit_gradient(probabilities, np.array([[1]]), np.ones(1), "own", perturbed)
    assert np.isfinite(found).all()
