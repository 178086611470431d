"""Live runs in advance and afterwards: cells to make, and differences from the table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import T2SBenchError
from benchmark.core.files import digest
from benchmark.runs.cells import choose
from benchmark.runs.execution import existing_records
from benchmark.runs.fits import MAY_RAISE, Fitter
from benchmark.runs.live_scorer import LiveScorer

if TYPE_CHECKING:
    from benchmark.pipeline.settings import Source
    from benchmark.runs.execution import Plan
    from benchmark.runs.plan import Unit


@dataclass(frozen=True)
class KindPlan:
    """Cells of one kind that a run needs.

    Attributes:
        name: ``dataset``, ``backbone`` or ``score``.
        total: Number of cells.
        missing: Number of cells that are not in the store.
        seconds: Estimated duration of making those, from the median of the cells in the store;
            None without such cells.
    """

    name: str
    total: int
    missing: int
    seconds: float | None


@dataclass(frozen=True)
class LivePlan:
    """Cells that a run needs.

    Attributes:
        kinds: By kind, in the order of the stages.
        failures: Reasons of cells that cannot be made, and the cells concerned.
    """

    kinds: tuple[KindPlan, ...]
    failures: tuple[tuple[str, tuple[str, ...]], ...]


def plan_cells(plan: Plan) -> LivePlan:
    """Fit the methods for their choices, and count the cells that these need.

    Raises:
        T2SBenchError: When the profile, its simulator or its real images are not available.
    """
    scorer = plan.context.scorer
    assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
    wanted: dict[str, dict[str, Any]] = {"dataset": {}, "backbone": {}, "score": {}}
    failures: dict[str, list[str]] = {}
    with Fitter(plan.context, plan.request, plan.methods, plan.units, plan.fits) as fitter:
        for unit in plan.units:
            for task, seed, source in _sources(plan, unit, fitter, failures):
                _collect(wanted, scorer, task, seed, source, failures)
    kinds = tuple(_kind(scorer, kind, cells) for kind, cells in wanted.items())
    return LivePlan(kinds, tuple((why, tuple(what)) for why, what in failures.items()))


def _sources(
    plan: Plan, unit: Unit, fitter: Fitter, failures: dict[str, list[str]]
) -> list[tuple[str, int, Source]]:
    method, scorer = unit.method, plan.context.scorer
    assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
    found = []
    for seed in unit.seeds:
        fit = fitter.fit(unit, seed)
        if fit.selector is None:
            failures.setdefault(str(fit.error), []).append(method.label)
            continue
        for task in (t for t in unit.fold.targets if (t, seed) in unit.cells):
            try:
                decision = choose(plan.context, method, fit, task, seed)
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
        identity = pipeline.score_identity(source, seed, data, scorer.settings.protocol)
        wanted["score"][digest(identity)] = identity
    except T2SBenchError as error:
        failures.setdefault(str(error), []).append(f"{source.label} on {task}")


def _kind(scorer: LiveScorer, kind: str, cells: dict[str, Any]) -> KindPlan:
    missing = [identity for identity in cells.values() if scorer.store.find(kind, identity) is None]
    start = f"{scorer.settings.protocol} of " if kind == "score" else f"{scorer.profile.name}: "
    known = [
        entry.seconds
        for entry in scorer.store.entries()
        if entry.kind == kind and entry.label.startswith(start)
    ]
    if not missing:
        return KindPlan(kind, len(cells), 0, 0.0)
    seconds = statistics.median(known) * len(missing) if known else None
    return KindPlan(kind, len(cells), len(missing), seconds)


@dataclass(frozen=True)
class Comparison:
    """Differences of measured values from those of a table.

    Attributes:
        cells: Number of cells that both have.
        equal: Number of equal values.
        mean_difference: Measured minus cached, percentage points.
        largest: Largest absolute difference.
    """

    cells: int
    equal: int
    mean_difference: float
    largest: float


def compare_live(plan: Plan) -> Comparison | None:
    """Compare a run's measured cells with its table; None when it has none of them."""
    scorer = plan.context.scorer
    assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
    records, _ = existing_records(plan.request.output)
    differences = []
    for record in records:
        chosen = record.decision.configuration if record.decision else None
        if record.cell not in plan.wanted or record.accuracy is None or chosen is None:
            continue
        configuration = plan.context.table.space.parse(chosen)
        cached = scorer.cached_value(record.task.name, configuration, record.seed)
        if cached is not None:
            differences.append(record.accuracy - cached)
    if not differences:
        return None
    return Comparison(
        len(differences),
        sum(abs(difference) < 1e-9 for difference in differences),
        sum(differences) / len(differences),
        max(map(abs, differences)),
    )
