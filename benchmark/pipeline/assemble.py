"""From measured jobs to a reward table with its card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.pipeline.table_request import REFERENCES
from benchmark.rewards.card import CostEntry, TaskDataEntry
from benchmark.rewards.storage import CARD, Description, read_table, write_table
from benchmark.rewards.table import RewardTable
from benchmark.tasks.vectors import TaskEmbeddings

if TYPE_CHECKING:
    from benchmark.pipeline.job_results import JobResult
    from benchmark.pipeline.table_builder import Build, Labels


def assemble(build: Build, results: Sequence[JobResult], labels: Labels) -> RewardTable:
    """Write the table of these results; an earlier one in the same folder only grows.

    Cells without a result are empty (NaN). Everything on the card but its cost follows from the
    results, whoever measured them in whatever order.

    Raises:
        InvalidInputError: When a reward of the earlier table is not in this one.
        StorageError: When the file system refuses.
    """
    table = _table(build, results, labels)
    if (build.folder / CARD).exists():
        _check_growth(read_table(build.folder), table)
    return write_table(table, build.folder, _description(build, results, labels))


def _check_growth(old: RewardTable, new: RewardTable) -> None:
    """Records of the earlier table stay true of the new one."""
    kept = set(old.tasks) <= set(new.tasks) and set(old.seeds) <= set(new.seeds)
    if kept:
        rows = [new.row(task) for task in old.tasks]
        layers = [new.seeds.index(seed) for seed in old.seeds]
        there = new.values[np.ix_(rows, range(new.space.size), layers)]
        kept = bool((np.isnan(old.values) | (old.values == there)).all())
    if not kept:
        raise InvalidInputError(
            f"Expected all rewards of the table that is there ({', '.join(old.tasks)}; seeds "
            f"{', '.join(map(str, old.seeds))}) to stay as they are, but got others or fewer. "
            "Tables only grow: choose another --output."
        )


def _table(build: Build, results: Sequence[JobResult], labels: Labels) -> RewardTable:
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
        protocol=request.protocol,
        profile=build.profile.name,
        embeddings=_embeddings(labels, request.tasks),
    )


def _embeddings(labels: Labels, tasks: tuple[str, ...]) -> TaskEmbeddings | None:
    found = labels.embeddings
    if found is None:
        return None
    return TaskEmbeddings(tasks, np.stack([found.of(task) for task in tasks]))


def _description(build: Build, results: Sequence[JobResult], labels: Labels) -> Description:
    return Description(
        title=labels.title,
        simulator=build.profile.simulator,
        simulator_version=build.simulator.version,
        n_images=build.profile.n_images,
        licence=labels.licence,
        notes=labels.notes,
        probe=labels.probe or "not stated",
        references=_references(build, results),
        real_images=build.real_images,
        cost=_cost(results),
        data={task: _data_entry(build, task) for task in build.request.tasks},
    )


def _references(build: Build, results: Sequence[JobResult]) -> dict[str, dict[str, list[float]]]:
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


def _data_entry(build: Build, task: str) -> TaskDataEntry:
    card = build.data[task].card
    return TaskDataEntry(**card.provenance(), classes=len(card.class_names), n_train=card.n_train)
