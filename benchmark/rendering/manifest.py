"""The manifest of a finished dataset: what it holds, how it was made, and the digest of it all."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import digest, write_bytes
from benchmark.core.versions import package_version
from benchmark.rendering.encode import encoder_version
from benchmark.rendering.shards import Shard, check_shard, shard_from_json

if TYPE_CHECKING:
    from benchmark.rendering.request import DatasetRequest
    from benchmark.simulators.interface import Simulator

MANIFEST = "manifest.json"


def dataset_digest(shards: Sequence[Shard]) -> str:
    """Digest of all images and labels: of the digests of all shards, in order."""
    return digest([shard.sha256 for shard in shards])


def make_manifest(
    request: DatasetRequest,
    simulator: Simulator,
    shards: Sequence[Shard],
) -> dict[str, Any]:
    """Manifest of a complete dataset.

    ``identity`` decides the scenes, ``digest`` covers the files; ``drivers`` and ``made`` tell by
    what and when (two datasets of one identity differ only by driver or encoder).
    """
    return {
        "identity": request.identity(simulator),
        "key": request.key(simulator),
        "images": len(request),
        "digest": dataset_digest(shards),
        "shards": [shard.to_json() for shard in shards],
        "drivers": _distinct([dict(shard.driver) for shard in shards]),
        "notes": list(simulator.assets().notes),
        "made": {
            "encoder": encoder_version(),
            "package_version": package_version(),
            "python": platform.python_version(),
            "machine": platform.machine(),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    }


def _distinct(values: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [value for i, value in enumerate(values) if value not in values[:i]]


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest into a dataset's folder."""
    write_bytes(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished dataset; ``None`` when the folder has none.

    Raises:
        InvalidFileError: When it is not one.
    """
    path = folder / MANIFEST
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InvalidFileError(path, [str(error)], "Delete the folder and render anew.") from error
    needed = {"identity", "key", "images", "digest", "shards"}
    missing = needed - set(content) if isinstance(content, dict) else needed
    if missing:
        faults = [f"no '{name}'" for name in sorted(missing)]
        raise InvalidFileError(path, faults, "Delete the folder and render anew.")
    manifest: dict[str, Any] = content
    return manifest


def verify_dataset(folder: Path) -> dict[str, Any]:
    """Read a finished dataset's manifest and compare every file with it.

    Raises:
        InvalidFileError: When there is no manifest, or a file is missing or differs.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InvalidFileError(
            folder, [f"no {MANIFEST}"], "Give the folder of a finished 't2sbench render'."
        )
    try:
        shards = [shard_from_json(item) for item in manifest["shards"]]
    except (TypeError, KeyError, ValueError) as error:
        raise InvalidFileError(folder / MANIFEST, [f"shards: {error}"]) from error
    for shard in shards:
        check_shard(folder, shard)
    if dataset_digest(shards) != manifest["digest"]:
        raise InvalidFileError(folder / MANIFEST, ["digest: does not cover these shards"])
    return manifest
