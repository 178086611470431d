"""One unit of a run: a method fitted on a fold, then the decision and score of every cell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.files import sha256_bytes
from benchmark.methods import Decision, Method, ParameterSelector, TaskView, check_decision
from benchmark.rewards.view import Queries
from benchmark.runs.context import Context, Unit, environment, provenance
from benchmark.runs.failures import MAY_RAISE, MethodError
from benchmark.runs.fits import Fitted, seed_generator
from benchmark.runs.record import (
    BudgetEntry,
    DecisionEntry,
    Failure,
    MethodEntry,
    Record,
    seal,
)
from benchmark.runs.scoring import CachedScorer
from benchmark.space import Configuration

if TYPE_CHECKING:
    from benchmark.runs.scoring import Scored
    from benchmark.space import ParameterSpace


def _select_generator(seed: int, method: str, task: TaskView) -> np.random.Generator:
    known = task.name.encode() if task.embedding is None else task.embedding.tobytes()
    return seed_generator(seed, method, f"select/{sha256_bytes(known)}")


def decide(
    space: ParameterSpace, method: Method, selector: ParameterSelector, task: TaskView, seed: int
) -> Decision:
    """Return the decision of a method for one task, checked.

    Raises:
        InvalidInputError: For anything but a configuration of the space or a mixture.
    """
    return check_decision(space, selector.select(task, _select_generator(seed, method.name, task)))


def choose(context: Context, method: Method, fit: Fitted, task: str, seed: int) -> Decision | None:
    """Return the decision of a fit for a task; None for methods without configurations.

    Raises:
        BaseException: The error of the fit, or that of the decision.
    """
    selector = _selector(fit)
    if method.pretraining != "rendered":
        return None
    if (task, seed) not in fit.decisions:
        view = context.task_view(task)
        fit.decisions[task, seed] = decide(context.table.space, method, selector, view, seed)
    return fit.decisions[task, seed]


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
        view = context.task_view(task)
        return decide(context.table.space, method, _selector(fit), view, seed)
    searcher: Any = _selector(fit)
    view = context.task_view(task)
    decision = searcher.search(view, queries, _select_generator(seed, method.name, view))
    return check_decision(context.table.space, decision)


def decision_entry(space: ParameterSpace, decision: Decision) -> DecisionEntry:
    """Return a decision as records state it."""
    if isinstance(decision, Configuration):
        return DecisionEntry(configuration=str(decision))
    if decision.is_uniform:
        return DecisionEntry(mixture="uniform")
    support = np.flatnonzero(decision.probabilities)
    return DecisionEntry(
        mixture={str(space.at(int(i))): float(decision.probabilities[i]) for i in support}
    )


def run_unit(
    unit: Unit, get_fit: Callable[[Unit, int], Fitted], supersedes: dict[str, str]
) -> Iterator[Record]:
    """Yield the records of all cells of a unit, one by one.

    Args:
        unit: Method, fold, seeds, cells, and the data that they share.
        get_fit: Returns the fit of a unit with a seed.
        supersedes: Existing ``record_id`` by cell digest, for cells that are repeated.
    """
    method, context = unit.method, unit.context
    for seed in unit.seeds:
        fit = get_fit(unit, seed)
        targets = [task for task in unit.fold.targets if (task, seed) in unit.cells]
        for task in targets:
            start = time.perf_counter()
            if unit.budget is None:
                outcome = _outcome(context, method, fit, task, seed)
            else:
                outcome = _budgeted_outcome(context, method, fit, (task, seed), unit.budget)
            elsewhere = outcome.pop("seconds", None)
            seconds = time.perf_counter() - start if elsewhere is None else elsewhere
            seconds += fit.seconds / len(targets)
            entry = context.method_entry(method, unit.fold, fit.queries)
            if unit.budget:  # one process answers all searches of a fit, and may remember rewards
                entry = entry.model_copy(update={"isolated": False})
            split = str(unit.fold.split)
            identity = context.identity(entry, split, task, seed, method.pretraining, unit.budget)
            content = {
                **identity,
                **outcome,
                "split": split,
                "supersedes": supersedes.get(identity["cell"]),
                "cost": context.scorer.cost(seconds).model_dump(),
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
        content: Digests, split, outcome and cost; they replace the entries of the scorer.
    """
    reference = context.scorer.reference(task)
    return seal(
        {
            **provenance(),
            **_scorer_entries(context),
            "debug": context.debug,
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
    entry = None if decision is None else decision_entry(context.table.space, decision)
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
    return scored_entries(context, decision, scored) | {"seconds": scored.seconds}


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
    found = MethodError.of(error, method)
    failure = Failure(
        type=found.kind, message=found.message, traceback=found.author_traceback or None
    )
    return {"status": found.status, "error": failure.model_dump()}
