import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.space import PAPER_SPACE, Configuration
from task2sim.draws import draw_layers
from task2sim.policy import Policy


def policy_of(space, dimension=12, hidden=5, seed=0):
    widths = (dimension, hidden, hidden, sum(space.shape))
    layers = draw_layers(np.random.default_rng(seed), widths)
    return Policy(space, *(array for layer in layers for array in (layer.weights, layer.biases)))


def test_the_papers_policy_has_4007216_parameters():
    assert sum(a.size for a in policy_of(PAPER_SPACE, 9600, 400).arrays().values()) == 4_007_216


def test_probabilities_are_one_array_per_parameter(made_up):
    policy = policy_of(made_up.space_of(2, 3, 4))
    inputs = np.random.default_rng(1).random((6, 12))
    found = policy.probabilities(inputs)
    assert [array.shape for array in found] == [(6, 2), (6, 3), (6, 4)]
    for array in found:
        np.testing.assert_allclose(array.sum(axis=1), 1)
    levels = np.stack([array.argmax(axis=1) for array in found], axis=1)
    chosen = policy.configurations(inputs)
    assert [configuration.levels for configuration in chosen] == [tuple(row) for row in levels]


def test_only_the_direction_of_an_embedding_matters(made_up):
    policy = policy_of(made_up.space_of(2, 3))
    vector = np.random.default_rng(1).random(12)
    np.testing.assert_allclose(
        policy.logits(vector), policy.logits(1e200 * vector), rtol=1e-5, atol=1e-6
    )


def test_ties_go_to_the_lowest_level(made_up):
    space = made_up.space_of(2, 3)
    arrays = {name: array * 0 for name, array in policy_of(space).arrays().items()}
    (chosen,) = Policy(space, **arrays).configurations(np.ones(12))
    assert chosen == Configuration((0, 0))


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (np.zeros(12), "all zeros in row 0"),
        (np.ones(11), "shape \\(n, 12\\)"),
        (np.full(12, np.nan), "NaN or infinity in row 0"),
        (np.full(12, np.inf), "NaN or infinity in row 0"),
        (np.ones((1, 1, 12)), "shape \\(n, 12\\)"),
        (np.ones((0, 12)), "at least one row"),
    ],
)
def test_unusable_embeddings_are_refused(made_up, embedding, message):
    with pytest.raises(InvalidInputError, match=message):
        policy_of(made_up.space_of(2, 2)).configurations(embedding)


def test_arrays_that_do_not_fit_are_refused(made_up):
    arrays = policy_of(made_up.space_of(2, 2)).arrays()
    with pytest.raises(InvalidInputError, match="'head_weights'"):
        Policy(made_up.space_of(2, 3), **arrays)
    with pytest.raises(InvalidInputError, match="'w2'"):
        Policy(made_up.space_of(2, 2), **{**arrays, "w2": arrays["w2"].astype(np.float64)})
    with pytest.raises(InvalidInputError, match="'b1'"):
        Policy(made_up.space_of(2, 2), **{**arrays, "b1": arrays["b1"] * np.nan})
