"""Imports of the package ``tdw`` that work with any Python and any setuptools.

``tdw`` 1.13 uses one function each of ``imp`` (removed in Python 3.12) and ``pkg_resources``
(removed in setuptools 82). Substitutes of both modules are in ``sys.modules`` only while ``tdw`` is
imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.core.errors import UnavailableError

#: Remedy in messages about the missing extra.
INSTALL = "Run: pip install 't2sbench[tdw]'."

_LOCK = threading.Lock()


def load(name: str) -> Any:  # noqa: ANN401 - a module of a package without types
    """Import a module of ``tdw``, for example ``tdw.librarian``; no network is used.

    Raises:
        UnavailableError: When the package is not installed.
    """
    with _LOCK, _stand_ins():
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise UnavailableError(f"Package tdw is not installed: {error}. {INSTALL}") from error


@contextmanager
def _stand_ins() -> Iterator[None]:
    made = {name: make() for name, make in _MAKERS.items() if name not in sys.modules}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, module in made.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _imp() -> ModuleType:
    """Return a substitute with ``find_module``, which the package calls to find numpy."""
    module = ModuleType("imp")

    def find_module(name: str) -> None:
        if importlib.util.find_spec(name) is None:
            raise ImportError(name)

    module.find_module = find_module  # type: ignore[attr-defined]
    return module


def _pkg_resources() -> ModuleType:
    """Return a substitute with ``resource_filename``, which locates files of the package."""
    module = ModuleType("pkg_resources")

    def resource_filename(package: str, name: str) -> str:
        return str(Path(sys.modules[package].__file__ or "").parent / name)

    module.resource_filename = resource_filename  # type: ignore[attr-defined]
    return module


_MAKERS = {"imp": _imp, "pkg_resources": _pkg_resources}
