import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from task2sim.span import span_of, unit_rows


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 1000))
def test_rows_are_their_coordinates_in_the_basis(n, dimension, seed):
    rows = unit_rows(np.random.default_rng(seed).normal(size=(n, dimension)))
    span = span_of(rows)
    np.testing.assert_allclose(span.coordinates @ span.basis.T, rows, atol=1e-12)
    np.testing.assert_allclose(span.basis.T @ span.basis, np.eye(span.basis.shape[1]), atol=1e-12)


def test_dependent_rows_add_no_dimension():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 50))
    rows = unit_rows(np.array([first, second, 3 * first, first - second]))
    assert span_of(rows).basis.shape == (50, 2)


def test_extending_replaces_the_span_and_shrinks_the_rest():
    rng = np.random.default_rng(0)
    span = span_of(unit_rows(rng.normal(size=(3, 20))))
    initial = rng.normal(size=(4, 20)).astype(np.float32)
    trained = rng.normal(size=(4, 3)).astype(np.float32)
    full = span.extend(trained, initial, 0.25)
    np.testing.assert_allclose(full @ span.basis, trained, atol=1e-5)
    outside = np.eye(20) - span.basis @ span.basis.T
    np.testing.assert_allclose(full @ outside, 0.25 * initial @ outside, atol=1e-5)
