"""Pinned downloads: cached, resumable, or from a folder that mirrors public addresses."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from benchmark.core.errors import InvalidFileError, UnavailableError
from benchmark.core.files import cache_root, inside, sha256_file, write_atomically

_CHUNK = 1 << 16
_TIMEOUT = 30.0


class SourceFile(BaseModel):
    """A public file, pinned by its digest.

    Attributes:
        url: Public address.
        sha256: Of its content.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def fetch(source: SourceFile) -> Path:
    """Local path of a pinned file, downloaded at most once.

    With ``T2SBENCH_MIRROR`` set, the file is taken from ``<mirror>/<host>/<path>`` and the network
    is never tried.

    Raises:
        UnavailableError: When the file is neither cached, nor mirrored, nor to be downloaded.
        InvalidFileError: When what came does not have the pinned sha256.
    """
    cached = cache_root() / "downloads" / f"{source.sha256[:16]}-{Path(source.url).name}"
    if cached.is_file() and sha256_file(cached) == source.sha256:
        return cached
    mirror = os.environ.get("T2SBENCH_MIRROR")
    if mirror:
        return _from_mirror(source, Path(mirror).expanduser(), cached)
    return _download(source, cached)


def _from_mirror(source: SourceFile, mirror: Path, cached: Path) -> Path:
    address = urlsplit(source.url)
    mirrored = inside(mirror, f"{address.netloc}{address.path}")
    if not mirrored.is_file():
        raise UnavailableError(
            f"Expected {source.url} in the mirror, but got no file {mirrored}. "
            "Unset T2SBENCH_MIRROR to download it, or add it to the mirror."
        )
    _verify(mirrored, source)
    write_atomically(cached, lambda scratch: shutil.copyfile(mirrored, scratch))
    return cached


def _verify(path: Path, source: SourceFile) -> None:
    found = sha256_file(path)
    if found != source.sha256:
        raise InvalidFileError(
            path,
            [f"sha256 is {found}, but {source.url} is pinned to {source.sha256}"],
            "The file changed or is damaged; delete it and fetch it again.",
        )


def _download(source: SourceFile, cached: Path) -> Path:
    import pooch
    import requests

    # pooch announces every file on stderr; the progress bar says the same.
    pooch.get_logger().setLevel("WARNING")
    cached.parent.mkdir(parents=True, exist_ok=True)
    try:
        pooch.retrieve(
            source.url,
            known_hash=f"sha256:{source.sha256}",
            fname=cached.name,
            path=cached.parent,
            downloader=_resume,
        )
    except requests.RequestException as error:
        raise UnavailableError(
            f"Expected to download {source.url}, but got {type(error).__name__}. Without a "
            "network, set T2SBENCH_MIRROR to a folder that mirrors public addresses, or run "
            "'t2sbench table fetch released' where there is a network and copy the cache "
            f"folder {cache_root()} here."
        ) from error
    except ValueError as error:
        raise InvalidFileError(
            source.url, [str(error)], "Remove the partial download and try again."
        ) from error
    return cached


def _resume(url: str, output_file: str, _pooch: Any) -> None:  # noqa: ANN401 - pooch's protocol
    """Downloader for pooch that continues a partial file (``Range``) left by an earlier try."""
    import requests
    from tqdm import tqdm

    partial = (
        cache_root() / "partial" / Path(urlsplit(url).path.lstrip("/")).as_posix().replace("/", "_")
    )
    partial.parent.mkdir(parents=True, exist_ok=True)
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            partial.unlink()
            _resume(url, output_file, _pooch)
            return
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        total = int(response.headers.get("content-length", 0)) + (have if resumed else 0)
        with (
            partial.open("ab" if resumed else "wb") as stream,
            tqdm(
                total=total or None,
                initial=have if resumed else 0,
                unit="B",
                unit_scale=True,
                desc=Path(url).name,
                disable=not sys.stderr.isatty(),
            ) as bar,
        ):
            for chunk in response.iter_content(_CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
    shutil.move(partial, output_file)
