"""Building of a reward table: jobs that are left, their journal, and the table they give."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import CellsFailedError, InvalidInputError
from benchmark.executors.interface import OnEvent, no_event
from benchmark.executors.run import run_jobs
from benchmark.pipeline.journal import Journal
from benchmark.pipeline.table_jobs import (
    REFERENCES,
    CellResult,
    JobResult,
    TableJob,
    TableRequest,
    job_results,
    make_jobs,
)
from benchmark.protocols.registry import find_protocol
from benchmark.rewards.card import CostEntry, Description, TableDataEntry, table_id
from benchmark.rewards.storage import CARD, read_table, write_table
from benchmark.rewards.table import RewardTable
from benchmark.tasks.task_data import TaskData, load_task_data
from benchmark.tasks.vectors import TaskEmbeddings, read_vectors

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.executors.interface import Workers
    from benchmark.simulators.interface import Simulator

OnJob = Callable[[JobResult], None]


@dataclass(frozen=True)
class Labels:
    """Name of a table, and the texts and vectors that come with it.

    Attributes:
        id: Short name.
        title: One line.
        notes: Remarks for readers.
        licence: Terms of the table.
        embeddings: Task2Vec of its tasks, and more.
        probe: Origin of the embeddings.
    """

    id: str
    title: str
    notes: tuple[str, ...] = ()
    licence: str = ""
    embeddings: TaskEmbeddings | None = None
    probe: str = ""


class TableBuilder:
    """A table that is being measured.

    Args:
        request: Tasks, seeds, configurations and settings.
        folder: Folder of the table. Measurements are kept in ``FOLDER.measured``: nothing there is
            measured again, and a table with its measurements can grow.

    Raises:
        T2SBenchError: For anything wrong with the request, or a folder of something else.
    """

    def __init__(self, request: TableRequest, folder: Path) -> None:
        self.request, self.folder = request, folder
        self.settings = request.settings
        self.profile = self.settings.find_profile()
        self.simulator: Simulator = self.settings.simulator()
        self.data: dict[str, TaskData] = {
            name: load_task_data(name, tasks_files=self.settings.tasks_files)
            for name in request.tasks
        }
        self.jobs = list(make_jobs(request, self.simulator.capabilities.space))
        self.journal = Journal(folder.with_name(folder.name + ".measured"), self._identity())
        self.journal.check()
        if (folder / CARD).exists() and not self.journal.exists:
            raise InvalidInputError(
                f"{folder} holds a table without its measurements ({self.journal.folder.name}), so "
                "it cannot grow. Choose another --output."
            )

    @cached_property
    def _source(self) -> str:
        return self.settings.source_digest()

    def _identity(self) -> dict[str, Any]:
        protocol = find_protocol(self.settings.protocol, self.settings.plugins)
        return {
            "profile": [self.profile.name, self.profile.digest],
            "source": self._source,
            "protocol": protocol.identity,
        }

    def measured(self) -> dict[TableJob, JobResult]:
        """Return the results so far that belong to the present data and real images."""
        digests = {name: data.digest for name, data in self.data.items()}
        return {
            job: result.of_data(digests)
            for job, result in self.journal.read().items()
            if result.real_images in {None, self.real_images}
        }

    @cached_property
    def real_images(self) -> str | None:
        """Name and digest of the collection of the reference ``real-images``, if it is measured."""
        if "real-images" not in self.request.references:
            return None
        real = self.settings.open_real_images()
        return real.label if real else None

    def left(self) -> list[TableJob]:
        """Return the jobs without a reward for some task, in order."""
        found = self.measured()
        return [
            job for job in self.jobs if job not in found or not found[job].has(self.request.tasks)
        ]

    def measure(
        self,
        workers: Workers,
        on_job: OnJob = lambda _: None,
        limit: int | None = None,
        on_event: OnEvent = no_event,
    ) -> list[JobResult]:
        """Do the jobs that are left, and return the results with errors.

        Args:
            workers: Processes that do them.
            on_job: Called with every result, after it is on disk.
            limit: Largest number of jobs to do.
            on_event: Called with the events of the jobs.

        Raises:
            UnknownNameError: For an unknown executor.
            InvalidInputError: When backbones were made on different terms, as on other devices.
            T2SBenchError: When workers do not start, another build writes here, or the file system
                refuses.
        """
        return measure_tables([self], workers, on_job, limit, on_event)

    def add(self, found: JobResult) -> JobResult:
        """Write a result to the journal, and return it without rewards on other data.

        Raises:
            InvalidInputError: When its backbone was made on other terms than the earlier ones.
            StorageError: When the file system refuses.
        """
        self._known_terms = self._agreed(found, self._known_terms)
        result = self._of_these_data(found)
        self.journal.append(result)
        return result

    @cached_property
    def _known_terms(self) -> Mapping[str, Any]:
        """Terms of the present results, or those that are known before the first."""
        known = (result.terms for result in self.measured().values() if result.has_rewards)
        return next(known, {"profile": self.profile.digest, "simulator": self._source})

    def _agreed(self, result: JobResult, terms: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the terms of all results, including this one."""
        if not result.has_rewards:
            return terms
        other = [name for name, value in terms.items() if result.terms.get(name) != value]
        if other:
            found = ", ".join(f"{n} {result.terms.get(n)} instead of {terms[n]}" for n in other)
            raise InvalidInputError(
                f"{result.job} on {result.machine} was made with {found}; all backbones of a table "
                "need the same. Measure on one kind of machine with one --device, or choose "
                "another --output."
            )
        return result.terms

    def _of_these_data(self, result: JobResult) -> JobResult:
        """Replace rewards on other data, which another machine has, by an error."""
        cells = tuple(
            cell
            if cell.data in {None, self.data[cell.task].digest}
            else CellResult(
                cell.task,
                None,
                error=f"{result.machine} has other data of {cell.task} than this machine. Copy the "
                "file of this machine's T2SBENCH_DATA there.",
            )
            for cell in result.cells
        )
        return replace(result, cells=cells)

    def write(self, labels: Labels, *, with_gaps: bool = False) -> RewardTable:
        """Write the table; its measurements are kept, so that it can grow.

        Args:
            labels: Its name, and the texts and vectors that come with it.
            with_gaps: Write it with missing rewards; they stay empty.

        Raises:
            CellsFailedError: When some are missing.
            InvalidInputError: When an earlier table in the folder would lose rewards.
        """
        left = self.left()
        if left and not with_gaps:
            raise CellsFailedError(
                f"{len(left)} of {len(self.jobs)} backbones lack rewards, such as {left[0]}. Run "
                "the command again, or write the incomplete table with --with-gaps."
            )
        measured = self.measured()
        results = [measured[job] for job in self.jobs if job in measured]
        table = _table(self, results, labels)
        if (self.folder / CARD).exists():
            _check_growth(read_table(self.folder), table)
        return write_table(table, self.folder, _description(self, results, labels))


def jobs_left(builds: Sequence[TableBuilder]) -> list[TableJob]:
    """Return the jobs without a reward in some of the tables, which have the same jobs."""
    left = set(itertools.chain.from_iterable(build.left() for build in builds))
    return [job for job in builds[0].jobs if job in left]


def measure_tables(
    builds: Sequence[TableBuilder],
    workers: Workers,
    on_job: OnJob = lambda _: None,
    limit: int | None = None,
    on_event: OnEvent = no_event,
) -> list[JobResult]:
    """Measure tables that differ in the protocol together: each backbone once for all protocols.

    Arguments, result and errors are those of :meth:`TableBuilder.measure`.
    """
    from benchmark.pipeline.worker import ScoreWork

    failed, request = [], builds[0].request
    protocols = [build.settings.protocol for build in builds]
    with ExitStack() as stack:
        for build in builds:
            stack.enter_context(build.journal.begun())
        left = {build.settings.protocol: set(build.left()) for build in builds}
        named = {job.score_job(request.tasks, protocols): job for job in jobs_left(builds)[:limit]}
        workers = replace(workers, folder=builds[0].journal.folder)
        work = ScoreWork((request.settings,))
        for score_job, found in run_jobs(work, tuple(named), workers, on_event):
            job = named[score_job]
            results = job_results(job, found)
            parts = {
                protocol: build.add(results[protocol])
                for build, (protocol, jobs) in zip(builds, left.items(), strict=True)
                if job in jobs
            }
            own, *rest = parts
            result = replace(parts[own], further={name: parts[name].cells for name in rest})
            on_job(result)
            if result.errors:
                failed.append(result)
    return failed


def make_labels(
    build: TableBuilder,
    *,
    name: str = "",
    title: str = "",
    notes: Sequence[str] = (),
    licence: str = "",
    embeddings: Path | None = None,
) -> Labels:
    """Return the labels of a table; name and title are by default made from its profile.

    Args:
        build: The table.
        name: Short name.
        title: One line.
        notes: Remarks for readers.
        licence: Terms of the table.
        embeddings: File of Task2Vec vectors of its tasks.

    Raises:
        InvalidInputError: For a malformed name, or vectors of other tasks or other data.
        InvalidFileError: When the file of vectors cannot be read.
    """
    vectors, probe = _read_vectors(embeddings, build)
    wanted = name or f"{build.profile.simulator}-{build.profile.name}"
    if not name and build.settings.protocol != "knn5":
        wanted += f"-{build.settings.protocol}"
    identifier = table_id(wanted, correct=not name)
    title = title or f"Measured: profile {build.profile.name}, {build.settings.protocol}"
    return Labels(identifier, title, tuple(notes), licence, vectors, probe)


def _read_vectors(path: Path | None, build: TableBuilder) -> tuple[TaskEmbeddings | None, str]:
    """Vectors of the table's tasks, checked against their card if any, and their origin."""
    if path is None:
        return None, ""
    embeddings, origin = read_vectors(path)
    known = origin.data if origin else {}
    others = [t for t, data in build.data.items() if known.get(t, data.digest) != data.digest]
    if others:
        raise InvalidInputError(
            f"{path} holds vectors of other data than the prepared ones, for tasks "
            f"{', '.join(others)}. Run 't2sbench task2vec' on the prepared data."
        )
    missing = [task for task in build.request.tasks if task not in embeddings.tasks]
    if missing:
        raise InvalidInputError(
            f"--embeddings lacks vectors of {', '.join(missing)}. Run 't2sbench task2vec' on all "
            "tasks of the table."
        )
    return embeddings, str(origin) if origin else "not stated"


def all_prepared(tasks_files: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the names of all tasks whose images are on this machine, in registry order."""
    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import is_prepared

    return tuple(task.name for task in load_data_tasks(tasks_files) if is_prepared(task.name))


def _check_growth(old: RewardTable, new: RewardTable) -> None:
    """Refuse a table that would make records of the earlier one untrue."""
    kept = set(old.tasks) <= set(new.tasks) and set(old.seeds) <= set(new.seeds)
    if kept:
        rows = [new.row(task) for task in old.tasks]
        layers = [new.seeds.index(seed) for seed in old.seeds]
        there = new.values[np.ix_(rows, range(new.space.size), layers)]
        kept = bool((np.isnan(old.values) | (old.values == there)).all())
    if not kept:
        raise InvalidInputError(
            f"The folder's table ({', '.join(old.tasks)}; seeds {', '.join(map(str, old.seeds))}) "
            "would lose or change rewards. Tables only grow: choose another --output."
        )


def _table(build: TableBuilder, results: Sequence[JobResult], labels: Labels) -> RewardTable:
    request, space = build.request, build.simulator.capabilities.space
    values = np.full((len(request.tasks), space.size, len(request.seeds)), np.nan)
    rows = {task: row for row, task in enumerate(request.tasks)}
    layers = {seed: layer for layer, seed in enumerate(request.seeds)}
    for result in results:
        if result.job.row in REFERENCES:
            continue
        column = space.index(space.parse(result.job.row))
        for cell in result.cells:
            if cell.task in rows and cell.accuracy is not None:
                values[rows[cell.task], column, layers[result.job.seed]] = cell.accuracy
    return RewardTable(
        id=labels.id,
        space=space,
        tasks=request.tasks,
        seeds=request.seeds,
        values=values,
        n_test=np.array([build.data[task].card.n_test for task in request.tasks]),
        protocol=build.settings.protocol,
        profile=build.profile.name,
        embeddings=_embeddings(labels, request.tasks),
    )


def _embeddings(labels: Labels, tasks: tuple[str, ...]) -> TaskEmbeddings | None:
    found = labels.embeddings
    if found is None:
        return None
    return TaskEmbeddings(tasks, np.stack([found.of(task) for task in tasks]))


def _description(build: TableBuilder, results: Sequence[JobResult], labels: Labels) -> Description:
    return Description(
        title=labels.title,
        simulator=build.profile.simulator,
        simulator_version=build.simulator.version,
        n_images=build.profile.n_images,
        licence=labels.licence,
        notes=list(labels.notes),
        probe=labels.probe or "not stated",
        references=_references(build, results),
        real_images=build.real_images,
        cost=_cost(results),
        data={task: _data_entry(build, task) for task in build.request.tasks},
    )


def _references(
    build: TableBuilder, results: Sequence[JobResult]
) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    layers = {seed: layer for layer, seed in enumerate(build.request.seeds)}
    for result in sorted(results, key=lambda result: layers[result.job.seed]):
        if result.job.row in REFERENCES:
            rows = found.setdefault(result.job.row, {})
            for cell in result.cells:
                if cell.accuracy is not None and cell.task in build.request.tasks:
                    rows.setdefault(cell.task, []).append(cell.accuracy)
    return found


def _cost(results: Sequence[JobResult]) -> CostEntry:
    machines = sorted({result.machine for result in results if result.machine})
    hours = sum(result.cost for result in results) / 3600
    return CostEntry(backbones=len(results), hours=round(hours, 2), machines=machines)


def _data_entry(build: TableBuilder, task: str) -> TableDataEntry:
    card = build.data[task].card
    return TableDataEntry(**card.provenance(), classes=len(card.class_names), n_train=card.n_train)
