"""The folder of a dataset, and the manifest that describes and verifies it.

``DIR`` exists only when it is complete. Until then everything is in ``DIR.partial``, which is
locked, holds the request, the finished shards and their markers, and is moved in one step at the
end. The manifest of a finished dataset records its content, its origin and the digest of its files.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, NonNegativeInt, ValidationError, model_validator

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    StorageError,
    validation_faults,
)
from benchmark.core.files import (
    LOCK,
    canonical_json,
    digest,
    held,
    json_value,
    regular_bytes,
    write_bytes,
)
from benchmark.core.versions import package_version
from benchmark.executors.job_queue import QUEUE
from benchmark.executors.trace import RUNNING, TRACE
from benchmark.rendering.shards import (
    MARKERS,
    Shard,
    encoder_version,
    shard_faults,
)

if TYPE_CHECKING:
    from benchmark.rendering.request import DatasetRequest
    from benchmark.simulators.interface import Simulator

MANIFEST = "manifest.json"
_REQUEST = ".request.json"
_REMEDY = "Delete the folder and render it again."


class _Manifest(BaseModel):
    """The fields of a manifest that are read again."""

    identity: dict[str, Any]
    key: str
    images: NonNegativeInt
    digest: str
    shards: tuple[Shard, ...]

    @model_validator(mode="after")
    def _covered(self) -> Self:
        if [shard.number for shard in self.shards] != list(range(len(self.shards))):
            raise ValueError("shards: not numbered from 0 in order")
        if sum(shard.images for shard in self.shards) != self.images:
            raise ValueError("images: differs from the sum over the shards")
        if digest(self.identity) != self.key:
            raise ValueError("key: does not cover this identity")
        if dataset_digest(self.shards) != self.digest:
            raise ValueError("digest: does not cover these shards")
        return self


def partial_folder(target: Path) -> Path:
    """Return the folder of a dataset that is not complete yet.

    Example:
        >>> partial_folder(Path("out/set")).as_posix()
        'out/set.partial'
    """
    return target.with_name(target.name + ".partial")


def finished_manifest(target: Path, key: str) -> dict[str, Any] | None:
    """Return the manifest of a dataset that exists already; ``None`` if the place is free.

    The sizes of its files are compared with the manifest, and the manifest with its digests;
    :func:`verify_dataset` reads the files.

    Raises:
        InvalidInputError: If the place holds something else, or the dataset is damaged.
    """
    if not target.exists():
        return None
    if not target.is_dir():
        raise InvalidInputError(f"{target} is a file, not a folder. Choose another --output.")
    manifest = read_manifest(target)
    if manifest is None:
        if any(target.iterdir()):
            raise InvalidInputError(
                f"{target} holds other files than a rendered dataset. Choose another --output."
            )
        return None
    if manifest["key"] != key:
        raise InvalidInputError(
            f"{target} holds a dataset of other arguments (see {target / MANIFEST}). "
            "Choose another --output or delete it."
        )
    faults = _damage(target, manifest, content=False)
    if faults:
        raise InvalidFileError(
            target, faults, f"'t2sbench verify {target}' compares every file. {_REMEDY}"
        )
    return manifest


def locked(folder: Path) -> AbstractContextManager[None]:
    """Lock the partial folder against other processes; it is created if it is missing.

    Raises:
        StorageError: If another process renders into it, or the file system refuses.
    """
    return held(folder, "another process renders into it", is_moved=True)


def claim(folder: Path, identity: Mapping[str, Any], key: str) -> None:
    """Write the request into a partial folder, or compare it with the one that is there.

    Raises:
        InvalidInputError: If the folder was begun with other arguments.
    """
    path = folder / _REQUEST
    try:
        begun = json_value(regular_bytes(path))
    except (FileNotFoundError, ValueError):
        begun = None
    if not isinstance(begun, dict):
        write_bytes(path, canonical_json({"key": key, "identity": identity}))
        return
    if begun.get("key") != key:
        before = begun.get("identity", {})
        different = [name for name in identity if before.get(name) != identity[name]]
        raise InvalidInputError(
            f"{folder} holds a dataset begun with other arguments "
            f"({', '.join(different) or 'version'}). Use the same arguments, choose another "
            "--output, or delete it."
        )


def sweep(folder: Path) -> None:
    """Remove the half-written files of a killed process; only the owner of the lock may call it."""
    for path in folder.rglob(".*"):
        in_queue = QUEUE in path.relative_to(folder).parts  # workers in Slurm may be at work
        if path.is_file() and path.name not in {_REQUEST, LOCK} and not in_queue:
            path.unlink(missing_ok=True)


def finish(folder: Path, manifest: Mapping[str, Any], target: Path) -> None:
    """Move a complete dataset to its place in one step.

    Raises:
        StorageError: If files vanished since they were rendered, or the file system refuses.
    """
    if _damage(folder, manifest, content=False):
        raise StorageError(
            f"Files of {folder} vanished during the work. Run the same command again: it renders "
            "them."
        )
    try:
        for name in (MARKERS, QUEUE):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in (_REQUEST, LOCK, TRACE, RUNNING):
            (folder / name).unlink(missing_ok=True)
        os.replace(folder, target)  # noqa: PTH105 - replaces an empty folder, unlike Path.rename
    except OSError as error:
        raise StorageError(
            f"Cannot move {folder} to {target} ({error.strerror}). "
            "Make room there and run the command again."
        ) from error


def dataset_digest(shards: Sequence[Shard]) -> str:
    """Digest of all images and labels, from the digests of all shards in order."""
    return digest([shard.sha256 for shard in shards])


def make_manifest(
    request: DatasetRequest,
    simulator: Simulator,
    shards: Sequence[Shard],
) -> dict[str, Any]:
    """Manifest of a complete dataset.

    ``identity`` determines the scenes and ``digest`` covers the files; ``drivers`` and ``made``
    name the software and the time (two datasets of one identity differ only by driver or encoder).
    """
    drivers = [dict(shard.driver) for shard in shards]
    return {
        "identity": request.identity(simulator),
        "key": request.key(simulator),
        "images": len(request),
        "digest": dataset_digest(shards),
        "shards": [shard.model_dump() for shard in shards],
        "drivers": [driver for i, driver in enumerate(drivers) if driver not in drivers[:i]],
        "notes": list(simulator.assets().notes),
        "made": {
            "encoder": encoder_version(),
            "package_version": package_version(),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    }


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a finished dataset; ``None`` if the folder has none.

    Raises:
        InvalidFileError: If the file is not a manifest, or its digests do not cover its content.
    """
    path = folder / MANIFEST
    try:
        content = regular_bytes(path)
        _Manifest.model_validate_json(content)
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise InvalidFileError(path, validation_faults(error), _REMEDY) from error
    except OSError as error:
        raise InvalidFileError(path, [str(error.strerror)], _REMEDY) from error
    manifest: dict[str, Any] = json_value(content)
    return manifest


def verify_dataset(folder: Path) -> dict[str, Any]:
    """Read the manifest of a finished dataset and compare the content of every file with it.

    Raises:
        InvalidFileError: If the manifest is missing or invalid (exit code 2), or a file is missing
            or differs (exit code 1); the message lists all of them.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InvalidFileError(
            folder, [f"no {MANIFEST}"], "Give the folder of a finished 't2sbench render'."
        )
    faults = _damage(folder, manifest, content=True)
    if faults:
        error = InvalidFileError(folder, faults, _REMEDY)
        error.exit_code = 1
        raise error
    return manifest


def _damage(folder: Path, manifest: Mapping[str, Any], *, content: bool) -> list[str]:
    """Differences between the files and the manifest: in size, and also in ``content``."""
    shards = [Shard.model_validate(item) for item in manifest["shards"]]
    return [fault for shard in shards for fault in shard_faults(folder, shard, content=content)]
