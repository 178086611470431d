"""The same training written down plainly in torch: all 9,600 inputs, autograd, one policy.

The reference for ``task2sim.training``: the same random numbers give the same decisions, and the
same weights up to rounding. It takes minutes where the other takes seconds.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from task2sim.draws import draw_epoch, draw_layers
from task2sim.policy import Policy
from task2sim.span import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.space import ParameterSpace
    from task2sim.config import TrainingConfig
    from task2sim.memory import RewardFunction

    Action = tuple[int, ...]


def count_updates(config: TrainingConfig, n_tasks: int) -> int:
    """Number of updates of a whole training."""
    batches = -(-n_tasks // config.batch_size)
    imitating = max(config.epochs - config.imitation_start, 0)
    return batches * (config.epochs + imitating * config.imitation_steps)


class LiteralTask2Sim:
    """One policy in training.

    Args:
        embeddings: One vector per seen task.
        space: The simulator settings.
        rewards: Answers pairs (task indices, configuration indices); asked every time.
        rng: Random numbers, used as ``draws.py`` describes.
        config: Hyper-parameters of the training.
    """

    def __init__(
        self,
        embeddings: NDArray[np.floating],
        space: ParameterSpace,
        rewards: RewardFunction,
        rng: np.random.Generator,
        config: TrainingConfig,
    ) -> None:
        self._space, self._rewards, self._rng, self._config = space, rewards, rng, config
        self._inputs = torch.from_numpy(unit_rows(embeddings).astype(config.precision))
        hidden, n_inputs = config.hidden, self._inputs.shape[1]
        widths = (n_inputs, hidden, hidden, sum(space.shape))
        linear = [nn.Linear(a, b, device="meta") for a, b in itertools.pairwise(widths)]
        for module, drawn in zip(linear, draw_layers(rng, widths), strict=True):
            module.weight = nn.Parameter(torch.from_numpy(drawn.weights.astype(config.precision)))
            module.bias = nn.Parameter(torch.from_numpy(drawn.biases.astype(config.precision)))
        self._net = nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])
        self._optimiser = torch.optim.SGD(
            self._net.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        self._tried: dict[int, tuple[float, Action]] = {}
        self.updates = 0

    def run(self, max_updates: int | None = None) -> Policy:
        """Train, at most for so many updates, and return the policy."""
        config = self._config
        for epoch in range(config.epochs):
            for group in self._optimiser.param_groups:
                group["lr"] = config.rate_at(epoch)
            draws = draw_epoch(self._rng, len(self._inputs), len(self._space.shape))
            for start in range(0, len(draws.order), config.batch_size):
                tasks = draws.order[start : start + config.batch_size].tolist()
                uniforms = draws.uniforms[start : start + config.batch_size]
                self._policy_update(tasks, uniforms, config.exploration_at(epoch))
                if epoch >= config.imitation_start:
                    for _ in range(config.imitation_steps):
                        self._imitation_update(tasks)
                if max_updates is not None and self.updates >= max_updates:
                    return self.policy()
        return self.policy()

    def _heads(self, tasks: list[int]) -> list[Tensor]:
        logits = self._net(self._inputs[tasks]).double()
        return [torch.softmax(head, dim=1) for head in logits.split(self._space.shape, dim=1)]

    def _explored(self, head: Tensor, amount: float) -> Tensor:
        shift = torch.full_like(head, amount / (head.shape[1] - 1))
        shift.scatter_(1, head.argmax(dim=1, keepdim=True), -amount)
        raw = torch.relu(head + shift)
        return raw / raw.sum(dim=1, keepdim=True)

    def _reward(self, tasks: list[int], actions: list[Action]) -> list[float]:
        indices = [np.ravel_multi_index(action, self._space.shape) for action in actions]
        values = self._rewards(np.array(tasks, dtype=np.int64), np.array(indices, dtype=np.int64))
        for task, action, value in zip(tasks, actions, values.tolist(), strict=True):
            if task not in self._tried or value > self._tried[task][0]:
                self._tried[task] = (value, action)
        return [float(value) for value in values]

    def _policy_update(
        self, tasks: list[int], uniforms: NDArray[np.float64], amount: float
    ) -> None:
        heads = self._heads(tasks)
        explored = [self._explored(head, amount) for head in heads]
        actions = [
            tuple(
                _drawn(distribution[i].tolist(), uniforms[i, k])
                for k, distribution in enumerate(explored)
            )
            for i in range(len(tasks))
        ]
        gained = self._reward(tasks, actions)
        baseline = self._reward(tasks, _greedy(heads))
        of = explored if self._config.log_of == "perturbed" else heads
        self._descend(of, actions, [a - b for a, b in zip(gained, baseline, strict=True)])

    def _imitation_update(self, tasks: list[int]) -> None:
        heads = self._heads(tasks)
        baseline = self._reward(tasks, _greedy(heads))
        best = [self._tried[task] for task in tasks]
        advantages = [value - b for (value, _), b in zip(best, baseline, strict=True)]
        self._descend(heads, [action for _, action in best], advantages)

    def _descend(self, heads: list[Tensor], actions: list[Action], advantages: list[float]) -> None:
        # log_probability[i, j]: task i's heads, task j's action.
        chosen = torch.tensor(actions)
        log_probability = torch.zeros(len(actions), len(actions), dtype=torch.double)
        for k, head in enumerate(heads):
            log_probability = log_probability + torch.log(head[:, chosen[:, k]])
        weights = torch.tensor(advantages, dtype=torch.double)
        if self._config.credit == "own":
            loss = -(weights * log_probability.diagonal()).mean()
        else:
            loss = -(weights[None, :] * log_probability).mean()
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        self._optimiser.step()
        self.updates += 1

    def policy(self) -> Policy:
        """The policy as it is now."""
        arrays = [p.detach().numpy().astype(np.float32) for p in self._net.parameters()]
        return Policy(self._space, *arrays)


def _drawn(probabilities: list[float], uniform: float) -> int:
    reached = 0.0
    for level, probability in enumerate(probabilities[:-1]):
        reached += probability
        if uniform < reached:
            return level
    return len(probabilities) - 1


def _greedy(heads: list[Tensor]) -> list[Action]:
    return [tuple(row) for row in torch.stack([h.argmax(dim=1) for h in heads], 1).tolist()]
