"""Hyper-parameters of Task2Sim (Mishra et al., CVPR 2022, section 3.3, algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.core.errors import InvalidInputError, validation_faults

Credit = Literal["own", "cross"]
LogOf = Literal["policy", "perturbed"]
Precision = Literal["single", "double"]
AtLeastOne = Annotated[int, Field(ge=1)]
AtLeastZero = Annotated[int, Field(ge=0)]


class TrainingConfig(BaseModel):
    """Hyper-parameters of a training; every default is the paper's.

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
        credit: Action that a reward is credited to. "own": each task's heads learn from that
            task's action alone (equation 4). "cross": every task's heads learn from every action
            of the batch, the indexing slip of the released code.
        log_of: Argument of the gradient: the log-probability under the policy (equation 4),
            or under the policy with exploration (released code).
        rate_lag: True if the schedule of the rate runs one epoch late, epochs 0 and 1 both at
            the warm-up rate (released code).
        precision: Floating-point numbers in training. Rounding is amplified by sampling over a
            long run: in "double" a whole run equals the literal form, weight by weight.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    epochs: AtLeastOne = 1000
    batch_size: AtLeastOne = 4
    hidden: AtLeastOne = 400
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    momentum: Annotated[float, Field(ge=0.01, le=0.999)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5
    warmup_epochs: AtLeastZero = 50
    warmup_rate: Annotated[float, Field(ge=0)] = 1e-6
    decay_epoch: AtLeastOne = 500
    decay_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    exploration: Annotated[float, Field(ge=0, lt=1)] = 0.4
    exploration_period: AtLeastOne = 1
    imitation_start: AtLeastZero = 50
    imitation_steps: AtLeastZero = 5
    credit: Credit = "own"
    log_of: LogOf = "policy"
    rate_lag: bool = False
    precision: Precision = "single"

    @model_validator(mode="after")
    def _check_modes(self) -> Self:
        # Beyond this product, momentum and decay oscillate and have no real modes (momentum.py).
        limit = (1 - math.sqrt(self.momentum)) ** 2 / 2
        fastest = max(self.learning_rate, self.warmup_rate)
        if fastest * self.weight_decay >= limit:
            raise ValueError(
                f"weight_decay must be below {limit / fastest} with this momentum and rate "
                f"(got {self.weight_decay})"
            )
        return self

    def changed(self, options: Mapping[str, Any]) -> TrainingConfig:
        """Return a copy with other values of some options.

        Raises:
            InvalidInputError: For an unknown option or a value out of range; names all faults.
        """
        try:
            return TrainingConfig(**{**self.model_dump(), **options})
        except ValidationError as error:
            raise InvalidInputError(
                f"Invalid training options: {'; '.join(validation_faults(error))}. Correct them, "
                "or leave them out for the paper's values."
            ) from error

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
