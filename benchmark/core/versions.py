"""Version of the package, and of the numbers it produces."""

from __future__ import annotations

import functools
from importlib import metadata

#: Changes when a record's numbers could change. Boards never mix two of them.
SUITE_VERSION = 1


@functools.cache
def package_version() -> str:
    """Version of the installed distribution, ``0+unknown`` when run from a bare checkout."""
    try:
        return metadata.version("t2sbench")
    except metadata.PackageNotFoundError:
        return "0+unknown"
