"""Assets of TDW that the paper used, and those of them that need no credentials.

The names are in ``index.json``, which ``docs/make_tdw_index.py`` makes from TDW's own libraries.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from benchmark.core.errors import UnknownNameError
from benchmark.core.files import digest
from benchmark.simulators.interface import AssetCatalog

Assets = Literal["public", "paper"]
Objects = Literal["all", "subset"]


@dataclass(frozen=True)
class ModelEntry:
    """A model of the paper.

    Attributes:
        name: Its name in TDW.
        in_subset: True if it is in the released subset of 100 categories.
        public: True if no credentials are needed today.
        flagged: True if TDW has marked it as unusable since the paper (wrong scale, no colliders).
    """

    name: str
    in_subset: bool
    public: bool
    flagged: bool

    @property
    def free(self) -> bool:
        """True if it is usable without credentials."""
        return self.public and not self.flagged


@dataclass(frozen=True)
class Index:
    """Models, materials and panoramas of the paper.

    Attributes:
        models: Models by category (a WordNet id), the subset's 100 categories first.
        labels: Common name of each category.
        materials: Names of the 141 materials; True if public.
        skyboxes: Names of the 43 panoramas; the first one is the fixed background.
    """

    models: Mapping[str, tuple[ModelEntry, ...]]
    labels: Mapping[str, str]
    materials: Mapping[str, bool]
    skyboxes: tuple[str, ...]

    def choose(self, assets: Assets, objects: Objects) -> dict[str, tuple[str, ...]]:
        """Return names of models by category, without empty categories.

        Args:
            assets: ``paper``: all of the paper; ``public``: those that need no credentials and
                are not flagged.
            objects: ``all`` (237 categories), or the released ``subset`` (100).

        Example:
            >>> chosen = load_index().choose("public", "subset")
            >>> len(chosen), sum(map(len, chosen.values()))
            (70, 316)
        """
        chosen = {
            category: tuple(
                entry.name
                for entry in entries
                if (entry.free or assets == "paper") and (entry.in_subset or objects == "all")
            )
            for category, entries in self.models.items()
        }
        return {category: names for category, names in chosen.items() if names}


@functools.cache
def load_index() -> Index:
    """Return the packaged index.

    Example:
        >>> index = load_index()
        >>> len(index.models), sum(map(len, index.models.values()))
        (237, 2322)
        >>> len(index.materials), len(index.skyboxes), index.skyboxes[0]
        (141, 43, 'fish_hoek_beach_4k')
    """
    content: dict[str, Any] = json.loads(
        resources.files("benchmark.simulators.tdw").joinpath("index.json").read_bytes()
    )
    categories = content["categories"]
    return Index(
        {
            wnid: tuple(
                ModelEntry(name, "s" in letters, "p" in letters, "x" in letters)
                for name, letters in category["models"].items()
            )
            for wnid, category in categories.items()
        },
        {wnid: category["label"] for wnid, category in categories.items()},
        {name: "p" in letters for name, letters in content["materials"].items()},
        tuple(content["skyboxes"]),
    )


_PARTS: tuple[tuple[Objects, str], ...] = (("all", "all"), ("subset", "the released subset"))


def make_catalog(assets: Assets, objects: Objects, without: Sequence[str]) -> AssetCatalog:
    """Return the catalogue of a choice of assets.

    Args:
        assets: ``public`` or ``paper``.
        objects: ``all`` or ``subset``.
        without: Names of models to leave out.

    Raises:
        UnknownNameError: When a model to leave out is not part of the choice.
    """
    index = load_index()
    chosen = index.choose(assets, objects)
    known = {name for names in chosen.values() for name in names}
    for name in without:
        if name not in known:
            raise UnknownNameError("model of TDW", name, known)
    kept = {w: tuple(n for n in names if n not in without) for w, names in chosen.items()}
    kept = {wnid: names for wnid, names in kept.items() if names}
    return AssetCatalog(
        kept,
        tuple(index.materials),
        index.skyboxes,
        content=digest(["tdw index of 1.8.23.0"]),
        notes=tuple(_notes(assets, objects, without)),
    )


def _notes(assets: Assets, objects: Objects, without: Sequence[str]) -> list[str]:
    entries = _entries(objects)
    public = sum(entry.free for _, entry in entries)
    notes = []
    if assets == "public":
        notes.append(
            f"{len(entries) - public:,} of the paper's {len(entries):,} models are left out: they "
            "are in TDW's private store, or flagged as unusable (-O assets=paper takes all)."
        )
    else:
        notes.append(
            f"{len(entries) - public:,} of {len(entries):,} models are in TDW's private store, "
            "which needs credentials, or flagged as unusable since the paper."
        )
    if without:
        notes.append(f"Left out by -O without: {', '.join(without)}.")
    return notes


def _entries(objects: Objects) -> list[tuple[str, ModelEntry]]:
    """Return pairs of category and model."""
    return [
        (category, entry)
        for category, entries in load_index().models.items()
        for entry in entries
        if entry.in_subset or objects == "all"
    ]


def what_is_public() -> list[str]:
    """Return lines on the assets that need no credentials."""
    index = load_index()
    lines = ["Models of the paper that need no credentials (as of tdw 1.13.0.0):"]
    for objects, what in _PARTS:
        every = _entries(objects)
        public = {pair for pair in every if pair[1].public}
        free = {pair for pair in every if pair[1].free}
        lines.append(
            f"  {what}: {_count(public)}, of {_count(set(every))};"
            f" {_count(free)} without those flagged as unusable since"
        )
    materials = sum(index.materials.values())
    return [
        *lines,
        f"Materials: {materials} of {len(index.materials)}. Panoramas: all {len(index.skyboxes)}.",
        "The other models are in TDW's private store, which needs credentials of TDW's authors.",
        "Without them, the data of the paper cannot be reproduced in full.",
    ]


def _count(pairs: Set[tuple[str, ModelEntry]]) -> str:
    return f"{len(pairs):,} in {len({category for category, _ in pairs})} categories"
