"""What a job of a table gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmark.pipeline.table_request import Job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class CellResult:
    """One reward.

    Attributes:
        task: Name of the task.
        accuracy: Per cent; None when it failed.
        n_correct: Test images that were right.
        n_test: Test images.
        error: Why it failed.
        data: Digest of the task's data.
        seconds: What scoring took, whenever that was.
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
        job: Which.
        cells: By task, in the request's order.
        weights_sha256: Digest of the backbone; None when there is none.
        seconds: What rendering and training took, whenever that was.
        machine: What it ran on.
        terms: What decides its rewards beside job, task and protocol: profile, simulator, device,
            arithmetic. Backbones of one table were made on the same terms.
        real_images: Collection of the reference ``real-images``; None for other rows.
        mended: Damaged cells of the store that were made again.
    """

    job: Job
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
        """The same without cells of other data than these."""
        kept = tuple(cell for cell in self.cells if digests.get(cell.task) == cell.data)
        return replace(self, cells=kept)

    @property
    def has_rewards(self) -> bool:
        """Whether any task has a reward."""
        return any(cell.accuracy is not None for cell in self.cells)

    @property
    def cost(self) -> float:
        """Seconds of all of it."""
        return self.seconds + sum(cell.seconds for cell in self.cells)

    def has(self, tasks: Sequence[str]) -> bool:
        """Whether there is a reward for each of these tasks."""
        return {cell.task for cell in self.cells if cell.accuracy is not None} >= set(tasks)

    def to_json(self) -> dict[str, Any]:
        """As the journal holds it."""
        return asdict(self)


def failed_job(job: Job, tasks: Sequence[str], error: str, machine: str = "") -> JobResult:
    """The result of a job that gave none."""
    cells = tuple(CellResult(task, None, error=error) for task in tasks)
    return JobResult(job, cells, None, 0.0, machine, {})


def result_from_json(value: Mapping[str, Any]) -> JobResult:
    """Read what :meth:`JobResult.to_json` wrote.

    Raises:
        KeyError: When a field is missing.
        TypeError: When one is missing or unknown.
    """
    cells = tuple(CellResult(**cell) for cell in value["cells"])
    changed = {"job": Job(**value["job"]), "cells": cells, "mended": tuple(value["mended"])}
    return JobResult(**{**value, **changed})
