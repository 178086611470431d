"""Training of Task2Sim: REINFORCE with a greedy baseline, and imitation of the best so far.

Algorithm 1 of Mishra et al. (CVPR 2022). See ``span.py``, ``momentum.py`` and ``network.py`` for
why it takes seconds. ``tests/task2sim/literal.py`` is the same training in plain torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from task2sim.draws import EpochDraws, Layer, draw_epoch, draw_layers
from task2sim.exploration import Perturbed, logit_gradient, perturb, sample, softmax
from task2sim.memory import RewardMemory
from task2sim.momentum import ModalMomentum
from task2sim.network import SpanNetwork
from task2sim.policy import Policy
from task2sim.span import Span, span_of, unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.space import ParameterSpace
    from task2sim.config import TrainingConfig
    from task2sim.memory import RewardFunction

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def train(
    embeddings: NDArray[np.floating],
    space: ParameterSpace,
    rewards: RewardFunction,
    rng: np.random.Generator,
    config: TrainingConfig,
) -> Policy:
    """Train a policy.

    Args:
        embeddings: One vector per seen task, ``(n_tasks, d)``; scaled to length 1 here.
        space: The simulator settings.
        rewards: Function that answers pairs (task indices, configuration indices) with rewards,
            in percent; each pair is asked at most once.
        rng: Random numbers, used as ``draws.py`` describes.
        config: ``PAPER``, ``RELEASED`` or another.

    Raises:
        InvalidInputError: When an embedding or a reward is unusable.
    """
    rows = unit_rows(embeddings)
    widths = (rows.shape[1], config.hidden, config.hidden, sum(space.shape))
    initial = draw_layers(rng, widths)
    with threadpool_limits(1, user_api="blas"):
        training = _Training(span_of(rows), space, initial, config, rewards)
        for epoch in range(config.epochs):
            training.epoch(epoch, draw_epoch(rng, len(rows), len(space.shape)))
        return training.policy()


class _Training:
    """State of a policy in training."""

    def __init__(
        self,
        span: Span,
        space: ParameterSpace,
        initial: list[Layer],
        config: TrainingConfig,
        rewards: RewardFunction,
    ) -> None:
        self._span, self._space, self._initial, self._config = span, space, initial, config
        self._counts = np.array(space.shape, dtype=np.int64)
        self._real = np.arange(max(space.shape)) < self._counts[:, None]
        self._momentum = ModalMomentum(config.momentum, config.weight_decay)
        first, *rest = initial
        reduced = [Layer(span.restrict(first.weights), first.biases), *rest]
        self._network = SpanNetwork(reduced, self._momentum, config.precision)
        ones = np.ones((len(span.coordinates), 1))
        self._inputs = np.hstack([span.coordinates, ones]).astype(config.precision)
        self._memory = RewardMemory(rewards, len(self._inputs), space.shape)

    def epoch(self, number: int, draws: EpochDraws) -> None:
        """Train on every task once."""
        config = self._config
        self._network.set_rate(config.rate_at(number))
        amount = config.exploration_at(number)
        imitations = config.imitation_steps * (number >= config.imitation_start)
        for start in range(0, len(draws.order), config.batch_size):
            batch = slice(start, start + config.batch_size)
            tasks = draws.order[batch]
            inputs = self._inputs[tasks]
            self._explore(tasks, inputs, draws.uniforms[batch], amount)
            for _ in range(imitations):
                self._imitate(tasks, inputs)

    def _forward(self, inputs: NDArray[np.floating]) -> Floats:
        """Logits ``(n, n_heads, n_levels)``, -inf at levels that a head lacks."""
        flat = self._network.forward(inputs)
        logits = np.full((len(flat), *self._real.shape), -np.inf)
        logits[:, self._real] = flat
        return logits

    def _explore(
        self, tasks: Ints, inputs: NDArray[np.floating], uniforms: Floats, amount: float
    ) -> None:
        """One policy update: sampled actions against the most probable ones."""
        logits = self._forward(inputs)
        greedy = logits.argmax(axis=-1)
        probabilities = softmax(logits)
        perturbed = perturb(probabilities, amount, self._counts)
        actions = sample(perturbed, uniforms, self._counts)
        found = self._memory.ask(np.concatenate([tasks, tasks]), np.concatenate([actions, greedy]))
        advantages = found[: len(tasks)] - found[len(tasks) :]
        within = perturbed if self._config.log_of == "perturbed" else None
        self._update(probabilities, actions, advantages, within)

    def _imitate(self, tasks: Ints, inputs: NDArray[np.floating]) -> None:
        """One imitation update: each task's best configuration so far, no exploration."""
        logits = self._forward(inputs)
        found = self._memory.ask(tasks, logits.argmax(axis=-1))
        best, rewards = self._memory.best(tasks)
        self._update(softmax(logits), best, rewards - found)

    def _update(
        self,
        probabilities: Floats,
        actions: Ints,
        advantages: Floats,
        perturbed: Perturbed | None = None,
    ) -> None:
        if not advantages.any():
            self._network.step(None)
            return
        gradient = logit_gradient(
            probabilities, actions, advantages, self._config.credit, perturbed
        )
        self._network.step(gradient[:, self._real].astype(self._config.precision))

    def policy(self) -> Policy:
        """The policy with its first layer over the whole input again."""
        first, second, heads = self._network.layers()
        factor = self._momentum.orphan_factor
        full = self._span.extend(first.weights, self._initial[0].weights, factor)
        rest = (first.biases, second.weights, second.biases, heads.weights, heads.biases)
        return Policy(self._space, full, *(a.astype(np.float32) for a in rest))
