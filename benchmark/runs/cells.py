"""One unit of a run: a method fitted on a fold, then the decision and score of every cell."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, T2SBenchError
from benchmark.core.files import sha256_bytes
from benchmark.methods import Decision, Method, Mixture, ParameterSelector, TaskView
from benchmark.rewards.view import Queries
from benchmark.runs.context import Context, environment, provenance
from benchmark.runs.record import (
    BudgetEntry,
    Cost,
    DecisionEntry,
    Failure,
    MethodEntry,
    Record,
    seal,
)
from benchmark.runs.scoring import CachedScorer
from benchmark.space import Configuration

if TYPE_CHECKING:
    from benchmark.rewards.view import RewardView
    from benchmark.runs.plan import Unit
    from benchmark.runs.scoring import Scored


#: Exceptions of a user's method that fail its cell only; sys.exit() in a method is one.
MAY_RAISE = (Exception, SystemExit)


class FitTimeoutError(T2SBenchError):
    """A method took longer than the run allows."""


@dataclass(frozen=True)
class Fitted:
    """A fitted selector of one seed, or the error of its fit.

    Attributes:
        selector: The selector; None after an error.
        rewards: The rewards that it learnt from, with their count of queries.
        seconds: Duration of the fit.
        error: Error of the fit.
        decisions: Its decisions by task; each is taken once.
    """

    selector: ParameterSelector | None
    rewards: RewardView
    seconds: float
    error: BaseException | None = None
    decisions: dict[str, Decision] = field(default_factory=dict)


#: Fits that several plans share, such as those of one command with several profiles or protocols.
Fits = dict[tuple[object, ...], Fitted]


def seed_generator(seed: int, method: str, purpose: str = "fit") -> np.random.Generator:
    """Return the random generator of one seed of one method.

    It does not depend on names of tasks: a rerun with renamed tasks draws the same numbers.
    """
    words = sha256_bytes(f"{method}/{purpose}".encode())
    return np.random.default_rng([seed, int(words[:8], 16), int(words[8:16], 16)])


def _select_generator(seed: int, method: str, task: TaskView) -> np.random.Generator:
    known = task.name.encode() if task.embedding is None else task.embedding.tobytes()
    return seed_generator(seed, method, f"select/{sha256_bytes(known)}")


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise :class:`FitTimeoutError` in the main thread when the body exceeds the limit."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: object) -> None:
        raise FitTimeoutError(
            f"The method did not finish within {seconds:g} s. Raise --timeout, or make it faster."
        )

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def fit_unit(
    context: Context,
    method: Method,
    unit: Unit,
    timeout: float | None = None,
    fits: Fits | None = None,
) -> list[Fitted]:
    """Fit every seed of a unit; an error becomes part of the result.

    Args:
        context: Table and registry.
        method: Method of the unit.
        unit: Fold and seeds.
        timeout: Limit of one fit in seconds.
        fits: Earlier fits, which are not repeated; takes up the new ones.
    """
    sources = sorted({*unit.fold.learn, *(unit.fold.targets if method.privileged else ())})
    learn = tuple(name for name in context.table.tasks if name in sources)
    vectors = context.table.embeddings
    place = (
        method.plugin.load(),
        tuple(sorted(method.options.items())),
        context.table.digest,
        vectors.digest if vectors else None,
        learn,
    )
    known = {} if fits is None else fits
    left = [seed for seed in unit.seeds if (*place, seed) not in known]
    fresh = dict(zip(left, _fit_seeds(context, method, learn, left, timeout), strict=True))
    if fits is not None:
        # The time of a fit is that of the cells that it was made for.
        fits |= {(*place, seed): replace(fit, seconds=0.0) for seed, fit in fresh.items()}
    return [fresh[seed] if seed in fresh else known[*place, seed] for seed in unit.seeds]


def _fit_seeds(
    context: Context,
    method: Method,
    learn: tuple[str, ...],
    seeds: Sequence[int],
    timeout: float | None,
) -> list[Fitted]:
    tasks = [context.task_view(name) for name in learn]
    views = [context.table.restrict(learn) for _ in seeds]
    rngs = [seed_generator(seed, method.name) for seed in seeds]
    if len(seeds) > 1 and hasattr(method.plugin.load(), "fit_seeds"):
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
            f"fit_seeds returned {len(selectors)} selectors for {expected} seeds. Return one per "
            "seed, in order."
        )


def decide(
    context: Context, method: Method, selector: ParameterSelector, task: TaskView, seed: int
) -> Decision:
    """Return the decision of a method for one task, checked.

    Raises:
        InvalidInputError: For anything but a configuration of the space or a mixture.
    """
    return _checked(context, selector.select(task, _select_generator(seed, method.name, task)))


def _checked(context: Context, decision: object) -> Decision:
    if isinstance(decision, Mixture):
        return decision
    if not isinstance(decision, Configuration):
        raise InvalidInputError(
            f"A method must return a Configuration or a Mixture (got {decision!r}). Build one with "
            "rewards.space.parse or rewards.space.at."
        )
    return context.table.space.check(decision)


def choose(context: Context, method: Method, fit: Fitted, task: str, seed: int) -> Decision | None:
    """Return the decision of a fit for a task; None for methods without configurations.

    Raises:
        BaseException: The error of the fit, or that of the decision.
    """
    selector = _selector(fit)
    if method.pretraining != "rendered":
        return None
    if task not in fit.decisions:
        view = context.task_view(task)
        fit.decisions[task] = decide(context, method, selector, view, seed)
    return fit.decisions[task]


def _selector(fit: Fitted) -> ParameterSelector:
    if fit.selector is None:
        assert fit.error is not None  # noqa: S101 - a fit has one or the other
        raise fit.error
    return fit.selector


def search(
    context: Context, method: Method, fit: Fitted, task: str, seed: int, queries: Queries
) -> Decision:
    """Return the decision of a fit for a task after rewards of the task; not remembered.

    Raises:
        BaseException: The error of the fit, or that of the search.
    """
    if not queries.budget:
        return decide(context, method, _selector(fit), context.task_view(task), seed)
    searcher: Any = _selector(fit)
    view = context.task_view(task)
    decision = searcher.search(view, queries, _select_generator(seed, method.name, view))
    return _checked(context, decision)


def decision_entry(context: Context, decision: Decision) -> DecisionEntry:
    """Return a decision as records state it."""
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
    context: Context,
    unit: Unit,
    supersedes: dict[str, str],
    timeout: float | None = None,
    fits: Fits | None = None,
) -> Iterator[Record]:
    """Yield the records of all cells of a unit, one by one.

    Args:
        context: Data that the run shares.
        unit: Method, fold, seeds and cells.
        supersedes: Existing ``record_id`` by cell digest, for cells that are repeated.
        timeout: Limit of one fit in seconds.
        fits: Earlier fits, which are not repeated; takes up the new ones.
    """
    method = unit.method
    fitted = fit_unit(context, method, unit, timeout, fits)
    for seed, fit in zip(unit.seeds, fitted, strict=True):
        targets = [task for task in unit.fold.targets if (task, seed) in unit.cells]
        for task in targets:
            start = time.perf_counter()
            if unit.budget is None:
                outcome = _outcome(context, method, fit, task, seed)
            else:
                outcome = _budgeted_outcome(context, method, fit, (task, seed), unit.budget)
            seconds = time.perf_counter() - start + fit.seconds / len(targets)
            queries = fit.rewards.queries if fit.error is None else None
            entry = context.method_entry(method, unit.fold, queries)
            identity = context.identity(entry, task, seed, method.pretraining, unit.budget)
            content = {
                **identity,
                **outcome,
                "supersedes": supersedes.get(identity["cell"]),
                "cost": Cost(wall_seconds=round(seconds, 6)).model_dump(),
            }
            yield seal_cell(context, entry, task, seed, content)


def seal_cell(
    context: Context, method: MethodEntry, task: str, seed: int, content: dict[str, Any]
) -> Record:
    """Return the record of a cell.

    Args:
        context: Data that the run or submission shares.
        method: Method of the cell.
        task: Task of the cell.
        seed: Seed of the cell.
        content: Digests, outcome and cost; they replace the entries of the scorer.
    """
    reference = context.scorer.reference(task)
    return seal(
        {
            **provenance(),
            **_scorer_entries(context),
            "debug": context.debug,
            "split": str(context.split),
            "seed": seed,
            "task": context.task_entry(task).model_dump(),
            "method": method.model_dump(),
            "source": context.scorer.source.model_dump(),
            "reference": None if reference is None else reference.model_dump(),
            **content,
        }
    )


def _scorer_entries(context: Context) -> dict[str, Any]:
    """Entries of the scorer, for records without entries of their own."""
    return {
        "protocol": context.scorer.protocol.model_dump(),
        "pretraining": context.scorer.pretraining.model_dump(),
        "environment": environment().model_dump(),
    }


def scored_entries(context: Context, decision: Decision | None, scored: Scored) -> dict[str, Any]:
    """Return status, decision, scores and environment of a scored cell, as records state them."""
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
    try:
        decision = choose(context, method, fit, task, seed)
        scored = context.scorer.scored(task, decision, method.pretraining, seed)
    except MAY_RAISE as error:
        return _failure(error, method)
    return scored_entries(context, decision, scored)


def _budgeted_outcome(
    context: Context, method: Method, fit: Fitted, cell: tuple[str, int], budget: int
) -> dict[str, Any]:
    """The same after rewards of the task: one seed of the table answers, the others score.

    Seeds of a run take the seeds of the table in turn. Where the table has one seed only, it
    answers and scores.
    """
    (task, seed), table, scorer = cell, context.table, context.scorer
    assert isinstance(scorer, CachedScorer)  # noqa: S101 - a plan refuses budgets with live scores
    place = seed % len(table.seeds)
    others = [k for k in range(len(table.seeds)) if k != place] or [place]
    queries = Queries(
        table.space, table.values[table.row(task), :, place], budget, len(table.seeds)
    )
    try:
        decision = search(context, method, fit, task, seed, queries)
        scored = scorer.of_seeds(others).scored(task, decision, method.pretraining, seed)
        outcome = scored_entries(context, decision, scored)
    except MAY_RAISE as error:
        outcome = _failure(error, method)
    entry = BudgetEntry(
        queries=budget,
        asked=[str(table.space.at(number)) for number in queries.asked],
        seed=table.seeds[place],
        judged_seeds=[table.seeds[k] for k in others],
    )
    return outcome | {"budget": entry.model_dump()}


def _failure(error: BaseException, method: Method) -> dict[str, Any]:
    message = (str(error).strip() or "no message") + _author_line(error, method)
    return {
        "status": "timeout" if isinstance(error, FitTimeoutError) else "failed",
        "error": Failure(type=type(error).__name__, message=message).model_dump(),
    }


def _author_line(error: BaseException, method: Method) -> str:
    """File, line and code of the method's innermost frame of a traceback; empty without one."""
    package = method.plugin.load().__module__.partition(".")[0]
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] == package
    ]
    if not frames:
        return ""
    (found,) = traceback.StackSummary.extract(iter(frames[-1:]))
    return f" ({Path(found.filename).name}:{found.lineno}: {found.line})"
