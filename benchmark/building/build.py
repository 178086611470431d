"""Builds a table: jobs that are left, their journal, and the table when all is measured."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.building.assemble import assemble
from benchmark.building.executors import EXECUTORS, Execution
from benchmark.building.journal import Journal
from benchmark.building.request import BuildRequest, Job, make_jobs
from benchmark.data.task_data import TaskData, load_task_data
from benchmark.errors import CellsFailedError, InvalidInputError, UnknownNameError
from benchmark.live.requests import build_simulator, source_digest
from benchmark.protocols import find_protocol

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.building.worker import JobResult
    from benchmark.embeddings import TaskEmbeddings
    from benchmark.rewards.table import RewardTable
    from benchmark.simulators.interface import Simulator

OnJob = Callable[["JobResult"], None]


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
        folder: Where it is written; measurements are kept in ``FOLDER.partial`` until then.

    Raises:
        T2SBenchError: For anything wrong with the request, or a folder of something else.
    """

    def __init__(self, request: BuildRequest, folder: Path) -> None:
        self.request, self.folder = request, folder
        self.profile = request.find_profile()
        self.simulator: Simulator = build_simulator(self.profile, request.plugin_files)
        self.data: dict[str, TaskData] = {
            name: load_task_data(name, tasks_files=request.tasks_files) for name in request.tasks
        }
        self.jobs = list(make_jobs(request, self.simulator.capabilities.space))
        self.journal = Journal(folder.with_name(folder.name + ".partial"), self._identity())
        if (folder / "card.json").exists():
            raise InvalidInputError(
                f"Expected no table in {folder}, but got one. Tables are never changed: choose "
                "another --output."
            )

    def _identity(self) -> dict[str, Any]:
        protocol = find_protocol(self.request.protocol)
        return {
            "profile": [self.profile.name, self.profile.digest],
            "source": source_digest(self.profile, self.request.plugin_files),
            "protocol": [protocol.name, protocol.version],
        }

    def measured(self) -> dict[Job, JobResult]:
        """Results so far, of the data that are here now."""
        digests = {name: data.digest for name, data in self.data.items()}
        return {job: result.of_data(digests) for job, result in self.journal.read().items()}

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
            T2SBenchError: When workers cannot be had, or the file system refuses.
        """
        if executor not in EXECUTORS:
            raise UnknownNameError("executor", executor, EXECUTORS)
        self.journal.begin()
        failed = []
        for result in EXECUTORS[executor](self.request, self.left()[:limit], execution):
            self.journal.append(result)
            on_job(result)
            if result.errors:
                failed.append(result)
        return failed

    def write(self, labels: Labels, *, with_gaps: bool = False) -> RewardTable:
        """Write the table, and remove the journal.

        Args:
            labels: Its name and what comes with it.
            with_gaps: Write it although rewards are missing; they stay empty.

        Raises:
            CellsFailedError: When some are missing.
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
        table = assemble(self, results, labels)
        shutil.rmtree(self.journal.folder, ignore_errors=True)
        return table


def all_prepared(tasks_files: Sequence[Path] = ()) -> tuple[str, ...]:
    """Names of all tasks whose images are on this machine, in registry order."""
    from benchmark.data.registry import load_data_tasks
    from benchmark.data.task_data import is_prepared

    return tuple(task.name for task in load_data_tasks(tasks_files) if is_prepared(task.name))
