"""Scores of a live run that an executor makes: other processes, Ray or Slurm."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from benchmark.core.errors import InvalidInputError, T2SBenchError
from benchmark.executors.interface import Event, Workers
from benchmark.executors.run import run_jobs
from benchmark.pipeline.score_jobs import BackboneResult, Outcome, ScoreJob
from benchmark.pipeline.worker import ScoreWork
from benchmark.runs.cells import choose
from benchmark.runs.failures import MAY_RAISE, MethodError
from benchmark.runs.live_scorer import LiveScorer, Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from benchmark.pipeline.cells import ScoreCell
    from benchmark.pipeline.settings import Source
    from benchmark.runs.context import Unit
    from benchmark.runs.fits import Fitted
    from benchmark.runs.plan import RunRequest
    from benchmark.tasks.task_data import TaskData

# Profile, source, seed.
_Backbone = tuple[int, "Source", int]


class _Ended(BaseException):
    """The executor ended early: no cell's record states that, so no handler of cells catches it."""


class ScoresElsewhere:
    """Scores that a plan lacks: jobs for an executor, and their results as they arrive.

    Use it in a ``with`` block, which abandons the jobs left.

    Args:
        request: Number of workers, and their placement.
        units: Units of the run; their scorers ask for their scores here.
        get_fit: Returns the fit of a unit with a seed.
    """

    def __init__(
        self, request: RunRequest, units: Sequence[Unit], get_fit: Callable[[Unit, int], Fitted]
    ) -> None:
        self._stages: list[Stages] = []
        # Tasks and protocols in the order of a job: by task, so that protocols share features.
        self._wanted: dict[_Backbone, dict[tuple[str, str], None]] = {}
        for unit in units:
            for seed in unit.seeds:
                self._add(unit, seed, get_fit(unit, seed))
        self._places = {self._job(*place): place for place in self._wanted}
        self._found: dict[tuple[_Backbone, str, str], tuple[ScoreCell, float] | Exception] = {}
        self._results = self._begin(request)

    def __enter__(self) -> Self:
        for stages in self._stages:
            stages.elsewhere = self._score
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        for stages in self._stages:
            stages.elsewhere = None
        self._results.close()
        if isinstance(error, _Ended) and isinstance(error.__cause__, Exception):
            raise error.__cause__

    def _add(self, unit: Unit, seed: int, fit: Fitted) -> None:
        """Note the missing scores of a unit and seed."""
        scorer = unit.context.scorer
        assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
        stages, protocol = scorer.stages, scorer.protocol.name
        if stages not in self._stages:
            self._stages.append(stages)
        for task in unit.fold.targets:
            if (task, seed) not in unit.cells:
                continue
            with suppress(*MAY_RAISE):  # the cell's record states it
                decision = choose(unit.context, unit.method, fit, task, seed)
                source = scorer.source_of(decision, unit.method.pretraining, seed, task)
                data = scorer.data_of(task)
                identity = stages.pipeline.score_identity(source, seed, data, protocol)
                if stages.store.find("score", identity) is None:
                    place = self._stages.index(stages), source, seed
                    self._wanted.setdefault(place, {})[task, protocol] = None

    def _job(self, profile: int, source: Source, seed: int) -> ScoreJob:
        wanted = self._wanted[profile, source, seed]
        tasks = list(dict.fromkeys(task for task, _ in wanted))
        return ScoreJob(
            profile,
            source.kind,
            str(source.configuration) if source.configuration is not None else None,
            source.task.name if source.task is not None else None,
            seed,
            tuple(sorted(wanted, key=lambda target: tasks.index(target[0]))),
        )

    def _begin(self, request: RunRequest) -> Generator[tuple[ScoreJob, BackboneResult]]:
        assert request.placement is not None  # noqa: S101 - asked for with --executor or --jobs
        work = ScoreWork(tuple(stages.settings for stages in self._stages))
        workers = Workers.of(self._stages[0].store, request.jobs, request.placement, request.output)
        yield from run_jobs(work, tuple(self._places), workers, self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.beat is not None:
            self._stages[0].observe(event.beat)

    def _score(
        self, stages: Stages, source: Source, seed: int, task: TaskData, protocol: str
    ) -> tuple[ScoreCell, float] | None:
        """Return a score and the duration of its job's part; None for those in the store.

        Waits until the score is there.

        Raises:
            MethodError: The error of another process.
            T2SBenchError: When jobs cannot be done, or another machine has other data.
        """
        place = self._stages.index(stages), source, seed
        if (task.name, protocol) not in self._wanted.get(place, {}):
            return None
        while (place, task.name, protocol) not in self._found:
            try:
                job, result = next(self._results)
            except Exception as error:
                raise _Ended from error
            for outcome in result.outcomes:
                self._keep(self._places[job], outcome, result)
        found = self._found[place, task.name, protocol]
        if isinstance(found, Exception):
            raise found
        return found

    def _keep(self, place: _Backbone, outcome: Outcome, result: BackboneResult) -> None:
        """Write a score to the store of this machine, and note it or its error."""
        stages = self._stages[place[0]]
        found: tuple[ScoreCell, float] | Exception
        try:
            _check(outcome, result, stages)
            found = outcome.kept(stages.store), outcome.seconds
        except (MethodError, T2SBenchError) as error:
            found = error
        self._found[place, outcome.task, outcome.protocol] = found


def _check(outcome: Outcome, result: BackboneResult, stages: Stages) -> None:
    """Raise the error of an outcome, or that of another machine with other inputs."""
    if outcome.error is not None:
        raise MethodError("failed", outcome.error_type, outcome.error, outcome.traceback)
    data = stages.inputs.task(outcome.task, stages.settings.tasks_files)
    if outcome.data != data.digest:
        raise InvalidInputError(
            f"{result.machine} has other data of {outcome.task} than this machine. Copy the file "
            "of this machine's T2SBENCH_DATA there."
        )
    if result.terms.get("simulator") != stages.source.digest:
        raise InvalidInputError(
            f"{result.machine} has another version of profile '{stages.profile.name}' or its "
            "simulator than this machine. Install the same version of t2sbench on both."
        )
