"""Reward tables: loaded or measured, their frames and the effects of the simulator's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.core.beats import OnBeat, no_beat
from benchmark.core.errors import (
    CellsFailedError,
    InvalidInputError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.core.extras import require
from benchmark.rewards.table import RewardTable
from t2sbench.display import Picture, Rows

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.executors.interface import Placement
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.table_builder import TableBuilder
    from benchmark.pipeline.table_jobs import JobResult, TableRequest
    from benchmark.rewards.comparison import EffectsComparison
    from benchmark.rewards.effects import Effects
    from benchmark.rewards.proxy import Proxy
    from benchmark.space import ParameterSpace


@dataclass(frozen=True)
class Table:
    """A reward table: accuracy by task, configuration and seed.

    Attributes:
        rewards: The numbers; see :class:`benchmark.rewards.table.RewardTable`.

    Example:
        >>> table = load_table("gl-mini")
        >>> table.rewards.space.size, table.rewards.protocol
        (256, 'knn5')
        >>> list(table.to_frame().columns[:4])
        ['task', 'configuration', 'object_rotation', 'object_distance']
    """

    rewards: RewardTable

    def to_frame(self) -> pd.DataFrame:
        """The rewards as a tidy data frame, one row per measured cell.

        Returns:
            Columns task, configuration (bit string), one column per parameter of the simulator
            (its level), seed, reward (accuracy in percent), n_test (test images of the task).
            :func:`import_table` reads it back.
        """
        import numpy as np
        import pandas as pd

        table = self.rewards
        levels = table.space.level_matrix()
        rows, columns, layers = np.nonzero(~np.isnan(table.values))
        content: dict[str, Any] = {
            "task": np.array(table.tasks, dtype=object)[rows],
            "configuration": np.array([str(c) for c in table.space], dtype=object)[columns],
        }
        for place, parameter in enumerate(table.space.parameters):
            names = np.array(parameter.levels, dtype=object)
            content[parameter.name] = names[levels[columns, place]]
        content["seed"] = np.array(table.seeds)[layers]
        content["reward"] = table.values[rows, columns, layers]  # noqa: PD011 - an array
        content["n_test"] = table.n_test[rows]
        return pd.DataFrame(content)

    def effects(self) -> TableEffects:
        """Main effects of every setting on every task, in percentage points."""
        from benchmark.rewards.effects import main_effects

        return TableEffects.of(main_effects(self.rewards))

    def text(self) -> str:
        """The card in words, with one line per task: range, noise and references."""
        from benchmark.rewards.text import table_text

        return table_text(self.rewards)

    def __repr__(self) -> str:
        table = self.rewards
        return (
            f"Table '{table.id}': {len(table.tasks)} tasks x {table.space.size} configurations x "
            f"{len(table.seeds)} seeds, protocol {table.protocol}, profile {table.profile}"
        )

    def _repr_html_(self) -> str:
        from benchmark.runs.scoring import CachedScorer

        scorer = CachedScorer(self.rewards)
        rows = []
        for task in self.rewards.tasks:
            reference = scorer.reference(task)
            rows.append(
                {
                    "task": task,
                    "test images": int(self.rewards.n_test[self.rewards.row(task)]),
                    "mean": round(reference.random, 2),
                    "oracle": round(reference.oracle, 2),
                }
            )
        return Rows(tuple(rows), title=repr(self))._repr_html_()


@dataclass(frozen=True, repr=False, kw_only=True)
class TableEffects(Rows):
    """Main effects: one row per task, one column per setting, in percentage points.

    Attributes:
        effects: Values, standard errors, interactions and explained variance.
    """

    effects: Effects

    @classmethod
    def of(cls, effects: Effects) -> TableEffects:
        """Make the rows of some effects."""
        rows = tuple(
            {"task": task, **dict(zip(effects.names, values, strict=True)), "explained": explained}
            for task, values, explained in zip(
                effects.tasks,
                (effects.values.round(3) + 0.0).tolist(),  # noqa: PD011 - an array; not -0.0
                effects.explained.round(3).tolist(),
                strict=True,
            )
        )
        title = f"Main effects in table {effects.table}, percentage points"
        return cls(rows, title=title, effects=effects)

    def text(self) -> str:
        """The effects in words, with those within the noise in brackets."""
        from benchmark.rewards.text import effects_text

        return effects_text(self.effects)

    def to_json(self) -> str:
        """The effects as the content of a file, which :func:`effects` reads."""
        from benchmark.rewards.effects import EffectsFile

        return EffectsFile.of(self.effects).model_dump_json()

    def plot(self, *others: TableEffects) -> Picture:
        """Draw the effects as a heat map: red costs accuracy, blue gains it.

        Args:
            others: Effects of other tables, drawn next to it.

        Raises:
            UnavailableError: Without matplotlib.
        """
        require("plots", "Plotting")
        from benchmark.plots.effects import draw_effects

        return Picture(draw_effects([one.effects for one in (self, *others)]))


@dataclass(frozen=True, repr=False, kw_only=True)
class ComparedEffects(Rows):
    """Mean main effects of tables next to those of another: one row per table and setting.

    Attributes:
        comparison: All numbers.
        effects: Effects of the tables, then of the other.
    """

    comparison: EffectsComparison
    effects: tuple[Effects, ...]

    def text(self) -> str:
        """The comparison in words: effects, intervals, correlations, different signs."""
        from benchmark.rewards.text import comparison_text

        return comparison_text(self.comparison)

    def to_json(self) -> str:
        """All numbers as indented JSON."""
        from benchmark.core.files import indented_json

        return indented_json(asdict(self.comparison)).decode().rstrip()

    def plot(self) -> Picture:
        """Draw heat maps of the effects, and their means with intervals.

        Raises:
            UnavailableError: Without matplotlib.
        """
        require("plots", "Plotting")
        from benchmark.plots.effects import draw_effects

        return Picture(draw_effects(self.effects, self.comparison))


@dataclass(frozen=True, repr=False, kw_only=True)
class Proxies(Rows):
    """Agreement of one protocol with others: one row per judging table and task.

    Attributes:
        proxies: All numbers, with the means over tasks; one entry per judging table.
    """

    proxies: tuple[Proxy, ...]

    def text(self, *, markdown: bool = False) -> str:
        """One table per judging protocol, with the means and an explanation of the columns."""
        from benchmark.rewards.text import PROXY_LEGEND, proxy_text

        style = "pipe" if markdown else "simple"
        tables = [proxy_text(one, style) for one in self.proxies]
        return "\n\n".join([*tables, "\n".join(PROXY_LEGEND)])

    def to_json(self) -> str:
        """All numbers as indented JSON."""
        from benchmark.core.files import indented_json

        return indented_json([asdict(one) for one in self.proxies]).decode().rstrip()

    def plot(self) -> Picture:
        """Draw correlations with their intervals and ceilings, and the gains of the choices.

        Raises:
            UnavailableError: Without matplotlib.
        """
        require("plots", "Plotting")
        from benchmark.plots.proxy import draw_proxies

        return Picture(draw_proxies(self.proxies))


def load_table(table: str | Path = "gl-mini") -> Table:
    """Load and verify a reward table; ``released`` is downloaded on first use.

    Args:
        table: A name of :func:`t2sbench.tables`, or a folder.

    Raises:
        UnknownNameError: For an unknown name.
        InvalidFileError: When the folder does not verify.
        UnavailableError: When a table can be neither found nor downloaded.
    """
    from benchmark.rewards.catalog import load_table as load

    return Table(load(str(table)))


def import_table(  # noqa: PLR0913 - the facts of a table
    source: str | Path | pd.DataFrame,
    output: str | Path,
    *,
    protocol: str,
    space: str | Path | ParameterSpace | None = None,
    references: str | Path | pd.DataFrame | None = None,
    embeddings: str | Path | None = None,
    name: str = "",
    title: str = "",
    notes: Sequence[str] = (),
    licence: str = "",
    simulator: str = "unknown",
    profile: str = "unknown",
    tasks_files: Sequence[str | Path] = (),
    with_gaps: bool = False,
) -> Table:
    """Make a reward table from rewards that were measured elsewhere.

    Args:
        source: CSV file (commas, semicolons or tabs) or data frame, such as that of
            :meth:`Table.to_frame`. Columns: ``task``; ``configuration`` (bit string or named form)
            or one column per parameter; ``reward`` (accuracy in percent); optionally ``seed``, and
            ``n_test``, the number of test images of the task (by default the registered one).
        output: Folder of the table.
        protocol: Evaluation protocol of the rewards.
        space: Parameter space, or a YAML file of it; the paper's by default.
        references: CSV file or frame of references: columns ``task``, ``reference``
            (``untrained`` or ``real-images``), ``reward`` and ``seed``.
        embeddings: File of Task2Vec vectors of all tasks.
        name: Name of the table; made from the folder's by default.
        title: Title of the card, one line.
        notes: Notes on the card.
        licence: Terms of the table.
        simulator: Name of the simulator that rendered the images.
        profile: Name of the settings of rendering and training.
        tasks_files: Users' files with more tasks.
        with_gaps: True to write the table although rewards are missing.

    Raises:
        UnknownNameError: For an unknown protocol.
        InvalidFileError: For faults of a file; lists all with their lines.
        InvalidInputError: If rewards are missing, for a malformed name, or another table in the
            folder.
        StorageError: When the file system refuses.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> frame = load_table("gl-mini").to_frame()
        >>> with TemporaryDirectory() as folder:
        ...     table = import_table(frame, f"{folder}/mine", protocol="knn5")
        >>> table.to_frame().equals(frame)
        True
    """
    from benchmark.protocols.registry import find_protocol
    from benchmark.rewards.card import Description, table_id
    from benchmark.rewards.importing import ImportedTable, read_space
    from benchmark.space import PAPER_SPACE, ParameterSpace
    from benchmark.tasks.registry import load_data_tasks

    find_protocol(protocol)
    folder = Path(output).absolute()
    if not isinstance(space, ParameterSpace):
        space = PAPER_SPACE if space is None else read_space(Path(space))
    imported = ImportedTable(
        id=table_id(name) if name else table_id(folder.name, correct=True),
        space=space,
        registry=load_data_tasks(tuple(map(Path, tasks_files))),
        protocol=protocol,
        profile=profile,
        description=Description(
            title=title or "Rewards measured elsewhere",
            simulator=simulator,
            simulator_version="unknown",
            licence=licence,
            notes=list(notes),
        ),
    )
    sources = (source, references)
    rewards, accuracies = (Path(s) if isinstance(s, str | Path) else s for s in sources)
    vectors = Path(embeddings) if embeddings is not None else None
    assert rewards is not None  # noqa: S101 - a required argument
    return Table(imported.write(folder, rewards, accuracies, vectors, with_gaps=with_gaps))


class BuiltTable(NamedTuple):
    """Outcome of :func:`build_table`.

    Attributes:
        table: The written table, of the first protocol; None after a dry run, or if a limit left
            backbones.
        left: Number of backbones that still lack rewards.
        tables: All written tables by protocol.
    """

    table: Table | None
    left: int
    tables: Mapping[str, Table]


def _failure(count: int) -> CellsFailedError:
    return CellsFailedError(
        f"{count} backbone{'s' * (count != 1)} failed. Remove the cause and run the same command "
        "again, or add --with-gaps."
    )


def build_table(  # noqa: PLR0913 - the settings of a table
    output: str | Path,
    *,
    profile: str = "mini",
    tasks: Sequence[str] = (),
    protocol: str | Sequence[str] = "knn5",
    seeds: Iterable[int] = (0, 1, 2),
    configurations: Iterable[int] | str | None = None,
    references: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    real_images: str | None = None,
    plugins: Sequence[str | Path] = (),
    tasks_files: Sequence[str | Path] = (),
    jobs: int = 1,
    executor: str | Placement = "processes",
    limit: int | None = None,
    with_gaps: bool = False,
    dry_run: bool = False,
    name: str = "",
    title: str = "",
    notes: Sequence[str] = (),
    licence: str = "",
    embeddings: str | Path | None = None,
    log: Sequence[str] = (),
    on_plan: Callable[[Sequence[TableBuilder]], None] = lambda _builds: None,
    on_job: Callable[[JobResult], None] = lambda _result: None,
    on_beat: OnBeat = no_beat,
) -> BuiltTable:
    """Measure a reward table: every configuration and seed, scored on every task.

    Several protocols give one table each, ``OUTPUT/PROTOCOL``; they share backbones and features.

    Each finished backbone is written to ``OUTPUT.measured`` at once. After an interruption, the
    same call continues with the missing ones. The same call with more tasks, seeds or
    configurations extends a finished table.

    Args:
        output: Folder of the table, or of the tables of several protocols.
        profile: Name or file of the profile.
        tasks: Tasks to measure; all prepared ones by default.
        protocol: Evaluation protocol, or several.
        seeds: Repetitions.
        configurations: Numbers of configurations; ``random:24@0`` for 24 drawn with seed 0;
            ``ladder`` for the rows of the paper's Table 1; all of the space by default.
        references: References to measure with them: ``untrained`` or ``real-images``.
        changes: Other values of some fields of the profile.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        real_images: Parquet file or folder of real images; ``$T2SBENCH_REAL_IMAGES`` by default.
        plugins: Users' files with more simulators; they are executed.
        tasks_files: Users' files with more tasks.
        jobs: Backbones that are measured at once. With more than one, a script needs
            ``if __name__ == "__main__":``.
        executor: ``processes``, ``ray``, ``slurm``, or a placement with its options; see
            ``docs/cluster.md``.
        limit: Largest number of backbones to measure now.
        with_gaps: True to write the table although rewards are missing.
        dry_run: True to only count the missing backbones.
        name: Name of the table; made from profile and protocol by default. With several
            protocols, theirs are appended.
        title: Title of the card, one line.
        notes: Notes on the card.
        licence: Terms of the table.
        embeddings: File of Task2Vec vectors of the tasks.
        log: Logs of stages and curves: ``jsonl``, ``tensorboard``, ``wandb`` or ``trackio``, each
            with or without a folder, ``tensorboard=DIR``; by default ``OUTPUT.logs``.
        on_plan: Called with the tables before any work; an exception from it ends the call.
        on_job: Called with every result, after it is on disk.
        on_beat: Called with every beat of the workers (:mod:`benchmark.core.beats`).

    Raises:
        UnknownNameError: For an unknown profile, task, protocol, reference, executor or log.
        InvalidInputError: For values that do not fit, or a table that would lose rewards.
        UnavailableError: When data or packages are missing.
        CellsFailedError: When backbones failed or lack rewards, unless ``with_gaps``.
    """
    require("live", "Measuring a table")
    for option, count in (("jobs", jobs), ("limit", limit)):
        if count is not None and count < 1:
            raise InvalidInputError(f"--{option} must be at least 1 (got {count}).")
    from benchmark.core.loggers import log_places, logged
    from benchmark.core.store import default_store
    from benchmark.executors.interface import Workers, beats_of
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.table_builder import (
        jobs_left,
        make_labels,
        measure_tables,
    )

    log_places(log, output)
    workers = Workers.of(default_store(), jobs, executor)
    first, *others = dict.fromkeys((protocol,) if isinstance(protocol, str) else protocol)
    settings = LiveSettings(
        protocol=first,
        profile=profile,
        changes=dict(changes or {}),
        device=device,
        real_images=real_images,
        plugins=tuple(map(Path, plugins)),
        tasks_files=tuple(map(Path, tasks_files)),
    )
    request = _table_request(settings, tasks, seeds, configurations, references)
    folder = Path(output).absolute()
    builds = _builders(request, others, folder)
    on_plan(builds)
    vectors = Path(embeddings) if embeddings is not None else None
    # Faults are reported before hours of work.
    labels = [
        make_labels(
            build,
            name=f"{name}-{build.settings.protocol}" if name and others else name,
            title=title,
            notes=notes,
            licence=licence,
            embeddings=vectors,
        )
        for build in builds
    ]
    if not dry_run:
        with logged(log, folder, on_beat) as observer:
            failed = measure_tables(builds, workers, on_job, limit, beats_of(observer))
        if failed and not with_gaps:
            raise _failure(len(failed))
    left = len(jobs_left(builds))
    if dry_run or (limit and left and not with_gaps):
        return BuiltTable(None, left, {})
    written = {
        build.settings.protocol: Table(build.write(label, with_gaps=with_gaps))
        for build, label in zip(builds, labels, strict=True)
    }
    return BuiltTable(written[first], left, written)


def _builders(request: TableRequest, others: Sequence[str], folder: Path) -> list[TableBuilder]:
    """Tables of the request's protocol and of others, in folders of their own if there are any."""
    from benchmark.pipeline.table_builder import TableBuilder

    if not others:
        return [TableBuilder(request, folder)]
    settings = request.settings
    return [
        TableBuilder(replace(request, settings=replace(settings, protocol=name)), folder / name)
        for name in (settings.protocol, *others)
    ]


def _table_request(
    settings: LiveSettings,
    tasks: Sequence[str],
    seeds: Iterable[int],
    configurations: Iterable[int] | str | None,
    references: Sequence[str],
) -> TableRequest:
    from benchmark.pipeline.table_builder import all_prepared
    from benchmark.pipeline.table_jobs import TableRequest

    settings.find_profile()  # names are checked first: they need no data
    chosen = tuple(tasks) or all_prepared(settings.tasks_files)
    if not chosen:
        raise UnavailableError(
            "No task has prepared images on this machine. See 't2sbench data ls'."
        )
    numbers = configurations
    if numbers is not None and not isinstance(numbers, str):
        numbers = tuple(numbers)
    return TableRequest(chosen, tuple(seeds), settings, numbers, tuple(dict.fromkeys(references)))


def effects(table: str | Path | Table | RewardTable = "gl-mini") -> TableEffects:
    """Return the main effects of every setting on every task of a table, in percentage points.

    Args:
        table: A table, its name or folder, or a ``.json`` file of effects
            (:meth:`TableEffects.to_json`).

    Raises:
        UnknownNameError: For an unknown name.
        InvalidFileError: When a folder or file does not verify.
        UnavailableError: When a table can be neither found nor downloaded.

    Example:
        >>> bool(effects("gl-mini").to_frame()["materials"].mean() < 0)  # varied ones cost accuracy
        True
    """
    if isinstance(table, (str, Path)) and Path(table).suffix == ".json":
        from benchmark.rewards.effects import read_effects

        return TableEffects.of(read_effects(Path(table)))
    return Table(rewards_of(table)).effects()


def compare_effects(
    *tables: str | Path | Table | RewardTable,
    against: str | Path | Table | RewardTable = "released",
    split: str = "all",
) -> ComparedEffects:
    """Compare the main effects of tables with those of another on their common tasks.

    An effect counts in standard deviations of its task's rewards over configurations. Common
    tasks have the same name; a stand-in has no counterpart.

    Args:
        tables: Tables, as :func:`effects` takes them; by default the one in the package.
        against: The other table.
        split: Tasks to compare: ``seen``, ``unseen`` or ``all``.

    Raises:
        UnknownNameError: For an unknown table or split.
        InvalidInputError: Without a common task or setting.
        InvalidFileError: When a folder or file does not verify.
        UnavailableError: When a table can be neither found nor downloaded.

    Example:
        >>> found = compare_effects("gl-mini", against="gl-mini", split="unseen")
        >>> found.comparison.tables[0].r_main
        1.0
    """
    from benchmark.rewards.comparison import compare_effects as compare

    only = None if split == "all" else _tasks_of_side(split)
    *found, other = (effects(one).effects for one in (*(tables or ("gl-mini",)), against))
    comparison = compare(found, other, only)
    rows = tuple(
        {"table": one.table, **asdict(entry)} for one in comparison.tables for entry in one.settings
    )
    title = f"Mean main effects on {len(comparison.tasks)} tasks, in standard deviations"
    return ComparedEffects(rows, title=title, comparison=comparison, effects=(*found, other))


def _tasks_of_side(split: str) -> tuple[str, ...]:
    from benchmark.tasks.registry import Side, load_data_tasks

    if split not in list(Side):
        raise UnknownNameError("split", split, (*Side, "all"))
    return load_data_tasks().select(Side(split)).names


def ladder(table: str | Path | Table | RewardTable = "gl-mini") -> Rows:
    """Return the rows of the paper's Table 1 from a reward table, in percent.

    Table 1 of Task2Sim adds variations one after the other: Pose, +Lighting, +Blur, +Materials,
    +Background. The published values, for the tasks that both have, are linear probes after
    pre-training on 237 categories and 100,000 images.

    Returns:
        One row per task, with a second one of published values if Table 1 has the task, then the
        mean: ``task``, ``source``, the five accuracies, and ``noise``, the difference between two
        accuracies that seeds alone exceed in 5 % of cases.

    Raises:
        InvalidInputError: If the table lacks one of the settings.

    Example:
        >>> [step for step in ladder("gl-mini")[-1]]
        ['task', 'source', 'Pose', '+Lighting', '+Blur', '+Materials', '+Background', 'noise']
    """
    from benchmark.rewards.ladder import ladder as rows_of

    rewards = rewards_of(table)
    return Rows(
        tuple(rows_of(rewards)),
        title=(
            f"Table '{rewards.id}': {rewards.protocol} accuracy as variations are added, percent"
        ),
        notes=("noise: difference between columns that seeds alone exceed in 5 % of cases.",)
        * (len(rewards.seeds) > 1),
    )


def proxy(
    chosen_by: str | Path | Table | RewardTable, *judged_by: str | Path | Table | RewardTable
) -> Proxies:
    """Measure how well one protocol chooses configurations for others.

    Compared are tables of one space and different protocols, on the tasks, seeds and
    configurations that both have; tables with gaps are allowed.

    Args:
        chosen_by: Table of the protocol that chooses.
        judged_by: Tables of the protocols that judge, at least one.

    Returns:
        By judging table and task: Spearman correlation of the seed means with its interval and
        noise ceiling, the correlation without noise, and gain and regret of the choice in points,
        chosen and judged on different seeds (see :func:`benchmark.rewards.proxy.proxy`).

    Raises:
        UnknownNameError: For an unknown table.
        InvalidInputError: Without a judging table, or if tables have nothing in common.
        InvalidFileError: When a folder does not verify.
        UnavailableError: When a table can be neither found nor downloaded.

    Example:
        >>> found = proxy("gl-mini", "gl-mini")
        >>> found.proxies[0].correlation.value, found.proxies[0].regret.value
        (1.0, 0.0)
    """
    from benchmark.rewards.proxy import proxy as measure

    if not judged_by:
        raise InvalidInputError(
            "No table that judges. Name at least one after the table that chooses."
        )
    chosen = rewards_of(chosen_by)
    proxies = tuple(measure(chosen, rewards_of(one)) for one in judged_by)
    rows = tuple(
        {
            "chosen_by": one.chosen_by,
            "judged_by": one.judged_by,
            "protocol": one.protocols[1],
            **asdict(task),
        }
        for one in proxies
        for task in one.tasks
    )
    return Proxies(rows, title=f"Choices by table {chosen.id}", proxies=proxies)


def rewards_of(table: str | Path | Table | RewardTable) -> RewardTable:
    """Return the rewards of a table that is named, in a folder, or loaded."""
    if isinstance(table, Table):
        return table.rewards
    return table if isinstance(table, RewardTable) else load_table(table).rewards
