"""Versions of the package and of the numbers that it produces."""

from __future__ import annotations

import functools
from importlib import metadata

#: Raised when the numbers of records could change. Boards never mix two of them.
SUITE_VERSION = 1


@functools.cache
def package_version() -> str:
    """Return the version of the installed distribution; ``0+unknown`` for a bare checkout."""
    try:
        return metadata.version("t2sbench")
    except metadata.PackageNotFoundError:
        return "0+unknown"
