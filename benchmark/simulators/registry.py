"""Registry of simulators: all distributions register theirs in one entry-point group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError
from benchmark.core.options import OptionValue, option_defaults, read_options
from benchmark.core.plugins import Plugin, find_plugin, known_plugins
from benchmark.simulators.draws import declared_draws

if TYPE_CHECKING:
    from benchmark.simulators.interface import Simulator

_VERBS = ("open", "assets", "driver", "render", "reset", "close")


@dataclass(frozen=True)
class SimulatorChoice:
    """A simulator with its options, ready to be built in any process.

    Attributes:
        name: Registered name.
        options: All options, defaults included.
        plugin_files: Files of users with more simulators.
    """

    name: str
    options: Mapping[str, OptionValue]
    plugin_files: tuple[Path, ...] = ()

    def build(self) -> Simulator:
        """Construct the simulator; it is not open yet.

        Raises:
            T2SBenchError: If its class refuses the options.
        """
        simulator: Simulator = known_simulators(self.plugin_files)[self.name].load()(**self.options)
        return simulator


def known_simulators(plugin_files: Sequence[Path] = ()) -> dict[str, Plugin]:
    """Return all simulators by name: those of entry points, and those of users' files.

    A file registers with a dictionary ``SIMULATORS = {"my-simulator": MySimulator}``.

    Raises:
        InvalidInputError: If a file registers nothing or repeats a known name.
    """
    return known_plugins("simulator", plugin_files)


def find_simulator(
    name: str, options: Mapping[str, str] | None = None, plugin_files: Sequence[Path] = ()
) -> SimulatorChoice:
    """Return the simulator of a name, its options read and checked.

    Args:
        name: Registered name.
        options: Option texts as typed, by option name.
        plugin_files: Files of users with more simulators.

    Raises:
        UnknownNameError: For an unknown simulator or option.
        InvalidInputError: For an option of the wrong type, a class that is no simulator, or draws
            that do not fit its space.
        UnavailableError: If its module cannot be imported.
    """
    factory = find_plugin("simulator", name, plugin_files).load()
    missing = [verb for verb in _VERBS if not callable(getattr(factory, verb, None))]
    if missing or not hasattr(factory, "capabilities"):
        raise InvalidInputError(
            f"Simulator '{name}' ({factory!r}) lacks {', '.join(missing) or 'capabilities'}. A "
            f"simulator is a class with {', '.join(_VERBS)} and capabilities: see "
            "docs/adding-a-simulator.md."
        )
    declared_draws(factory.capabilities)
    given = read_options("simulator", name, factory, options or {})
    return SimulatorChoice(name, {**option_defaults(factory), **given}, tuple(plugin_files))
