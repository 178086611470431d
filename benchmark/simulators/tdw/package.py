"""Imports parts of the package ``tdw`` on any Python and with any setuptools.

``tdw`` 1.13 imports ``imp`` (gone since Python 3.12) and ``pkg_resources`` (gone since setuptools
82, and deprecated before), of each one function. Both modules are stood in for while ``tdw`` is
imported, and only then: whatever ``sys.modules`` held before, it holds afterwards.
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

#: What ``t2sbench`` says wherever the extra is missing.
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
            raise UnavailableError(
                f"Expected the package tdw, but got: {error}. {INSTALL}"
            ) from error


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
    """Has ``find_module``, with which the package looks for numpy."""
    module = ModuleType("imp")

    def find_module(name: str) -> None:
        if importlib.util.find_spec(name) is None:
            raise ImportError(name)

    module.find_module = find_module  # type: ignore[attr-defined]
    return module


def _pkg_resources() -> ModuleType:
    """Has ``resource_filename``, with which the package finds its own files."""
    module = ModuleType("pkg_resources")

    def resource_filename(package: str, name: str) -> str:
        return str(Path(sys.modules[package].__file__ or "").parent / name)

    module.resource_filename = resource_filename  # type: ignore[attr-defined]
    return module


_MAKERS = {"imp": _imp, "pkg_resources": _pkg_resources}
