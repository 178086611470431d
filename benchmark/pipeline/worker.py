"""One job of a table, in any process, and the description of such processes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import T2SBenchError
from benchmark.core.store import CellStore
from benchmark.pipeline.settings import Source
from benchmark.pipeline.stages import PIPELINE_VERSION, Pipeline
from benchmark.pipeline.table_jobs import (
    REFERENCES,
    CellResult,
    JobResult,
    TableJob,
    TableRequest,
    failed_job,
)
from benchmark.pretraining.devices import resolve_precision
from benchmark.sources.collection import Collection
from benchmark.sources.registry import REAL_IMAGES
from benchmark.tasks.task_data import TaskData, load_task_data


@dataclass(frozen=True)
class Workers:
    """Processes that measure a table.

    Attributes:
        store: Folder of the cells; on a cluster, a folder of each machine.
        count: Number of processes.
        max_bytes: Limit of a store's size.
        address: Address of the Ray cluster; None starts one on this machine.
        gpus: GPUs that each job asks Ray for.
    """

    store: Path
    count: int = 1
    max_bytes: int | None = None
    address: str | None = None
    gpus: float = 0.0


class Worker:
    """Does jobs one after the other, keeping simulator and task images.

    Args:
        request: The table.
        store: Folder of the cells.
        max_bytes: Limit of the store's size.
    """

    def __init__(self, request: TableRequest, store: Path, max_bytes: int | None) -> None:
        self._request = request
        self._tasks: dict[str, TaskData] = {}
        self._mended: list[str] = []
        self.pipeline: Pipeline = Pipeline.of(
            request.settings,
            CellStore(store, max_bytes),
            keep_features=False,
            on_stage=self._on_stage,
        )

    def do(self, job: TableJob) -> JobResult:
        """Measure a backbone on all tasks; an error of any kind becomes part of the result."""
        self._mended.clear()
        try:
            return self._measure(job)
        except T2SBenchError as error:
            return failed_job(job, self._request.tasks, str(error), machine())
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            return failed_job(job, self._request.tasks, text, machine())

    def _measure(self, job: TableJob) -> JobResult:
        weights, source = None, self._source(job)
        cells: dict[str, list[CellResult]] = {name: [] for name in self._request.protocols}
        # Protocols of one task follow each other: they share its features.
        for task, (protocol, row) in itertools.product(self._request.tasks, cells.items()):
            try:
                found = self.pipeline.score(source, job.seed, self._task(task), protocol)
            except T2SBenchError as error:
                row.append(CellResult(task, None, error=str(error)))
                continue
            weights = found.weights_sha256
            row.append(
                CellResult(
                    task,
                    found.accuracy,
                    found.n_correct,
                    found.n_test,
                    data=self._task(task).digest,
                    seconds=self._score_seconds(source, job, task, protocol),
                )
            )
        own, *_ = cells
        named = self.pipeline.sources.get(REAL_IMAGES) if source.kind == REAL_IMAGES else None
        real = named.images if named else None
        return JobResult(
            job,
            tuple(cells.pop(own)),
            weights,
            round(self.pipeline.seconds_of_training(source, job.seed), 3),
            machine(),
            self._terms(),
            real.label if isinstance(real, Collection) else None,
            tuple(self._mended),
            {protocol: tuple(row) for protocol, row in cells.items()},
        )

    def _terms(self) -> dict[str, Any]:
        pipeline = self.pipeline
        return {
            "profile": pipeline.profile.digest,
            "simulator": self._request.settings.source_digest(),
            "pipeline": PIPELINE_VERSION,
            "recipe": pipeline.recipe.digest,
            "device": pipeline.device.type,
            "precision": str(resolve_precision(pipeline.recipe.precision, pipeline.device)),
            "processes": pipeline.processes,
        }

    def _on_stage(self, stage: str, what: str) -> None:
        if stage == "repair":
            self._mended.append(what)

    def _score_seconds(self, source: Source, job: TableJob, task: str, protocol: str) -> float:
        identity = self.pipeline.score_identity(source, job.seed, self._task(task), protocol)
        return self.pipeline.store.seconds("score", identity) or 0.0

    def close(self) -> None:
        """End helper processes; idempotent."""
        self.pipeline.close()

    def _source(self, job: TableJob) -> Source:
        if job.row in REFERENCES:
            return Source(REFERENCES[job.row])
        space = self.pipeline.simulator().capabilities.space
        return Source("rendered", space.parse(job.row))

    def _task(self, name: str) -> TaskData:
        if name not in self._tasks:
            self._tasks[name] = load_task_data(name, tasks_files=self._request.settings.tasks_files)
        return self._tasks[name]


def machine() -> str:
    """Return the kind of this machine: processor and GPU, if any."""
    import platform

    import torch

    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123 - a path of the system
            models = [line for line in stream if line.startswith("model name")]
        processor = models[0].partition(":")[2].strip() if models else processor
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{processor}{gpu}"
