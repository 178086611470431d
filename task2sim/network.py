"""The network of a policy in training, over the span of the seen tasks.

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


#: Rows of a product from which OpenBLAS sums over the two modes of a wide layer separately.
_ROWS = 4
#: Fewest numbers of a wide layer.
_WIDE = 100_000


class ModalLayer:
    """One linear layer, stored as its two modes (see ``momentum.py``).

    ``stored`` is ``(2 * out, in + 1)``: the first mode of [weights | biases] above the second.
    Inputs carry a last column of ones for the biases.

    OpenBLAS copies most large right factors before it multiplies, which takes longer than a product
    with few rows. Wide layers have forms of the products without copies and with the same rounding:
    the weights as left factor (of at least ``_ROWS`` columns), or one product for each mode.

    Args:
        layer: The initial layer.
        precision: "single" or "double": type of everything stored and computed here.
    """

    def __init__(self, layer: Layer, precision: Precision) -> None:
        weights = np.column_stack([layer.weights, layer.biases]).astype(precision)
        self._gemm = blas.sgemm if precision == "single" else blas.dgemm
        self.width = len(weights)
        self.stored = np.concatenate([weights, np.zeros_like(weights)])
        self._is_wide = self.stored.size >= _WIDE

    def forward(self, inputs: Floats, mix: tuple[float, float]) -> Floats:
        """Outputs ``(n, out)`` for inputs ``(n, in + 1)``."""
        if self._is_wide:
            n, width = inputs.shape
            rows = inputs if n == 1 or n >= _ROWS else np.resize(inputs, (_ROWS, width))
            both = np.matmul(self.stored, rows.T).T[:n]
        else:
            both = np.matmul(inputs, self.stored.T)
        outputs: Floats = both[:, : self.width] * mix[0]
        outputs += both[:, self.width :] * mix[1]
        return outputs

    def backward(self, slopes: Floats, mix: tuple[float, float]) -> Floats:
        """Gradient ``(n, in)`` of the inputs from that of the outputs ``(n, out)``."""
        doubled = self._doubled(slopes, mix)
        gradient: Floats
        if self._is_wide and len(slopes) >= _ROWS:
            gradient = np.matmul(doubled[:, : self.width], self.stored[: self.width, :-1])
            gradient += np.matmul(doubled[:, self.width :], self.stored[self.width :, :-1])
        else:
            gradient = np.matmul(doubled, self.stored)[:, :-1]
        return gradient

    def descend(self, slopes: Floats, inputs: Floats, gain: tuple[float, float]) -> None:
        """Let the gradient ``slopes' inputs`` enter the two modes."""
        # In place: BLAS sees the C-ordered matrix as its transpose in Fortran order.
        self._gemm(
            1.0,
            inputs.T,
            self._doubled(slopes, gain).T,
            beta=1.0,
            c=self.stored.T,
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
        first, second = self.stored[: self.width], self.stored[self.width :]
        kept = first * a + second * b
        second *= d
        second += c * first
        first[:] = kept

    def layer(self, mix: tuple[float, float]) -> Layer:
        """The weights and biases now, float64."""
        modes = self.stored.astype(np.float64)
        joined = mix[0] * modes[: self.width] + mix[1] * modes[self.width :]
        return Layer(np.ascontiguousarray(joined[:, :-1]), joined[:, -1].copy())


class SpanNetwork:
    """Three layers under stochastic gradient descent with momentum.

    Args:
        layers: The three layers, the first one restricted to the span.
        momentum: The state of the optimiser.
        precision: Type of all numbers.
    """

    def __init__(
        self, layers: Sequence[Layer], momentum: ModalMomentum, precision: Precision = "single"
    ) -> None:
        self._layers = [ModalLayer(layer, precision) for layer in layers]
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
        """Head outputs ``(n, out)``; remembers what a step needs.

        Args:
            inputs: ``(n, r + 1)``, the last column ones.
        """
        mix = self._momentum.mix
        self._inputs = [inputs]
        for layer in self._layers[:-1]:
            outputs = layer.forward(self._inputs[-1], mix)
            hidden = np.empty((len(outputs), layer.width + 1), dtype=outputs.dtype)
            np.maximum(outputs, 0, out=hidden[:, :-1])
            hidden[:, -1] = 1
            self._inputs.append(hidden)
        return self._layers[-1].forward(self._inputs[-1], mix)

    def step(self, gradient: Floats | None) -> None:
        """One step.

        Args:
            gradient: Gradient ``(n, out)`` of the head outputs of the last forward pass; None for
                one of zeros, with which the weights only decay.
        """
        slopes = [] if gradient is None else self._slopes(gradient)
        gain = self._momentum.step()
        for layer, slope, inputs in zip(self._layers, slopes, self._inputs, strict=False):
            layer.descend(slope, inputs, gain)
        self._change(None)

    def _slopes(self, gradient: Floats) -> list[Floats]:
        """Gradients of the three layers' outputs, from that of the last forward pass."""
        mix = self._momentum.mix
        slopes = [gradient]
        for layer, hidden in zip(self._layers[:0:-1], self._inputs[:0:-1], strict=True):
            slopes.insert(0, layer.backward(slopes[0], mix) * (hidden[:, :-1] > 0))
        return slopes

    def layers(self) -> list[Layer]:
        """The three layers now."""
        return [layer.layer(self._momentum.mix) for layer in self._layers]
