"""Settings of live scoring, and the simulator and datasets that they ask for.

Nothing here imports torch: plans and identities of cells need no network. Profiles and rendering
are imported when live scores need them.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.files import digest
from benchmark.core.plugins import find_plugin
from benchmark.simulators.draws import described_levels
from benchmark.simulators.registry import SimulatorChoice, find_simulator
from benchmark.sources.registry import REAL_IMAGES, NamedSource, SourceSpec

if TYPE_CHECKING:
    from benchmark.pipeline.profiles import Profile
    from benchmark.rendering.request import DatasetRequest
    from benchmark.simulators.interface import AssetCatalog, Simulator
    from benchmark.sources.collection import Collection
    from benchmark.space import Configuration
    from benchmark.tasks.task_data import TaskData

_REAL_IMAGES = "T2SBENCH_REAL_IMAGES"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Images that a backbone is pre-trained on.

    Attributes:
        kind: ``rendered`` images, ``none`` for random weights, or the name of a source, such as
            ``real-images``.
        configuration: Configuration of rendered images.
        task: Downstream task, for sources whose images depend on it.
    """

    kind: str
    configuration: Configuration | None = None
    task: TaskData | None = None

    def subject(self, profile: str, seed: int) -> str:
        """Return the name of a backbone of a profile in beats and listings."""
        return f"{profile}: {self.label}, seed {seed}"

    @property
    def label(self) -> str:
        """A few words for listings.

        Example:
            >>> Source("none").label
            'untrained'
        """
        if self.configuration is not None:
            return f"configuration {self.configuration}"
        words = {REAL_IMAGES: "real images", "none": "untrained"}.get(self.kind, self.kind)
        return words if self.task is None else f"{words} for {self.task.name}"


@dataclass(frozen=True)
class LiveSettings:
    """Settings of live scoring, as the user gave them; picklable, for worker processes.

    Attributes:
        protocol: Name of the evaluation protocol.
        profile: Name or file of the pre-training profile.
        changes: Other values of some fields of the profile.
        device: "auto", "cpu", "cuda:0" ...
        real_images: Parquet file or folder for pre-training on real images; by default
            ``$T2SBENCH_REAL_IMAGES``.
        processes: Processes that train one backbone; None for one per GPU.
        plugins: Users' files with more simulators, networks, recipes and protocols.
        tasks_files: Users' task definitions.
        sources: Further sources of pre-training images, each a row of the results.
    """

    protocol: str = "knn5"
    profile: str = "mini"
    changes: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    real_images: str | None = None
    processes: int | None = None
    plugins: tuple[Path, ...] = ()
    tasks_files: tuple[Path, ...] = ()
    sources: tuple[SourceSpec, ...] = ()

    def find_profile(self) -> Profile:
        """Return the profile with its changes.

        Raises:
            T2SBenchError: As :func:`benchmark.pipeline.profiles.find_profile`.
        """
        from benchmark.pipeline.profiles import find_profile

        return find_profile(self.profile, self.changes)

    def simulator(self) -> Simulator:
        """Return the profile's simulator, not open; recipe and network of the profile are checked.

        Raises:
            UnknownNameError: For an unknown simulator, option, recipe or network.
            UnavailableError: When the simulator cannot be imported.
        """
        from benchmark.pretraining.recipes import find_recipe

        profile = self.find_profile()
        find_recipe(profile.recipe, self.plugins)
        find_plugin("network", profile.network, self.plugins)
        return build_simulator(profile, self.plugins)

    def source_digest(self) -> str:
        """SHA-256 of all that decides the backbones of a profile: fields, simulator and assets."""
        profile = self.find_profile()
        simulator = build_simulator(profile, self.plugins)
        content: dict[str, Any] = {
            "profile": profile.digest,
            "simulator": simulator.version,
            "catalog": _catalog(simulator).digest,
        }
        abilities = simulator.capabilities
        if abilities.draws:
            content |= {"space": abilities.space.to_json(), "draws": described_levels(abilities)}
        return digest({**content, **self._plugin_digests(profile)})

    def _plugin_digests(self, profile: Profile) -> dict[str, Any]:
        """Identities of a network and a recipe that others register; a profile has their names."""
        found: dict[str, Any] = {}
        if not find_plugin("network", profile.network, self.plugins).is_own:
            from benchmark.pretraining.networks import find_network

            found["network"] = find_network(profile.network, self.plugins).identity
        if not find_plugin("recipe", profile.recipe, self.plugins).is_own:
            from benchmark.pretraining.recipes import find_recipe

            found["recipe"] = find_recipe(profile.recipe, self.plugins).digest
        return found

    @property
    def named_real_images(self) -> str | None:
        """File or folder of the real images, from the settings or the environment."""
        return self.real_images or os.environ.get(_REAL_IMAGES)

    def open_real_images(self) -> Collection | None:
        """Return the collection of real images; None when none is named.

        Raises:
            T2SBenchError: As :func:`benchmark.sources.collection.open_collection`.
        """
        from benchmark.sources.collection import open_collection

        named = self.named_real_images
        return open_collection(named) if named else None

    def open_sources(self) -> dict[str, NamedSource]:
        """Return all sources by name; ``real-images`` is one of them if there are any.

        Raises:
            T2SBenchError: As :meth:`benchmark.sources.registry.SourceSpec.open`.
        """
        real_images = self.open_real_images()
        found = {spec.name: spec.open(lambda: real_images) for spec in self.sources}
        if real_images is not None:
            found[REAL_IMAGES] = NamedSource(REAL_IMAGES, real_images)
        return found


def _catalog(simulator: Simulator) -> AssetCatalog:
    """Assets of a simulator; what it leaves out is logged as a warning."""
    catalog = simulator.assets()
    for note in catalog.notes:
        _warn_once(note)
    return catalog


@functools.cache
def _warn_once(note: str) -> None:
    _LOG.warning("Note: %s", note)


def build_simulator(profile: Profile, plugin_files: tuple[Path, ...] = ()) -> Simulator:
    """Return the simulator of a profile, not open.

    Raises:
        UnknownNameError: For an unknown simulator or option.
        UnavailableError: When it cannot be imported.
        T2SBenchError: When its class refuses the options.
    """
    return simulator_choice(profile, plugin_files).build()


def simulator_choice(profile: Profile, plugin_files: tuple[Path, ...] = ()) -> SimulatorChoice:
    """Return name and options of a profile's simulator, checked.

    Raises:
        UnknownNameError: For an unknown simulator or option.
        UnavailableError: When it cannot be imported.
    """
    return find_simulator(profile.simulator, profile.simulator_options, plugin_files)


def dataset_request(
    profile: Profile,
    simulator: Simulator,
    configuration: Configuration,
    seed: int,
    choice: SimulatorChoice | None = None,
) -> DatasetRequest:
    """Return the dataset that a profile renders for a configuration.

    Args:
        profile: Number of classes and images, and their size.
        simulator: Simulator of the profile.
        configuration: A point of the simulator's space.
        seed: Seed of the scenes.
        choice: The same simulator by name, looked up if None.

    Raises:
        InvalidInputError: For more classes than there are, a foreign configuration, or images that
            are too large for the simulator.

    Example:
        >>> from benchmark.pipeline.profiles import find_profile
        >>> profile = find_profile("mini", {"simulator": "toy", "classes": 4})
        >>> simulator = build_simulator(profile)
        >>> configuration = simulator.capabilities.space.at(3)
        >>> len(dataset_request(profile, simulator, configuration, seed=0))
        400
    """
    from benchmark.rendering.request import DatasetRequest, check_capabilities, choose_categories

    request = DatasetRequest(
        choice or simulator_choice(profile),
        configuration,
        choose_categories(_catalog(simulator), profile.classes),
        profile.images_per_class,
        objects_per_class=profile.objects_per_class,
        size=profile.size,
        seed=seed,
        encoding=profile.encoding,
    )
    check_capabilities(request, simulator.capabilities)
    return request
