"""Main effects: contribution of each simulator setting to a task's reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.rewards.noise import NORMAL_95, task_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace


@dataclass(frozen=True)
class Effects:
    """Main effects of a table's parameters, in percentage points.

    Attributes:
        names: One per level but the first of each parameter: the parameter's name where it has two
            levels, else ``parameter=level``.
        tasks: Task names.
        values: float64 ``(n_tasks, n_effects)``: mean reward at the level minus that at the first
            level, other parameters balanced by least squares; NaN for a task with too few
            configurations to tell.
        errors: The same shape: standard errors from the noise between seeds; NaN with one seed.
        explained: float64 ``(n_tasks,)``: share of the variance of the seed means over
            configurations that the effects account for together. What lies between it and the
            reliability is interaction.
    """

    names: tuple[str, ...]
    tasks: tuple[str, ...]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    explained: NDArray[np.float64]

    @property
    def is_noise(self) -> NDArray[np.bool_]:
        """True for effects within the noise between seeds; all False with one seed."""
        return np.abs(self.values) < NORMAL_95 * self.errors


def main_effects(table: RewardTable) -> Effects:
    """Least-squares main effects of every parameter on every task.

    Example:
        >>> from benchmark.space import Parameter, ParameterSpace
        >>> from benchmark.rewards.table import RewardTable
        >>> space = ParameterSpace((Parameter("fog", ("off", "on")),))
        >>> rewards = np.array([[[50.0, 52.0], [54.0, 54.0]]])
        >>> table = RewardTable("t", space, ("USPS",), (0, 1), rewards, [50], "knn5", "mini")
        >>> main_effects(table).values.round(9).tolist()
        [[3.0]]
    """
    design = np.column_stack([np.ones(table.space.size), _indicators(table.space)])
    rows = [
        _task_effects(design, values, int(n_test))
        for values, n_test in zip(table.values, table.n_test, strict=True)
    ]
    values, errors, explained = (np.array(column) for column in zip(*rows, strict=True))
    return Effects(effect_names(table.space), table.tasks, values, errors, explained)


def effect_names(space: ParameterSpace) -> tuple[str, ...]:
    """Names of the effects, in order."""
    return tuple(
        parameter.name if len(parameter.levels) == 2 else f"{parameter.name}={level}"
        for parameter in space.parameters
        for level in parameter.levels[1:]
    )


def agreement(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Pearson correlation of two rows of effects; None where one of them does not vary.

    Example:
        >>> agreement(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0]))
        1.0
    """
    if not one.std() > 0 or not other.std() > 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 12)


def _indicators(space: ParameterSpace) -> NDArray[np.float64]:
    """One column per effect: True for configurations with that level."""
    levels = space.level_matrix()
    return np.column_stack(
        [
            levels[:, place] == level
            for place, count in enumerate(space.shape)
            for level in range(1, count)
        ]
    ).astype(np.float64)


def _task_effects(
    design: NDArray[np.float64], values: NDArray[np.float64], n_test: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    complete = ~np.isnan(values).any(axis=1)
    known, means = design[complete], values[complete].mean(axis=1)
    if np.linalg.matrix_rank(known) < design.shape[1]:
        unknown = np.full(design.shape[1] - 1, np.nan)
        return unknown, unknown, float("nan")
    fitted, *_ = np.linalg.lstsq(known, means, rcond=None)
    spread = float(((means - means.mean()) ** 2).sum())
    left = float(((means - known @ fitted) ** 2).sum())
    seed_sd = task_noise(values, n_test).seed_sd
    scale = np.nan if seed_sd is None else seed_sd / np.sqrt(values.shape[1])
    errors = scale * np.sqrt(np.diag(np.linalg.inv(known.T @ known)))
    return fitted[1:], errors[1:], 1 - left / spread if spread > 0 else float("nan")
