"""Plans of large measurements: costs of this machine, and forecasts for a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.extras import require

if TYPE_CHECKING:
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.planning.costs import CostFile, Sample
    from benchmark.planning.forecast import Forecast


def plan_table(  # noqa: PLR0913 - the settings of a table
    output: str | Path,
    *,
    profile: str | Sequence[str] = "mini",
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
    cluster: str = "",
    costs: str | Path | None = None,
) -> Forecast:
    """Forecast hours, GPU hours, storage and critical path of reward tables on a cluster.

    What the tables in the folder have, and backbones of the store, are left out. Nothing is made.

    Args:
        output: Folder of the table, or of the tables of several protocols.
        profile: Profile, or several: one table of each.
        tasks: Names of tasks; ``all`` stands for the 20 of the paper. Tasks that are not prepared
            count with the sizes of the registry. All prepared ones by default.
        protocol: Evaluation protocol, or several.
        seeds: Repetitions.
        configurations: As of :func:`build_table`.
        references: As of :func:`build_table`.
        changes: Other values of some fields of the profiles.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        real_images: Parquet file or folder of real images.
        plugins: Users' files with more simulators; they are executed.
        tasks_files: Users' files with more tasks.
        cluster: Cluster, such as ``workers=64,gpus=1,start=30``; one worker by default.
        costs: File of :func:`measure_costs`; by default the cells that this machine has made.

    Raises:
        UnknownNameError: For an unknown profile, task, protocol or field of the cluster.
        InvalidInputError: For values that do not fit.
        InvalidFileError: For a faulty file of costs.
    """
    require("live", "Planning a table")
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.table_builder import all_prepared
    from benchmark.pipeline.table_jobs import TableRequest
    from benchmark.planning.cluster import Cluster
    from benchmark.planning.costs import Costs
    from benchmark.planning.forecast import forecast
    from benchmark.planning.tables import table_kinds
    from benchmark.tasks.registry import load_data_tasks, load_tasks

    on = Cluster.parse(cluster)
    first, *others = dict.fromkeys((protocol,) if isinstance(protocol, str) else protocol)
    common = LiveSettings(
        protocol=first,
        changes=dict(changes or {}),
        device=device,
        real_images=real_images,
        plugins=tuple(map(Path, plugins)),
        tasks_files=tuple(map(Path, tasks_files)),
    )
    every = _of_profiles(common, profile)
    registry = load_data_tasks(common.tasks_files)
    names = load_tasks().names if list(tasks) == ["all"] else tuple(tasks)
    names = tuple(registry[name].name for name in names) or all_prepared(common.tasks_files)
    numbers = configurations if isinstance(configurations, str | None) else tuple(configurations)
    if costs is not None:
        known = Costs.of_file(Path(costs))
    else:
        known = Costs.of_store(registry, (one.find_profile() for one in every))
    kinds, layers, rows = [], tuple(seeds), tuple(dict.fromkeys(references))
    for settings in every:
        request = TableRequest(names, layers, settings, numbers, rows, tuple(others))
        kinds += table_kinds(request, Path(output).absolute(), known, registry)
    return forecast(kinds, on, known.machine)


def measure_costs(  # noqa: PLR0913 - the settings of a measurement
    output: str | Path | None = None,
    *,
    profile: str | Sequence[str] = "mini",
    protocol: str | Sequence[str] = ("knn5", "linear", "finetune"),
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    plugins: Sequence[str | Path] = (),
    repetitions: int = 5,
    on_sample: Callable[[Sample], None] = lambda _sample: None,
) -> CostFile:
    """Measure the costs of profiles on this machine, in short samples of every stage.

    Args:
        output: File to write, for the argument ``costs`` of :func:`plan_table`; None writes none.
        profile: Profile, or several.
        protocol: Evaluation protocol, or several.
        changes: Other values of some fields of the profiles.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        plugins: Users' files with more simulators, networks, recipes and protocols.
        repetitions: Samples of each stage, at least 2.
        on_sample: Called with every sample.

    Raises:
        UnknownNameError: For an unknown profile or protocol.
        InvalidInputError: For fewer than 2 repetitions.
        T2SBenchError: When a stage fails.
    """
    require("live", "Measuring costs")
    from benchmark.core.files import write_text
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.planning.measure import measure
    from benchmark.protocols.registry import find_protocol

    common = LiveSettings(
        changes=dict(changes or {}), device=device, plugins=tuple(map(Path, plugins))
    )
    protocols = list(dict.fromkeys((protocol,) if isinstance(protocol, str) else protocol))
    for name in protocols:
        find_protocol(name, common.plugins)
    found = measure(_of_profiles(common, profile), protocols, repetitions, on_sample)
    if output is not None:
        write_text(Path(output), found.model_dump_json(by_alias=True, indent=1) + "\n")
    return found


def _of_profiles(common: LiveSettings, profile: str | Sequence[str]) -> list[LiveSettings]:
    """Settings of each profile; a series stands for its points."""
    from benchmark.pipeline.profiles import expand

    names = dict.fromkeys((profile,) if isinstance(profile, str) else profile)
    pairs = [one for name in names for one in expand(name, common.changes)]
    return [replace(common, profile=name, changes=changed) for name, changed in pairs]
