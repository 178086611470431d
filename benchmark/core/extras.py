"""Extras of a distribution: the optional packages behind ``pip install 't2sbench[live]'``."""

from __future__ import annotations

import re
from importlib import metadata

from benchmark.core.errors import UnavailableError


def require(extra: str, what: str, *packages: str) -> None:
    """Check that an extra of t2sbench is installed; call it before any work starts.

    Only metadata is read; nothing is imported.

    Args:
        extra: Name of the extra in pyproject.toml.
        what: Feature that needs it; the message starts with it.
        packages: Distributions of the extra to check; all of them by default.

    Raises:
        UnavailableError: If a package is missing. The message names it and the pip command.

    Example:
        >>> require("plots", "Plotting")
    """
    try:
        missing = missing_packages(metadata.distribution("t2sbench"), extra)
    except metadata.PackageNotFoundError:  # a bare checkout: imports fail with their own message
        return
    needed = [name for name in missing if not packages or name in packages]
    if needed:
        names = ", ".join(needed)
        raise UnavailableError(f"{what} needs {names}: pip install 't2sbench[{extra}]'")


def missing_packages(distribution: metadata.Distribution, extra: str) -> list[str]:
    """Names of the packages in an extra of a distribution that are not installed."""
    marker = re.compile(rf"extra\s*==\s*[\"']{re.escape(extra)}[\"']")
    missing = []
    for requirement in distribution.requires or []:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is None or not marker.search(requirement.partition(";")[2]):
            continue
        try:
            metadata.distribution(name[0])
        except metadata.PackageNotFoundError:
            missing.append(name[0])
    return missing
