"""From measured jobs to a reward table with its card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.building.request import REFERENCES
from benchmark.embeddings import TaskEmbeddings
from benchmark.live.datasets import open_real_images
from benchmark.rewards.card import CostEntry, TaskDataEntry
from benchmark.rewards.storage import Description, write_table
from benchmark.rewards.table import RewardTable

if TYPE_CHECKING:
    from benchmark.building.build import Build, Labels
    from benchmark.building.worker import JobResult


def assemble(build: Build, results: Sequence[JobResult], labels: Labels) -> RewardTable:
    """Write the table of these results.

    Cells without a result are empty (NaN). Everything on the card but its cost follows from the
    results, whoever measured them in whatever order.
    """
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
    table = RewardTable(
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
    return write_table(table, build.folder, _description(build, results, labels))


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
        real_images=_real_images(build),
        cost=_cost(results),
        data={task: _data_entry(build, task) for task in build.request.tasks},
    )


def _real_images(build: Build) -> str | None:
    if not build.request.real_images or "real-images" not in build.request.references:
        return None
    return open_real_images(build.request.real_images).label


def _references(build: Build, results: Sequence[JobResult]) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for result in sorted(results, key=lambda result: result.job):
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
