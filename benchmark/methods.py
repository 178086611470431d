"""Methods under test: their interface, their view of a task, and their registry.

A method is a class. Its constructor's keyword arguments are its options. It learns in ``fit`` and
answers in ``select``; see ``docs/adding-a-method.md``. Class attributes a method may set:

* ``version`` (str): raised by its authors whenever its decisions change; default "1". Records of an
  older version are stale: their cells are repeated.
* ``privileged`` (bool): True if it sees the rewards of the tasks that it is judged on. Such a
  method is a reference, never ranked.
* ``deterministic`` (bool): True if ``fit`` uses no random numbers: one fit serves all seeds.
* ``quick`` (bool): True if ``fit`` takes milliseconds: fits are repeated instead of kept.
* ``pretraining`` (str): "rendered" (default); "none", "real-images" or another source of images
  for references that use no configuration, for which a reward table holds no reward.
* ``protocols`` (tuple of str): the only protocols that it is scored under; default all.
* ``search(task, queries, rng)`` (:class:`SearchingSelector`): chooses after a number of rewards of
  the judged task, for ``t2sbench run --budget``.
* ``state``, ``from_state`` (:class:`StatefulSelector`): a fitted selector as arrays and JSON
  values, for ``t2sbench fit`` and ``select``, and for the cache of fits.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from benchmark.core.errors import InvalidInputError, T2SBenchError, UnavailableError
from benchmark.core.options import OptionValue, option_defaults, read_options
from benchmark.core.plugins import Plugin, find_plugin, known_plugins
from benchmark.core.texts import folded
from benchmark.space import Configuration, ParameterSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.view import Queries, RewardView


@dataclass(frozen=True, eq=False)
class TaskView:
    """View of a task that a method gets.

    Attributes:
        name: Its name; a method must not depend on it (names are permuted in reruns).
        embedding: Task2Vec, float32 ``(dimension,)``, as measured (not normalised).
    """

    name: str
    embedding: NDArray[np.float32] | None = None

    def vector(self) -> NDArray[np.float32]:
        """Return the embedding.

        Raises:
            UnavailableError: If the task has none.
        """
        if self.embedding is None:
            raise UnavailableError(
                f"No Task2Vec embedding of {self.name}. Choose a table with embeddings, or give "
                "the task's vector with --live --embeddings FILE."
            )
        return self.embedding


@dataclass(frozen=True, eq=False)
class Mixture:
    """A distribution over configurations, for methods whose decision is one.

    The harness scores its expectation exactly instead of sampling it.

    Attributes:
        probabilities: float64 ``(space.size,)``, non-negative, summing to 1.

    Raises:
        InvalidInputError: When they are not.

    Example:
        >>> from benchmark.space import PAPER_SPACE
        >>> Mixture.uniform(PAPER_SPACE).is_uniform
        True
    """

    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        p = np.array(self.probabilities, dtype=np.float64)
        if p.ndim != 1 or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1) > 1e-9:
            raise InvalidInputError(
                f"The probabilities of a mixture must be one non-negative number per configuration "
                f"and sum to 1 (got shape {p.shape}, sum {p.sum():.6g})."
            )
        p.setflags(write=False)
        object.__setattr__(self, "probabilities", p)

    @classmethod
    def uniform(cls, space: ParameterSpace) -> Mixture:
        """Return the mixture of all configurations with equal probability."""
        return cls(np.full(space.size, 1 / space.size))

    @property
    def is_uniform(self) -> bool:
        """True if all probabilities are equal."""
        return bool((self.probabilities == self.probabilities[0]).all())


Decision = Configuration | Mixture


def check_decision(space: ParameterSpace, decision: object) -> Decision:
    """Return the decision of a method after a check.

    Raises:
        InvalidInputError: For anything but a configuration of the space or a mixture.
    """
    if isinstance(decision, Mixture):
        return decision
    if not isinstance(decision, Configuration):
        raise InvalidInputError(
            f"A method must return a Configuration or a Mixture (got {decision!r}). Build one with "
            "rewards.space.parse or rewards.space.at."
        )
    return space.check(decision)


class Gain(NamedTuple):
    """Expected gain of a choice over the configuration that is best on average.

    Attributes:
        mean: Expectation, percentage points.
        low: Lower end of the central 95 % interval of the gain without measurement noise.
        high: Upper end.
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high == 0:
            return "0 (the choice is single-best's)"
        return f"{self.mean:+.2f} points (95 % interval {self.low:+.2f} to {self.high:+.2f})"


class ParameterSelector(Protocol):
    """A method, which learns on some tasks and then chooses a configuration for any task."""

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Learn from tasks and their rewards, which are available here only."""

    def select(self, task: TaskView, rng: np.random.Generator) -> Decision:
        """Return a configuration (or a mixture of them) for a task, in one shot."""


class SearchingSelector(ParameterSelector, Protocol):
    """A method that can ask for rewards of the judged task, for the budgeted track."""

    def search(self, task: TaskView, queries: Queries, rng: np.random.Generator) -> Decision:
        """Return a decision after at most ``queries.budget`` rewards of the task, at least 1.

        It is called once per budget, with equal generators; without a budget, ``select`` decides.
        """


class StatefulSelector(ParameterSelector, Protocol):
    """A method whose fitted state can be kept, for ``t2sbench fit``, ``select`` and repeated runs.

    A method may also offer ``probabilities(task)``: the probabilities of the levels, one array per
    parameter of the space; and ``gain(task)``: the :class:`Gain` of its choice for a task.
    """

    def state(self) -> Mapping[str, Any]:
        """Return all that ``select`` needs after ``fit``: NumPy arrays and JSON values by name."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any], space: ParameterSpace) -> Self:
        """Return the fitted selector of a state.

        Args:
            state: A result of :meth:`state`, read from files; tuples have become lists.
            space: Configurations of the rewards that it was fitted to.
        """


@dataclass(frozen=True)
class Method:
    """A method with its options, ready to be built as often as needed.

    Attributes:
        plugin: Origin of its class.
        options: All options, defaults included.
        changed: The options that differ from their defaults.
        isolated: True if it runs in processes of its own; see :mod:`benchmark.runs.isolation`.
    """

    plugin: Plugin
    options: Mapping[str, OptionValue]
    changed: Mapping[str, OptionValue]
    isolated: bool = False

    @property
    def name(self) -> str:
        """Registered name."""
        return self.plugin.name

    @property
    def label(self) -> str:
        """Name and changed options, as tables show it: ``task2sim[epochs=10]``."""
        if not self.changed:
            return self.name
        inner = ",".join(f"{key}={value}" for key, value in sorted(self.changed.items()))
        return f"{self.name}[{inner}]"

    @property
    def version(self) -> str:
        """Version that the class states."""
        return str(getattr(self.plugin.load(), "version", "1"))

    @property
    def privileged(self) -> bool:
        """True if it sees the rewards that it is judged on."""
        return bool(getattr(self.plugin.load(), "privileged", False))

    @property
    def deterministic(self) -> bool:
        """True if its fits do not depend on the seed."""
        return bool(getattr(self.plugin.load(), "deterministic", False))

    @property
    def pretraining(self) -> str:
        """Pre-training of its networks: ``rendered``, ``none``, or the name of a source."""
        return str(getattr(self.plugin.load(), "pretraining", "rendered"))

    @property
    def searches(self) -> bool:
        """True if it can ask for rewards of the judged task."""
        return callable(getattr(self.plugin.load(), "search", None))

    def allows(self, protocol: str) -> bool:
        """Return True if it may be scored under a protocol."""
        allowed: tuple[str, ...] | None = getattr(self.plugin.load(), "protocols", None)
        return allowed is None or protocol in allowed

    def build(self) -> ParameterSelector:
        """Return a new, unfitted selector."""
        selector: ParameterSelector = self.plugin.load()(**self.options)
        return selector

    @property
    def has_state(self) -> bool:
        """True if its class is a :class:`StatefulSelector`."""
        factory = self.plugin.load()
        return all(callable(getattr(factory, verb, None)) for verb in ("state", "from_state"))

    @property
    def keeps_fits(self) -> bool:
        """True if its fits are kept as cells: it has a state and is not ``quick``."""
        return self.has_state and not getattr(self.plugin.load(), "quick", False)

    def from_state(self, state: Mapping[str, Any], space: ParameterSpace) -> StatefulSelector:
        """Return the fitted selector of a state; see :class:`StatefulSelector`.

        Raises:
            InvalidInputError: When the state does not fit the class.
        """
        try:
            selector: StatefulSelector = self.plugin.load().from_state(state, space)
        except (T2SBenchError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInputError(f"Not a state of method '{self.name}': {error}") from error
        return selector

    @property
    def code_sha256(self) -> str | None:
        """Digest of a user's plug-in file or class; None for methods of a distribution."""
        return self.plugin.code_sha256


def known_methods(plugin_files: Sequence[Path] = ()) -> dict[str, Plugin]:
    """Return all methods by name: those of entry points and those of users' files.

    A file registers with a dictionary ``METHODS = {"my-method": MyMethod}``.

    Raises:
        InvalidInputError: When a file registers nothing or repeats a known name.
    """
    return known_plugins("method", plugin_files)


@functools.cache
def suite_methods() -> frozenset[str]:
    """Return the names of the methods that this package registers."""
    return frozenset(name for name, plugin in known_methods().items() if plugin.is_own)


@functools.lru_cache(maxsize=10_000)
def resembled_method(name: str) -> str:
    """Return the method of this package whose name a reader could take a name for; else nothing.

    Names are compared as :func:`benchmark.core.texts.folded`.

    Example:
        >>> resembled_method(" Single_Best"), resembled_method("single-better")
        ('single-best', '')
    """
    wanted = folded(name)
    return next((known for known in suite_methods() if folded(known) == wanted), "")


def find_method(
    name: str, options: Mapping[str, str] | None = None, plugin_files: Sequence[Path] = ()
) -> Method:
    """Return the method of a name, with its options read and checked.

    Args:
        name: Registered name.
        options: Option texts by option name.
        plugin_files: Users' files with more methods.

    Raises:
        UnknownNameError: For an unknown method or option.
        InvalidInputError: For an option of another type, or a class without fit and select.
    """
    return _checked(find_plugin("method", name, plugin_files), options or {})


def method_of_class(factory: type, options: Mapping[str, OptionValue] | None = None) -> Method:
    """Return the method of a class that is not registered, such as one defined in a notebook.

    Its name is the class's attribute ``name``, or else the name of the class. Worker processes can
    import such a class from a file only; use ``jobs=1`` otherwise.

    Raises:
        UnknownNameError: For an unknown option.
        InvalidInputError: For an option of another type, a class without ``fit`` and ``select``, or
            the name of a registered method.

    Example:
        >>> class First:
        ...     def fit(self, tasks, rewards, rng): self.space = rewards.space
        ...     def select(self, task, rng): return self.space.at(0)
        >>> method_of_class(First).label
        'First'
    """
    name = str(getattr(factory, "name", getattr(factory, "__name__", factory)))
    if name in known_methods():
        raise InvalidInputError(
            f"The name '{name}' belongs to a registered method. Give the class another one."
        )
    origin = getattr(inspect.getmodule(factory), "__file__", None) or f"class {name}"
    texts = {key: str(value) for key, value in (options or {}).items()}
    return _checked(Plugin(name, origin, value=factory), texts)


def source_method(
    name: str, version: str, origin: str, options: Mapping[str, OptionValue]
) -> Method:
    """Return the method of a source of images: the row of its networks, without a configuration.

    Args:
        name: Name of the source, and of the row.
        version: Version of the source.
        origin: Origin of the source, as records state it.
        options: Options of the source that differ from their defaults.

    Raises:
        InvalidInputError: For the name of a registered method.
    """
    if name in known_methods():
        raise InvalidInputError(
            f"The name '{name}' belongs to a registered method. Give the source another one."
        )
    attributes = {"pretraining": name, "version": version, "deterministic": True}
    factory = type("SourceRow", (_WithoutChoice,), attributes)
    return Method(Plugin(name, origin, value=factory), dict(options), dict(options))


class _WithoutChoice:
    """A method that is never asked for a configuration."""

    def __init__(self, **options: OptionValue) -> None:
        pass

    def fit(self, tasks: Sequence[TaskView], rewards: RewardView, rng: np.random.Generator) -> None:
        """Learn nothing."""


def _checked(plugin: Plugin, options: Mapping[str, str]) -> Method:
    factory = plugin.load()
    missing = [verb for verb in ("fit", "select") if not callable(getattr(factory, verb, None))]
    if not callable(factory) or missing:
        raise InvalidInputError(
            f"Method '{plugin.name}' ({factory!r}) has no {' and no '.join(missing)}. Make it a "
            "class with fit and select; see docs/adding-a-method.md."
        )
    defaults = option_defaults(factory)
    given = read_options("method", plugin.name, factory, options)
    changed = {key: value for key, value in given.items() if value != defaults[key]}
    method = Method(plugin, {**defaults, **given}, changed)
    _try_build(method)
    return method


def _try_build(method: Method) -> None:
    """Build once, to report a value that the class refuses before any work."""
    try:
        method.build()
    except T2SBenchError:
        raise
    except Exception as error:
        raise InvalidInputError(
            f"Method {method.label} could not be built: {type(error).__name__}: {error}. Its "
            f"options are: {', '.join(method.options) or 'none'}."
        ) from error
