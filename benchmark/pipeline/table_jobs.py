"""Reward tables to measure: the request, its jobs, and their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pipeline.settings import LiveSettings
from benchmark.protocols.registry import find_protocol

if TYPE_CHECKING:
    from benchmark.space import ParameterSpace

#: Rows measured with the configurations, under the same profile, and the kind of their source.
REFERENCES: Mapping[str, Literal["none", "real-images"]] = {
    "untrained": "none",
    "real-images": "real-images",
}


@dataclass(frozen=True)
class TableRequest:
    """Everything that a table depends on; picklable, for worker processes.

    Attributes:
        tasks: Tasks, in row order.
        seeds: Repetitions, in layer order.
        settings: Profile, protocol, device, real images and users' files.
        configurations: Numbers of configurations; None for all of the space.
        references: Rows of :data:`REFERENCES` to measure with the configurations.
    """

    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: LiveSettings = field(default_factory=LiveSettings)
    configurations: tuple[int, ...] | None = None
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        find_protocol(self.settings.protocol)
        for what in ("tasks", "seeds", "references", "configurations"):
            _check_distinct(what, getattr(self, what) or ())
        for name in self.references:
            if name not in REFERENCES:
                raise UnknownNameError("reference", name, REFERENCES)
        if not self.tasks or not self.seeds:
            raise InvalidInputError(
                f"A table needs at least one task and one seed (got {len(self.tasks)} tasks and "
                f"{len(self.seeds)} seeds). Name them with --tasks and --seeds."
            )
        if "real-images" in self.references and not self.settings.named_real_images:
            raise InvalidInputError(
                "The reference 'real-images' needs a collection. Name it with --real-images PATH."
            )

    def numbers(self, space: ParameterSpace) -> tuple[int, ...]:
        """Numbers of the configurations to measure.

        Raises:
            InvalidInputError: When one is not in the space.
        """
        if self.configurations is None:
            return tuple(range(space.size))
        for number in self.configurations:
            if not 0 <= number < space.size:
                raise InvalidInputError(
                    f"No configuration {number}: the space has 0 to {space.size - 1}. Correct "
                    "--configurations."
                )
        return self.configurations


def _check_distinct(what: str, given: Sequence[object]) -> None:
    twice = [str(one) for one, count in Counter(given).items() if count > 1]
    if twice:
        raise InvalidInputError(f"Repeated {what}: {', '.join(twice)}. Name each of them once.")


@dataclass(frozen=True, order=True)
class TableJob:
    """One backbone, scored on all tasks.

    Attributes:
        row: Bit string of a configuration, or the name of a reference.
        seed: Seed of scenes, training and evaluation.
    """

    row: str
    seed: int

    def __str__(self) -> str:
        return f"{self.row}, seed {self.seed}"


def make_jobs(request: TableRequest, space: ParameterSpace) -> Iterator[TableJob]:
    """Yield the jobs of a table: seed by seed, references first, configurations in a mixed order.

    A table that is stopped early then has complete seeds, and a fair sample of the last one.
    """
    numbers = request.numbers(space)
    order = np.random.default_rng(7).permutation(len(numbers))
    for seed in request.seeds:
        for name in request.references:
            yield TableJob(name, seed)
        for place in order:
            yield TableJob(str(space.at(numbers[int(place)])), seed)


@dataclass(frozen=True)
class CellResult:
    """One reward.

    Attributes:
        task: Name of the task.
        accuracy: Percent; None when it failed.
        n_correct: Test images classified correctly.
        n_test: Test images.
        error: Reason of the failure.
        data: Digest of the task's data.
        seconds: Duration of scoring, in whichever run.
    """

    task: str
    accuracy: float | None
    n_correct: int | None = None
    n_test: int | None = None
    error: str | None = None
    data: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class JobResult:
    """All rewards of one backbone.

    Attributes:
        job: The backbone.
        cells: By task, in the request's order.
        weights_sha256: Digest of the backbone; None without a backbone.
        seconds: Duration of rendering and training, in whichever run.
        machine: Kind of machine.
        terms: All else that decides its rewards: profile, simulator, device, arithmetic. Backbones
            of one table have the same terms.
        real_images: Collection of the reference ``real-images``; None for other rows.
        mended: Damaged cells of the store that were replaced.
    """

    job: TableJob
    cells: tuple[CellResult, ...]
    weights_sha256: str | None
    seconds: float
    machine: str
    terms: Mapping[str, Any]
    real_images: str | None = None
    mended: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[str, ...]:
        """Distinct reasons of failures."""
        return tuple(dict.fromkeys(cell.error for cell in self.cells if cell.error))

    def of_data(self, digests: Mapping[str, str]) -> JobResult:
        """Return the result without cells of other data than these."""
        kept = tuple(cell for cell in self.cells if digests.get(cell.task) == cell.data)
        return replace(self, cells=kept)

    @property
    def has_rewards(self) -> bool:
        """True if any task has a reward."""
        return any(cell.accuracy is not None for cell in self.cells)

    @property
    def cost(self) -> float:
        """Seconds of rendering, training and scoring."""
        return self.seconds + sum(cell.seconds for cell in self.cells)

    def has(self, tasks: Sequence[str]) -> bool:
        """Return True if there is a reward for each of these tasks."""
        return {cell.task for cell in self.cells if cell.accuracy is not None} >= set(tasks)

    def to_json(self) -> dict[str, Any]:
        """Return the journal's form of the result."""
        return asdict(self)


def failed_job(job: TableJob, tasks: Sequence[str], error: str, machine: str = "") -> JobResult:
    """Return the result of a job without rewards."""
    cells = tuple(CellResult(task, None, error=error) for task in tasks)
    return JobResult(job, cells, None, 0.0, machine, {})


def result_from_json(value: Mapping[str, Any]) -> JobResult:
    """Read the form of :meth:`JobResult.to_json`.

    Raises:
        KeyError: When a field is missing.
        TypeError: When one is missing or unknown.
    """
    cells = tuple(CellResult(**cell) for cell in value["cells"])
    changed = {"job": TableJob(**value["job"]), "cells": cells, "mended": tuple(value["mended"])}
    return JobResult(**{**value, **changed})
