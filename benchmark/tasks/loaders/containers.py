"""Arrays in MATLAB and HDF5 files of others: sizes are checked before anything is allocated."""

from __future__ import annotations

import io
import math
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, UnavailableError
from benchmark.core.files import check_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_REMEDY = "Fetch the official file again."
#: Largest size of the arrays of a file; the largest official one has 546 MB.
MAX_BYTES = 600_000_000
_CHUNK = 2**20
_ROWS = 256
# Numbers of HDF5's filters; and the largest ratio of deflate.
_DEFLATE, _KEEPS_SIZE, _MOST_DEFLATED = 1, (2, 3), 1032
_HEADER, _COMPRESSED = 128, 15  # of MATLAB files of version 5
_NUMBERS = (
    "double",
    "single",
    "logical",
    *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)),
)


def read_matrices(path: Path, *names: str) -> list[NDArray[Any]]:
    """Read matrices of numbers from a MATLAB file of version 4 to 7.

    Raises:
        InvalidFileError: If they are missing, too large or not readable.
    """
    from scipy.io import loadmat, whosmat

    # Whatever scipy raises for a damaged file, the file is at fault.
    try:
        check_regular(path)
        _check_content(path)
        found = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        for name in names:
            shape, kind = found[name]
            _check_numbers(name, kind, numbers=kind in _NUMBERS)
            _check_size(math.prod(shape))
        content = loadmat(path, variable_names=names)
        return [np.asarray(content[name]) for name in names]
    except NotImplementedError as error:
        fault = "a MATLAB file of version 7.3, which is not read"
        raise InvalidFileError(path, [fault], _REMEDY) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        fault = f"no readable matrices {', '.join(names)}: {reason}"
        raise InvalidFileError(path, [fault], _REMEDY) from error


def _check_numbers(name: str, kind: str, *, numbers: bool) -> None:
    if not numbers:
        raise ValueError(f"'{name}' is of type {kind}, not numbers")


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"{size / 1e6:,.0f} MB, more than the limit of {MAX_BYTES / 1e6:,.0f} MB")


def _check_content(path: Path) -> None:
    """Refuse a file of version 5 whose variables unpack to too much."""
    size = path.stat().st_size
    _check_size(size)
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
        if head[:4].find(0) >= 0 or head[126:128] not in (b"IM", b"MI"):
            return  # version 4 is not compressed
        order, unpacked = "<" if head[126:128] == b"IM" else ">", 0
        while len(tag := stream.read(8)) == 8:
            kind, length = struct.unpack(order + "II", tag)
            end = stream.tell() + length
            if kind == _COMPRESSED:
                for part in _inflated(stream, min(length, size)):
                    unpacked += part
                    _check_size(unpacked)
            stream.seek(end)


def _inflated(stream: Any, length: int) -> Iterator[int]:  # noqa: ANN401 - a binary file
    """Sizes of the pieces that compressed bytes unpack to."""
    inflate = zlib.decompressobj()
    while length > 0 and (packed := stream.read(min(_CHUNK, length))):
        length -= len(packed)
        while packed and not inflate.eof:
            yield len(inflate.decompress(packed, _CHUNK))
            packed = inflate.unconsumed_tail


def read_hdf5(path: Path, images: str, labels: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read images as uint8 and labels as int64 from an HDF5 file.

    Raises:
        InvalidFileError: If they are missing, too large, of other files, or not readable.
        UnavailableError: If h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise UnavailableError(
            f"h5py, which reads {path}, is not installed. Run pip install 't2sbench[data]'."
        ) from error
    try:
        check_regular(path)
        with h5py.File(path, "r") as file:
            _check_links(file, images, labels)
            found = [file[name] for name in (images, labels)]
            for dataset in found:
                _check_dataset(dataset)
            return _rows(found[0], np.uint8), _rows(found[1], np.int64).ravel()
    except Exception as error:  # of the format's library
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        fault = f"no readable {images}, {labels}: {reason}"
        raise InvalidFileError(path, [fault], _REMEDY) from error


def _check_links(file: Any, *names: str) -> None:  # noqa: ANN401 - h5py has no types
    for name in names:
        if hasattr(file.get(name, getlink=True), "filename"):
            raise ValueError(f"'{name}' leads to another file")


def _check_dataset(dataset: Any) -> None:  # noqa: ANN401 - h5py has no types
    kind = getattr(dataset, "dtype", np.dtype(object))
    _check_numbers(dataset.name, str(kind), numbers=kind.kind in "iuf")
    _check_size(math.prod(dataset.shape))
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"'{dataset.name}' holds data of other files")
    if dataset.chunks:
        # A part is unpacked as a whole, even if one row is asked for.
        size = dataset.dtype.itemsize * math.prod(dataset.chunks)
        _check_size(16 * size)
        _check_parts(dataset, size)


def _check_parts(dataset: Any, size: int) -> None:  # noqa: ANN401 - h5py has no types
    """Refuse parts that unpack to more than they state: the library's buffers grow with them.

    Args:
        dataset: The dataset.
        size: Number of bytes of a part as stated.
    """
    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    if not set(filters) <= {*_KEEPS_SIZE, _DEFLATE} or filters.count(_DEFLATE) > 1:
        raise ValueError(f"'{dataset.name}' has filters other than gzip, shuffle and Fletcher 32")
    parts: list[Any] = []
    dataset.id.chunk_iter(parts.append)
    for part in parts:
        if part.size > size + size // 16 + _CHUNK:
            raise ValueError(f"a part of '{dataset.name}' is larger than stated")
        if _DEFLATE in filters and _MOST_DEFLATED * part.size > MAX_BYTES:
            stored = io.BytesIO(dataset.id.read_direct_chunk(part.chunk_offset)[1])
            unpacked = 0
            with suppress(zlib.error):  # reading it tells
                for piece in _inflated(stream=stored, length=part.size):
                    unpacked += piece
                    if unpacked > size + _CHUNK:
                        raise ValueError(f"a part of '{dataset.name}' unpacks to more than stated")


def _rows(dataset: Any, kind: type[np.integer[Any]]) -> NDArray[Any]:  # noqa: ANN401 - h5py has no types
    """A dataset as another type, converted a few rows at a time."""
    values = np.empty(dataset.shape, dtype=kind)
    for start in range(0, len(values), _ROWS):
        values[start : start + _ROWS] = integers(dataset[start : start + _ROWS], kind)
    return values


def integers(values: NDArray[Any], kind: type[np.integer[Any]]) -> NDArray[Any]:
    """Convert numbers to an integer type; fractions are cut off.

    Raises:
        ValueError: If they are complex, not finite or out of range.
    """
    ends = np.iinfo(kind)
    is_real = values.dtype.kind in "biuf"
    if not is_real or (values.size and not ends.min <= values.min() <= values.max() < ends.max + 1):
        raise ValueError(f"values are not real numbers from {ends.min} to {ends.max}")
    return values.astype(kind, copy=False)
