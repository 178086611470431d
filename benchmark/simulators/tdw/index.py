"""Which assets the paper used, and which of them can be had without credentials.

The index is made from the package's own libraries by ``make_index.py`` and read without them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

Assets = Literal["public", "paper"]
Objects = Literal["all", "subset"]


@dataclass(frozen=True)
class ModelEntry:
    """One model.

    Attributes:
        name: Its name in TDW.
        in_subset: Of the released subset of 100 categories.
        public: Everybody can download it today.
        flagged: TDW has marked it as unusable since the paper (wrong scale, no colliders ...).
    """

    name: str
    in_subset: bool
    public: bool
    flagged: bool

    @property
    def free(self) -> bool:
        """Whether everybody can download and use it."""
        return self.public and not self.flagged


@dataclass(frozen=True)
class Index:
    """All of it.

    Attributes:
        models: Models by category (a WordNet id), the subset's 100 categories first.
        labels: Word for each category.
        materials: Names of the 141 materials, and whether each is public.
        skyboxes: Names of the 43 panoramas; the first is the fixed background.
    """

    models: Mapping[str, tuple[ModelEntry, ...]]
    labels: Mapping[str, str]
    materials: Mapping[str, bool]
    skyboxes: tuple[str, ...]

    def choose(self, assets: Assets, objects: Objects) -> dict[str, tuple[str, ...]]:
        """Names of models by category; categories without any are left out.

        Args:
            assets: ``paper``: all that the paper used; ``public``: those of them that need no
                credentials and are not flagged.
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
    """The index that comes with the suite.

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
