"""Jobs of reward tables that are left: backbones with the scores that they lack."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.core.store import default_store
from benchmark.pipeline.settings import Source
from benchmark.pipeline.table_builder import TableBuilder
from benchmark.pipeline.table_jobs import REFERENCES, TableJob, TableRequest, make_jobs
from benchmark.planning.costs import Costs, prepared_task
from benchmark.planning.forecast import JobKind, backbone_pieces, score_pieces
from benchmark.tasks.task_data import is_prepared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmark.tasks.registry import TaskRegistry

# Jobs alike: a reference or "", True if they have their backbone, and the (task, protocol) that
# they lack.
_Kind = tuple[str, bool, tuple[tuple[str, str], ...]]


def table_kinds(
    request: TableRequest, folder: Path, costs: Costs, registry: TaskRegistry
) -> list[JobKind]:
    """Return the jobs that a table has left, with the duration of their stages.

    Tasks that are not prepared count with the sizes of the registry.

    Args:
        request: The table, with all its protocols.
        folder: Folder of the table, or of the tables of several protocols.
        costs: Costs of the stages.
        registry: Tasks.

    Raises:
        T2SBenchError: When profile, simulator or the table's measurements are faulty.
    """
    jobs = list(make_jobs(request, request.settings.simulator().capabilities.space))
    done = _measured(request, folder)
    wanted = [(task, protocol) for task in request.tasks for protocol in request.protocols]
    has_backbone = _backbones(request)
    found: Counter[_Kind] = Counter()
    for job in jobs:
        missing = tuple(one for one in wanted if (job, *one) not in done)
        if missing:
            row = job.row if job.row in REFERENCES else ""
            found[row, has_backbone(job), missing] += 1
    return [
        replace(_kind(request, costs, registry, kind), number=number)
        for kind, number in found.items()
    ]


def _kind(request: TableRequest, costs: Costs, registry: TaskRegistry, kind: _Kind) -> JobKind:
    row, has_backbone, missing = kind
    profile = request.settings.find_profile()
    by_task: dict[str, list[str]] = {}
    for task, protocol in missing:
        by_task.setdefault(task, []).append(protocol)
    first = [] if has_backbone else backbone_pieces(costs, profile, rendered=not row)
    tasks = [(prepared_task(registry[task]), names) for task, names in by_task.items()]
    label = f"{profile.name}, {row}" if row else profile.name
    return JobKind(label, 1, (*first, *score_pieces(costs, profile, tasks)))


def _measured(request: TableRequest, folder: Path) -> set[tuple[TableJob, str, str]]:
    """Scores that the tables in a folder have, of tasks that are still prepared."""
    tasks = tuple(task for task in request.tasks if is_prepared(task))
    found = set()
    for protocol in request.protocols:
        at = folder / protocol if request.further_protocols else folder
        if not tasks or not at.with_name(f"{at.name}.measured").exists():
            continue
        settings = replace(request.settings, protocol=protocol)
        one = replace(request, tasks=tasks, settings=settings, further_protocols=())
        for job, result in TableBuilder(one, at).measured().items():
            found |= {(job, c.task, protocol) for c in result.cells if c.accuracy is not None}
    return found


def _backbones(request: TableRequest) -> Callable[[TableJob], bool]:
    """Function that says if a job needs no pre-training: random weights, or a stored backbone."""
    from benchmark.pipeline.stages import Pipeline

    store = default_store()
    is_empty = not (store.root / "backbone").exists()
    pipeline = Pipeline.of(request.settings, store, sources={})
    space = pipeline.simulator().capabilities.space

    def has(job: TableJob) -> bool:
        if job.row in REFERENCES:
            return REFERENCES[job.row] == "none"
        if is_empty:
            return False
        source = Source("rendered", space.parse(job.row))
        return store.find("backbone", pipeline.backbone_identity(source, job.seed)) is not None

    return has
