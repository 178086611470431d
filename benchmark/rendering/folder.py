"""The folder of a dataset while it is rendered: beside its final place, locked, then moved there.

``DIR`` exists only when it is complete. Until then everything is in ``DIR.partial``, which holds
the request, the finished shards and their markers, and is moved in one step at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.core.files import LOCK, held, write_bytes
from benchmark.rendering.manifest import MANIFEST, read_manifest
from benchmark.rendering.shards import MARKERS

_REQUEST = ".request.json"


def partial_folder(target: Path) -> Path:
    """Where a dataset is while it is not complete.

    Example:
        >>> partial_folder(Path("out/set")).as_posix()
        'out/set.partial'
    """
    return target.with_name(target.name + ".partial")


def finished_manifest(target: Path, key: str) -> dict[str, Any] | None:
    """The manifest, when the dataset is already there; ``None`` when the place is free.

    Raises:
        InvalidInputError: When something else is there.
    """
    if not target.exists():
        return None
    if not target.is_dir():
        raise InvalidInputError(
            f"Expected a folder at {target}, but got a file. Choose another --output."
        )
    manifest = read_manifest(target)
    if manifest is None:
        if any(target.iterdir()):
            raise InvalidInputError(
                f"Expected {target} to be empty or a rendered dataset, but got other files. "
                "Choose another --output."
            )
        return None
    if manifest["key"] != key:
        raise InvalidInputError(
            f"Expected {target} to be a dataset of these arguments, but got one that was rendered "
            f"with others (see {target / MANIFEST}). Choose another --output or delete it."
        )
    return manifest


def locked(folder: Path) -> AbstractContextManager[None]:
    """Hold the partial folder against other processes; made when it is not there.

    Raises:
        StorageError: When another process renders into it, or the file system refuses.
    """
    return held(folder, "another process renders into it")


def claim(folder: Path, identity: Mapping[str, Any], key: str) -> None:
    """Note in a partial folder what is rendered there, or see that it is the same.

    Raises:
        InvalidInputError: When it was begun with other arguments.
    """
    path = folder / _REQUEST
    try:
        begun = orjson.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        write_bytes(path, orjson.dumps({"key": key, "identity": identity}))
        return
    if begun.get("key") != key:
        different = ", ".join(_different(begun.get("identity", {}), identity)) or "version"
        raise InvalidInputError(
            f"Expected {folder} to be a dataset begun with the same arguments, but got others "
            f"({different}). Use the same arguments, choose another --output, or delete it."
        )


def _different(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    return [name for name in second if first.get(name) != second[name]]


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written; nobody else writes while the lock is held."""
    for path in folder.rglob(".*"):
        if path.is_file() and path.name not in {_REQUEST, LOCK}:
            path.unlink(missing_ok=True)


def finish(folder: Path, target: Path) -> None:
    """Move a complete dataset to its place in one step.

    Raises:
        StorageError: When the file system refuses.
    """
    try:
        shutil.rmtree(folder / MARKERS, ignore_errors=True)
        for name in (_REQUEST, LOCK):
            (folder / name).unlink(missing_ok=True)
        os.replace(folder, target)  # noqa: PTH105 - replaces an empty folder, unlike Path.rename
    except OSError as error:
        raise StorageError(
            f"Expected to move {folder} to {target}, but got: {error.strerror}. "
            "Make room there and run the command again."
        ) from error
