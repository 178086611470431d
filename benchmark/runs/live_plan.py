"""Live runs in advance and afterwards: cells to make, and differences from the table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.core.files import digest
from benchmark.pipeline.profiles import find_profile
from benchmark.runs.cells import choose
from benchmark.runs.estimates import Estimates
from benchmark.runs.execution import existing_records
from benchmark.runs.failures import MAY_RAISE
from benchmark.runs.fits import Fitter, kept_seconds
from benchmark.runs.live_scorer import LiveScorer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.methods import Method
    from benchmark.pipeline.profiles import Profile
    from benchmark.pipeline.settings import Source
    from benchmark.runs.context import Unit
    from benchmark.runs.execution import Plan

#: Seconds of one fit from which the other seeds of its method are not fitted for a plan.
_SLOW_SECONDS = 2.0


@dataclass(frozen=True)
class KindPlan:
    """Cells of one kind and profile that a run needs.

    Attributes:
        profile: Name of the profile.
        name: ``dataset``, ``backbone``, or the protocol of scores.
        total: Number of cells; the largest possible one if fits are to come.
        missing: Number of cells that are not in the store.
        seconds: Estimated duration of making those whose duration is known.
        unknown: Number of missing cells without an estimate.
        is_bound: True if the numbers are upper bounds, because fits are to come.
    """

    profile: str
    name: str
    total: int
    missing: int
    seconds: float
    unknown: int
    is_bound: bool


@dataclass(frozen=True)
class FitsToCome:
    """Fits of a method that a plan does not make.

    Attributes:
        method: Label of the method.
        number: Number of fits.
        seconds: Estimated duration of one; None if unknown.
    """

    method: str
    number: int
    seconds: float | None


@dataclass(frozen=True)
class LivePlan:
    """Cells that a run needs.

    Attributes:
        kinds: Cells by profile and kind, in the order of the stages.
        fits: Fits that the run will make; their choices are unknown.
        fitted: Methods that were fitted for the plan.
        failures: Reasons of cells that cannot be made, and the cells concerned.
    """

    kinds: tuple[KindPlan, ...]
    fits: tuple[FitsToCome, ...]
    fitted: tuple[str, ...]
    failures: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass
class _Wanted:
    """Cells of one kind and profile: identity by key, or None if fits are to come; and estimates.

    Attributes:
        scorer: Scorer of the profile.
        kind: Kind of the cells in the store.
        cells: Identity and task by key.
    """

    scorer: LiveScorer
    kind: str
    cells: dict[Any, tuple[dict[str, Any] | None, str]] = field(default_factory=dict)


class _Sketch:
    """Collects the cells of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.wanted: dict[tuple[str, str], _Wanted] = {}
        self.to_come: dict[str, set[object]] = {}
        self.methods: dict[str, Method] = {}
        self.fitted: dict[str, None] = {}
        self.slow: set[str] = set()
        self.failures: dict[str, dict[str, None]] = {}

    def add(self, unit: Unit, seed: int, fitter: Fitter) -> None:
        """Add the cells of one unit and seed."""
        method, scorer = unit.method, unit.context.scorer
        assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
        tasks = [task for task in unit.fold.targets if (task, seed) in unit.cells]
        fit = None if method.label in self.slow else fitter.ready(unit, seed)
        if fit is None:
            self.methods[method.label] = method
            self.to_come.setdefault(method.label, set()).add(fitter.place(unit, seed))
            for task in tasks:
                self._add_unknown(scorer, (method.label, unit.fold.learn, seed, task), task)
            return
        if not method.keeps_fits and method.pretraining == "rendered":
            self.fitted[method.label] = None
        if fit.seconds > _SLOW_SECONDS and not method.deterministic:
            self.slow.add(method.label)
        for task in tasks:
            try:
                decision = choose(unit.context, method, fit, task, seed)
                source = scorer.source_of(decision, method.pretraining, seed, task)
                self._add_known(scorer, source, seed, task)
            except MAY_RAISE as error:
                self.failures.setdefault(str(error), {})[f"{method.label} on {task}"] = None

    def _of(self, scorer: LiveScorer, kind: str) -> _Wanted:
        name = scorer.protocol.name if kind == "score" else kind
        return self.wanted.setdefault((scorer.profile.name, name), _Wanted(scorer, kind))

    def _add_unknown(self, scorer: LiveScorer, place: object, task: str) -> None:
        for kind in ("dataset", "backbone", "score"):
            self._of(scorer, kind).cells[place] = None, task

    def _add_known(self, scorer: LiveScorer, source: Source, seed: int, task: str) -> None:
        pipeline = scorer.stages.pipeline
        if source.kind != "none":
            for kind, identify in (
                ("dataset", pipeline.dataset_identity),
                ("backbone", pipeline.backbone_identity),
            ):
                cells = self._of(scorer, kind).cells
                if (source, seed) not in cells:
                    cells[source, seed] = identify(source, seed), task
        identity = pipeline.score_identity(source, seed, scorer.data_of(task), scorer.protocol.name)
        self._of(scorer, "score").cells[digest(identity)] = identity, task


def plan_cells(plan: Plan) -> LivePlan:
    """Count the cells that a run needs, and estimate their time.

    Kept fits are read. Quick methods and those without a state are fitted. Any other method whose
    fit is not kept is not trained: its choices are unknown, and its cells are counted as if all
    differed.

    Raises:
        T2SBenchError: When a profile, its simulator or its real images are not available.
    """
    sketch = _Sketch(plan)
    with Fitter(plan.contexts[0], plan.request, plan.methods, plan.units) as fitter:
        for unit in plan.units:
            for seed in unit.seeds:
                sketch.add(unit, seed, fitter)
    estimates = Estimates(plan.contexts[0], _profiles(plan))
    return LivePlan(
        tuple(_kind(name, wanted, estimates) for (_, name), wanted in sketch.wanted.items()),
        tuple(
            FitsToCome(label, len(places), kept_seconds(sketch.methods[label]))
            for label, places in sketch.to_come.items()
        ),
        tuple(sketch.fitted),
        tuple((why, tuple(what)) for why, what in sketch.failures.items()),
    )


def _profiles(plan: Plan) -> Iterator[Profile]:
    """Profiles of a plan, and those that they change."""
    for context in plan.contexts:
        scorer = context.scorer
        assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
        yield scorer.profile
        yield find_profile(scorer.stages.settings.profile)


def _kind(name: str, wanted: _Wanted, estimates: Estimates) -> KindPlan:
    scorer = wanted.scorer
    store, profile = scorer.stages.store, scorer.profile
    missing = Counter(
        task
        for identity, task in wanted.cells.values()
        if identity is None or store.find(wanted.kind, identity) is None
    )
    known, unknown = 0.0, 0
    for task, count in missing.items():
        if wanted.kind == "score":
            seconds = estimates.of_score(profile, name, task)
        else:
            seconds = estimates.of_stage(wanted.kind, profile)
        known += count * (seconds or 0.0)
        unknown += count if seconds is None else 0
    return KindPlan(
        profile.name,
        name,
        len(wanted.cells),
        missing.total(),
        known,
        unknown,
        any(identity is None for identity, _ in wanted.cells.values()),
    )


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
    scorers = {
        (scorer.source, scorer.protocol.name): scorer
        for scorer in (context.scorer for context in plan.contexts)
    }
    records, _ = existing_records(plan.request.output)
    differences = []
    for record in records:
        chosen = record.decision.configuration if record.decision else None
        if record.cell not in plan.wanted or record.accuracy is None or chosen is None:
            continue
        scorer = scorers[record.source, record.protocol.name]
        assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
        configuration = scorer.table.space.parse(chosen)
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
