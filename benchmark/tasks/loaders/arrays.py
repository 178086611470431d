"""Data sets that come as arrays: SVHN, USPS and PACS; and Omniglot, whose folders are nested."""

from __future__ import annotations

import bz2
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import check_regular
from benchmark.tasks.images import LabelledImages, encode_png, labelled_files
from benchmark.tasks.loaders.containers import integers, read_hdf5, read_matrices
from benchmark.tasks.loaders.folders import class_folders, find_root, visible_folders
from benchmark.tasks.loaders.listed import read_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REMEDY = "Fetch the official file again."
_PACS_CLASSES = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
_DIGITS = tuple("0123456789")
_USPS_SIDE = 16
_USPS_BYTES = 64_000_000  # the official file has 18 MB


def _from_arrays(
    parts: list[tuple[NDArray[np.uint8], NDArray[np.int64]]], class_names: tuple[str, ...]
) -> LabelledImages:
    """Images of a training and a test array, encoded as PNG when read."""
    (train, train_labels), (test, test_labels) = parts
    labels = np.concatenate([train_labels, test_labels])

    def read(row: int) -> bytes:
        return encode_png(train[row] if row < len(train) else test[row - len(train)])

    return LabelledImages(class_names, labels, np.arange(len(labels)) < len(train), read)


def _check(path: Path, images: NDArray[Any], labels: NDArray[np.int64], classes: int) -> None:
    faults = []
    if len(images) != len(labels):
        faults.append(f"{len(images)} images, but {len(labels)} labels")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        faults.append(f"labels are not within the {classes} classes")
    if faults:
        raise InvalidFileError(path, faults, _REMEDY)


def svhn(folder: Path) -> LabelledImages:
    """SVHN: ``train_32x32.mat`` and ``test_32x32.mat``; label 10 is the digit 0."""
    root = find_root(folder, "train_32x32.mat", "test_32x32.mat")
    return _from_arrays([_svhn_part(root / f"{p}_32x32.mat") for p in ("train", "test")], _DIGITS)


def _svhn_part(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    matrix, numbers = read_matrices(path, "X", "y")
    if matrix.ndim != 4:
        fault = f"X has {matrix.ndim} axes, not (height, width, 3, images)"
        raise InvalidFileError(path, [fault], _REMEDY)
    try:
        images = np.ascontiguousarray(np.moveaxis(integers(matrix, np.uint8), 3, 0))
        labels = integers(numbers, np.int64).ravel()
    except ValueError as error:
        raise InvalidFileError(path, [f"X, y: {error}"], _REMEDY) from error
    _check(path, images, labels - 1, len(_DIGITS))
    return images, labels % 10


def usps(folder: Path) -> LabelledImages:
    """USPS: ``usps.bz2`` and ``usps.t.bz2`` in LIBSVM form; values -1 to 1 become 0 to 255.

    The values are scaled as torchvision does it; label k of the file is the digit k - 1.
    """
    root = find_root(folder, "usps.bz2", "usps.t.bz2")
    return _from_arrays([_usps_part(root / name) for name in ("usps.bz2", "usps.t.bz2")], _DIGITS)


def _usps_text(path: Path) -> str:
    check_regular(path)
    with bz2.open(path, "rb") as stream:
        content = stream.read(_USPS_BYTES + 1)
    if len(content) > _USPS_BYTES:
        raise ValueError(f"more than {_USPS_BYTES // 10**6} MB of text")
    return content.decode("ascii")


def _usps_part(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    labels, rows = [], []
    try:
        for line in _usps_text(path).splitlines():
            label, *pixels = line.split()
            labels.append(int(label) - 1)
            numbers = [float(pixel.rpartition(":")[2]) for pixel in pixels]
            rows.append(np.array(numbers, dtype=np.float32))
        values = np.array(rows, dtype=np.float32).reshape(-1, _USPS_SIDE, _USPS_SIDE)
        images = integers((values + 1) / 2 * 255, np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise InvalidFileError(path, [f"not readable as LIBSVM form: {error}"], _REMEDY) from error
    digits = np.array(labels, dtype=np.int64)
    _check(path, images, digits, len(_DIGITS))
    return images, digits


def pacs(domain: str, folder: Path) -> LabelledImages:
    """A domain of PACS: its training part trains, its official validation part tests.

    Reads ``<domain>_train.hdf5`` and ``<domain>_val.hdf5`` (pixels BGR, labels 1 to 7), or the
    images by ``<domain>_train_kfold.txt`` and ``<domain>_crossval_kfold.txt``.

    Args:
        domain: ``cartoon`` or ``sketch``.
        folder: Folder of either, the lists next to the folder of the domain or up to two below.

    Returns:
        The images.

    Raises:
        InvalidInputError: If there is neither.
        InvalidFileError: If files are damaged or images missing.
        UnavailableError: If h5py is not installed.
    """
    try:
        root = find_root(folder, f"{domain}_train.hdf5", f"{domain}_val.hdf5")
    except InvalidInputError:
        return _pacs_lists(domain, folder)
    parts = [_pacs_part(root / f"{domain}_{part}.hdf5") for part in ("train", "val")]
    return _from_arrays(parts, _PACS_CLASSES)


def _pacs_part(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = read_hdf5(path, "images", "labels")
    labels -= 1
    _check(path, images, labels, len(_PACS_CLASSES))
    return images[..., ::-1], labels


def _pacs_lists(domain: str, folder: Path) -> LabelledImages:
    names = [f"{domain}_{part}_kfold.txt" for part in ("train", "crossval")]
    lists = find_root(folder, *names)
    root = find_root(folder, f"{domain}/dog")
    train, test = ([line.split()[0] for line in read_lines(lists / name)] for name in names)
    return labelled_files(
        [root / line for line in (*train, *test)],
        [_pacs_class(line, lists) for line in (*train, *test)],
        _PACS_CLASSES,
        [True] * len(train) + [False] * len(test),
    )


def _pacs_class(line: str, lists: Path) -> str:
    name = Path(line).parent.name
    if name not in _PACS_CLASSES:
        raise InvalidFileError(lists, [f"'{line}' is of none of the seven classes"], _REMEDY)
    return name


pacs_cartoon = partial(pacs, "cartoon")
pacs_sketch = partial(pacs, "sketch")


def omniglot(folder: Path) -> LabelledImages:
    """Omniglot: ``images_evaluation/<alphabet>/<character>/``, split 70/30 per character."""
    root = find_root(folder, "images_evaluation") / "images_evaluation"
    paths, names = [], []
    for alphabet in visible_folders(root):
        found, characters = class_folders(alphabet)
        paths += found
        names += [f"{alphabet.name}/{character}" for character in characters]
    if not paths:
        raise InvalidFileError(root, ["no folder of an alphabet"], _REMEDY)
    return labelled_files(paths, names, list(dict.fromkeys(names)))
