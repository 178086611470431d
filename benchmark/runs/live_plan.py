"""What a live run would make, and how long that takes, before anything is made."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import T2SBenchError
from benchmark.core.files import digest
from benchmark.runs.cells import MAY_RAISE, decide, fit_unit
from benchmark.runs.live_scorer import LiveScorer

if TYPE_CHECKING:
    from benchmark.pipeline.sources import Source
    from benchmark.runs.execution import Plan
    from benchmark.runs.plan import Unit


@dataclass(frozen=True)
class KindPlan:
    """Cells of one kind that a run needs.

    Attributes:
        name: ``dataset``, ``backbone`` or ``score``.
        total: How many.
        missing: How many of them are not in the store.
        seconds: What making those takes, at the median pace of cells made before; None when there
            are none to judge by.
    """

    name: str
    total: int
    missing: int
    seconds: float | None


@dataclass(frozen=True)
class LivePlan:
    """Cells that a run needs.

    Attributes:
        kinds: By kind, in the order of their making.
        failures: Why cells cannot be made, and what is concerned.
    """

    kinds: tuple[KindPlan, ...]
    failures: tuple[tuple[str, tuple[str, ...]], ...]


def plan_cells(plan: Plan) -> LivePlan:
    """Fit the methods, to learn their choices, and count the cells behind them.

    Raises:
        T2SBenchError: When the profile, its simulator or its real images cannot be had.
    """
    scorer = plan.context.scorer
    assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
    wanted: dict[str, dict[str, Any]] = {"dataset": {}, "backbone": {}, "score": {}}
    failures: dict[str, list[str]] = {}
    for unit in plan.units:
        for task, seed, source in _sources(plan, unit, scorer, failures):
            _collect(wanted, scorer, task, seed, source, failures)
    kinds = tuple(_kind(scorer, kind, cells) for kind, cells in wanted.items())
    return LivePlan(kinds, tuple((why, tuple(what)) for why, what in failures.items()))


def _sources(
    plan: Plan, unit: Unit, scorer: LiveScorer, failures: dict[str, list[str]]
) -> list[tuple[str, int, Source]]:
    method = unit.spec.resolve()
    found = []
    fits = fit_unit(plan.context, method, unit, plan.request.timeout)
    for seed, fit in zip(unit.seeds, fits, strict=True):
        if fit.selector is None:
            failures.setdefault(str(fit.error), []).append(method.label)
            continue
        for task in (t for t in unit.fold.targets if (t, seed) in unit.cells):
            try:
                decision = None
                if method.pretraining == "rendered":
                    view = plan.context.task_view(task)
                    decision = decide(plan.context, method, fit.selector, view, seed)
                found.append((task, seed, scorer.source_of(decision, method.pretraining, seed)))
            except MAY_RAISE as error:
                failures.setdefault(str(error), []).append(f"{method.label} on {task}")
    return found


def _collect(
    wanted: dict[str, dict[str, Any]],
    scorer: LiveScorer,
    task: str,
    seed: int,
    source: Source,
    failures: dict[str, list[str]],
) -> None:
    pipeline = scorer.pipeline
    try:
        if source.kind != "none":
            for kind, identity in (
                ("dataset", pipeline.dataset_identity(source, seed)),
                ("backbone", pipeline.backbone_identity(source, seed)),
            ):
                wanted[kind][digest(identity)] = identity
        data = scorer.data_of(task)
        identity = pipeline.score_identity(source, seed, data, scorer.choice.protocol)
        wanted["score"][digest(identity)] = identity
    except T2SBenchError as error:
        failures.setdefault(str(error), []).append(f"{source.label} on {task}")


def _kind(scorer: LiveScorer, kind: str, cells: dict[str, Any]) -> KindPlan:
    missing = [identity for identity in cells.values() if scorer.store.find(kind, identity) is None]
    start = f"{scorer.choice.protocol} of " if kind == "score" else f"{scorer.profile.name}: "
    known = [
        entry.seconds
        for entry in scorer.store.entries()
        if entry.kind == kind and entry.label.startswith(start)
    ]
    if not missing:
        return KindPlan(kind, len(cells), 0, 0.0)
    seconds = statistics.median(known) * len(missing) if known else None
    return KindPlan(kind, len(cells), len(missing), seconds)
