"""Runs, their results, and single scores."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmark.core.errors import InvalidInputError
from benchmark.core.extras import require
from t2sbench.display import Picture, Rows
from t2sbench.rewards import Table, rewards_of

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.core.beats import OnBeat
    from benchmark.executors.interface import Placement
    from benchmark.leaderboard import Board, BudgetBoard
    from benchmark.leaderboard.report import Report
    from benchmark.methods import Decision, Method
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.context import Unit
    from benchmark.runs.execution import Plan
    from benchmark.runs.plan import MethodSpec
    from benchmark.runs.record import Record
    from benchmark.runs.scoring import CachedScorer
    from benchmark.sources.registry import SourceSpec

SourcesLike = str | Sequence[str] | Mapping[str, str | Path | Mapping[str, Any]]
MethodLike = str | type | Mapping[str | type, Mapping[str, Any]]
_Name = TypeVar("_Name", bound=StrEnum)


def ignore(*_facts: object) -> None:
    """No callback."""


@dataclass(frozen=True)
class Results(Sequence["Record"]):
    """Records of a run, one per method, task and seed.

    Attributes:
        records: The records; see :class:`benchmark.runs.record.Record`.
        broken: Unreadable lines of their folder, which are left out.
    """

    records: tuple[Record, ...]
    broken: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - as of a tuple
        return self.records[index]

    @property
    def failures(self) -> list[str]:
        """One line per failed cell."""
        return [
            f"{r.method.label} on {r.task.name}, seed {r.seed}: {r.error.type}: {r.error.message}"
            for r in self.records
            if r.error is not None
        ]

    def tables(self) -> list[Report | BudgetBoard]:
        """Return one report per split: ``.text()``, ``.latex()``, ``.tidy()``, ``.write(stem)``.

        A report has a group of columns for each source and protocol. Records with budgets have one
        board for all budgets. Debug records (of ``limit``) have reports of their own at the end.
        """
        from benchmark.leaderboard.report import build_reports
        from benchmark.tasks.registry import load_data_tasks

        tasks = load_data_tasks()
        return [one for debug in (False, True) for one in build_reports(self, tasks, debug=debug)]

    def to_frame(self) -> pd.DataFrame:
        """Return the results as a tidy data frame, one row per cell.

        Returns:
            Columns method, task, side, split, seed, status, accuracy (percent), regret (0 is the
            oracle, 1 a random configuration; missing where the task has no scale), configuration,
            random, oracle (percent), queries (of learnt tasks), budget (of queries of the judged
            task), protocol, source, the others of a report's tidy table
            (:data:`benchmark.leaderboard.report.TIDY_COLUMNS`: profile, n_images ...), and
            seconds, the cost of the cell.
        """
        import pandas as pd

        from benchmark.leaderboard.report import TIDY_COLUMNS, tidy_row

        rows = ({**tidy_row(r), "seconds": r.cost.wall_seconds} for r in self.records)
        return pd.DataFrame(list(rows), columns=[*TIDY_COLUMNS, "seconds"])

    def board(self) -> Ranking:
        """Rank the methods as a leaderboard does; incomplete rows come last.

        Raises:
            InvalidInputError: When the records belong to several splits, sources or protocols.
        """
        boards = self._boards()
        if len(boards) != 1:
            raise _several("board", (board.place.title for board in boards))
        return Ranking.of(boards[0])

    def _boards(self) -> Sequence[Board | BudgetBoard]:
        from benchmark.leaderboard import build_all_boards
        from benchmark.tasks.registry import load_data_tasks

        return build_all_boards(self.records, load_data_tasks().names)

    def plot(self) -> Picture:
        """Draw the regret of every method on every task, best method first.

        Accuracy is drawn where no regret is defined. With budgets, mean regrets are drawn over the
        budgets, with 95 % t intervals over tasks.

        Raises:
            InvalidInputError: When the records belong to several splits, sources or protocols.
            UnavailableError: Without matplotlib.
        """
        require("plots", "Plotting")
        from matplotlib.figure import Figure

        from benchmark.leaderboard.rows import Place

        places = {Place.of(record)._replace(budget=None) for record in self.records}
        if len(places) > 1:
            raise _several("picture", (place.title for place in sorted(places)))
        if any(record.budget for record in self.records):
            return self.board().plot()
        frame = self.to_frame()
        what = "regret" if frame["regret"].notna().any() else "accuracy"
        means = frame.pivot_table(what, "task", "method", sort=False)
        order = means.mean().sort_values(ascending=what == "accuracy").index
        figure = Figure(figsize=(6, 0.35 * len(order) + 1.2), layout="constrained")
        axes = figure.subplots()
        for place, method in enumerate(order):
            values = means[method].dropna()
            axes.plot(values, [place] * len(values), "o", color="#999999", alpha=0.6, ms=4)
            axes.plot(values.mean(), place, "D", color="#4477AA", ms=7)
        axes.set_yticks(range(len(order)), order)
        axes.set_xlabel(
            "regret: 0 is the oracle, 1 a random configuration"
            if what == "regret"
            else "accuracy, percent"
        )
        axes.set_title("Mean (diamond) and single tasks", loc="left", fontsize="medium")
        return Picture(figure)

    def __repr__(self) -> str:
        return f"Results: {len(self)} cells, {len(self.failures)} failed"

    def _repr_html_(self) -> str:
        boards = "".join(Ranking.of(board)._repr_html_() for board in self._boards())
        failed = "".join(f"<p>Failed: {line}</p>" for line in self.failures[:5])
        return boards + failed


def _several(kind: str, titles: Iterable[str]) -> InvalidInputError:
    return InvalidInputError(
        f"A {kind} needs records of one split, source and protocol (got: "
        f"{'; '.join(titles) or 'none'}). Choose them: Results(tuple(r for r in results if ...))."
    )


@dataclass(frozen=True, repr=False)
class Ranking(Rows):
    """Rows of a leaderboard, best first.

    Attributes:
        board: The board; see :class:`benchmark.leaderboard.Board`.
    """

    board: Board | BudgetBoard | None = None

    @classmethod
    def of(cls, board: Board | BudgetBoard) -> Ranking:
        """Make the rows of a board: one per method, or per method and budget."""
        from benchmark.leaderboard import BudgetBoard

        if isinstance(board, BudgetBoard):
            text = board.text()
            return cls(tuple(board.values()), text.title, text.notes[:-1], board)
        rows = tuple(
            {
                "method": row.label,
                "kind": row.kind,
                "rank": row.standing.rank,
                "p": row.standing.p_value,
                "regret": row.regret,
                "difference": row.standing.difference,
                "difference95": row.standing.difference95,
                "average": row.average,
                "interval95_seeds": row.interval,
                **{task: row.means.get(task) for task in board.tasks},
                "seeds": row.n_seeds,
                "queries": row.queries,
                "faults": "; ".join(row.faults),
            }
            for row in board.rows
        )
        text = board.text()
        return cls(rows, text.title, text.notes[:-1], board)

    def plot(self) -> Picture:
        """Draw a critical-difference diagram and a win matrix; with budgets, curves of regret.

        Raises:
            InvalidInputError: When no row is ranked.
            UnavailableError: Without matplotlib.
        """
        require("plots", "Plotting")
        from benchmark.leaderboard import BudgetBoard
        from benchmark.plots.boards import draw_board
        from benchmark.plots.budget import draw_regret_curves

        if isinstance(self.board, BudgetBoard):
            return Picture(draw_regret_curves(self.board))
        if self.board is None or not self.board.ranked:
            raise InvalidInputError(
                f"No row of '{self.title}' is ranked. Score a method on every task, then plot."
            )
        return Picture(draw_board(self.board))


def run(  # noqa: PLR0913 - the settings of a run
    methods: MethodLike | Sequence[MethodLike] = (),
    *,
    split: str | None = None,
    table: str | Path | Table | RewardTable = "gl-mini",
    tasks: Sequence[str] = (),
    seeds: Iterable[int] | None = None,
    budgets: Iterable[int] = (),
    embeddings: str | Path | None = None,
    output: str | Path | None = None,
    jobs: int = 1,
    executor: str | Placement | None = "processes",
    profile: str | Sequence[str] | None = None,
    protocol: str | Sequence[str] = "knn5",
    device: str = "auto",
    changes: Mapping[str, Any] | None = None,
    plugins: Sequence[str | Path] = (),
    tasks_files: Sequence[str | Path] = (),
    limit: int | None = None,
    timeout: float | None = None,
    overwrite: str = "stale",
    keep_going: bool = True,
    real_images: str | None = None,
    sources: SourcesLike = (),
    processes: int | None = None,
    isolated: bool = True,
    dry_run: bool = False,
    log: Sequence[str] = (),
    on_plan: Callable[[Plan], None] = ignore,
    on_unit: Callable[[Unit], None] = ignore,
    on_beat: OnBeat = ignore,
    on_record: Callable[[Record], None] = ignore,
) -> Results:
    """Fit methods, score their choices, and return the results.

    Args:
        methods: Names, such as ``"task2sim"`` or ``"task2sim[epochs=10]"``; classes with ``fit``
            and ``select``; or mappings of them to their options, ``{"task2sim": {"epochs": 10}}``.
        split: ``unseen`` (default), ``seen``, ``all`` (both, each with its own records and tables)
            or ``leave-one-task-out``. With tasks, the default is ``all``: they are judged whatever
            their side.
        table: Rewards that methods learn from, and that score them unless a profile is given.
        tasks: Tasks to judge; all of the split by default.
        seeds: One fit per seed; by default 0 to 4, 0 to 11 with budgets, or 0 for live scores.
        budgets: Numbers of rewards of the judged task that methods may ask for, such as
            ``[0, 1, 2, 4]``: one decision for each. Methods without ``search`` are left out.
        embeddings: File of Task2Vec vectors of judged tasks that the table lacks, with a profile.
        output: Folder of the records, where finished cells are kept; None keeps them in memory.
        jobs: Largest number of processes that fit methods, if their fits take seconds, and with a
            profile number of workers of the executor; see ``docs/cluster.md``.
        executor: Executor of live scores: ``processes``, ``ray``, ``slurm``, or a placement. None
            makes them in this process, whatever the number of jobs.
        profile: Profiles of live scores: render, pre-train and evaluate. Names of series and files
            stand for all their profiles.
        protocol: Evaluation protocols of live scores.
        device: Device of live scores: ``auto``, ``cpu``, ``cuda:0`` ...
        changes: Other values of some fields of the profiles, such as
            ``{"evaluation.finetune_epochs": 1}``.
        plugins: Users' files with more methods, simulators, networks, recipes or protocols; they
            are executed.
        isolated: True to run methods of these files, and of other distributions, in processes
            without the rewards that judge them, unless scores are live; see ``docs/trust.md``.
            False runs them here, for a debugger.
        tasks_files: Users' files with more tasks.
        limit: Judge only so many tasks; such results are never ranked.
        timeout: Limit of one fit in seconds.
        overwrite: Cells of the folder that are done again: ``never``, ``missing``, ``stale`` or
            ``always``; see :class:`benchmark.runs.plan.Overwrite`.
        keep_going: False to stop after the first failed cell.
        real_images: Parquet file or folder that method ``imagenet`` pre-trains on, with a profile.
        sources: Sources of pre-training images, with a profile; each is a row. Names of registered
            sources, such as ``["fractals"]``; with options, ``{"fractals": {"points": 9000}}``; or
            own images by name, such as ``{"mine": "photos/"}``: a Parquet file, an image folder, a
            folder of :func:`t2sbench.render`, or ``hub:NAME``.
        processes: Processes that train one backbone, with a profile; by default one per GPU.
        dry_run: True to return only the records that the folder already has.
        log: Logs of live scores: ``jsonl``, ``tensorboard``, ``wandb`` or ``trackio``, each
            with or without a folder, ``tensorboard=DIR``; by default ``OUTPUT.logs``.
        on_plan: Called with the plan before any work; an exception from it ends the run.
        on_unit: Called when a method begins to learn.
        on_beat: Called with every beat of live scores (:mod:`benchmark.core.beats`): stages that
            begin and end, points of training curves.
        on_record: Called with every new record.

    Raises:
        UnknownNameError: For an unknown method, option, task, split, table or profile.
        InvalidInputError: For values that do not fit, or a class that worker processes cannot
            import.
        UnavailableError: When data or packages are missing.
        StorageError: When another command writes records to the folder.

    Example:
        >>> results = run(["single-best", "oracle"], tasks=["USPS", "CactusAerial"], seeds=[0])
        >>> results
        Results: 4 cells, 0 failed
        >>> results.to_frame()[["method", "task", "side", "seed"]]
                method          task    side  seed
        0  single-best          USPS  unseen     0
        1  single-best  CactusAerial  unseen     0
        2       oracle          USPS  unseen     0
        3       oracle  CactusAerial  unseen     0
    """
    from benchmark.core.loggers import log_places, logged
    from benchmark.executors.interface import Placement
    from benchmark.runs.execution import execute, make_plan
    from benchmark.runs.plan import Overwrite, RunRequest, Split
    from benchmark.runs.record_file import records_held

    log_places(log, output)  # a mistyped name is reported before anything is loaded
    files = tuple(map(Path, plugins))
    budgets = tuple(budgets)
    live = _live(
        profile or (),
        protocol,
        dict(changes or {}),
        device=device,
        real_images=real_images,
        processes=processes,
        plugins=files,
        sources=_sources(sources, files),
    )
    request = RunRequest(
        methods=tuple(_methods(methods, files, jobs)),
        split=member(Split, "split", split) if split is not None else Split.default(tasks),
        table=str(table) if isinstance(table, str | Path) else rewards_of(table),
        tasks=tuple(tasks),
        seeds=_seeds(seeds, live, budgets),
        tasks_files=tuple(map(Path, tasks_files)),
        limit=limit,
        overwrite=member(Overwrite, "value of overwrite", overwrite),
        jobs=jobs,
        placement=Placement(executor) if isinstance(executor, str) else executor,
        timeout=timeout,
        keep_going=keep_going,
        output=Path(output) if output is not None else None,
        live=live,
        budgets=budgets,
        embeddings=Path(embeddings) if embeddings is not None else None,
        isolated=isolated and not live,
    )
    plan = make_plan(request)
    on_plan(plan)
    if dry_run:
        return Results(tuple(plan.done), tuple(plan.broken))
    with (
        records_held(request.output, plan.records_size),
        logged(log, request.output, on_beat) as observer,
    ):
        records = execute(plan, on_record, on_unit, observer)
    return Results(tuple(records), tuple(plan.broken))


def _seeds(
    given: Iterable[int] | None, live: Sequence[LiveSettings], budgets: Sequence[int]
) -> tuple[int, ...]:
    if given is not None:
        return tuple(given)
    # With budgets a multiple of 1, 2, 3 and 4: each seed of a table answers equally often.
    return (0,) if live else tuple(range(12 if budgets else 5))


def cross_seeds(
    methods: MethodLike | Sequence[MethodLike],
    *,
    split: str = "leave-one-task-out",
    table: str | Path | Table | RewardTable = "gl-mini",
    seeds: Iterable[int] = (0,),
    jobs: int = 1,
    plugins: Sequence[str | Path] = (),
) -> Rows:
    """Judge methods on a seed of the table that they did not learn from.

    All tasks share the backbones of a seed. A method that learns from the rewards of other tasks
    thus also learns the noise of the backbones that judge it. Here each seed of the table is held
    out in turn: methods learn from the means over the others, and each choice is judged on these,
    as in :func:`run`, and on the seed held out.

    Args:
        methods: As in :func:`run`; methods that choose no configuration are left out.
        split: Split of the tasks.
        table: Table with at least two seeds.
        seeds: Seeds of the methods.
        jobs: Worker processes.
        plugins: Users' files with more methods; they are executed.

    Returns:
        Rows method, ``same_seeds`` and ``other_seed`` (mean regret over the tasks with a regret, on
        the scale of the whole table), ``difference`` and ``difference95`` (half-width of its t
        interval over tasks), tasks (their number); least regret on the other seed first.

    Raises:
        InvalidInputError: For a table of one seed, if there is nothing to compare, and for values
            that do not fit.
        CellsFailedError: When a method fails.
    """
    from benchmark.core.errors import CellsFailedError
    from benchmark.runs.scoring import CachedScorer

    rewards = rewards_of(table)
    layers, seeds = range(len(rewards.seeds)), tuple(seeds)
    if len(layers) < 2:
        raise InvalidInputError(
            f"Table '{rewards.id}' has one seed; a seed to hold out needs at least two. Choose "
            "another table."
        )
    scorer = CachedScorer(rewards)
    pairs: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for held in layers:
        learnt = [layer for layer in layers if layer != held]
        part = rewards.of_seeds(learnt)
        found = run(methods, split=split, table=part, seeds=seeds, jobs=jobs, plugins=plugins)
        if found.failures:
            raise CellsFailedError("\n".join(found.failures))
        for record in found:
            both = [_regret_on(scorer, layers, record) for layers in (learnt, [held])]
            if both[0] is not None and both[1] is not None:
                tasks = pairs.setdefault(record.method.label, {})
                tasks.setdefault(record.task.name, []).append((both[0], both[1]))
    if not pairs:
        raise InvalidInputError(
            f"No method chose a configuration for a task with a regret of table '{rewards.id}'. "
            "Choose another method, --table or --split."
        )
    rows = (_seed_row(label, tasks) for label, tasks in pairs.items())
    title = f"Regret on seeds learnt from and on another: {split} tasks, table {rewards.id}"
    return Rows(tuple(sorted(rows, key=lambda row: row["other_seed"])), title)


def _regret_on(scorer: CachedScorer, layers: Sequence[int], record: Record) -> float | None:
    """Regret of a decision on some seeds, on the scale of all; None where the task has none."""
    from benchmark.leaderboard.rows import TaskFact
    from benchmark.leaderboard.statistics import normalised_regret
    from benchmark.runs.scoring import read_decision

    scale = scorer.reference(record.task.name)
    gain = scale.oracle - scale.random
    fact = TaskFact(reliability=record.task.reliability, gain=gain, gain_error=scale.error)
    if record.decision is None or not fact.has_scale:
        return None
    decision = read_decision(scorer.table.space, record.decision)
    value = scorer.of_seeds(layers).score(record.task.name, decision).value
    return None if value is None else normalised_regret(value, scale.oracle, scale.random)


def _seed_row(label: str, tasks: Mapping[str, list[tuple[float, float]]]) -> dict[str, Any]:
    import numpy as np

    from benchmark.rewards.noise import t_interval

    same, other = np.array([np.mean(pairs, axis=0) for pairs in tasks.values()]).T
    width = t_interval((other - same).tolist())
    return {
        "method": label,
        "same_seeds": round(float(same.mean()), 3),
        "other_seed": round(float(other.mean()), 3),
        "difference": round(float((other - same).mean()), 3),
        "difference95": None if width is None else round(width, 3),
        "tasks": len(tasks),
    }


def member(names: type[_Name], kind: str, name: str) -> _Name:
    """Return the member of a name.

    Raises:
        UnknownNameError: If no member has the name.
    """
    from benchmark.core.errors import UnknownNameError

    if name not in {str(one) for one in names}:
        raise UnknownNameError(kind, name, map(str, names))
    return names(name)


def _live(
    profiles: str | Sequence[str],
    protocols: str | Sequence[str],
    changes: Mapping[str, Any],
    **settings: Any,  # noqa: ANN401 - of LiveSettings
) -> tuple[LiveSettings, ...]:
    """Live settings of every profile and protocol, without repetitions; empty without profiles."""
    names, measured = listed(profiles), listed(protocols)
    if not names:
        if settings["sources"]:
            raise InvalidInputError(
                "Sources of images are measured, not looked up. Name a profile (--live)."
            )
        return ()
    require("live", "Live scoring")
    from benchmark.pipeline.profiles import expand, find_profile
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.protocols.registry import find_protocol

    for protocol in measured:
        find_protocol(protocol, settings.get("plugins", ()))
    unique: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    for pair in (pair for name in names for pair in expand(name, changes)):
        found = find_profile(*pair)  # a mistyped name is reported before torch is imported
        unique.setdefault((found.name, found.digest), pair)
    return tuple(
        LiveSettings(protocol, profile, changed, **settings)
        for profile, changed in unique.values()
        for protocol in measured
    )


def _sources(given: SourcesLike, files: tuple[Path, ...]) -> tuple[SourceSpec, ...]:
    from benchmark.sources.registry import SourceSpec

    if not isinstance(given, Mapping):
        given = [given] if isinstance(given, str) else given
        given = {name: {} for name in given}
    found = tuple(
        SourceSpec.parse(name, {k: str(v) for k, v in value.items()}, files)
        if isinstance(value, Mapping)
        else SourceSpec.parse(f"{name}={value}", plugins=files)
        for name, value in given.items()
    )
    names = [spec.name for spec in found]
    for spec in found:
        spec.check()
        if names.count(spec.name) > 1:
            raise InvalidInputError(
                f"Several sources are named '{spec.name}'. Each is a row: give them other names."
            )
    return found


def listed(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names without repetitions, in order."""
    return tuple(dict.fromkeys([names] if isinstance(names, str) else names))


def _methods(
    methods: MethodLike | Sequence[MethodLike], files: tuple[Path, ...], jobs: int
) -> Iterator[MethodSpec | Method]:
    from benchmark.methods import method_of_class
    from benchmark.runs.plan import MethodSpec

    is_one = isinstance(methods, str) or not isinstance(methods, Sequence)
    listed: Any = [methods] if is_one else methods
    for given in listed:
        for name, options in given.items() if isinstance(given, Mapping) else [(given, {})]:
            if isinstance(name, str):
                name, typed = _parsed(name)  # noqa: PLW2901
                texts = {key: str(value) for key, value in {**typed, **options}.items()}
                yield MethodSpec(name, texts, files)
            else:
                _check_importable(name, jobs)
                yield method_of_class(name, options)


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of ``name[option=value,...]``.

    Example:
        >>> _parsed("task2sim[epochs=10,precision=double]")
        ('task2sim', {'epochs': '10', 'precision': 'double'})
    """
    name, bracket, inner = text.partition("[")
    if not bracket:
        return name, {}
    pairs = [pair.partition("=") for pair in inner.removesuffix("]").split(",")]
    if not inner.endswith("]") or not all(key and sign for key, sign, _ in pairs):
        raise InvalidInputError(
            f"The method '{text}' is not of the form name[option=value,option=value]."
        )
    return name, {key.strip(): value.strip() for key, _, value in pairs}


def _check_importable(factory: object, jobs: int) -> None:
    main = sys.modules["__main__"]
    is_script = Path(getattr(main, "__file__", "")).is_file()
    if jobs > 1 and getattr(factory, "__module__", "") == "__main__" and not is_script:
        name = getattr(factory, "__name__", factory)
        raise InvalidInputError(
            f"Worker processes cannot import '{name}', which is defined in a notebook. Use jobs=1, "
            f'or move the class to a file with METHODS = {{"name": {name}}} and pass '
            'plugins=["file.py"].'
        )


def score(  # noqa: PLR0913 - the settings of a score
    configuration: str | Decision,
    task: str,
    *,
    table: str | Path | Table | RewardTable = "gl-mini",
    profile: str | None = None,
    protocol: str = "knn5",
    seed: int = 0,
    device: str = "auto",
    changes: Mapping[str, Any] | None = None,
) -> float:
    """Return the accuracy of a configuration on a task, in percent.

    Args:
        configuration: Bit string, configuration, or (with a table) mixture of configurations.
        task: Name of a task.
        table: Table that the accuracy is looked up in, as the mean over its seeds.
        profile: Profile of a live score: render, pre-train and evaluate. No table is read.
        protocol: Evaluation protocol of a live score.
        seed: Seed of a live score.
        device: Device of a live score.
        changes: Other values of some fields of the profile.

    Raises:
        InvalidInputError: For a configuration of another parameter space.
        UnknownNameError: For an unknown task, table or profile.
        UnavailableError: When the table lacks the cell, or data or packages are missing.

    Example:
        >>> score("00000000", "USPS") > score("11111111", "USPS")
        True
    """
    if profile is not None:
        require("live", "Live scoring")
        from benchmark.pipeline.settings import LiveSettings
        from benchmark.runs.live_scorer import score_live

        live = LiveSettings(protocol, profile, dict(changes or {}), device)
        live.find_profile()  # a mistyped name is reported before torch is imported
        return score_live(task, str(configuration), live, seed).accuracy
    from benchmark.runs.scoring import CachedScorer

    rewards = rewards_of(table)
    chosen = rewards.space.parse(configuration) if isinstance(configuration, str) else configuration
    found = CachedScorer(rewards).score(task, chosen).value
    assert found is not None  # noqa: S101 - a missing reward raises
    return found
