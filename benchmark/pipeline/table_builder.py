"""Builds a table: jobs that are left, their journal, and the table when all is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import CellsFailedError, InvalidInputError, UnknownNameError
from benchmark.pipeline.assemble import assemble
from benchmark.pipeline.datasets import open_real_images
from benchmark.pipeline.executors import EXECUTORS, Execution
from benchmark.pipeline.job_results import CellResult, JobResult
from benchmark.pipeline.journal import Journal
from benchmark.pipeline.requests import build_simulator, check_profile, source_digest
from benchmark.pipeline.table_request import BuildRequest, Job, make_jobs
from benchmark.protocols.registry import find_protocol
from benchmark.rewards.storage import CARD
from benchmark.tasks.task_data import TaskData, load_task_data

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.rewards.table import RewardTable
    from benchmark.simulators.interface import Simulator
    from benchmark.tasks.vectors import TaskEmbeddings

OnJob = Callable[[JobResult], None]


@dataclass(frozen=True)
class Labels:
    """What a table is called, and what comes with it.

    Attributes:
        id: Short name.
        title: One line.
        notes: What a reader should know.
        licence: Terms of the table.
        embeddings: Task2Vec of its tasks, and more.
        probe: What made the embeddings.
    """

    id: str
    title: str
    notes: tuple[str, ...] = ()
    licence: str = ""
    embeddings: TaskEmbeddings | None = None
    probe: str = ""


class Build:
    """A table in the making.

    Args:
        request: What it shall hold.
        folder: Where it is written. Measurements are kept in ``FOLDER.measured``: what is there is
            not measured again, and a table with its measurements beside it can grow.

    Raises:
        T2SBenchError: For anything wrong with the request, or a folder of something else.
    """

    def __init__(self, request: BuildRequest, folder: Path) -> None:
        self.request, self.folder = request, folder
        self.profile = request.find_profile()
        check_profile(self.profile)
        self.simulator: Simulator = build_simulator(self.profile, request.plugin_files)
        self.data: dict[str, TaskData] = {
            name: load_task_data(name, tasks_files=request.tasks_files) for name in request.tasks
        }
        self.jobs = list(make_jobs(request, self.simulator.capabilities.space))
        self.journal = Journal(folder.with_name(folder.name + ".measured"), self._identity())
        self.journal.check()
        if (folder / CARD).exists() and not self.journal.exists:
            raise InvalidInputError(
                f"Expected no table in {folder}, or one with its measurements beside it in "
                f"{self.journal.folder.name}, but got one without. Choose another --output."
            )

    @cached_property
    def _source(self) -> str:
        return source_digest(self.profile, self.request.plugin_files)

    def _identity(self) -> dict[str, Any]:
        protocol = find_protocol(self.request.protocol)
        return {
            "profile": [self.profile.name, self.profile.digest],
            "source": self._source,
            "protocol": [protocol.name, protocol.version],
        }

    def measured(self) -> dict[Job, JobResult]:
        """Results so far, of the data and real images that are here now."""
        digests = {name: data.digest for name, data in self.data.items()}
        return {
            job: result.of_data(digests)
            for job, result in self.journal.read().items()
            if result.real_images in {None, self.real_images}
        }

    @cached_property
    def real_images(self) -> str | None:
        """Name and digest of the collection of the reference ``real-images``, if it is measured."""
        if not self.request.real_images or "real-images" not in self.request.references:
            return None
        return open_real_images(self.request.real_images).label

    def left(self) -> list[Job]:
        """Jobs without a reward for some task, in order."""
        found = self.measured()
        return [
            job for job in self.jobs if job not in found or not found[job].has(self.request.tasks)
        ]

    def measure(
        self,
        execution: Execution,
        executor: str = "processes",
        on_job: OnJob = lambda _: None,
        limit: int | None = None,
    ) -> list[JobResult]:
        """Do the jobs that are left, each on disk before ``on_job`` hears of it; those with errors.

        Args:
            execution: Where.
            executor: A name of :data:`EXECUTORS`.
            on_job: Told of every result.
            limit: Do so many only.

        Raises:
            UnknownNameError: For an unknown executor.
            InvalidInputError: When backbones were made on different terms, as on other devices.
            T2SBenchError: When workers cannot be had, another build writes here, or the file system
                refuses.
        """
        if executor not in EXECUTORS:
            raise UnknownNameError("executor", executor, EXECUTORS)
        failed = []
        with self.journal.begun():
            terms = self._terms()
            for found in EXECUTORS[executor](self.request, self.left()[:limit], execution):
                terms = self._agreed(found, terms)
                result = self._of_these_data(found)
                self.journal.append(result)
                on_job(result)
                if result.errors:
                    failed.append(result)
        return failed

    def _terms(self) -> Mapping[str, Any]:
        """Those of the results that are here; at first what is known beforehand."""
        known = (result.terms for result in self.measured().values() if result.has_rewards)
        return next(known, {"profile": self.profile.digest, "simulator": self._source})

    def _agreed(self, result: JobResult, terms: Mapping[str, Any]) -> Mapping[str, Any]:
        """The terms of all results, this one among them."""
        if not result.has_rewards:
            return terms
        other = [name for name, value in terms.items() if result.terms.get(name) != value]
        if other:
            said = ", ".join(f"{n} {result.terms.get(n)} in place of {terms[n]}" for n in other)
            raise InvalidInputError(
                f"Expected all backbones of a table to be made alike, but got {said} for "
                f"{result.job} on {result.machine}. Measure on one kind of machine with one "
                "--device, or choose another --output."
            )
        return result.terms

    def _of_these_data(self, result: JobResult) -> JobResult:
        """The same, with an error in place of rewards on other data: those of another machine."""
        cells = tuple(
            cell
            if cell.data in {None, self.data[cell.task].digest}
            else CellResult(
                cell.task,
                None,
                error=f"Expected {cell.task} as it is prepared here, but got other data on "
                f"{result.machine}. Copy the file of this machine's T2SBENCH_DATA there.",
            )
            for cell in result.cells
        )
        return replace(result, cells=cells)

    def write(self, labels: Labels, *, with_gaps: bool = False) -> RewardTable:
        """Write the table; its measurements stay beside it, so that it can grow.

        Args:
            labels: Its name and what comes with it.
            with_gaps: Write it although rewards are missing; they stay empty.

        Raises:
            CellsFailedError: When some are missing.
            InvalidInputError: When an earlier table in the folder would lose rewards.
        """
        left = self.left()
        if left and not with_gaps:
            raise CellsFailedError(
                f"Expected rewards of all {len(self.jobs)} backbones, but got {len(left)} without "
                f"some, such as {left[0]}. Run the command again, or write what there is with "
                "--with-gaps."
            )
        measured = self.measured()
        results = [measured[job] for job in self.jobs if job in measured]
        return assemble(self, results, labels)


def all_prepared(tasks_files: Sequence[Path] = ()) -> tuple[str, ...]:
    """Names of all tasks whose images are on this machine, in registry order."""
    from benchmark.tasks.stand_ins import load_data_tasks
    from benchmark.tasks.task_data import is_prepared

    return tuple(task.name for task in load_data_tasks(tasks_files) if is_prepared(task.name))
