"""Live runs in advance and afterwards: cells to make, and differences from the table."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.core.files import digest
from benchmark.pipeline.profiles import find_profile
from benchmark.planning.costs import NOTHING, Costs, Estimate, prepared_task
from benchmark.planning.forecast import JobKind, backbone_pieces, rows, score_pieces
from benchmark.runs.cells import choose
from benchmark.runs.execution import existing_records
from benchmark.runs.failures import MAY_RAISE
from benchmark.runs.fits import Fitter, kept_seconds
from benchmark.runs.live_scorer import LiveScorer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.methods import Method
    from benchmark.pipeline.profiles import Profile
    from benchmark.pipeline.settings import Source
    from benchmark.runs.context import Unit
    from benchmark.runs.execution import Plan
    from benchmark.tasks.registry import TaskRegistry

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
        time: Estimated duration of making those whose duration is known, one after another.
        unknown: Number of missing cells without an estimate.
        is_bound: True if the numbers are upper bounds, because fits are to come.
    """

    profile: str
    name: str
    total: int
    missing: int
    time: Estimate
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
        jobs: Backbones with the scores that they lack.
        machine: Origin of the estimates.
    """

    kinds: tuple[KindPlan, ...]
    fits: tuple[FitsToCome, ...]
    fitted: tuple[str, ...]
    failures: tuple[tuple[str, tuple[str, ...]], ...]
    jobs: tuple[JobKind, ...]
    machine: str


@dataclass(frozen=True)
class _Cell:
    """A cell that a run needs.

    Attributes:
        identity: Identity in the store; None if fits are to come.
        task: Task that the cell is for, or one of them.
        place: Backbone that the cell belongs to.
        is_rendered: True if the images of the backbone are rendered.
    """

    identity: dict[str, Any] | None
    task: str
    place: object
    is_rendered: bool


@dataclass
class _Wanted:
    """Cells of one kind and profile.

    Attributes:
        scorer: Scorer of the profile.
        kind: Kind of the cells in the store.
        cells: Cells by key.
    """

    scorer: LiveScorer
    kind: str
    cells: dict[Any, _Cell] = field(default_factory=dict)

    def missing(self) -> list[_Cell]:
        """Cells that the store lacks."""
        store = self.scorer.stages.store
        return [
            cell
            for cell in self.cells.values()
            if cell.identity is None or store.find(self.kind, cell.identity) is None
        ]


class _Sketch:
    """Collects the cells of a plan."""

    def __init__(self) -> None:
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
            self._of(scorer, kind).cells[place] = _Cell(None, task, place, is_rendered=True)

    def _add_known(self, scorer: LiveScorer, source: Source, seed: int, task: str) -> None:
        pipeline, is_rendered = scorer.stages.pipeline, source.kind == "rendered"
        place = (source, seed)
        if source.kind != "none":
            for kind, identify in (
                ("dataset", pipeline.dataset_identity),
                ("backbone", pipeline.backbone_identity),
            ):
                cells = self._of(scorer, kind).cells
                if place not in cells:
                    cells[place] = _Cell(identify(source, seed), task, place, is_rendered)
        identity = pipeline.score_identity(source, seed, scorer.data_of(task), scorer.protocol.name)
        cell = _Cell(identity, task, place, is_rendered)
        self._of(scorer, "score").cells[digest(identity)] = cell


def plan_cells(plans: Sequence[Plan], costs: Costs | None = None) -> LivePlan:
    """Count the cells that runs need, and estimate their time; cells of several runs count once.

    Kept fits are read. Quick methods and those without a state are fitted. Any other method whose
    fit is not kept is not trained: its choices are unknown, and its cells are counted as if all
    differed.

    Args:
        plans: The runs.
        costs: Costs of the stages; None for those of the cells that this machine has made.

    Raises:
        T2SBenchError: When a profile, its simulator or its real images are not available.
    """
    sketch = _Sketch()
    for plan in plans:
        with Fitter(plan.contexts[0], plan.request, plan.methods, plan.units) as fitter:
            for unit in plan.units:
                for seed in unit.seeds:
                    sketch.add(unit, seed, fitter)
    registry = plans[0].contexts[0].registry
    if costs is None:
        costs = Costs.of_store(registry, itertools.chain.from_iterable(map(_profiles, plans)))
    missing = {place: wanted.missing() for place, wanted in sketch.wanted.items()}
    jobs = _jobs(missing, sketch, costs, registry)
    found = {(row.profile, row.stage): row for row in rows(jobs)}
    kinds = []
    for place, wanted in sketch.wanted.items():
        row = found.get(place)
        time, unknown = (row.time, row.unknown) if row else (NOTHING, 0)
        bound = any(cell.identity is None for cell in wanted.cells.values())
        counts = len(wanted.cells), len(missing[place])
        kinds.append(KindPlan(*place, *counts, time, unknown, bound))
    return LivePlan(
        tuple(kinds),
        tuple(
            FitsToCome(label, len(places), kept_seconds(sketch.methods[label]))
            for label, places in sketch.to_come.items()
        ),
        tuple(sketch.fitted),
        tuple((why, tuple(what)) for why, what in sketch.failures.items()),
        tuple(jobs),
        costs.machine,
    )


def _profiles(plan: Plan) -> Iterator[Profile]:
    """Profiles of a plan, and those that they change."""
    for context in plan.contexts:
        scorer = context.scorer
        assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
        yield scorer.profile
        yield find_profile(scorer.stages.settings.profile)


def _jobs(
    missing: dict[tuple[str, str], list[_Cell]],
    sketch: _Sketch,
    costs: Costs,
    registry: TaskRegistry,
) -> list[JobKind]:
    """Missing cells by backbone; backbones with the same stages left are jobs of one kind."""
    jobs: dict[tuple[str, object], dict[tuple[str, str, bool], None]] = {}
    for (owner, name), cells in missing.items():
        for cell in cells:
            task = cell.task if sketch.wanted[owner, name].kind == "score" else ""
            jobs.setdefault((owner, cell.place), {})[name, task, cell.is_rendered] = None
    alike = Counter((owner, tuple(stages)) for (owner, _), stages in jobs.items())
    tasks = functools.cache(lambda name: prepared_task(registry[name]))
    profiles = {name: one.scorer.profile for (name, _), one in sketch.wanted.items()}
    kinds = []
    for (name, stages), number in alike.items():
        profile = profiles[name]
        scores: dict[str, list[str]] = {}
        for stage, task, _ in stages:
            if task:
                scores.setdefault(task, []).append(stage)
        made = {stage for stage, task, _ in stages if not task}
        first = backbone_pieces(costs, profile, rendered=stages[0][2])
        pieces = [piece for piece in first if piece.stage in made]
        wanted = [(tasks(task), protocols) for task, protocols in scores.items()]
        pieces += score_pieces(costs, profile, wanted)
        kinds.append(JobKind(name, number, tuple(pieces)))
    return kinds


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
