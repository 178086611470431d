"""Plug-ins: methods, networks and others, from entry points or from users' Python files.

The plug-ins of a kind, such as "network", are registered in the entry-point group
``t2sbench.networks`` or, in a user's file, in a dictionary ``NETWORKS``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.core.extras import missing_packages
from benchmark.core.files import real_path, regular_bytes, sha256_bytes, sha256_file

#: Kinds of plug-ins.
KINDS = ("method", "simulator", "network", "recipe", "protocol", "source")
_OWN_DISTRIBUTION = "t2sbench"
# Digests of the users' files that were imported, by the name of their module.
_FILES: dict[str, str] = {}
# Names of the plug-ins of other distributions that were imported.
_IMPORTED: set[str] = set()


class Named(Protocol):
    """An object that states the name under which it is registered."""

    @property
    def name(self) -> str:
        """Registered name."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Plugin:
    """A registered name and the source of its object.

    Attributes:
        name: Registered name.
        origin: Distribution and version, or the file.
        entry: The entry point, for plugins of a distribution.
        value: The loaded object, for plugins of a file; or the object to use for the entry point's.
    """

    name: str
    origin: str
    entry: metadata.EntryPoint | None = None
    value: Any = None

    @property
    def is_own(self) -> bool:
        """True if this package registers it."""
        return self.entry is not None and self.origin.partition(" ")[0] == _OWN_DISTRIBUTION

    @property
    def code_sha256(self) -> str | None:
        """Digest of a user's plug-in file or class; None for plug-ins of a distribution.

        The authors of a distribution raise a version when results change, so that records survive
        a refactoring. A plug-in file is work in progress: any edit makes another plug-in.
        """
        if self.entry is not None:
            return None
        path = Path(self.origin)
        if path.is_file():
            return sha256_file(path)
        try:
            return sha256_bytes(inspect.getsource(self.value).encode())
        except (OSError, TypeError):  # a class without source, as in an interactive session
            return None

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
        if self.entry is None or self.value is not None:
            return self.value
        if not self.is_own:
            _IMPORTED.add(self.name)
        try:
            return self.entry.load()
        except Exception as error:
            raise UnavailableError(
                f"'{self.name}' of {self.origin} cannot be imported "
                f"({type(error).__name__}: {error}). Update or uninstall that distribution."
            ) from error


def any_imported() -> bool:
    """True once code of other authors was imported as a plug-in."""
    return bool(_FILES or _IMPORTED)


def known_plugins(kind: str, files: Sequence[Path] = ()) -> dict[str, Plugin]:
    """Plug-ins of a kind, by name: those of distributions, then those of users' files.

    A file registers with dictionaries such as ``METHODS = {"name": Class}``; the other kinds of a
    file are ignored. Entry points are not imported, files are executed.

    Args:
        kind: One of :data:`KINDS`.
        files: Users' Python files.

    Raises:
        InvalidInputError: If two distributions register one name, or a file registers nothing or
            repeats a known name.
    """
    known = _discover(f"t2sbench.{kind}s")
    for path in files:
        for name, value in _registered(path).get(kind, {}).items():
            if name in known:
                raise InvalidInputError(
                    f"{path} registers the {kind} '{name}', but {known[name].origin} already "
                    "does. Choose another name."
                )
            known[name] = Plugin(name, origin=str(path), value=value)
    return known


def _discover(group: str) -> dict[str, Plugin]:
    found: dict[str, Plugin] = {}
    origins = dict[int, str]()  # by distribution, whose metadata are parsed each time
    for entry in metadata.entry_points(group=group):
        dist = entry.dist
        if id(dist) not in origins:
            origins[id(dist)] = f"{dist.name} {dist.version}" if dist else "unknown"
        origin = origins[id(dist)]
        known = found.get(entry.name)
        if known is not None and known.entry is not None and known.entry.value != entry.value:
            raise InvalidInputError(
                f"{known.origin} and {origin} both register '{entry.name}' in {group}. "
                "Uninstall one of them."
            )
        found[entry.name] = Plugin(entry.name, origin, entry=entry)
    return dict(sorted(found.items()))


def _registered(path: Path) -> dict[str, dict[str, Any]]:
    """Dictionaries of a user's file, by kind."""
    module = load_file_module(path)
    found = {kind: getattr(module, f"{kind}s".upper(), None) for kind in KINDS}
    given = {kind: value for kind, value in found.items() if value is not None}
    wrong = [kind for kind, value in given.items() if not isinstance(value, dict) or not value]
    if not given or wrong:
        kind = (wrong or KINDS)[0]
        name = f"{kind}s".upper()
        others = "" if wrong else f", or one of {', '.join(f'{k}s'.upper() for k in KINDS[1:])}"
        raise InvalidInputError(
            f'{path} must define {name} = {{"my-{kind}": My{kind.capitalize()}}}{others} (got '
            f"{name} = {given.get(kind)!r}). Add that line at its end."
        )
    return given


def find_plugin(kind: str, name: str, files: Sequence[Path] = ()) -> Plugin:
    """Return the plug-in of a kind and name.

    Raises:
        UnknownNameError: With suggestions, if none has the name.
        InvalidInputError: As :func:`known_plugins`.
    """
    known = known_plugins(kind, files)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]


def load_named(plugin: Plugin, kind: str, expected: type[T]) -> T:
    """Import a plug-in that is an object, such as a network, and check its type and name.

    Raises:
        InvalidInputError: If it is of another type, or states another name.
        UnavailableError: If its module cannot be imported.
    """
    value = plugin.load()
    if not isinstance(value, expected):
        raise InvalidInputError(
            f"The {kind} '{plugin.name}' of {plugin.origin} is {value!r}, not an object of class "
            f"{expected.__name__}. See docs/networks.md."
        )
    if value.name != plugin.name:
        raise InvalidInputError(
            f"{plugin.origin} registers a {kind} as '{plugin.name}' whose own name is "
            f"'{value.name}'. Give both the same name."
        )
    return value


def file_sha256(factory: object) -> str | None:
    """SHA-256 of the users' file that defines a class or function; None for other modules."""
    return _FILES.get(getattr(factory, "__module__", ""))


def load_file_module(path: Path) -> Any:  # noqa: ANN401 - a module of the user
    """Import a Python file that the user named; this runs it, as ``python FILE`` would.

    The module's name holds the digest of its text, so that worker processes and pickling agree and
    an edited file is another module.

    Raises:
        InvalidInputError: If the file is missing or raises while it is imported.
    """
    path = real_path(path)
    try:
        content = regular_bytes(path)
    except OSError as error:
        raise InvalidInputError(
            f"Cannot read the plug-in file {path}: {error.strerror}. Check --plugin."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    name = f"t2sbench_plugin_{hashlib.sha256(str(path).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInputError(f"{path} is not a .py file. Rename it to end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _FILES[name] = digest
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InvalidInputError(
            f"{path} cannot be imported ({type(error).__name__}: {error}). "
            "Correct the file; --verbose shows the place."
        ) from error
    return module
