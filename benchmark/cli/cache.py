"""``t2sbench cache``: list and prune the cell store."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import click

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmark.core.store import Entry

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """A number of bytes, with a unit of powers of 1,000 or without one.

    Raises:
        InvalidInputError: For anything else.

    Example:
        >>> parse_size("1.5GB"), parse_size("0")
        (1500000000, 0)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f"Expected a size such as 500MB or 20GB, but got '{text}'. Write a number and a unit."
        )
    unit: int = 1000 ** _POWERS[match[2].lower()]
    return round(float(match[1]) * unit)


def show_size(size: float) -> str:
    """Bytes in their largest unit.

    Example:
        >>> show_size(1_500_000), show_size(12)
        ('1.5 MB', '12 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if unit != "B" and size < 100 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@click.group()
def cache() -> None:
    """List or prune cached results: datasets, backbones, scores, meshes, decoded images ..."""


@cache.command("ls")
@click.option("--all", "every", is_flag=True, help="List every cell instead of sums.")
def list_cells(*, every: bool) -> int:
    """List the cells of the store, summed by kind."""
    from tabulate import tabulate

    from benchmark.core.store import default_store

    store = default_store()
    entries = store.entries()
    rows = _cells(entries) if every else _sums(entries)
    if rows:
        click.echo(tabulate(rows, headers="keys"))
    total, bound = sum(entry.bytes for entry in entries), store.max_bytes or 0
    click.echo(f"{store.root}: {len(entries)} cells, {show_size(total)} of {show_size(bound)}.")
    return 0


def _sums(entries: list[Entry]) -> list[dict[str, object]]:
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind].append(entry)
    return [
        {
            "kind": kind,
            "cells": len(found),
            "size": show_size(sum(entry.bytes for entry in found)),
            "made in": f"{sum(entry.seconds for entry in found):,.0f} s",
        }
        for kind, found in sorted(by_kind.items())
    ]


def _cells(entries: list[Entry]) -> list[dict[str, object]]:
    return [
        {
            "kind": entry.kind,
            "key": entry.key[:12],
            "size": show_size(entry.bytes),
            "made in": f"{entry.seconds:.1f} s",
            "what": entry.label,
        }
        for entry in entries
    ]


@cache.command()
@click.option("--keep", default="0", show_default=True, help="Size that may remain, such as 5GB.")
def prune(keep: str) -> int:
    """Remove cells until the rest fits: datasets, features and images first, scores last."""
    from benchmark.core.store import default_store

    store = default_store()
    removed = store.prune(parse_size(keep))
    freed = show_size(sum(entry.bytes for entry in removed))
    click.echo(f"Removed {len(removed)} cells, {freed}, from {store.root}.")
    return 0
