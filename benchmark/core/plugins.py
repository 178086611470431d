"""Plug-ins: methods and simulators from entry points or from users' Python files."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.core.extras import missing_packages

METHOD_GROUP = "t2sbench.methods"
SIMULATOR_GROUP = "t2sbench.simulators"


@dataclass(frozen=True)
class Plugin:
    """A registered name and the source of its object.

    Attributes:
        name: Registered name.
        origin: Distribution and version, or the file.
        entry: The entry point, for plugins of a distribution.
        value: The loaded object, for plugins of a file.
    """

    name: str
    origin: str
    entry: metadata.EntryPoint | None = None
    value: Any = None

    def install_hint(self) -> str:
        """Missing packages and the command that installs them; empty when none is missing.

        The packages are those of the extra that the entry point names, as in
        ``gl = "benchmark.simulators.gl.simulator:GlSimulator [live]"``, else those of the extra
        with the plugin's name. Nothing is imported.
        """
        dist = self.entry.dist if self.entry else None
        if self.entry is None or dist is None:
            return ""
        for extra in self.entry.extras or [self.name]:
            if missing := missing_packages(dist, extra):
                return f"no ({', '.join(missing)} missing): pip install '{dist.name}[{extra}]'"
        return ""

    def load(self) -> Any:  # noqa: ANN401 - a plugin can be anything
        """Import the object.

        Raises:
            UnavailableError: If its module cannot be imported.
        """
        if self.entry is None:
            return self.value
        try:
            return self.entry.load()
        except Exception as error:
            raise UnavailableError(
                f"'{self.name}' of {self.origin} cannot be imported "
                f"({type(error).__name__}: {error}). Update or uninstall that distribution."
            ) from error


def discover(group: str) -> dict[str, Plugin]:
    """All plugins of an entry-point group, by name; nothing is imported.

    Raises:
        InvalidInputError: If two distributions register one name.
    """
    found: dict[str, Plugin] = {}
    for entry in metadata.entry_points(group=group):
        dist = entry.dist
        origin = f"{dist.name} {dist.version}" if dist else "unknown"
        known = found.get(entry.name)
        if known is not None and known.entry is not None and known.entry.value != entry.value:
            raise InvalidInputError(
                f"{known.origin} and {origin} both register '{entry.name}' in {group}. "
                "Uninstall one of them."
            )
        found[entry.name] = Plugin(entry.name, origin, entry=entry)
    return dict(sorted(found.items()))


def find_plugin(kind: str, name: str, known: dict[str, Plugin]) -> Plugin:
    """Return the plug-in of a name, or raise an error with suggestions."""
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]


def with_files(known: dict[str, Plugin], files: Sequence[Path], registry: str) -> dict[str, Plugin]:
    """``known`` and what users' files register in a dictionary, ``METHODS = {"name": Class}``.

    Args:
        known: Plugins of distributions.
        files: Python files; they are executed.
        registry: Name of the dictionary.

    Raises:
        InvalidInputError: If a file has no such dictionary or repeats a known name.
    """
    known = dict(known)
    kind = registry.removesuffix("S").lower()
    example = f'{registry} = {{"my-{kind}": My{kind.capitalize()}}}'
    for path in files:
        registered = getattr(load_file_module(path), registry, None)
        if not isinstance(registered, dict) or not registered:
            raise InvalidInputError(
                f"{path} must define {example} (got {registered!r}). Add that line at its end."
            )
        for name, value in registered.items():
            if name in known:
                raise InvalidInputError(
                    f"{path} registers the {kind} '{name}', but {known[name].origin} already "
                    "does. Choose another name."
                )
            known[name] = Plugin(name, origin=str(path), value=value)
    return known


def sort_plugins(files: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Files that register methods, and files that register simulators; all are executed.

    A file that registers neither counts as one of methods, so that its fault is reported.
    """
    modules = {file: load_file_module(file) for file in files}
    simulators = tuple(file for file, module in modules.items() if hasattr(module, "SIMULATORS"))
    methods = (f for f in files if f not in simulators or hasattr(modules[f], "METHODS"))
    return tuple(methods), simulators


def load_file_module(path: Path) -> Any:  # noqa: ANN401 - a module of the user
    """Import a Python file that the user named; this runs it, as ``python FILE`` would.

    The module's name holds the digest of its text, so that worker processes and pickling agree and
    an edited file is another module.

    Raises:
        InvalidInputError: If the file is missing or raises while it is imported.
    """
    path = path.resolve()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"Cannot read the plug-in file {path}: {error.strerror}. Check --plugin."
        ) from error
    name = f"t2sbench_plugin_{hashlib.sha256(str(path).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInputError(f"{path} is not a .py file. Rename it to end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InvalidInputError(
            f"{path} cannot be imported ({type(error).__name__}: {error}). "
            "Run it with python to see where."
        ) from error
    return module
