import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.task2vec.distances import (
    DISTANCES,
    EPSILON,
    asymmetric,
    asymmetric_kl,
    cosine,
    distance_matrix,
    jsd,
    kl,
    nearest,
    scaled_cosine,
    variances,
)

A, B = [1.0, 2.0, 4.0], [3.0, 2.0, 1.0]
SYMMETRIC = ("cosine", "scaled-cosine", "kl", "jsd")

vectors = arrays(np.float64, (4, 5), elements=st.floats(1e-3, 1e3))


def test_cosine_by_hand():
    wanted = 1 - (3 + 4 + 4) / math.sqrt(21 * 14)
    assert cosine(np.array([A, B]))[0, 1] == pytest.approx(wanted, abs=1e-12)


def test_scaled_cosine_by_hand():
    # A / (A + B) = (1/4, 1/2, 4/5); B / (A + B) = (3/4, 1/2, 1/5)
    product = 3 / 16 + 1 / 4 + 4 / 25
    norms = math.sqrt((1 / 16 + 1 / 4 + 16 / 25) * (9 / 16 + 1 / 4 + 1 / 25))
    found = scaled_cosine(np.array([A, B]))[0, 1]
    assert found == pytest.approx(1 - product / norms, abs=2 * EPSILON)


def divergence(first, second):
    """Divergence of a centred Gaussian of variance ``first`` from one of variance ``second``."""
    return 0.5 * (first / second - 1 + math.log(second) - math.log(first))


def test_kl_and_its_asymmetric_form_by_hand():
    v, w = [1 / a for a in A], [1 / b for b in B]
    forth = [divergence(a, b) for a, b in zip(v, w, strict=True)]
    back = [divergence(b, a) for a, b in zip(v, w, strict=True)]
    found = asymmetric_kl(np.array([A, B]))
    assert found[0, 1] == pytest.approx(sum(forth))
    assert found[1, 0] == pytest.approx(sum(back))
    assert kl(np.array([A, B]))[0, 1] == pytest.approx(sum(map(max, forth, back)))


def test_the_divergence_is_that_of_gaussians():
    """Against a numerical integral of p log(p / q)."""
    from scipy.integrate import quad
    from scipy.stats import norm

    p, q = norm(scale=math.sqrt(1 / 2)), norm(scale=math.sqrt(1 / 5))
    wanted = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -8, 8)[0]
    assert asymmetric_kl(np.array([[2.0], [5.0]]))[0, 1] == pytest.approx(wanted, rel=1e-6)


def test_jsd_by_hand():
    total = 0.0
    for a, b in zip(A, B, strict=True):
        middle = (1 / a + 1 / b) / 2
        total += (divergence(1 / a, middle) + divergence(1 / b, middle)) / 2
    assert jsd(np.array([A, B]))[0, 1] == pytest.approx(total)


def test_asymmetric_by_hand():
    rows = np.array([A, B])
    to_trivial = [scaled_cosine(np.array([row, [1.0, 1.0, 1.0]]))[0, 1] for row in (A, B)]
    plain = scaled_cosine(rows)[0, 1]
    found = asymmetric(rows, alpha=0.5)
    assert found[0, 1] == pytest.approx(plain - 0.5 * to_trivial[0])
    assert found[1, 0] == pytest.approx(plain - 0.5 * to_trivial[1])
    assert found[0, 0] == pytest.approx(-0.5 * to_trivial[0])
    assert np.allclose(asymmetric(rows, alpha=0), scaled_cosine(rows))


def test_a_trivial_source_is_no_better_than_its_plain_distance():
    found = asymmetric(np.array([[1.0, 1.0, 1.0], A]))
    assert found[0, 1] == pytest.approx(scaled_cosine(np.array([[1.0, 1.0, 1.0], A]))[0, 1])
    assert found[1, 0] < found[0, 1]


@given(vectors, st.permutations(range(5)), st.permutations(range(4)))
def test_orders_of_filters_and_tasks_do_not_matter(rows, filters, tasks):
    for name in DISTANCES:
        before = distance_matrix(name, rows)
        assert np.allclose(distance_matrix(name, rows[:, filters]), before, atol=1e-9)
        after = distance_matrix(name, rows[list(tasks)])
        assert np.allclose(after, before[np.ix_(tasks, tasks)], atol=1e-9)


@given(vectors)
def test_symmetric_ones_are_distances(rows):
    for name in SYMMETRIC:
        found = distance_matrix(name, rows)
        assert np.allclose(found, found.T, atol=1e-9)
        assert (np.diagonal(found) == 0).all()
        assert (found >= 0).all()
    assert (cosine(rows) <= 1 + 1e-12).all()  # no entry is negative
    assert (scaled_cosine(rows) <= 1 + 1e-12).all()


@given(vectors, st.floats(0.1, 10))
def test_scale(rows, factor):
    # Each vector's own scale is nothing to the cosine; a common one is nothing to the others.
    scaled = rows * np.array([[1.0], [factor], [1.0], [1.0]])
    assert np.allclose(cosine(scaled), cosine(rows), atol=1e-9)
    for name in ("kl", "asymmetric-kl", "jsd"):
        common = distance_matrix(name, rows * factor)
        assert np.allclose(common, distance_matrix(name, rows), rtol=1e-6, atol=1e-9)
    assert np.allclose(scaled_cosine(rows * factor), scaled_cosine(rows), atol=1e-4)


def test_vectors_of_any_size_have_finite_distances():
    rows = np.array([A, B]) * 1e-30
    assert cosine(rows)[0, 1] == pytest.approx(cosine(np.array([A, B]))[0, 1])
    assert cosine(rows.astype(np.float32))[0, 1] == pytest.approx(cosine(rows)[0, 1], rel=1e-4)


def test_dead_filters_stay_finite():
    rows = np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 1.0], [1.0, 0.0, 1.0]])
    assert np.isfinite(variances(rows)).all()
    for name in DISTANCES:
        assert np.isfinite(distance_matrix(name, rows)).all()


@pytest.mark.parametrize(
    "rows",
    [np.ones(3), np.empty((0, 3)), np.array([[1.0, np.nan]]), np.array([[1.0, -1.0]])],
)
def test_what_is_no_embedding_is_refused(rows):
    for name in DISTANCES:
        with pytest.raises(InvalidInputError, match="finite"):
            distance_matrix(name, rows)


def test_a_vector_of_zeros_is_refused():
    with pytest.raises(InvalidInputError, match="row 1"):
        cosine(np.array([[1.0, 2.0], [0.0, 0.0]]))


def test_an_unknown_distance_is_met_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean 'scaled-cosine'"):
        distance_matrix("scaled_cosine", np.ones((2, 2)))


def test_nearest_leaves_out_the_task_itself():
    found = nearest(cosine(np.array([A, B, [3.0, 2.0, 1.1]])), 5)
    assert found.shape == (3, 2)
    assert found[1].tolist() == [2, 0]
