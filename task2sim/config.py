"""Hyper-parameters of Task2Sim (Mishra et al., CVPR 2022, section 3.3, algorithm 1)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.core.errors import InvalidInputError

Credit = Literal["own", "cross"]
LogOf = Literal["policy", "perturbed"]
Precision = Literal["single", "double"]

_CHOICES = {
    "credit": ("own", "cross"),
    "log_of": ("policy", "perturbed"),
    "precision": ("single", "double"),
}
_AT_LEAST_ONE = ("epochs", "batch_size", "hidden", "decay_epoch", "exploration_period")
_AT_LEAST_ZERO = (
    "warmup_epochs",
    "imitation_start",
    "imitation_steps",
    "weight_decay",
    "warmup_rate",
)


@dataclass(frozen=True)
class TrainingConfig:
    """How the policy is trained; every default is the paper's.

    Attributes:
        epochs: Passes over the seen tasks.
        batch_size: Tasks per update; the last batch of an epoch may be smaller.
        hidden: Width of the two hidden layers.
        learning_rate: Rate of stochastic gradient descent after warm-up.
        momentum: Its momentum, strictly between 0 and 1.
        weight_decay: Added to every gradient, biases included, as in ``torch.optim.SGD``.
        warmup_epochs: Epochs over which the rate rises linearly from ``warmup_rate``.
        warmup_rate: Rate of the first epoch.
        decay_epoch: The rate is multiplied by ``decay_factor`` every so many epochs.
        decay_factor: See ``decay_epoch``.
        exploration: Probability moved away from the most probable level in the first epoch.
        exploration_period: Epochs between reductions: epoch e uses
            ``exploration / ceil((e + 1) / exploration_period)``.
        imitation_start: First epoch with imitation of each task's best configuration so far.
        imitation_steps: Imitation updates after every policy update.
        credit: Whose action a reward is credited to. "own": each task's heads learn from that
            task's action alone (equation 4). "cross": every task's heads learn from every action
            of the batch, the indexing slip of the released code.
        log_of: Of what the gradient is taken: the log-probability under the policy (equation 4),
            or under the policy with exploration (released code).
        rate_lag: Whether the schedule of the rate runs one epoch late, epochs 0 and 1 both at
            the warm-up rate (released code).
        precision: Floating-point numbers in training. Rounding is amplified by sampling over a
            long run: in "double" a whole run equals the literal form, weight by weight.

    Raises:
        InvalidInputError: When a value is out of range.
    """

    epochs: int = 1000
    batch_size: int = 4
    hidden: int = 400
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 1e-5
    warmup_epochs: int = 50
    warmup_rate: float = 1e-6
    decay_epoch: int = 500
    decay_factor: float = 0.1
    exploration: float = 0.4
    exploration_period: int = 1
    imitation_start: int = 50
    imitation_steps: int = 5
    credit: Credit = "own"
    log_of: LogOf = "policy"
    rate_lag: bool = False
    precision: Precision = "single"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            self._check_type(field.name, field.type)
        for name in _AT_LEAST_ONE:
            self._check(name, getattr(self, name) >= 1, "at least 1")
        for name in _AT_LEAST_ZERO:
            self._check(name, getattr(self, name) >= 0, "at least 0")
        self._check("learning_rate", self.learning_rate > 0, "above 0")
        self._check("decay_factor", 0 < self.decay_factor <= 1, "above 0 and at most 1")
        self._check("exploration", 0 <= self.exploration < 1, "from 0 to below 1")
        self._check("momentum", 0.01 <= self.momentum <= 0.999, "from 0.01 to 0.999")
        # Beyond this product, momentum and decay oscillate and have no real modes (momentum.py).
        limit = (1 - math.sqrt(self.momentum)) ** 2 / 2
        fastest = max(self.learning_rate, self.warmup_rate)
        self._check("weight_decay", fastest * self.weight_decay < limit, f"below {limit / fastest}")

    def _check_type(self, name: str, kind: object) -> None:
        value = getattr(self, name)
        if name in _CHOICES:
            self._check(name, value in _CHOICES[name], f"one of {', '.join(_CHOICES[name])}")
        elif kind == "bool":
            self._check(name, isinstance(value, bool), "true or false")
        elif kind == "int":
            self._check(name, isinstance(value, int) and not isinstance(value, bool), "an integer")
        else:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            self._check(name, number and math.isfinite(value), "a finite number")

    def _check(self, name: str, valid: bool, rule: str) -> None:
        if not valid:
            raise InvalidInputError(
                f"Expected training option '{name}' to be {rule}, but got {getattr(self, name)!r}. "
                "Correct it, or leave it out for the paper's value."
            )

    def rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0.

        Example:
            >>> PAPER.rate_at(0), PAPER.rate_at(50), round(PAPER.rate_at(500), 9)
            (1e-06, 0.001, 0.0001)
            >>> RELEASED.rate_at(1), RELEASED.rate_at(500)
            (1e-06, 0.001)
        """
        position = max(epoch - 1, 0) if self.rate_lag else epoch
        if position < self.warmup_epochs:
            rise = (self.learning_rate - self.warmup_rate) / self.warmup_epochs
            return self.warmup_rate + position * rise
        return float(self.learning_rate * self.decay_factor ** (position // self.decay_epoch))

    def exploration_at(self, epoch: int) -> float:
        """Probability moved by exploration in an epoch, counted from 0.

        Example:
            >>> [PAPER.exploration_at(epoch) for epoch in (0, 1, 9)]
            [0.4, 0.2, 0.04]
            >>> [RELEASED.exploration_at(epoch) for epoch in (0, 4, 5)]
            [0.4, 0.4, 0.2]
        """
        return self.exploration / (epoch // self.exploration_period + 1)

    def updates(self, n_tasks: int) -> int:
        """Number of updates of a whole training.

        Example:
            >>> RELEASED.updates(12), PAPER.updates(12)
            (17250, 17250)
        """
        batches = -(-n_tasks // self.batch_size)
        imitating = max(self.epochs - self.imitation_start, 0)
        return batches * (self.epochs + imitating * self.imitation_steps)

    def to_json(self) -> dict[str, object]:
        """The options as JSON; :func:`config_from_json` reads them back."""
        return dataclasses.asdict(self)


def config_from_json(value: Mapping[str, Any]) -> TrainingConfig:
    """Read what :meth:`TrainingConfig.to_json` wrote, all options being required.

    Raises:
        InvalidInputError: When an option is unknown, missing or out of range.

    Example:
        >>> config_from_json(RELEASED.to_json()) == RELEASED
        True
    """
    names = {field.name for field in dataclasses.fields(TrainingConfig)}
    if set(value) != names:
        raise InvalidInputError(
            f"Expected the training options {', '.join(sorted(names))}, "
            f"but got {', '.join(sorted(value)) or 'none'}. Train and save the policy again."
        )
    return TrainingConfig(**value)


#: Task2Sim as the paper describes it: equation 4 credits each task with its own action and takes
#: the gradient of log pi; exploration is eps0 / t. One value is the released code's, since the
#: paper gives none: imitation begins at epoch 50, when the rate has warmed up. Begun at epoch 0
#: under eps0 / t it fixes on the little that was explored at rates near zero, and some policies
#: stay below the best configurations (seen tasks 32.2 instead of 32.5 on the released rewards).
PAPER = TrainingConfig()

#: Task2Sim as the released code computes it (commit 1712475). Four departures from ``PAPER``:
#: (1) ``credit``: log-probabilities are gathered into an n x n matrix, so that every task is
#: pushed towards every other task's action; (2) ``log_of``: the gradient is of log(pi + eps);
#: (3) ``exploration_period``: eps falls every fifth epoch only; (4) ``rate_lag``: the rate runs
#: one epoch late, so that epochs 0 and 1 both have the warm-up rate.
RELEASED = TrainingConfig(
    credit="cross",
    log_of="perturbed",
    exploration_period=5,
    imitation_start=50,
    rate_lag=True,
)
