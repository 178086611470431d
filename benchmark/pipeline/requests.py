"""What a profile asks of a simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.core.files import digest
from benchmark.rendering.request import DatasetRequest, check_capabilities, choose_categories
from benchmark.simulators.registry import SimulatorChoice, find_simulator

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.pipeline.profiles import Profile
    from benchmark.simulators.interface import Simulator
    from benchmark.space import Configuration


def choose_simulator(profile: Profile, plugin_files: tuple[Path, ...] = ()) -> SimulatorChoice:
    """The profile's simulator with its options.

    Raises:
        UnknownNameError: For an unknown simulator or option.
        UnavailableError: When it cannot be imported.
    """
    return find_simulator(profile.simulator, profile.simulator_options, plugin_files)


def check_profile(profile: Profile) -> None:
    """What would otherwise be found only after rendering: names of recipe and network.

    Raises:
        UnknownNameError: For an unknown one.
    """
    from benchmark.pretraining.networks import check_backbone
    from benchmark.pretraining.recipes import recipe

    recipe(profile.recipe)
    check_backbone(profile.network)


def build_simulator(profile: Profile, plugin_files: tuple[Path, ...] = ()) -> Simulator:
    """The profile's simulator, not open.

    Raises:
        T2SBenchError: As :func:`choose_simulator`, or when its class refuses the options.
    """
    return choose_simulator(profile, plugin_files).build()


def source_digest(profile: Profile, plugin_files: tuple[Path, ...] = ()) -> str:
    """SHA-256 of what decides all backbones of a profile: its fields, simulator and assets."""
    simulator = build_simulator(profile, plugin_files)
    content = {
        "profile": profile.digest,
        "simulator": simulator.version,
        "catalog": simulator.assets().digest,
    }
    return digest(content)


def dataset_request(
    profile: Profile,
    simulator: Simulator,
    configuration: Configuration,
    seed: int,
    plugin_files: tuple[Path, ...] = (),
) -> DatasetRequest:
    """The dataset that a profile renders for a configuration.

    Args:
        profile: How much.
        simulator: The profile's.
        configuration: A point of its space.
        seed: Of the scenes.
        plugin_files: Users' files with more simulators.

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
    request = DatasetRequest(
        choose_simulator(profile, plugin_files),
        configuration,
        choose_categories(simulator.assets(), profile.classes),
        profile.images_per_class,
        objects_per_class=profile.objects_per_class,
        size=profile.size,
        seed=seed,
        encoding=profile.encoding,
    )
    check_capabilities(request, simulator.capabilities)
    return request
