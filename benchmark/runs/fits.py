"""Fits of methods: kept ones from the cell store, new ones in this process or in workers."""

from __future__ import annotations

import logging
import pickle
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import sha256_bytes
from benchmark.core.processes import worker_pool
from benchmark.core.state import load_state, save_state
from benchmark.core.store import default_store, is_whole
from benchmark.methods import Decision, Method, ParameterSelector, TaskView
from benchmark.runs.failures import MAY_RAISE, FitTimeoutError, MethodError
from benchmark.runs.plan import Overwrite

if TYPE_CHECKING:
    from concurrent.futures import Future

    from benchmark.rewards.view import RewardView
    from benchmark.runs.context import Context, Unit
    from benchmark.runs.plan import Fold, MethodSpec, RunRequest
    from benchmark.space import ParameterSpace

_LOG = logging.getLogger(__name__)

#: Kind of the cells that hold fits.
KIND = "fit"
#: Estimated seconds of fits from which workers are started; starting one takes half a second.
WORTHWHILE_SECONDS = 2.0


def seed_generator(seed: int, method: str, purpose: str = "fit") -> np.random.Generator:
    """Return the random generator of one seed of one method.

    It does not depend on names of tasks: a rerun with renamed tasks draws the same numbers.
    """
    words = sha256_bytes(f"{method}/{purpose}".encode())
    return np.random.default_rng([seed, int(words[:8], 16), int(words[8:16], 16)])


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """Raise :class:`FitTimeoutError` in the main thread when the body exceeds the limit."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: object) -> None:
        raise FitTimeoutError.of(seconds)

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@dataclass(frozen=True)
class FitTask:
    """Input of a fit; picklable.

    Attributes:
        learn: Tasks to learn from.
        rewards: Their rewards.
        seed: Seed of the method.
        timeout: Limit in seconds; None for no limit.
    """

    learn: tuple[TaskView, ...]
    rewards: RewardView
    seed: int
    timeout: float | None = None

    def fit(self, method: Method) -> ParameterSelector:
        """Return the fitted method; raises what the method raises, or :class:`FitTimeoutError`."""
        with _time_limit(self.timeout):
            selector = method.build()
            selector.fit(self.learn, self.rewards, seed_generator(self.seed, method.name))
        return selector


def learnt_tasks(context: Context, method: Method, fold: Fold) -> tuple[str, ...]:
    """Return the tasks that a method learns from in a fold, in the order of the table."""
    sources = {*fold.learn, *(fold.targets if method.privileged else ())}
    return tuple(name for name in context.table.tasks if name in sources)


def fit_task(
    context: Context, method: Method, fold: Fold, seed: int, timeout: float | None = None
) -> FitTask:
    """Return the input of a method's fit on a fold with a seed."""
    learn = learnt_tasks(context, method, fold)
    views = tuple(context.task_view(name) for name in learn)
    return FitTask(views, context.table.restrict(learn), seed, timeout)


@dataclass(frozen=True)
class Fitted:
    """A fitted selector of one seed, or the error of its fit.

    Attributes:
        selector: The selector; None after an error.
        rewards: Rewards that it learnt from, with their count of queries; None for a kept fit.
        seconds: Duration of the fit.
        error: Error of the fit.
        kept_queries: Number of queries of a kept fit.
        decisions: Its decisions by task and seed; each is taken once.
    """

    selector: ParameterSelector | None
    rewards: RewardView | None
    seconds: float
    error: BaseException | None = None
    kept_queries: int = 0
    decisions: dict[tuple[str, int], Decision] = field(default_factory=dict)

    @property
    def queries(self) -> int | None:
        """Number of distinct rewards queried; None after an error."""
        if self.error is not None:
            return None
        return self.kept_queries if self.rewards is None else self.rewards.queries


#: All that a fit depends on: class, options, digests of table and vectors, learnt tasks, and the
#: seed, unless the method is deterministic.
Place = tuple[object, tuple[object, ...], str, str | None, tuple[str, ...], int | None]


def _fit_here(method: Method, task: FitTask) -> Fitted:
    start = time.perf_counter()
    try:
        selector = task.fit(method)
    except MAY_RAISE as error:
        return Fitted(None, task.rewards, time.perf_counter() - start, error)
    return Fitted(selector, task.rewards, time.perf_counter() - start)


class Fitter:
    """Fits of the units of a plan, one after the other.

    Units that learn the same, for other tasks, protocols or profiles, share a fit and its
    decisions; it is dropped after the last of them. The first fits run in this process. Once they
    show that the fits left take a while, all fits left go to worker processes. Selectors return by
    pickle; a method whose selector cannot be pickled is fitted in this process. Fits of registered
    methods with a state are kept in the cell store, under all that they depend on, unless the
    method is quick. Files and classes of users are work in progress: their fits are never kept.

    Use it in a ``with`` block, which ends the workers.

    Args:
        context: Data that the run shares.
        request: Methods, processes, time limit, and treatment of earlier results.
        methods: The methods of the request, resolved.
        units: Units of the run, in order.
    """

    def __init__(
        self,
        context: Context,
        request: RunRequest,
        methods: Sequence[Method],
        units: Sequence[Unit],
    ) -> None:
        self._context, self._request, self._methods = context, request, methods
        self._known: dict[Place, Fitted] = {}
        vectors = context.table.embeddings
        self._source = context.table.digest, vectors.digest if vectors else None
        places = [(self.place(unit, seed), unit, seed) for unit in units for seed in unit.seeds]
        self._uses = Counter(place for place, _, _ in places)
        self._left = {place: (unit, seed) for place, unit, seed in places}
        self._in_workers: dict[Place, Future[bytes | Fitted | None]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Fitter:
        return self

    def __exit__(self, *reason: Any) -> None:  # noqa: ANN401 - of an exception
        self._stack.__exit__(*reason)

    def place(self, unit: Unit, seed: int) -> Place:
        """Return all that the fit of a unit with a seed depends on."""
        method = unit.method
        options = tuple(sorted(method.options.items()))
        learn = learnt_tasks(self._context, method, unit.fold)
        which = None if method.deterministic else seed
        return method.plugin.load(), options, *self._source, learn, which

    def fit(self, unit: Unit, seed: int) -> Fitted:
        """Return the fit of a unit with a seed; an error is part of the result."""
        place = self.place(unit, seed)
        self._left.pop(place, None)
        self._uses[place] -= 1
        found = self._known.get(place)
        if found is None:
            found = self._new(unit, seed, place)
            # The time of a fit is that of the cells that it was made for.
            self._known[place] = replace(found, seconds=0.0)
        if self._uses[place] < 1:
            del self._known[place]
        return found

    def ready(self, unit: Unit, seed: int) -> Fitted | None:
        """Return the fit of a unit with a seed, unless it would train a state that is not kept."""
        place = self.place(unit, seed)
        if place not in self._known and unit.method.keeps_fits:
            kept = self._kept(_Cell(unit.method, place))
            if kept is None:
                return None
            self._known[place] = kept
        return self.fit(unit, seed)

    def _new(self, unit: Unit, seed: int, place: Place) -> Fitted:
        cell = _Cell(unit.method, place)
        found = None if place in self._in_workers else self._kept(cell)
        if found is not None:
            return found
        found = self._from_worker(place)
        if found is None:
            found = _fit_here(unit.method, self._task(unit, seed))
        cell.write(found)
        if not self._in_workers:
            self._start_workers(unit.method, found.seconds)
        return found

    def _kept(self, cell: _Cell) -> Fitted | None:
        renew = self._request.overwrite is Overwrite.ALWAYS
        return None if renew else cell.read(self._context.table.space)

    def _task(self, unit: Unit, seed: int) -> FitTask:
        return fit_task(self._context, unit.method, unit.fold, seed, self._request.timeout)

    def _from_worker(self, place: Place) -> Fitted | None:
        future = self._in_workers.pop(place, None)
        content = None if future is None else future.result()
        if content is None or isinstance(content, Fitted):
            return content
        found: Fitted = pickle.loads(content)  # noqa: S301 - from this program's own process
        return found

    def _start_workers(self, method: Method, seconds: float) -> None:
        """Give all fits left to workers, if fits of ``seconds`` each pay for it."""

        def pays(places: Iterable[Place]) -> bool:
            alike = sum(self._left[place][0].method is method for place in places)
            return alike > 1 and alike * seconds >= WORTHWHILE_SECONDS

        jobs = self._request.jobs
        if jobs < 2 or not pays(self._left):
            return
        missing = [place for place in self._left if self._is_to_fit(place)]
        if not pays(missing):
            return
        isolated = [place for place in missing if self._left[place][0].method.isolated]
        if isolated:
            self._start_threads(isolated)
        others = [place for place in missing if place not in self._in_workers]
        if others:
            self._start_processes(others)

    def _start_threads(self, places: Sequence[Place]) -> None:
        """Fit isolated methods: threads wait for their processes, which end with the run."""
        threads = ThreadPoolExecutor(min(self._request.jobs, len(places)))
        self._stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        for place in places:
            unit, seed = self._left[place]
            task = self._task(unit, seed)
            self._in_workers[place] = threads.submit(_fit_here, unit.method, task)

    def _start_processes(self, places: Sequence[Place]) -> None:
        pairs = zip(self._methods, self._request.methods, strict=False)  # without rows of sources
        known = [(method, spec) for method, spec in pairs if not method.isolated]
        pool = self._stack.enter_context(
            worker_pool(
                min(self._request.jobs, len(places)),
                _start,
                ([spec for _, spec in known], self._request.isolated),
                remedy="Finished cells are kept; run the command again with fewer processes.",
                terminate=True,
            )
        )
        for place in places:
            unit, seed = self._left[place]
            index = next(i for i, (method, _) in enumerate(known) if method is unit.method)
            self._in_workers[place] = pool.submit(_work, index, self._task(unit, seed))

    def _is_to_fit(self, place: Place) -> bool:
        """True if a fit is not known; methods without choices have nothing to fit."""
        method = self._left[place][0].method
        renew = self._request.overwrite is Overwrite.ALWAYS
        if place in self._known or method.pretraining != "rendered":
            return False
        return renew or not _Cell(method, place).exists()


class _Worker:
    """Methods of a worker process, resolved once."""

    methods: tuple[Method, ...] = ()


def _start(specs: Sequence[MethodSpec | Method], isolated: bool) -> None:
    if isolated:  # the methods left are not those of users' files, which must not be executed here
        specs = [s if isinstance(s, Method) else replace(s, plugins=()) for s in specs]
    _Worker.methods = tuple(s if isinstance(s, Method) else s.resolve() for s in specs)


def _work(index: int, task: FitTask) -> bytes | None:
    """Pickle of a fit in a worker process; None if its selector cannot be pickled."""
    method = _Worker.methods[index]
    found = _fit_here(method, task)
    if found.error is not None:
        found = replace(found, error=MethodError.of(found.error, method))
    try:
        return pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    except Exception:
        return None


def kept_seconds(method: Method) -> float | None:
    """Return the median duration of a method's fits in the store; None without any."""
    found = []
    for entry in default_store().entries():
        if entry.kind == KIND and entry.label.startswith(f"{method.label} on "):
            with suppress(InvalidInputError, LookupError, TypeError, ValueError):
                found.append(float(load_state(entry.folder, "")[1]["seconds"]))
    return statistics.median(found) if found else None


class _Cell:
    """Cell of a fit in the store, for methods that have one.

    Args:
        method: The method.
        place: Everything that the fit depends on.
    """

    def __init__(self, method: Method, place: Place) -> None:
        _, _, table, vectors, learn, seed = place
        self._method = method
        self._is_used = method.keeps_fits and method.plugin.entry is not None
        which = "all seeds" if seed is None else f"seed {seed}"
        self._label = f"{method.label} on {len(learn)} tasks, {which}"
        self._identity = {
            "method": method.name,
            "version": method.version,
            "options": dict(method.options),
            "table": table,
            "vectors": vectors,
            "learnt_from": learn,
            "seed": seed,
        }

    def exists(self) -> bool:
        """True if the store has the cell."""
        return self._is_used and default_store().find(KIND, self._identity) is not None

    def read(self, space: ParameterSpace) -> Fitted | None:
        """Return the fit; None without a cell. A damaged cell is removed."""
        start = time.perf_counter()
        folder = default_store().find(KIND, self._identity) if self._is_used else None
        if folder is None:
            return None
        if not is_whole(folder, unsealed=True):
            self._discard("its files differ from their digests")
            return None
        try:
            state, facts = load_state(folder, "")
            selector = self._method.from_state(state, space)
            queries = int(facts["queries"])
        except (InvalidInputError, LookupError, TypeError) as error:
            self._discard(error)
            return None
        return Fitted(selector, None, time.perf_counter() - start, kept_queries=queries)

    def _discard(self, fault: object) -> None:
        _LOG.warning("The fit of %s is damaged and made again: %s", self._label, fault)
        default_store().discard(KIND, self._identity)

    def write(self, fit: Fitted) -> None:
        """Write or replace the cell; after an error of method or store, nothing is kept."""
        if not self._is_used or fit.selector is None:
            return
        selector: Any = fit.selector
        try:
            facts = {"queries": fit.queries, "seconds": round(fit.seconds, 3)}
            state, store = selector.state(), default_store()
            store.discard(KIND, self._identity)
            store.get(
                KIND,
                self._identity,
                lambda folder: save_state(folder, state, facts),
                self._label,
                sealed=True,
            )
        except MAY_RAISE as error:
            _LOG.info("the fit of %s is not kept: %s", self._label, error)
