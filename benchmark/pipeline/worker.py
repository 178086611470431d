"""Measuring of a table's backbones, in any process."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.beats import Beat, OnBeat, no_beat
from benchmark.core.errors import T2SBenchError
from benchmark.core.files import canonical_json, json_value, sha256_bytes
from benchmark.core.tracebacks import author_traceback
from benchmark.executors.interface import Work, Worker
from benchmark.pipeline.settings import Source
from benchmark.pipeline.stages import PIPELINE_VERSION, Pipeline
from benchmark.pipeline.table_jobs import (
    REFERENCES,
    CellResult,
    JobResult,
    TableJob,
    TableRequest,
    failed_job,
    result_from_json,
)
from benchmark.pretraining.devices import resolve_precision
from benchmark.sources.collection import Collection
from benchmark.sources.registry import REAL_IMAGES
from benchmark.tasks.task_data import TaskData, load_task_data

if TYPE_CHECKING:
    from benchmark.core.store import CellStore


@dataclass(frozen=True)
class TableWork(Work[TableJob, JobResult]):
    """Jobs of a table.

    Attributes:
        request: The table.
    """

    request: TableRequest

    job_type = TableJob

    @property
    def key(self) -> str:
        """SHA-256 of the request."""
        return sha256_bytes(repr(self.request).encode())

    @property
    def cpus(self) -> int:
        """Threads of the profile."""
        return self.request.settings.find_profile().cpu_threads or 1

    def open(self, store: CellStore) -> TableWorker:
        """Return a worker with its own stages."""
        return TableWorker(self.request, store)

    def encode(self, result: JobResult) -> bytes:
        """Return the result as JSON."""
        return canonical_json(asdict(result))

    def decode(self, content: bytes) -> JobResult:
        """Read a result."""
        return result_from_json(json_value(content))

    def failed(self, job: TableJob, error: str) -> JobResult:
        """Return a result without rewards."""
        return failed_job(job, self.request.tasks, error)


class TableWorker(Worker[TableJob, JobResult]):
    """Measures backbones one after the other, keeping simulator and task images.

    Args:
        request: The table.
        store: Store of the cells.
    """

    def __init__(self, request: TableRequest, store: CellStore) -> None:
        self._request = request
        self._tasks: dict[str, TaskData] = {}
        self._mended: list[str] = []
        self._beat: OnBeat = no_beat
        self.pipeline: Pipeline = Pipeline.of(
            request.settings, store, keep_features=False, on_beat=self._on_beat
        )

    def do(self, job: TableJob, beat: OnBeat) -> JobResult:
        """Measure a backbone on all tasks; an error of any kind becomes part of the result."""
        self._mended.clear()
        self._beat = beat
        try:
            return self._measure(job)
        except Exception as error:
            return failed_job(job, self._request.tasks, error, machine())

    def _measure(self, job: TableJob) -> JobResult:
        weights, traceback, source = None, None, self._source(job)
        cells: dict[str, list[CellResult]] = {name: [] for name in self._request.protocols}
        # Protocols of one task follow each other: they share its features.
        for task, (protocol, row) in itertools.product(self._request.tasks, cells.items()):
            try:
                found = self.pipeline.score(source, job.seed, self._task(task), protocol)
            except T2SBenchError as error:
                row.append(CellResult(task, None, error=str(error)))
                traceback = author_traceback(error) or traceback
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
            traceback,
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

    def _on_beat(self, beat: Beat) -> None:
        if beat.kind == "repair":
            self._mended.append(f"{beat.subject}: {beat.error}")
        self._beat(beat)

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
