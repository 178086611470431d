"""One unit of a run: fit a method on a fold, then decide and score every cell."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, T2SBenchError
from benchmark.core.files import sha256_bytes
from benchmark.methods import Decision, Method, Mixture, ParameterSelector, TaskView
from benchmark.runs.context import Context, environment, provenance
from benchmark.runs.record import Cost, DecisionEntry, Failure, Record, seal
from benchmark.space import Configuration

if TYPE_CHECKING:
    from benchmark.rewards.view import RewardView
    from benchmark.runs.plan import Unit
    from benchmark.runs.scoring import Scored


#: What a user's method may raise without ending the run; sys.exit() in a method ends its cell only.
MAY_RAISE = (Exception, SystemExit)


class FitTimeoutError(T2SBenchError):
    """A method took longer than the run allows."""


@dataclass(frozen=True)
class Fitted:
    """A fitted selector of one seed, or why there is none."""

    selector: ParameterSelector | None
    rewards: RewardView
    seconds: float
    error: BaseException | None = None


def seed_generator(seed: int, method: str, purpose: str = "fit") -> np.random.Generator:
    """Generator of one seed of one method.

    It depends on no task name, so that a rerun with renamed tasks draws the same numbers.
    """
    words = sha256_bytes(f"{method}/{purpose}".encode())
    return np.random.default_rng([seed, int(words[:8], 16), int(words[8:16], 16)])


def _select_generator(seed: int, method: str, task: TaskView) -> np.random.Generator:
    known = task.name.encode() if task.embedding is None else task.embedding.tobytes()
    return seed_generator(seed, method, f"select/{sha256_bytes(known)}")


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise :class:`FitTimeoutError` in the main thread when the body takes too long."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: object) -> None:
        raise FitTimeoutError(
            f"Expected the method to finish within {seconds:g} s, but it did not. "
            "Raise --timeout, or make it faster."
        )

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def fit_unit(context: Context, method: Method, unit: Unit, timeout: float | None) -> list[Fitted]:
    """Fit every seed of a unit; a failure becomes part of the result."""
    sources = sorted({*unit.fold.learn, *(unit.fold.targets if method.privileged else ())})
    learn = [name for name in context.table.tasks if name in sources]
    tasks = [context.task_view(name) for name in learn]
    views = [context.table.restrict(learn) for _ in unit.seeds]
    rngs = [seed_generator(seed, method.name) for seed in unit.seeds]
    if len(unit.seeds) > 1 and hasattr(method.plugin.load(), "fit_seeds"):
        return _fit_together(method, tasks, views, rngs, timeout)
    return [
        _fit_one(method, tasks, view, rng, timeout) for view, rng in zip(views, rngs, strict=True)
    ]


def _fit_one(
    method: Method,
    tasks: Sequence[TaskView],
    rewards: RewardView,
    rng: np.random.Generator,
    timeout: float | None,
) -> Fitted:
    start = time.perf_counter()
    try:
        with time_limit(timeout):
            selector = method.build()
            selector.fit(tasks, rewards, rng)
    except MAY_RAISE as error:
        return Fitted(None, rewards, time.perf_counter() - start, error)
    return Fitted(selector, rewards, time.perf_counter() - start)


def _fit_together(
    method: Method,
    tasks: Sequence[TaskView],
    views: Sequence[RewardView],
    rngs: Sequence[np.random.Generator],
    timeout: float | None,
) -> list[Fitted]:
    start = time.perf_counter()
    try:
        with time_limit(timeout):
            builder: Any = method.build()
            selectors = builder.fit_seeds(tasks, views, rngs)
            _check_count(selectors, len(views))
    except MAY_RAISE as error:
        seconds = (time.perf_counter() - start) / len(views)
        return [Fitted(None, view, seconds, error) for view in views]
    seconds = (time.perf_counter() - start) / len(views)
    return [Fitted(s, view, seconds) for s, view in zip(selectors, views, strict=True)]


def _check_count(selectors: Sequence[ParameterSelector], expected: int) -> None:
    if len(selectors) != expected:
        raise InvalidInputError(
            f"Expected fit_seeds to return {expected} selectors, but got {len(selectors)}. "
            "Return one per seed, in order."
        )


def decide(
    context: Context, method: Method, selector: ParameterSelector, task: TaskView, seed: int
) -> Decision:
    """The method's decision for one task, checked to be one.

    Raises:
        InvalidInputError: When it is neither a legal configuration nor a mixture.
    """
    decision: Any = selector.select(task, _select_generator(seed, method.name, task))
    if isinstance(decision, Mixture):
        return decision
    if not isinstance(decision, Configuration):
        raise InvalidInputError(
            f"Expected select to return a Configuration or a Mixture, but got {decision!r}. "
            "Build one with rewards.space.parse or rewards.space.at."
        )
    return context.table.space.check(decision)


def decision_entry(context: Context, decision: Decision) -> DecisionEntry:
    """A decision as records state it."""
    if isinstance(decision, Configuration):
        return DecisionEntry(configuration=str(decision))
    if decision.is_uniform:
        return DecisionEntry(mixture="uniform")
    support = np.flatnonzero(decision.probabilities)
    return DecisionEntry(
        mixture={
            str(context.table.space.at(int(i))): float(decision.probabilities[i]) for i in support
        }
    )


def run_unit(
    context: Context, unit: Unit, supersedes: dict[str, str], timeout: float | None = None
) -> Iterator[Record]:
    """Records of all cells of a unit, one by one.

    Args:
        context: What the run shares.
        unit: What to do.
        supersedes: Existing ``record_id`` by cell digest, for cells that are done again.
        timeout: Seconds that one fit may take.
    """
    method = unit.spec.resolve()
    fitted = fit_unit(context, method, unit, timeout)
    for seed, fit in zip(unit.seeds, fitted, strict=True):
        targets = [task for task in unit.fold.targets if (task, seed) in unit.cells]
        for task in targets:
            start = time.perf_counter()
            outcome = _outcome(context, method, fit, task, seed)
            seconds = time.perf_counter() - start + fit.seconds / len(targets)
            queries = fit.rewards.queries if fit.error is None else None
            entry = context.method_entry(method, unit.fold, queries)
            identity = context.identity(entry, task, seed, method.pretraining)
            reference = context.scorer.reference(task)
            yield seal(
                {
                    **provenance(),
                    **identity,
                    **_scorer_entries(context),
                    **outcome,
                    "supersedes": supersedes.get(identity["cell"]),
                    "debug": context.debug,
                    "split": str(context.split),
                    "seed": seed,
                    "task": context.task_entry(task).model_dump(),
                    "method": entry.model_dump(),
                    "source": context.scorer.source.model_dump(),
                    "reference": None if reference is None else reference.model_dump(),
                    "cost": Cost(wall_seconds=round(seconds, 6)).model_dump(),
                }
            )


def _scorer_entries(context: Context) -> dict[str, Any]:
    """What a record states of the scorer, unless the score itself says more."""
    return {
        "protocol": context.scorer.protocol.model_dump(),
        "pretraining": context.scorer.pretraining.model_dump(),
        "environment": environment().model_dump(),
    }


def _scored_entries(context: Context, decision: Decision | None, scored: Scored) -> dict[str, Any]:
    entry = None if decision is None else decision_entry(context, decision)
    if entry is not None and scored.configuration is not None:
        entry = entry.model_copy(update={"configuration": scored.configuration})
    found = {
        "status": "ok",
        "decision": None if entry is None else entry.model_dump(),
        "scores": [score.model_dump() for score in scored.scores],
        "pretraining": scored.pretraining.model_dump(),
        "environment": environment().model_copy(update={"device": scored.device}).model_dump(),
    }
    return found if scored.protocol is None else found | {"protocol": scored.protocol.model_dump()}


def _outcome(context: Context, method: Method, fit: Fitted, task: str, seed: int) -> dict[str, Any]:
    """Status, error, decision and scores of one cell."""
    error = fit.error
    if fit.selector is not None:
        decision = None
        try:
            if method.pretraining == "rendered":
                decision = decide(context, method, fit.selector, context.task_view(task), seed)
            scored = context.scorer.scored(task, decision, method.pretraining, seed)
        except MAY_RAISE as raised:
            error = raised
        else:
            return _scored_entries(context, decision, scored)
    message = str(error).strip() or "no message"
    return {
        "status": "timeout" if isinstance(error, FitTimeoutError) else "failed",
        "error": Failure(type=type(error).__name__, message=message).model_dump(),
    }
