"""Tests that every method must pass; inherit them in a test suite.

Example:
    In ``test_my_method.py``, run by pytest::

        from benchmark.testing import MethodContract
        from my_package import MyMethod


        class TestMyMethod(MethodContract):
            def make(self):
                return MyMethod()
"""

from __future__ import annotations

import pickle
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import AccessError
from benchmark.core.state import load_state, save_state
from benchmark.methods import Decision, Mixture, ParameterSelector, TaskView
from benchmark.rewards.view import Queries, RewardView
from benchmark.space import Configuration, Parameter, ParameterSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIMENSION = 24
_BUDGETS = (1, 2, 5, 16)

SWITCHES = ParameterSpace(
    tuple(Parameter(name, ("off", "on")) for name in ("light", "fog", "blur", "noise"))
)
THREE_LEVELS = ParameterSpace(
    (
        Parameter("light", ("off", "on")),
        Parameter("fog", ("none", "thin", "thick")),
        Parameter("camera", ("near", "middle", "far")),
    )
)


class _WatchedView(RewardView):
    """A view that remembers tasks it was asked for and does not hold."""

    denied: tuple[str, ...] = ()

    def row(self, task: str) -> int:
        """Row number of a task."""
        if task not in self.tasks:
            self.denied = (*self.denied, task)
        return super().row(task)


@dataclass(frozen=True, eq=False)
class ToyProblem:
    """Tasks to learn from, tasks to judge, and all their rewards.

    Attributes:
        space: The configurations.
        learn: Tasks whose rewards may be seen.
        targets: Tasks to decide for.
        means: float64 ``(learn then targets, space.size)``, percent.
    """

    space: ParameterSpace
    learn: tuple[TaskView, ...]
    targets: tuple[TaskView, ...]
    means: NDArray[np.float64]

    def view(self, *, privileged: bool) -> _WatchedView:
        """Rewards that a method may see."""
        names = tuple(task.name for task in self.known(privileged=privileged))
        return _WatchedView(names, self.space, self.means[: len(names)])

    def known(self, *, privileged: bool) -> tuple[TaskView, ...]:
        """Tasks that a method learns from."""
        return self.learn + self.targets if privileged else self.learn

    def shuffled(self) -> ToyProblem:
        """The same problem, its tasks renamed and those to learn from in another order."""
        order = np.random.default_rng(1).permutation(len(self.learn))
        rest = range(len(self.learn), len(self.means))
        learn = (TaskView(f"a{i}", self.learn[int(i)].embedding) for i in order)
        targets = (TaskView(f"b{i}", task.embedding) for i, task in enumerate(self.targets))
        return ToyProblem(
            self.space, tuple(learn), tuple(targets), self.means[[*map(int, order), *rest]]
        )


def toy_problem(space: ParameterSpace = SWITCHES) -> ToyProblem:
    """Six tasks to learn from and three to judge, rewards related to embeddings.

    Example:
        >>> problem = toy_problem()
        >>> len(problem.learn), len(problem.targets), problem.means.shape
        (6, 3, (9, 16))
    """
    rng = np.random.default_rng(20)
    embeddings = np.abs(rng.normal(size=(9, _DIMENSION))).astype(np.float32)
    embeddings.setflags(write=False)
    effects = rng.normal(size=(_DIMENSION, space.size))
    # Rounded to multiples of 2^-6, so that sums are exact in every order of the tasks.
    means = np.clip(np.round((50 + embeddings @ effects) * 64) / 64, 0, 100)
    names = ("Maple", "Robin", "Basalt", "Comet", "Willow", "Heron", "Garnet", "Finch", "Quartz")
    views = tuple(TaskView(name, row) for name, row in zip(names, embeddings, strict=True))
    return ToyProblem(space, views[:6], views[6:], means.astype(np.float64))


class _WatchedQueries(Queries):
    """Queries that remember a question beyond their budget."""

    refused = False

    def ask(self, configuration: Configuration) -> float:
        """Reward of a configuration."""
        try:
            return super().ask(configuration)
        except AccessError:
            self.refused = True
            raise


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _same(first: Sequence[Decision], second: Sequence[Decision]) -> bool:
    return all(_key(a) == _key(b) for a, b in zip(first, second, strict=True))


def _key(decision: Decision) -> object:
    if isinstance(decision, Mixture):
        return tuple(np.round(decision.probabilities, 9))
    return decision


def _global_state() -> tuple[object, ...]:
    """State of every random generator that a process shares."""
    torch: Any = sys.modules.get("torch")
    return (
        pickle.dumps(np.random.get_state()),  # noqa: NPY002 - watched, not used
        random.getstate(),
        None if torch is None else torch.random.get_rng_state().numpy().tobytes(),
    )


def _move_global_generators() -> None:
    """Draw from each, so that a method which sets a fixed seed changes the state visibly."""
    torch: Any = sys.modules.get("torch")
    np.random.random()  # noqa: NPY002 - see above
    random.random()  # noqa: S311 - see above
    if torch is not None:
        torch.rand(1)


class MethodContract:
    """Contract of a method; each ``test_`` method checks one rule.

    Override :meth:`make`. Nothing here needs a reward table, a network or more than seconds for a
    fast method: give a slow one options that make it fast.
    """

    def make(self) -> ParameterSelector:
        """A fresh, unfitted method.

        Raises:
            NotImplementedError: Until a subclass overrides it.
        """
        raise NotImplementedError("Override make: return a fresh, unfitted method.")

    def problem(self, space: ParameterSpace = SWITCHES) -> ToyProblem:
        """The problem that the tests use; override it for a method with other needs."""
        return toy_problem(space)

    def fit(self, problem: ToyProblem, seed: int = 0) -> ParameterSelector:
        """A method fitted on a problem."""
        method = self.make()
        privileged = self._privileged(method)
        tasks = problem.known(privileged=privileged)
        method.fit(tasks, problem.view(privileged=privileged), np.random.default_rng(seed))
        return method

    def decide(self, method: ParameterSelector, problem: ToyProblem) -> list[Decision]:
        """Decisions for all targets, each with a generator of its own."""
        return [method.select(task, np.random.default_rng(9)) for task in problem.targets]

    @staticmethod
    def _privileged(method: ParameterSelector) -> bool:
        return bool(getattr(method, "privileged", False))

    def test_decisions_are_legal(self) -> None:
        """``select`` returns a configuration of the space or a mixture over it."""
        problem = self.problem()
        self._require_legal(problem, self.decide(self.fit(problem), problem))

    def test_three_levels(self) -> None:
        """Parameters may have more than two levels."""
        problem = self.problem(THREE_LEVELS)
        self._require_legal(problem, self.decide(self.fit(problem), problem))

    @staticmethod
    def _require_legal(problem: ToyProblem, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            size = len(decision.probabilities) if isinstance(decision, Mixture) else 0
            legal = size == problem.space.size or decision in problem.space
            _require(legal, f"select returned {decision!r}, which is no point of the space")

    def test_refit_decides_the_same(self) -> None:
        """Two fits with equal generators decide the same."""
        problem = self.problem()
        first, second = (self.decide(self.fit(problem), problem) for _ in range(2))
        _require(_same(first, second), f"two fits with one seed chose {first} and {second}")

    def test_select_does_not_learn(self) -> None:
        """Asking twice, or in another order, changes no decision."""
        problem = self.problem()
        method = self.fit(problem)
        first = self.decide(method, problem)
        again = [
            method.select(task, np.random.default_rng(9)) for task in reversed(problem.targets)
        ]
        _require(_same(first, again[::-1]), f"asked again, it chose {again[::-1]}, before {first}")

    def test_fit_asks_for_its_own_tasks_only(self) -> None:
        """``fit`` asks for no reward of a task that it was not given."""
        problem, method = self.problem(), self.make()
        privileged = self._privileged(method)
        view = problem.view(privileged=privileged)
        method.fit(problem.known(privileged=privileged), view, np.random.default_rng(0))
        _require(not view.denied, f"fit asked for rewards of {view.denied}")

    def test_names_and_order_do_not_matter(self) -> None:
        """Renamed tasks in another order lead to the same decisions."""
        problem = self.problem()
        shuffled = problem.shuffled()
        first = self.decide(self.fit(problem), problem)
        second = self.decide(self.fit(shuffled), shuffled)
        _require(
            _same(first, second),
            f"renaming and permuting the tasks changed the decisions from {first} to {second}",
        )

    def test_global_generators_are_left_alone(self) -> None:
        """All random numbers come from the given generator."""
        problem = self.problem()
        self.decide(self.fit(problem), problem)  # imports that seed something happen here
        _move_global_generators()
        before = _global_state()
        self.decide(self.fit(problem), problem)
        _require(before == _global_state(), "a global random generator was used; use rng")

    def test_deterministic_fits_agree(self) -> None:
        """Fits with different generators decide the same, where ``deterministic`` says so."""
        problem = self.problem()
        if not getattr(self.make(), "deterministic", False):
            return
        first, second = (self.decide(self.fit(problem, seed), problem) for seed in (0, 1))
        _require(_same(first, second), f"seed 0 chose {first}, seed 1 chose {second}")

    def test_state_decides_the_same(self) -> None:
        """``state`` and ``from_state``, where a method has them, keep its decisions and queries."""
        problem = self.problem()
        method: Any = self.fit(problem)
        if not (hasattr(method, "state") or hasattr(method, "from_state")):
            return
        with tempfile.TemporaryDirectory() as folder:
            save_state(Path(folder), method.state(), {})
            state, _ = load_state(Path(folder), "")
        restored = type(method).from_state(state, problem.space)
        first, second = self.decide(method, problem), self.decide(restored, problem)
        _require(_same(first, second), f"it chose {first}, and {second} from its state")
        if hasattr(method, "search"):
            first, second = (self.search(one, problem, 4)[0] for one in (method, restored))
            _require(_same(first, second), f"it found {first}, and {second} from its state")

    def search(
        self, method: ParameterSelector, problem: ToyProblem, budget: int
    ) -> tuple[list[Decision], list[_WatchedQueries]]:
        """Decisions for all targets after rewards of each, and the queries."""
        searcher: Any = method
        decisions, asked = [], []
        for task, rewards in zip(problem.targets, problem.means[len(problem.learn) :], strict=True):
            queries = _WatchedQueries(problem.space, rewards, min(budget, problem.space.size))
            decisions.append(searcher.search(task, queries, np.random.default_rng(9)))
            asked.append(queries)
        return decisions, asked

    def test_search(self) -> None:
        """``search``, where there is one, is legal, keeps its budget, and depends on no name.

        It decides the same again and with renamed tasks in another order.
        """
        problem = self.problem()
        method = self.fit(problem)
        if not hasattr(method, "search"):
            return
        shuffled = problem.shuffled()
        other = self.fit(shuffled)
        for budget in _BUDGETS:
            first, asked = self.search(method, problem, budget)
            self._require_legal(problem, first)
            _require(
                not any(queries.refused for queries in asked),
                f"search asked for more than {budget} rewards",
            )
            again, _ = self.search(method, problem, budget)
            _require(_same(first, again), f"searching again chose {again}, before {first}")
            renamed, _ = self.search(other, shuffled, budget)
            _require(_same(first, renamed), f"renamed tasks changed {first} to {renamed}")

    def test_search_three_levels(self) -> None:
        """``search`` handles parameters with more than two levels."""
        problem = self.problem(THREE_LEVELS)
        method = self.fit(problem)
        if hasattr(method, "search"):
            self._require_legal(problem, self.search(method, problem, 4)[0])

    def test_unknown_task(self) -> None:
        """``select`` answers for a task that ``fit`` did not see; privileged methods need not."""
        problem = self.problem()
        method = self.fit(problem)
        if self._privileged(method):
            return
        vector = np.linspace(0, 1, _DIMENSION, dtype=np.float32)
        decision = method.select(TaskView("never-seen", vector), np.random.default_rng(0))
        self._require_legal(problem, [decision])
