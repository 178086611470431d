"""Training of Task2Sim: REINFORCE with a greedy baseline, and imitation of the best so far.

Algorithm 1 of Mishra et al. (CVPR 2022). See ``span.py``, ``momentum.py`` and ``network.py`` for
why it takes seconds. ``tests/task2sim/literal.py`` is the same training in plain torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmark.core.errors import InvalidInputError
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
    rewards: Sequence[RewardFunction],
    rngs: Sequence[np.random.Generator],
    config: TrainingConfig,
) -> list[Policy]:
    """Train one policy per generator; each is the one that its generator alone would give.

    Args:
        embeddings: One vector per seen task, ``(n_tasks, d)``; scaled to length 1 here.
        space: The simulator settings.
        rewards: For each policy, the function that answers pairs (task indices, configuration
            indices) with rewards, in percent; each pair is asked at most once.
        rngs: For each policy, its random numbers, used as ``draws.py`` describes.
        config: ``PAPER``, ``RELEASED`` or another.

    Raises:
        InvalidInputError: When shapes disagree, or an embedding or a reward is unusable.
    """
    if len(rewards) != len(rngs) or not rngs:
        raise InvalidInputError(
            "Each policy needs one reward function and one random generator (got "
            f"{len(rewards)} and {len(rngs)})."
        )
    rows = unit_rows(embeddings)
    widths = (rows.shape[1], config.hidden, config.hidden, sum(space.shape))
    initial = [draw_layers(rng, widths) for rng in rngs]
    with threadpool_limits(1, user_api="blas"):
        training = _Training(span_of(rows), space, initial, config)
        training.run(rewards, rngs)
        return training.policies()


class _Training:
    """The state of several policies in training."""

    def __init__(
        self,
        span: Span,
        space: ParameterSpace,
        initial: list[list[Layer]],
        config: TrainingConfig,
    ) -> None:
        self._span, self._space, self._initial, self._config = span, space, initial, config
        self._counts = np.array(space.shape, dtype=np.int64)
        self._real = np.arange(max(space.shape)) < self._counts[:, None]
        self._momentum = ModalMomentum(config.momentum, config.weight_decay)
        reduced = list(map(self._reduced, initial))
        self._network = SpanNetwork(reduced, self._momentum, config.precision)
        ones = np.ones((len(span.coordinates), 1))
        self._inputs = np.hstack([span.coordinates, ones]).astype(config.precision)
        self._memories: list[RewardMemory] = []

    def _reduced(self, layers: list[Layer]) -> list[Layer]:
        first, second, heads = layers
        return [Layer(self._span.restrict(first.weights), first.biases), second, heads]

    def run(
        self,
        rewards: Sequence[RewardFunction],
        rngs: Sequence[np.random.Generator],
    ) -> None:
        """Train for all epochs."""
        n_tasks, shape = len(self._inputs), self._space.shape
        self._memories = [RewardMemory(function, n_tasks, shape) for function in rewards]
        for epoch in range(self._config.epochs):
            self._network.set_rate(self._config.rate_at(epoch))
            self._epoch(epoch, [draw_epoch(rng, n_tasks, len(shape)) for rng in rngs])

    def _epoch(self, epoch: int, draws: list[EpochDraws]) -> None:
        amount = self._config.exploration_at(epoch)
        order = np.stack([draw.order for draw in draws])
        uniforms = np.stack([draw.uniforms for draw in draws])
        imitations = self._config.imitation_steps * (epoch >= self._config.imitation_start)
        size = self._config.batch_size
        for start in range(0, order.shape[1], size):
            tasks = order[:, start : start + size]
            inputs = self._inputs[tasks]
            self._explore(tasks, inputs, uniforms[:, start : start + size], amount)
            for _ in range(imitations):
                self._imitate(tasks, inputs)

    def _forward(self, inputs: NDArray[np.floating]) -> Floats:
        """Logits ``(S, n, n_heads, n_levels)``, -inf at levels that a head lacks."""
        flat = self._network.forward(inputs)
        logits = np.full((*flat.shape[:2], *self._real.shape), -np.inf)
        logits[..., self._real] = flat
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
        advantages = np.empty(tasks.shape)
        for s, memory in enumerate(self._memories):
            found = memory.ask(
                np.concatenate([tasks[s], tasks[s]]), np.concatenate([actions[s], greedy[s]])
            )
            advantages[s] = found[: tasks.shape[1]] - found[tasks.shape[1] :]
        within = perturbed if self._config.log_of == "perturbed" else None
        self._update(probabilities, actions, advantages, within)

    def _imitate(self, tasks: Ints, inputs: NDArray[np.floating]) -> None:
        """One imitation update: each task's best configuration so far, no exploration."""
        logits = self._forward(inputs)
        greedy = logits.argmax(axis=-1)
        best, advantages = np.empty_like(greedy), np.empty(tasks.shape)
        for s, memory in enumerate(self._memories):
            found = memory.ask(tasks[s], greedy[s])
            best[s], rewards = memory.best(tasks[s])
            advantages[s] = rewards - found
        if advantages.any():
            self._update(softmax(logits), best, advantages)
        else:
            self._network.step({})

    def _update(
        self,
        probabilities: Floats,
        actions: Ints,
        advantages: Floats,
        perturbed: Perturbed | None = None,
    ) -> None:
        gradients = {}
        for s in np.flatnonzero(advantages.any(axis=1)).tolist():
            within = perturbed and Perturbed(perturbed.raw[s], perturbed.total[s])
            gradient = logit_gradient(
                probabilities[s], actions[s], advantages[s], self._config.credit, within
            )
            gradients[s] = gradient[:, self._real].astype(self._config.precision)
        self._network.step(gradients)

    def policies(self) -> list[Policy]:
        """The policies with their first layers over the whole input again."""
        factor = self._momentum.orphan_factor
        policies = []
        for s, initial in enumerate(self._initial):
            first, second, heads = self._network.layers(s)
            full = self._span.extend(first.weights, initial[0].weights, factor)
            rest = (first.biases, second.weights, second.biases, heads.weights, heads.biases)
            policies.append(Policy(self._space, full, *(a.astype(np.float32) for a in rest)))
        return policies
