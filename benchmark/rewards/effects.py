"""Effects of simulator settings on the tasks of a reward table, and files of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import model_validator

from benchmark.core.files import read_model
from benchmark.core.models import Frozen, Sha256
from benchmark.rewards.noise import NORMAL_95, task_noise

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace

_DIGITS = 6  # of a file's percentage points: far below the noise of any table


@dataclass(frozen=True)
class Effects:
    """Main effects and pairwise interactions of a table's settings, in percentage points.

    A task with too few configurations to separate the main effects has NaN throughout.

    Attributes:
        table: Name of the table.
        digest: Digest of its rewards.
        names: One per level except the first of each parameter
            (:attr:`benchmark.space.Parameter.effects`).
        pairs: Pairs of names of different parameters, ``one x other``.
        tasks: Task names.
        by_seed: float64 ``(n_seeds, n_tasks, n_effects)``: mean reward at the level minus that at
            the first level, other parameters balanced by least squares.
        errors: float64 ``(n_tasks, n_effects)``: standard errors of :attr:`values`. With several
            seeds they come from the noise between seeds, scaled per setting by the variation of
            its effect over seeds (pooled over tasks) where that is larger. With one seed they come
            from the residual of main effects and pairwise interactions.
        interactions: float64 ``(n_tasks, n_pairs)``: change of one effect between the first level
            and the other's level; NaN if the configurations do not separate them.
        deviation: float64 ``(n_tasks,)``: standard deviation of the seed means over configurations.
        explained: float64 ``(n_tasks,)``: share of their variance that the main effects explain.
            The difference to the reliability is interaction.
    """

    table: str
    digest: str
    names: tuple[str, ...]
    pairs: tuple[str, ...]
    tasks: tuple[str, ...]
    by_seed: NDArray[np.float64]
    errors: NDArray[np.float64]
    interactions: NDArray[np.float64]
    deviation: NDArray[np.float64]
    explained: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """Main effects on the seed means, float64 ``(n_tasks, n_effects)``."""
        values: NDArray[np.float64] = self.by_seed.mean(axis=0)
        return values

    @property
    def is_noise(self) -> NDArray[np.bool_]:
        """True for effects below 1.96 standard errors; False where the error is unknown."""
        return np.abs(self.values) < NORMAL_95 * self.errors


def main_effects(table: RewardTable) -> Effects:
    """Return least-squares effects of every parameter on every task.

    Example:
        >>> from benchmark.space import Parameter, ParameterSpace
        >>> from benchmark.rewards.table import RewardTable
        >>> space = ParameterSpace((Parameter("fog", ("off", "on")),))
        >>> rewards = np.array([[[50.0, 52.0], [54.0, 54.0]]])
        >>> table = RewardTable("t", space, ("USPS",), (0, 1), rewards, [50], "knn5", "mini")
        >>> main_effects(table).values.round(9).tolist()
        [[3.0]]
    """
    names, parameters, main = _indicators(table.space)
    pairs = [
        (one, other)
        for one, other in itertools.combinations(range(len(names)), 2)
        if parameters[one] != parameters[other]
    ]
    products = [main[:, one] * main[:, other] for one, other in pairs]
    full = np.column_stack([np.ones(len(main)), main, *products])
    models: dict[bytes, _Models] = {}  # most tasks have all configurations: one decomposition
    rows = []
    for values, n_test in zip(table.values, table.n_test, strict=True):
        complete = ~np.isnan(values).any(axis=1)
        if (mask := complete.tobytes()) not in models:
            models[mask] = _Models.of(full[complete], len(names))
        seed_sd = task_noise(values, int(n_test)).seed_sd
        rows.append(_task_effects(models[mask], values[complete], seed_sd))
    by_seed, errors, interactions, deviation, explained = map(np.array, zip(*rows, strict=True))
    by_seed = by_seed.transpose(2, 0, 1)
    return Effects(
        table=table.id,
        digest=table.digest,
        names=names,
        pairs=tuple(f"{names[one]} x {names[other]}" for one, other in pairs),
        tasks=table.tasks,
        by_seed=by_seed,
        errors=errors * _seed_factor(by_seed, errors),
        interactions=interactions,
        deviation=deviation,
        explained=explained,
    )


def agreement(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return the Pearson correlation of two rows; None if a row is constant or incomplete.

    Example:
        >>> agreement(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0]))
        1.0
    """
    if not one.std() > 0 or not other.std() > 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 12)


def _indicators(
    space: ParameterSpace,
) -> tuple[tuple[str, ...], list[str], NDArray[np.float64]]:
    """Names of the effects, their parameters, and centred indicators of their levels."""
    levels = space.level_matrix()
    names, parameters, columns = [], [], []
    for place, parameter in enumerate(space.parameters):
        for level, name in enumerate(parameter.effects, start=1):
            names.append(name)
            parameters.append(parameter.name)
            columns.append((levels[:, place] == level) - 1 / len(parameter.levels))
    return tuple(names), parameters, np.column_stack(columns)


class _Models(NamedTuple):
    """Least-squares models of some configurations.

    Attributes:
        main: Constant and main effects, a column each.
        inverse: Pseudo-inverse of ``main``; None if the configurations do not separate its columns.
        full: ``main`` and the interactions.
        full_inverse: Pseudo-inverse of ``full``, or None.
    """

    main: NDArray[np.float64]
    inverse: NDArray[np.float64] | None
    full: NDArray[np.float64]
    full_inverse: NDArray[np.float64] | None

    @classmethod
    def of(cls, full: NDArray[np.float64], n_effects: int) -> Self:
        main = full[:, : 1 + n_effects]
        return cls(main, _inverse(main), full, _inverse(full))


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
    rows, columns = matrix.shape
    if rows < columns or np.linalg.matrix_rank(matrix) < columns:
        return None
    return np.asarray(np.linalg.pinv(matrix), dtype=np.float64)


def _task_effects(
    models: _Models, values: NDArray[np.float64], seed_sd: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float, float]:
    """By seed ``(n_effects, n_seeds)``, errors, interactions, deviation and share explained."""
    n_main, n_full, n_seeds = models.main.shape[1], models.full.shape[1], values.shape[1]
    interactions = np.full(n_full - n_main, np.nan)
    if models.inverse is None:
        unknown = np.full((n_main - 1, n_seeds), np.nan)
        return unknown, unknown[:, 0], interactions, math.nan, math.nan
    fitted, means = models.inverse @ values, values.mean(axis=1)
    rest, freedom = math.nan, len(means) - n_full
    if models.full_inverse is not None:
        coefficients = models.full_inverse @ means
        interactions = coefficients[n_main:]
        rest = float(((means - models.full @ coefficients) ** 2).sum())
    if seed_sd is None:
        noise = math.sqrt(rest / freedom) if freedom > 0 else math.nan
    else:
        noise = seed_sd / math.sqrt(n_seeds)
    errors = noise * np.linalg.norm(models.inverse, axis=1)
    left = float(((means - models.main @ fitted.mean(axis=1)) ** 2).sum())
    spread = float(((means - means.mean()) ** 2).sum())
    explained = 1 - left / spread if spread > 0 else math.nan
    return fitted[1:], errors[1:], interactions, float(means.std(ddof=1)), explained


def _seed_factor(by_seed: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratio, per setting and at least 1, of the variation of effects over seeds to ``errors``.

    A seed draws scenes that configurations share. Its noise is thus not independent between
    configurations, and :func:`task_noise` alone underestimates its part in an effect.
    """
    n_seeds = len(by_seed)
    known = errors > 0
    if n_seeds < 2:
        return np.ones(errors.shape[1])
    observed = by_seed.var(axis=0, ddof=1) / n_seeds
    ratios = np.divide(observed, errors**2, out=np.zeros_like(errors), where=known)
    mean = ratios.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    factor: NDArray[np.float64] = np.sqrt(np.maximum(1.0, mean))
    return factor


class EffectsFile(Frozen):
    """Effects of a table as a file, which can outlive the table; unknown numbers are null.

    Attributes:
        schema_version: Version of the form.

    The other fields are those of :class:`Effects`.
    """

    schema_version: Literal[1] = 1
    table: str
    digest: Sha256
    names: tuple[str, ...]
    pairs: tuple[str, ...]
    tasks: tuple[str, ...]
    by_seed: list[list[list[float | None]]]
    errors: list[list[float | None]]
    interactions: list[list[float | None]]
    deviation: list[float | None]
    explained: list[float | None]

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        found = self.effects()
        tasks, effects, pairs = len(self.tasks), len(self.names), len(self.pairs)
        wanted = {
            "by_seed": (max(len(self.by_seed), 1), tasks, effects),
            "errors": (tasks, effects),
            "interactions": (tasks, pairs),
            "deviation": (tasks,),
            "explained": (tasks,),
        }
        for field, shape in wanted.items():
            if getattr(found, field).shape != shape:
                got = getattr(found, field).shape
                raise ValueError(f"'{field}' has the shape {got}; the names need {shape}")
        return self

    @classmethod
    def of(cls, effects: Effects) -> Self:
        """Make the content of a file; numbers are rounded to six decimals."""
        numbers = {
            field: _rounded(values)
            for field, values in vars(effects).items()
            if isinstance(values, np.ndarray)
        }
        return cls(**{**vars(effects), **numbers})

    def effects(self) -> Effects:
        """Return the effects."""
        content = self.model_dump(exclude={"schema_version"})
        numbers = {
            field: np.array(values, dtype=np.float64)
            for field, values in content.items()
            if isinstance(values, list)
        }
        return Effects(**{**content, **numbers})


def _rounded(values: NDArray[np.float64]) -> list[Any]:
    rounded = values.round(_DIGITS).astype(object)
    rounded[np.isnan(values)] = None
    found: list[Any] = rounded.tolist()
    return found


def read_effects(path: Path) -> Effects:
    """Read a file of effects; the table is named by the file.

    Raises:
        InvalidFileError: If the file is missing or not one of effects.
    """
    remedy = "Write such a file with 't2sbench table effects TABLE --format json'."
    return replace(read_model(path, EffectsFile, remedy).effects(), table=path.stem)
