import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from task2sim.momentum import ModalMomentum, modes_of


@given(st.floats(1e-6, 1e-1), st.floats(0.01, 0.95), st.floats(0, 1e-3))
def test_modes_diagonalise_one_step(rate, momentum, decay):
    modes = modes_of(rate, momentum, decay)
    step = np.array([[1 - rate * decay, -rate * momentum], [decay, momentum]])
    into, back = np.array(modes.into), np.array(modes.back)
    np.testing.assert_allclose(into @ back, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(into @ step @ back, np.diag(modes.factors), atol=1e-12)
    np.testing.assert_allclose(into @ [-rate, 1], modes.gain, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.01, 0.5, 0.9])
def test_a_weight_follows_sgd_through_changes_of_rate(momentum):
    rng = np.random.default_rng(0)
    weight, buffer, orphan, orphan_buffer, decay = 0.7, 0.0, 1.0, 0.0, 1e-3
    state, stored = ModalMomentum(momentum, decay), np.array([weight, 0.0])
    for step in range(600):
        rate = [1e-6, 1e-2, 1e-3][step // 200]
        change = state.change(rate)
        stored = stored if change is None else np.array(change) @ stored
        gradient = rng.normal() * (step % 3 == 0)
        buffer = momentum * buffer + decay * weight + gradient
        weight -= rate * buffer
        orphan_buffer = momentum * orphan_buffer + decay * orphan
        orphan -= rate * orphan_buffer
        stored = stored + np.array(state.step()) * gradient
        assert np.dot(state.mix, stored) == pytest.approx(weight, abs=1e-12)
    assert state.orphan_factor == pytest.approx(orphan, abs=1e-14)
