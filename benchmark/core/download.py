"""Pinned downloads: cached, resumed after an interruption, or copied from a mirror folder."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.core.errors import InvalidFileError, StorageError, UnavailableError
from benchmark.core.files import cache_root, inside, sha256_file, write_atomically
from benchmark.core.leases import lease
from benchmark.core.models import Frozen, Sha256

_CHUNK = 1 << 16
_TIMEOUT = 30.0


class SourceFile(Frozen):
    """A public file, pinned by its digest.

    Attributes:
        url: Public address.
        sha256: SHA-256 of the content.
    """

    url: str
    sha256: Sha256


def fetch(source: SourceFile) -> Path:
    """Local path of a pinned file, downloaded at most once.

    If ``T2SBENCH_MIRROR`` is set, the file is copied from ``<mirror>/<host>/<path>`` and the
    network is not used.

    Raises:
        UnavailableError: If the file is neither cached nor mirrored, and cannot be downloaded.
        InvalidFileError: If the sha256 is not the pinned one.
        StorageError: If the cache folder cannot be written.
    """
    cached = cache_root() / "downloads" / f"{source.sha256[:16]}-{Path(source.url).name}"
    if _is_cached(cached, source):
        return cached
    mirror = os.environ.get("T2SBENCH_MIRROR")
    if mirror:
        _copy(source, Path(mirror).expanduser(), cached)
    else:
        _download(source, cached)
    return cached


def _is_cached(cached: Path, source: SourceFile) -> bool:
    return cached.is_file() and sha256_file(cached) == source.sha256


def _copy(source: SourceFile, mirror: Path, cached: Path) -> None:
    address = urlsplit(source.url)
    mirrored = inside(mirror, f"{address.netloc}{address.path}")
    if not mirrored.is_file():
        raise UnavailableError(
            f"The mirror has no file {mirrored} for {source.url}. "
            "Unset T2SBENCH_MIRROR to download it, or add it to the mirror."
        )
    _verify(mirrored, source)
    write_atomically(cached, lambda scratch: shutil.copyfile(mirrored, scratch))


def _verify(path: Path, source: SourceFile) -> None:
    found = sha256_file(path)
    if found != source.sha256:
        raise InvalidFileError(
            path,
            [f"sha256 is {found}, but {source.url} is pinned to {source.sha256}"],
            "The file changed or is damaged; delete it and fetch it again.",
        )


def _download(source: SourceFile, cached: Path) -> None:
    import requests

    partial = cache_root() / "partial" / cached.name
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        cached.parent.mkdir(parents=True, exist_ok=True)
        with lease(partial.with_name(f"{partial.name}.lease")):
            if not _is_cached(cached, source):  # else another process was faster
                _append_rest(source.url, partial)
                _verify_or_remove(partial, source)
                partial.replace(cached)
    except requests.RequestException as error:
        raise UnavailableError(
            f"Cannot download {source.url} ({type(error).__name__}). Without a network, set "
            "T2SBENCH_MIRROR to a folder that mirrors public addresses, or run "
            "'t2sbench table fetch released' where there is a network and copy the cache "
            f"folder {cache_root()} here."
        ) from error
    except OSError as error:
        raise StorageError(
            f"Cannot write {partial}: {error.strerror or error}. Free some space, or set "
            "T2SBENCH_CACHE to another folder."
        ) from error


def _verify_or_remove(partial: Path, source: SourceFile) -> None:
    try:
        _verify(partial, source)
    except InvalidFileError:
        partial.unlink()
        raise


def _append_rest(url: str, partial: Path) -> None:
    """Download what is missing of a partial file, or all of it if the server cannot resume."""
    import requests
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from benchmark.core.terminal import SafeConsole

    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            partial.unlink()
            _append_rest(url, partial)
            return
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0
        total = int(response.headers.get("content-length", 0)) + have
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with (
            partial.open("ab" if have else "wb") as stream,
            Progress(
                *columns,
                TransferSpeedColumn(),
                console=SafeConsole(stderr=True),
                transient=True,
                disable=not sys.stderr.isatty(),
            ) as bar,
        ):
            task = bar.add_task(Path(url).name, total=total or None, completed=have)
            for chunk in response.iter_content(_CHUNK):
                stream.write(chunk)
                bar.advance(task, len(chunk))
