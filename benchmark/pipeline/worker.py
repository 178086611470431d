"""Scoring of backbones, in any process."""

from __future__ import annotations

import platform
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter

from benchmark.core.beats import Beat, OnBeat, no_beat
from benchmark.core.errors import T2SBenchError
from benchmark.core.files import canonical_json, sha256_bytes
from benchmark.core.tracebacks import author_traceback
from benchmark.executors.interface import Work, Worker
from benchmark.pipeline.cells import PREDICTIONS, SCORE
from benchmark.pipeline.score_jobs import BackboneResult, Outcome, ScoreJob
from benchmark.pipeline.settings import LiveSettings, Source
from benchmark.pipeline.stages import PIPELINE_VERSION, Pipeline
from benchmark.pretraining.devices import resolve_device, resolve_precision
from benchmark.sources.collection import Collection
from benchmark.sources.registry import REAL_IMAGES
from benchmark.tasks.task_data import TaskData, load_task_data

if TYPE_CHECKING:
    from benchmark.core.store import CellStore


_RESULT = TypeAdapter(BackboneResult)


@dataclass(frozen=True)
class ScoreWork(Work[ScoreJob, BackboneResult]):
    """Backbones of some profiles, scored.

    Attributes:
        settings: Settings of the profiles; their protocols do not matter.
    """

    settings: tuple[LiveSettings, ...]

    job_type = ScoreJob

    @property
    def key(self) -> str:
        """SHA-256 of the settings."""
        return sha256_bytes(repr(self.settings).encode())

    @property
    def cpus(self) -> int:
        """Threads of the largest profile."""
        return max(one.find_profile().cpu_threads or 1 for one in self.settings)

    def open(self, store: CellStore) -> ScoreWorker:
        """Return a worker with its own stages."""
        return ScoreWorker(self.settings, store)

    def encode(self, result: BackboneResult) -> bytes:
        """Return the result as JSON."""
        return canonical_json(asdict(result))

    def decode(self, content: bytes) -> BackboneResult:
        """Read a result."""
        return _RESULT.validate_json(content)

    def failed(self, job: ScoreJob, error: str) -> BackboneResult:
        """Return a result without scores."""
        outcomes = (
            Outcome(task, protocol, error=error, error_type="WorkerDiedError")
            for task, protocol in job.targets
        )
        return BackboneResult(tuple(outcomes))


class ScoreWorker(Worker[ScoreJob, BackboneResult]):
    """Scores backbones one after the other, keeping simulator and task images of a profile.

    Args:
        settings: Settings of the profiles.
        store: Store of the cells.
    """

    def __init__(self, settings: Sequence[LiveSettings], store: CellStore) -> None:
        for device in {one.device for one in settings}:
            resolve_device(device)
        self._settings, self._store = settings, store
        self._mended: list[str] = []
        self._beat: OnBeat = no_beat
        self._tasks: dict[tuple[int, str], TaskData] = {}
        self._profile = 0
        self._pipeline = self._opened(0)

    def _opened(self, profile: int) -> Pipeline:
        # Features stay in memory: protocols of a task follow each other.
        return Pipeline.of(
            self._settings[profile], self._store, keep_features=False, on_beat=self._on_beat
        )

    def do(self, job: ScoreJob, beat: OnBeat) -> BackboneResult:
        """Score a backbone on all targets; an error of any kind becomes part of the result."""
        self._mended.clear()
        self._beat = beat
        try:
            if job.profile != self._profile:
                self._pipeline.close()
                self._pipeline, self._profile = self._opened(job.profile), job.profile
            return self._scored(job)
        except Exception as error:
            about = _described(error)
            return BackboneResult(tuple(Outcome(*one, **about) for one in job.targets))

    def _scored(self, job: ScoreJob) -> BackboneResult:
        source, pipeline = self._source(job), self._pipeline
        outcomes = tuple(self._outcome(job, source, *target) for target in job.targets)
        named = pipeline.sources.get(REAL_IMAGES) if job.kind == REAL_IMAGES else None
        real = named.images if named else None
        return BackboneResult(
            outcomes,
            round(pipeline.seconds_of_training(source, job.seed), 3),
            machine(),
            self._terms(),
            real.label if isinstance(real, Collection) else None,
            tuple(self._mended),
        )

    def _outcome(self, job: ScoreJob, source: Source, task: str, protocol: str) -> Outcome:
        start, pipeline = time.perf_counter(), self._pipeline
        try:
            data = self._task(task)
            cell = pipeline.score(source, job.seed, data, protocol)
            assert cell.folder is not None  # noqa: S101 - read from a folder
            files = {name: (cell.folder / name).read_bytes() for name in (SCORE, PREDICTIONS)}
        except Exception as error:
            return Outcome(task, protocol, time.perf_counter() - start, **_described(error))
        identity = pipeline.score_identity(source, job.seed, data, protocol)
        return Outcome(
            task,
            protocol,
            time.perf_counter() - start,
            self._store.seconds("score", identity) or 0.0,
            data.digest,
            identity,
            pipeline.score_label(source, job.seed, data, protocol),
            {name: b64encode(content).decode() for name, content in files.items()},
        )

    def _terms(self) -> dict[str, Any]:
        pipeline = self._pipeline
        return {
            "profile": pipeline.profile.digest,
            "simulator": self._settings[self._profile].source_digest(),
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

    def close(self) -> None:
        """End helper processes; idempotent."""
        self._pipeline.close()

    def _source(self, job: ScoreJob) -> Source:
        if job.configuration is not None:
            space = self._pipeline.simulator().capabilities.space
            return Source("rendered", space.parse(job.configuration))
        return Source(job.kind, task=self._task(job.task) if job.task else None)

    def _task(self, name: str) -> TaskData:
        place = self._profile, name
        if place not in self._tasks:
            files = self._settings[self._profile].tasks_files
            self._tasks[place] = load_task_data(name, tasks_files=files)
        return self._tasks[place]


def _described(error: Exception) -> dict[str, Any]:
    """Fields of an outcome after an error."""
    kind = type(error).__name__
    text = str(error) if isinstance(error, T2SBenchError) else f"{kind}: {error}"
    return {"error": text, "error_type": kind, "traceback": author_traceback(error)}


def machine() -> str:
    """Return the kind of this machine: processor and GPU, if any."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123 - a path of the system
            models = [line for line in stream if line.startswith("model name")]
        processor = models[0].partition(":")[2].strip() if models else processor
    except OSError:
        pass
    gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{processor}{gpu}"
