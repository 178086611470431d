"""Tables and figures of the Task2Sim paper: made from records, and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.beats import OnBeat, no_beat, observed
from benchmark.core.errors import UnavailableError
from t2sbench.models import fit
from t2sbench.results import Results, run
from t2sbench.rewards import build_table, rewards_of

if TYPE_CHECKING:
    from benchmark.paper.exhibits import Exhibit
    from benchmark.paper.experiments import Experiment
    from benchmark.paper.measurements import Neighbour, Probability
    from benchmark.runs.record import Record


def paper(
    name: str, *, records: Sequence[str | Path] = (), profile: str | Sequence[str] = ()
) -> Exhibit:
    """Return a table or figure of the paper, made from records.

    Args:
        name: ``table1`` to ``table3``, or ``fig3`` to ``fig9``.
        records: Folders of measurements, such as those of :func:`measure_paper`; by default the
            ones in the package.
        profile: Profiles or series of the records, instead of the experiment's.

    Returns:
        Its numbers with the published ones, and the differences from the paper:
        ``.markdown()``, ``.write(folder)``.

    Raises:
        UnknownNameError: For another name or profile.
        UnavailableError: When it has not been measured.
        InvalidFileError: For damaged measurements.
    """
    from benchmark.paper.exhibits import make_exhibit
    from benchmark.paper.experiments import find_experiments
    from benchmark.paper.measurements import Measurements

    (experiment,) = find_experiments([name])
    measurements = Measurements.of(tuple(map(Path, records)))
    return make_exhibit(experiment.at(_names(profile)), measurements)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def measure_paper(  # noqa: PLR0913 - the settings of a measurement
    names: str | Sequence[str],
    output: str | Path,
    *,
    profile: str | Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    table: str = "gl-mini",
    dry_run: bool = False,
    log: Sequence[str] = (),
    on_note: Callable[[str], None] = lambda _text: None,
    on_beat: OnBeat = no_beat,
    **settings: Any,  # noqa: ANN401 - of run
) -> Results:
    """Measure tables and figures of the paper: render, pre-train, evaluate.

    Finished cells are kept in the cell store, which several processes share, and in the folder.
    The same call resumes an interrupted one. Processes that measure different seeds need different
    folders.

    Args:
        names: Names of tables and figures, or ``all``.
        output: Folder of the records and of the data of Table 1 and Figures 5 and 9.
        profile: Profiles or series, instead of the experiments'.
        seeds: Only these seeds. A seed that no experiment states applies to all methods.
        table: Rewards that methods learn from.
        dry_run: True to only count missing cells.
        log: Logs of stages and curves: ``jsonl``, ``tensorboard``, ``wandb`` or ``trackio``, each
            with or without a folder, ``tensorboard=DIR``; by default ``OUTPUT.logs``.
        on_note: Called with sentences on measurements that are not cells of a run.
        on_beat: Called with every beat of the stages (:mod:`benchmark.core.beats`).
        settings: Further settings of :func:`t2sbench.run`, such as ``device``, ``real_images``,
            ``jobs``, ``executor`` and ``on_plan``.

    Raises:
        UnknownNameError: For an unknown name, profile or table.
        InvalidInputError: For values that do not fit.
        UnavailableError: When data or packages are missing.
    """
    from benchmark.core.loggers import logged
    from benchmark.paper.experiments import find_experiments, live_runs

    experiments = [one.at(_names(profile)) for one in find_experiments(_names(names))]
    records: list[Record] = []
    with logged(() if dry_run else log, output, on_beat) as observer:
        for part in live_runs(experiments, seeds):
            records += run(
                list(part.methods),
                split=part.split,
                table=table,
                tasks=part.tasks,
                seeds=part.seeds,
                profile=part.profiles,
                protocol=part.protocols,
                output=output,
                dry_run=dry_run,
                on_beat=observer,
                **settings,
            )
        source = {name: settings[name] for name in settings if name in ("device", "real_images")}
        executor = settings.get("executor")
        placed = {"executor": executor, "jobs": settings.get("jobs", 1)} if executor else {}
        data = _Data(Path(output), seeds, source, placed, observer)
        for one in experiments:
            if one.kind == "ladder":
                data.measure_ladder(one, on_note if dry_run else None)
            if one.kind == "neighbours" and not dry_run:
                data.find_neighbours(one)
            if one.kind == "probabilities" and not dry_run:
                data.fit_policies(one, (table, "released"))
    return Results(tuple(records))


@dataclass(frozen=True)
class _Data:
    """Measurements that are not records of runs: Table 1, Figures 5 and 9.

    Attributes:
        folder: Folder of the files.
        seeds: Only these seeds; None for all.
        source: Device and real images, if they are given.
        placed: Executor and number of workers, if they are given.
        on_beat: Called with every beat of the stages.
    """

    folder: Path
    seeds: Sequence[int] | None
    source: Mapping[str, Any]
    placed: Mapping[str, Any]
    on_beat: OnBeat

    def _seeds_of(self, experiment: Experiment) -> list[int]:
        return [seed for seed in experiment.seeds if self.seeds is None or seed in self.seeds]

    def measure_ladder(
        self, experiment: Experiment, on_note: Callable[[str], None] | None = None
    ) -> None:
        """Measure the five configurations of Table 1 on its tasks or their stand-ins.

        Args:
            experiment: Table 1.
            on_note: Called with the number of missing backbones, instead of measuring them.
        """
        seeds = self._seeds_of(experiment)
        if not seeds:
            return
        built = build_table(
            self.folder / experiment.name,
            profile=experiment.profiles[0],
            tasks=_ladder_tasks(),
            protocol=experiment.protocols[0],
            seeds=seeds,
            configurations="ladder",
            dry_run=on_note is not None,
            on_beat=self.on_beat,
            **self.source,
            **self.placed,
        )
        if on_note is not None:
            on_note(f"{experiment.name}: {built.left} backbones to score under linear probing.")

    def find_neighbours(self, experiment: Experiment) -> None:
        """Find neighbours under the choices in the records of the figure's cells."""
        from benchmark.core.store import default_store
        from benchmark.paper.measurements import Measurements
        from benchmark.paper.neighbours import find_neighbours
        from benchmark.pipeline.settings import LiveSettings, Source
        from benchmark.pipeline.stages import Pipeline
        from benchmark.tasks.task_data import load_task_data

        (task,), seeds = experiment.tasks, self._seeds_of(experiment)
        if not seeds:
            return
        settings = LiveSettings(profile=experiment.profiles[0], **self.source)
        pipeline = Pipeline.of(settings, default_store(), on_beat=self.on_beat)
        space, sources = pipeline.simulator().capabilities.space, {}
        for record in Measurements.of((self.folder,)).of_experiment(experiment):
            if (record.seed, record.task.name, record.status) == (seeds[0], task, "ok"):
                chosen = record.decision.configuration if record.decision else None
                kind = Source("rendered", space.parse(chosen)) if chosen else Source("real-images")
                sources[record.method.name] = kind
        try:
            found = list(find_neighbours(pipeline, sources, load_task_data(task), seeds[0]))
        finally:
            pipeline.close()
        self._write(experiment, found)

    def fit_policies(self, experiment: Experiment, tables: Sequence[str]) -> None:
        """Fit Task2Sim on each table, unless the file has its probabilities."""
        from benchmark.paper.measurements import Measurements, Probability

        known: list[Probability] = []
        if (self.folder / f"{experiment.name}.csv").is_file():
            known = Measurements.of((self.folder,)).rows(experiment, Probability)
        found: list[Probability] = []
        for name in dict.fromkeys(tables):
            digest = rewards_of(name).digest
            for seed in self._seeds_of(experiment):
                alike = [one for one in known if (one.table_sha256, one.seed) == (digest, seed)]
                if not alike:
                    with observed(self.on_beat, "fit", f"task2sim on {name}, seed {seed}"):
                        alike = list(_probabilities(name, seed))
                found += alike
                self._write(experiment, found)

    def _write(self, experiment: Experiment, rows: Iterable[Neighbour | Probability]) -> None:
        from benchmark.core.files import write_text
        from benchmark.leaderboard.text_tables import csv_text

        text = csv_text(row.model_dump() for row in rows)
        write_text(self.folder / f"{experiment.name}.csv", text)


def _ladder_tasks() -> list[str]:
    """Prepared tasks of Table 1; a stand-in where the original has no images here.

    Raises:
        UnavailableError: Without any.
    """
    from benchmark.rewards.ladder import PUBLISHED
    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import is_prepared

    found: dict[str, str] = {}
    for task in load_data_tasks():  # originals come first
        original = getattr(task, "stands_in_for", task.name)
        if original in PUBLISHED and is_prepared(task.name):
            found.setdefault(original, task.name)
    if not found:
        raise UnavailableError(
            f"No prepared images of {', '.join(PUBLISHED)} or of their stand-ins. See "
            "'t2sbench data ls'."
        )
    return list(found.values())


def _probabilities(name: str, seed: int) -> Iterable[Probability]:
    from benchmark.paper.measurements import Probability
    from benchmark.tasks.registry import load_data_tasks

    table = rewards_of(name)
    vectors = table.embeddings
    if vectors is None:
        raise UnavailableError(f"Table '{name}' has no task vectors. Choose another with --table.")
    model = fit("task2sim", table=table, seed=seed)
    chosen = model.probabilities({task: vectors.of(task) for task in table.tasks})
    registry = load_data_tasks()
    for task, parameters in chosen.items():
        for parameter, levels in parameters.items():
            yield Probability(
                table=table.id,
                table_sha256=table.digest,
                task=task,
                side=str(registry[task].side),
                seed=seed,
                parameter=parameter,
                probability=round(list(levels.values())[-1], 6),
            )
