"""Records of backbones from files: each is a row, under the keys and resume rules of runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.beats import Beat, OnBeat, no_beat
from benchmark.core.errors import InvalidInputError
from benchmark.core.store import default_store
from benchmark.core.tracebacks import author_traceback
from benchmark.pipeline.profiles import EvaluationProfile
from benchmark.protocols.registry import EvaluationProtocol, find_protocol
from benchmark.runs.context import environment, provenance
from benchmark.runs.efforts import Efforts
from benchmark.runs.execution import existing_records, redo
from benchmark.runs.failures import MAY_RAISE, error_message
from benchmark.runs.live_scorer import Inputs, cell_scores, prepared_entry
from benchmark.runs.plan import Overwrite, Split, prepared_tasks
from benchmark.runs.record import (
    Failure,
    MethodEntry,
    PretrainingEntry,
    ProtocolEntry,
    SourceEntry,
    cell_digest,
    key_digest,
    seal,
)
from benchmark.runs.record_file import FILE, append_record, records_size
from benchmark.tasks.registry import load_data_tasks

if TYPE_CHECKING:
    from benchmark.pipeline.cells import ScoreCell
    from benchmark.pretraining.foreign import Checkpoint
    from benchmark.runs.record import Record, TaskEntry

_USUAL_SIZE = 224


@dataclass(frozen=True)
class CheckpointRequest:
    """Everything that the records of checkpoints depend on.

    Attributes:
        files: File, folder, ``ARCH:FILE`` or ``timm:ARCH:FILE`` by name of the row.
        split: Sides of the judged tasks.
        tasks: Tasks to judge; empty means all prepared ones of the split.
        protocols: Names of evaluation protocols.
        seeds: Seeds of the evaluations.
        size: Side of the tasks' images in pixels; None for that of the pre-training.
        evaluation: Scoring of tasks.
        device: "auto", "cpu", "cuda:0" ...
        plugins: Users' files with more networks and protocols.
        tasks_files: Users' task definitions.
        overwrite: Treatment of cells that have a record.
        output: Folder of the records; None keeps them in memory.
    """

    files: Mapping[str, str]
    split: Split = Split.ALL
    tasks: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("knn5",)
    seeds: tuple[int, ...] = (0,)
    size: int | None = None
    evaluation: EvaluationProfile = field(default_factory=EvaluationProfile)
    device: str = "auto"
    plugins: tuple[Path, ...] = ()
    tasks_files: tuple[Path, ...] = ()
    overwrite: Overwrite = Overwrite.STALE
    output: Path | None = None


@dataclass(frozen=True, eq=False)
class _Cell:
    """Coordinates and digests of a record to come."""

    name: str
    protocol: EvaluationProtocol
    task: TaskEntry
    seed: int
    split: str
    cell: str
    key: str
    supersedes: str | None


@dataclass(eq=False)
class CheckpointPlan:
    """Cells of checkpoints, done and left.

    Attributes:
        request: The request.
        checkpoints: The backbones by name.
        source: Image size and settings, as records state them.
        cells: Cells left to do.
        done: Current records of requested cells that are kept.
        broken: Unreadable lines of the folder's records.
        records_size: Size of the folder's records in bytes, before they were read.
    """

    request: CheckpointRequest
    checkpoints: dict[str, Checkpoint]
    source: SourceEntry
    size: int
    cells: list[_Cell] = field(default_factory=list)
    done: list[Record] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    records_size: int = 0


def plan_checkpoints(request: CheckpointRequest) -> CheckpointPlan:
    """Read the backbones, and find the cells that are left to do.

    Raises:
        T2SBenchError: For anything wrong with the request; nothing has been written then.
    """
    from benchmark.pipeline.checkpoints import CheckpointScores
    from benchmark.pretraining.foreign import parse_spec, read_checkpoint

    protocols = [find_protocol(name, request.plugins) for name in request.protocols]
    tasks = _tasks(request)
    checkpoints = {}
    for name, text in request.files.items():
        architecture, path = parse_spec(text)
        checkpoints[name] = read_checkpoint(path, architecture, plugin_files=request.plugins)
    size = request.size or _common_size(checkpoints)
    for checkpoint in checkpoints.values():
        checkpoint.check_size(size)
    scores = CheckpointScores(size, request.evaluation, default_store(), request.device, no_beat)
    source = SourceEntry(kind="live", id=f"evaluate-{size}px", digest=scores.digest)
    plan = CheckpointPlan(request, checkpoints, source, size)
    plan.records_size = records_size(request.output)
    existing, plan.broken = existing_records(request.output)
    by_cell = {record.cell: record for record in existing}
    for protocol, name, seed, place in product(protocols, checkpoints, request.seeds, tasks):
        _add(plan, by_cell, name, protocol, seed, place)
    if request.overwrite is Overwrite.NEVER and plan.done:
        raise InvalidInputError(
            f"{request.output} has records of {len(plan.done)} of these cells. Choose another "
            "folder with -o, or --overwrite stale."
        )
    return plan


def _tasks(request: CheckpointRequest) -> list[tuple[TaskEntry, str]]:
    """Judged tasks with the split of their records."""
    if request.split is Split.LEAVE_ONE_TASK_OUT:
        raise InvalidInputError(
            "A backbone learns from no rewards, so no task is left out. Choose --split seen, "
            "unseen or all."
        )
    registry = load_data_tasks(request.tasks_files)
    sides = {str(side) for side in request.split.sides}
    found = []
    for task in prepared_tasks(registry, request.tasks):
        side = "seen" if task.side == "seen" else "unseen"
        wanted = not request.tasks or task.name in request.tasks
        if wanted and side in sides:
            found.append((prepared_entry(task), side))
    if not found:
        raise InvalidInputError(
            f"No task to judge in split '{request.split}'. Choose another --split or --tasks "
            "(t2sbench data ls)."
        )
    return found


def _common_size(checkpoints: Mapping[str, Checkpoint]) -> int:
    sizes = {
        name: (checkpoint.card.image_size if checkpoint.card else 0) or _USUAL_SIZE
        for name, checkpoint in checkpoints.items()
    }
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InvalidInputError(
            f"The backbones have images of different sizes ({listed} pixels). Choose one for all "
            "with --size: scores of different sizes do not compare."
        )
    return next(iter(sizes.values()))


def _add(
    plan: CheckpointPlan,
    by_cell: Mapping[str, Record],
    name: str,
    protocol: EvaluationProtocol,
    seed: int,
    place: tuple[TaskEntry, str],
) -> None:
    checkpoint, (task, split) = plan.checkpoints[name], place
    cell = cell_digest(
        method=_method(name, checkpoint),
        task=task.name,
        split=split,
        seed=seed,
        protocol=protocol.name,
        source=plan.source,
        debug=False,
    )
    parts = {
        "checkpoint": [checkpoint.architecture, checkpoint.sha256],
        "task": task.model_dump(mode="json"),
        "protocol": _protocol(protocol).model_dump(mode="json"),
    }
    key, record = key_digest(cell, parts), by_cell.get(cell)
    if record is not None and not redo(plan.request.overwrite, record, key):
        plan.done.append(record)
        return
    supersedes = None if record is None else record.record_id
    plan.cells.append(_Cell(name, protocol, task, seed, split, cell, key, supersedes))


def _method(name: str, checkpoint: Checkpoint) -> MethodEntry:
    return MethodEntry(
        name=name,
        label=name,
        version="1",
        origin=f"file sha256:{checkpoint.sha256}",
        options={},
        privileged=False,
        learnt_from=[],
        queries=0,
    )


def _protocol(protocol: EvaluationProtocol) -> ProtocolEntry:
    return ProtocolEntry(
        name=protocol.name,
        version=protocol.version,
        hyperparameters=dict(protocol.hyperparameters),
    )


def execute_checkpoints(
    plan: CheckpointPlan,
    on_record: Callable[[Record], None] = lambda _record: None,
    on_beat: OnBeat = no_beat,
) -> list[Record]:
    """Score all cells of a plan, and return the records of all its cells, earlier ones first.

    Args:
        plan: The plan.
        on_record: Called with every new record, after it is on disk.
        on_beat: Called with every beat of the evaluations.
    """
    found, output = list(plan.done), plan.request.output
    for record in _records(plan, on_beat):
        if output is not None:
            append_record(output / FILE, record)
        found.append(record)
        on_record(record)
    return found


def _records(plan: CheckpointPlan, on_beat: OnBeat) -> Iterator[Record]:
    from benchmark.pipeline.checkpoints import CheckpointScores

    request, inputs, efforts = plan.request, Inputs(), Efforts()

    def observe(beat: Beat) -> None:
        efforts.add(beat)
        on_beat(beat)

    scores = CheckpointScores(
        plan.size, request.evaluation, default_store(), request.device, observe
    )
    for one in plan.cells:
        start = time.perf_counter()
        checkpoint = plan.checkpoints[one.name]
        outcome: dict[str, Any]
        try:
            task = inputs.task(one.task.name, request.tasks_files)
            found = scores.score(checkpoint, task, one.protocol, one.seed, one.name)
        except MAY_RAISE as error:  # of plug-ins, too
            failure = Failure(
                type=type(error).__name__,
                message=error_message(error),
                traceback=author_traceback(error) or None,
            )
            outcome = {"status": "failed", "error": failure.model_dump()}
            outcome |= _entries(checkpoint, one.protocol, None)
        else:
            outcome = {"status": "ok", "scores": [s.model_dump() for s in cell_scores(found)]}
            outcome |= _entries(checkpoint, one.protocol, found)
        subject, seconds = f"{one.name}, seed {one.seed}", time.perf_counter() - start
        cost = efforts.cost(seconds, subject, one.task.name, one.protocol.name)
        run_by = environment().model_copy(update={"device": scores.device.type})
        yield seal(
            {
                **provenance(),
                "seed": one.seed,
                "split": one.split,
                "task": one.task.model_dump(),
                "method": _method(one.name, checkpoint).model_dump(),
                "source": plan.source.model_dump(),
                "environment": run_by.model_dump(),
                "reference": None,
                "cell": one.cell,
                "key": one.key,
                "supersedes": one.supersedes,
                "cost": cost.model_dump(),
                **outcome,
            }
        )


def _entries(
    checkpoint: Checkpoint, protocol: EvaluationProtocol, found: ScoreCell | None
) -> dict[str, Any]:
    """Entries of pre-training and protocol; without a score, those that are known before it."""
    card, stated = checkpoint.card, _protocol(protocol)
    pretraining = PretrainingEntry(
        simulator=f"checkpoint:{checkpoint.architecture}",
        simulator_version=checkpoint.sha256[:12],
        profile=card.recipe if card else "unknown",
        n_images=card.images if card else None,
        checkpoint_sha256=found.weights_sha256 if found else None,
    )
    if found is not None:
        stated = stated.model_copy(update={"hyperparameters": dict(found.hyperparameters)})
    return {"pretraining": pretraining.model_dump(), "protocol": stated.model_dump()}
