"""Losses or correctness per test item as a NumPy archive (``.npz``), for the tournament.

The archive holds an array ``sources`` of names (joined by ``+``; ``self``: the target's own
network; ``scratch``: a network without transfer, used for the gain only), and one array per target,
``(n_sources, n_items)``: booleans say whether a source is right on an item, other numbers are
losses. An array ``sources/TARGET`` replaces ``sources`` for one target. Nothing is unpickled.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError, T2SBenchError
from taskonomy.table_file import source_faults
from taskonomy.transfers import SELF, SEPARATOR, Transfer, transfers_of_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOURCES = "sources"
SCRATCH = "scratch"


def read_samples(path: Path) -> list[Transfer]:
    """Transfers with affinities from an archive of samples.

    Args:
        path: The ``.npz`` file.

    Returns:
        Transfers target by target.

    Raises:
        InvalidFileError: With all faults: no readable archive, no sources, shapes that disagree,
            losses that are not a number, ...
    """
    arrays = _arrays(path)
    targets = [name for name in arrays if name.partition("/")[0] != SOURCES]
    found: list[Transfer] = []
    faults = [] if targets else ["no array of a target"]
    for target in targets:
        try:
            found += _transfers(target, arrays)
        except T2SBenchError as error:
            faults.append(f"target '{target}': {error}")
        except LookupError:
            faults.append(f"target '{target}': expected an array '{SOURCES}', but got none")
    if faults:
        raise InvalidFileError(path, faults, "See the format in docs/taxonomy.md.")
    return found


def _transfers(target: str, arrays: Mapping[str, NDArray[Any]]) -> Iterator[Transfer]:
    names = arrays.get(f"{SOURCES}/{target}")
    rows = [str(name) for name in (arrays[SOURCES] if names is None else names).ravel()]
    _check_names(target, rows)
    samples = arrays[target]
    if samples.ndim != 2 or len(samples) != len(rows):
        yield from transfers_of_samples(target, [(name,) for name in rows], samples)  # refused
    scratch = samples[rows.index(SCRATCH)] if SCRATCH in rows else None
    kept = [row for row, name in enumerate(rows) if name != SCRATCH]
    groups = [_group(rows[row]) for row in kept]
    yield from transfers_of_samples(target, groups, samples[kept], scratch)


def _check_names(target: str, rows: Sequence[str]) -> None:
    """Rows are sources by name as in a table of transfers, each once, in whatever order."""
    groups = Counter(_group(name) for name in rows)
    faults = [
        f"{SEPARATOR.join(group) or SELF} twice" for group, count in groups.items() if count > 1
    ]
    for name in rows:
        faults += source_faults(target, [part.strip() for part in name.split(SEPARATOR)])
        if SCRATCH in name.split(SEPARATOR) and name != SCRATCH:
            faults.append(f"expected '{SCRATCH}' alone, but got '{name}'")
    if faults:
        raise InvalidInputError(f"{'; '.join(faults)}. Name each row once.")


def _group(name: str) -> tuple[str, ...]:
    return () if name == SELF else tuple(sorted(part.strip() for part in name.split(SEPARATOR)))


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if isinstance(archive, np.lib.npyio.NpzFile):
                return {name: archive[name] for name in archive.files}
            error: Exception = ValueError("a single array")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as caught:
        error = caught
    except NotImplementedError as caught:  # a compression that zipfile does not know
        error = caught
    fault = f"expected a readable .npz archive without pickled objects, but got: {error}"
    raise InvalidFileError(path, [fault]) from error
