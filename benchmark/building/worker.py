"""One job of a table, in whatever process it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmark.building.request import REFERENCES, BuildRequest, Job
from benchmark.data.task_data import TaskData, load_task_data
from benchmark.errors import T2SBenchError
from benchmark.live.store import CellStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmark.live.pipeline import Pipeline
    from benchmark.live.sources import Source


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
    """

    job: Job
    cells: tuple[CellResult, ...]
    weights_sha256: str | None
    seconds: float
    machine: str = ""

    @property
    def errors(self) -> tuple[str, ...]:
        """Distinct reasons of failures."""
        return tuple(dict.fromkeys(cell.error for cell in self.cells if cell.error))

    def of_data(self, digests: Mapping[str, str]) -> JobResult:
        """The same without cells of other data than these."""
        kept = tuple(cell for cell in self.cells if digests.get(cell.task) == cell.data)
        return replace(self, cells=kept)

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


def result_from_json(value: Mapping[str, Any]) -> JobResult:
    """Read what :meth:`JobResult.to_json` wrote.

    Raises:
        KeyError: When a field is missing.
        TypeError: When one is unknown.
    """
    cells = tuple(CellResult(**cell) for cell in value["cells"])
    return JobResult(**{**value, "job": Job(**value["job"]), "cells": cells})


class Worker:
    """Does jobs one after the other, keeping simulator and task images.

    Args:
        request: The table.
        store: Folder of the cells.
        max_bytes: Most that the store keeps.
    """

    def __init__(self, request: BuildRequest, store: Path, max_bytes: int | None) -> None:
        from benchmark.live.datasets import open_real_images
        from benchmark.live.pipeline import Pipeline

        real = open_real_images(request.real_images) if request.real_images else None
        self._request = request
        self._tasks: dict[str, TaskData] = {}
        self.pipeline: Pipeline = Pipeline(
            request.find_profile(),
            CellStore(store, max_bytes),
            device=request.device,
            plugin_files=request.plugin_files,
            real_images=real,
            keep_features=False,
        )

    def do(self, job: Job) -> JobResult:
        """Measure a backbone on all tasks; a failure is part of the result."""
        weights, cells, source = None, [], self._source(job)
        for name in self._request.tasks:
            try:
                found = self.pipeline.score(
                    source, job.seed, self._task(name), self._request.protocol
                )
            except T2SBenchError as error:
                cells.append(CellResult(name, None, error=str(error)))
                continue
            weights = found.weights_sha256
            cells.append(
                CellResult(
                    name,
                    found.accuracy,
                    found.n_correct,
                    found.n_test,
                    data=self._task(name).digest,
                    seconds=self._score_seconds(source, job, name),
                )
            )
        seconds = self.pipeline.seconds_of_training(source, job.seed)
        return JobResult(job, tuple(cells), weights, round(seconds, 3), machine())

    def _score_seconds(self, source: Source, job: Job, task: str) -> float:
        identity = self.pipeline.score_identity(
            source, job.seed, self._task(task), self._request.protocol
        )
        return self.pipeline.store.seconds("score", identity) or 0.0

    def close(self) -> None:
        """End helper processes; idempotent."""
        self.pipeline.close()

    def _source(self, job: Job) -> Source:
        from benchmark.live.sources import Source

        if job.row in REFERENCES:
            return Source(REFERENCES[job.row])
        space = self.pipeline.simulator().capabilities.space
        return Source("rendered", space.parse(job.row))

    def _task(self, name: str) -> TaskData:
        if name not in self._tasks:
            self._tasks[name] = load_task_data(name, tasks_files=self._request.tasks_files)
        return self._tasks[name]


def machine() -> str:
    """Kind of this machine: processor, and GPU if there is one."""
    import platform

    import torch

    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123 - not a path of ours
            models = [line for line in stream if line.startswith("model name")]
        processor = models[0].partition(":")[2].strip() if models else processor
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{processor}{gpu}"
