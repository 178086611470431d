"""What scenes of TDW can be made of, and what of it can be had without credentials."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from benchmark.core.errors import UnknownNameError
from benchmark.core.files import digest
from benchmark.simulators.interface import AssetCatalog
from benchmark.simulators.tdw.index import load_index

if TYPE_CHECKING:
    from benchmark.simulators.tdw.index import Assets, ModelEntry, Objects

_PARTS: tuple[tuple[Objects, str], ...] = (("all", "all"), ("subset", "the released subset"))


def make_catalog(assets: Assets, objects: Objects, without: Sequence[str]) -> AssetCatalog:
    """Names of everything.

    Args:
        assets: ``public`` or ``paper``.
        objects: ``all`` or ``subset``.
        without: Models to leave out.

    Raises:
        UnknownNameError: When one of these is not there.
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
        notes.append(f"Left out as asked: {', '.join(without)}.")
    return notes


def _entries(objects: Objects) -> list[tuple[str, ModelEntry]]:
    """Categories and models."""
    return [
        (category, entry)
        for category, entries in load_index().models.items()
        for entry in entries
        if entry.in_subset or objects == "all"
    ]


def what_is_public() -> list[str]:
    """What can be had without credentials, line by line."""
    index = load_index()
    lines = ["Models that everybody can download (of the paper's, as of tdw 1.13.0.0):"]
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
        "The other models are in TDW's private store, open to those whom TDW's authors gave",
        "credentials: without them the paper's data cannot be reproduced in full.",
    ]


def _count(pairs: Set[tuple[str, ModelEntry]]) -> str:
    return f"{len(pairs):,} in {len({category for category, _ in pairs})} categories"
