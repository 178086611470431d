"""The network of several policies in training, over the span of the seen tasks.

The policies (one per seed) share nothing but the learning rate; they are trained in step so that
the small operations are paid once for all. Every policy's numbers are those it would have alone.
Use one BLAS thread: the matrices are too thin to share, and two threads take 25 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import blas

from task2sim.draws import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from task2sim.config import Precision
    from task2sim.momentum import ModalMomentum

    Floats = NDArray[np.floating]


class ModalLayer:
    """One linear layer of S policies, stored as its two modes (see ``momentum.py``).

    ``stored[s]`` is ``(2 * out, in + 1)``: the first mode of [weights | biases] above the second.
    Inputs carry a last column of ones for the biases.

    Args:
        layers: The initial layer of every policy.
        precision: "single" or "double": type of everything stored and computed here.
    """

    def __init__(self, layers: Sequence[Layer], precision: Precision) -> None:
        joined = [np.column_stack([layer.weights, layer.biases]) for layer in layers]
        weights = np.stack(joined).astype(precision)
        self._gemm = blas.sgemm if precision == "single" else blas.dgemm
        self.width = weights.shape[1]
        self.stored = np.concatenate([weights, np.zeros_like(weights)], axis=1)

    def forward(self, inputs: Floats, mix: tuple[float, float]) -> Floats:
        """Outputs ``(S, n, out)`` for inputs ``(S, n, in + 1)``."""
        both = np.matmul(inputs, self.stored.transpose(0, 2, 1))
        outputs: Floats = both[..., : self.width]
        outputs *= mix[0]
        second = both[..., self.width :]
        second *= mix[1]
        outputs += second
        return outputs

    def backward(self, policy: int, slopes: Floats, mix: tuple[float, float]) -> Floats:
        """Gradient ``(n, in)`` of one policy's inputs from that of its outputs ``(n, out)``."""
        gradient: Floats = np.matmul(self._doubled(slopes, mix), self.stored[policy])
        return gradient[:, :-1]

    def descend(
        self, policy: int, slopes: Floats, inputs: Floats, gain: tuple[float, float]
    ) -> None:
        """Let the gradient ``slopes' inputs`` of one policy enter its two modes."""
        # In place: BLAS sees the C-ordered matrix as its transpose in Fortran order.
        self._gemm(
            1.0,
            inputs.T,
            self._doubled(slopes, gain).T,
            beta=1.0,
            c=self.stored[policy].T,
            trans_b=1,
            overwrite_c=1,
        )

    @staticmethod
    def _doubled(slopes: Floats, pair: tuple[float, float]) -> Floats:
        n, width = slopes.shape
        doubled = np.empty((n, 2 * width), dtype=slopes.dtype)
        np.multiply(slopes, pair[0], out=doubled[:, :width])
        np.multiply(slopes, pair[1], out=doubled[:, width:])
        return doubled

    def multiply(self, matrix: tuple[tuple[float, float], tuple[float, float]]) -> None:
        """Multiply all pairs of modes by a 2 x 2 matrix."""
        (a, b), (c, d) = matrix
        for stored in self.stored:
            first, second = stored[: self.width], stored[self.width :]
            kept = first * a + second * b
            second *= d
            second += c * first
            first[:] = kept

    def layer(self, policy: int, mix: tuple[float, float]) -> Layer:
        """The weights and biases of one policy now."""
        modes = self.stored[policy].astype(np.float64)
        joined = mix[0] * modes[: self.width] + mix[1] * modes[self.width :]
        return Layer(np.ascontiguousarray(joined[:, :-1]), joined[:, -1].copy())


class SpanNetwork:
    """Three layers of S policies under stochastic gradient descent with momentum.

    Args:
        layers: For every policy its three layers, the first one restricted to the span.
        momentum: The shared state of the optimiser.
        precision: Type of all numbers.
    """

    def __init__(
        self,
        layers: Sequence[Sequence[Layer]],
        momentum: ModalMomentum,
        precision: Precision = "single",
    ) -> None:
        self._layers = [ModalLayer(same, precision) for same in zip(*layers, strict=True)]
        self._momentum = momentum
        self._inputs: list[Floats] = []

    def set_rate(self, rate: float) -> None:
        """Use another learning rate from the next step on."""
        self._change(rate)

    def _change(self, rate: float | None) -> None:
        matrix = self._momentum.change(rate)
        if matrix is not None:
            for layer in self._layers:
                layer.multiply(matrix)

    def forward(self, inputs: Floats) -> Floats:
        """Head outputs ``(S, n, out)``; remembers what a step needs.

        Args:
            inputs: ``(S, n, r + 1)``, the last column ones.
        """
        mix = self._momentum.mix
        self._inputs = [inputs]
        for layer in self._layers[:-1]:
            outputs = layer.forward(self._inputs[-1], mix)
            hidden = np.empty((*outputs.shape[:-1], layer.width + 1), dtype=outputs.dtype)
            np.maximum(outputs, 0, out=hidden[..., :-1])
            hidden[..., -1] = 1
            self._inputs.append(hidden)
        return self._layers[-1].forward(self._inputs[-1], mix)

    def slopes(self, policy: int, gradient: Floats) -> list[Floats]:
        """Gradients of one policy's three layer outputs, from that of the last forward pass."""
        mix = self._momentum.mix
        slopes = [gradient]
        for layer, hidden in zip(self._layers[:0:-1], self._inputs[:0:-1], strict=True):
            below = layer.backward(policy, slopes[0], mix)
            slopes.insert(0, below * (hidden[policy, :, :-1] > 0))
        return slopes

    def step(self, gradients: dict[int, Floats]) -> None:
        """One step of all policies.

        Args:
            gradients: Gradient ``(n, out)`` of the head outputs of the last forward pass, of the
                policies that have one other than zero; the others only decay.
        """
        slopes = {policy: self.slopes(policy, g) for policy, g in gradients.items()}
        gain = self._momentum.step()
        for policy, by_layer in slopes.items():
            for layer, slope, inputs in zip(self._layers, by_layer, self._inputs, strict=True):
                layer.descend(policy, slope, inputs[policy], gain)
        self._change(None)

    def layers(self, policy: int) -> list[Layer]:
        """The three layers of one policy now."""
        return [layer.layer(policy, self._momentum.mix) for layer in self._layers]
