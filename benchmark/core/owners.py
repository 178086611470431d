"""A guard against other distributions that own one of our import names.

Our packages have plain names (``benchmark``, ``baselines``, ``task2sim``, ``taskonomy``). pip lets
another distribution with a folder of the same name overwrite ours without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.core.errors import UnavailableError

IMPORT_NAMES = ("benchmark", "baselines", "task2sim", "taskonomy")


def check_import_owners(owners: Mapping[str, Sequence[str]] | None = None) -> None:
    """Raise when a distribution other than ours provides one of our import names.

    Args:
        owners: Distributions by import name; by default those installed.

    Raises:
        UnavailableError: Naming the other distribution and the remedy.

    Example:
        >>> check_import_owners({"benchmark": ["t2sbench"]})
    """
    known = _installed_owners() if owners is None else owners
    for name in IMPORT_NAMES:
        others = sorted({owner for owner in known.get(name, []) if owner != "t2sbench"})
        if others:
            raise UnavailableError(
                f"Expected the import name '{name}' to be ours alone, but got it from "
                f"{', '.join(others)} too. Install t2sbench in its own environment: make venv."
            )


def _installed_owners() -> dict[str, list[str]]:
    """Owners of our names alone: parsing every file list would cost start-up time."""
    from importlib import metadata

    owners: dict[str, list[str]] = {}
    for distribution in metadata.distributions():
        top_level = (distribution.read_text("top_level.txt") or "").split()
        for name in IMPORT_NAMES:
            if name in top_level or _records_package(distribution.read_text("RECORD"), name):
                owners.setdefault(name, []).append(distribution.metadata["Name"])
    return owners


def _records_package(record: str | None, name: str) -> bool:
    return record is not None and (record.startswith(f"{name}/") or f"\n{name}/" in record)
