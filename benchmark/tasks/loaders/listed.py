"""Data sets whose classes and parts are in lists next to the images."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import regular_bytes
from benchmark.tasks.images import LabelledImages, labelled_files, shortened
from benchmark.tasks.loaders.containers import integers, read_matrices
from benchmark.tasks.loaders.folders import find_root, images_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_REMEDY = "Unpack the official archive again."
_MOST_ROWS = 2_000_000
_FLOWERS = 102  # classes
CHESTX_CLASSES = (
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule"),
    "Pneumothorax",
)
_GENDERS = ("male", "female")
_STATUSES = ("noble", "warrior", "incarnation", "commoner")


def cub(folder: Path) -> LabelledImages:
    """CUB-200-2011: ``images.txt``, ``image_class_labels.txt`` and ``train_test_split.txt``."""
    root = find_root(folder, "images.txt", "train_test_split.txt")
    files = _numbered(root / "images.txt")
    classes = _numbered(root / "classes.txt")
    labels = _numbered(root / "image_class_labels.txt")
    trains = _numbered(root / "train_test_split.txt")
    faults = [
        f"image {number} is not in every list"
        for number in files
        if number not in labels or number not in trains or labels[number] not in classes
    ]
    if faults:
        raise InvalidFileError(root, shortened(faults), _REMEDY)
    return labelled_files(
        [root / "images" / name for name in files.values()],
        [classes[labels[number]] for number in files],
        list(classes.values()),
        [trains[number] == "1" for number in files],
    )


def _numbered(path: Path) -> dict[str, str]:
    """Lines ``number value`` as a dictionary."""
    return dict(_pairs(path))


def _pairs(path: Path) -> list[tuple[str, str]]:
    rows = [line.split() for line in read_lines(path)]
    if any(len(row) != 2 for row in rows):
        raise InvalidFileError(path, ["a line does not have two words"], _REMEDY)
    return [(first, second) for first, second in rows]


def read_lines(path: Path) -> list[str]:
    """Lines of a text file that are not blank.

    Raises:
        InvalidFileError: If it is unreadable.
    """
    try:
        text = regular_bytes(path).decode()
        return [line for line in text.splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(path, [f"not readable: {error}"], _REMEDY) from error


def dtd(folder: Path) -> LabelledImages:
    """DTD: ``labels/train1.txt`` and ``val1.txt`` train, ``test1.txt`` tests."""
    root = find_root(folder, "labels/train1.txt", "images")
    train = [line for part in ("train1", "val1") for line in _dtd_list(root, part)]
    test = _dtd_list(root, "test1")
    names = [line.partition("/")[0] for line in (*train, *test)]
    return labelled_files(
        [root / "images" / line for line in (*train, *test)],
        names,
        sorted(set(names)),
        [True] * len(train) + [False] * len(test),
    )


def _dtd_list(root: Path, part: str) -> list[str]:
    return [line.strip() for line in read_lines(root / "labels" / f"{part}.txt")]


def flowers102(folder: Path) -> LabelledImages:
    """Flowers102: ``setid.mat`` (trnid and valid train, tstid tests) and ``imagelabels.mat``.

    The archive gives the classes numbers, not names.
    """
    root = find_root(folder, "setid.mat", "imagelabels.mat", "jpg")
    labels = _matrix(root / "imagelabels.mat", "labels")
    train, test = (
        np.concatenate([_matrix(root / "setid.mat", part) for part in parts])
        for parts in (("trnid", "valid"), ("tstid",))
    )
    if labels.size and not 1 <= labels.min() <= labels.max() <= _FLOWERS:
        raise InvalidFileError(
            root / "imagelabels.mat", [f"a label is not within 1 to {_FLOWERS}"], _REMEDY
        )
    numbers = np.concatenate([train, test])
    if numbers.size and not 1 <= numbers.min() <= numbers.max() <= len(labels):
        raise InvalidFileError(
            root / "setid.mat", [f"an image number is not within 1 to {len(labels)}"], _REMEDY
        )
    return labelled_files(
        [root / "jpg" / f"image_{number:05d}.jpg" for number in numbers],
        [f"{label:03d}" for label in labels[numbers - 1]],
        [f"{label:03d}" for label in range(1, int(labels.max()) + 1)],
        [True] * len(train) + [False] * len(test),
    )


def _matrix(path: Path, name: str) -> NDArray[np.int64]:
    (values,) = read_matrices(path, name)
    try:
        return integers(values, np.int64).ravel()
    except ValueError as error:
        raise InvalidFileError(path, [f"{name}: {error}"], _REMEDY) from error


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file.

    Args:
        path: The file.
        columns: Columns that it must have.

    Returns:
        One dictionary a row.

    Raises:
        InvalidFileError: If it is unreadable or lacks columns.
    """
    try:
        content = io.BytesIO(regular_bytes(path))
        with io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            rows = [] if missing else list(islice(reader, _MOST_ROWS + 1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFileError(path, [f"not readable as CSV: {error}"], _REMEDY) from error
    faults = [f"no column '{name}'" for name in missing]
    faults += [f"more than {_MOST_ROWS:,} rows"] * (len(rows) > _MOST_ROWS)
    faults += [
        f"line {line}: too few columns"
        for line, row in enumerate(rows, 2)
        if any(row[name] is None for name in columns)
    ]
    if faults or not rows:
        raise InvalidFileError(path, shortened(faults) or ["no row"], _REMEDY)
    return rows


def deep_weeds(folder: Path) -> LabelledImages:
    """DeepWeeds: ``labels.csv`` (Filename, Label, Species) and ``images/``, split 70/30."""
    root = find_root(folder, "labels.csv")
    rows = read_csv(root / "labels.csv", ("Filename", "Label", "Species"))
    species = sorted({(row["Label"], row["Species"]) for row in rows}, key=lambda p: p[0].zfill(4))
    if len({label for label, _ in species}) != len(species):
        raise InvalidFileError(root / "labels.csv", ["a label has two species"], _REMEDY)
    return labelled_files(
        [root / "images" / row["Filename"] for row in rows],
        [row["Species"] for row in rows],
        [name for _, name in species],
    )


def isic(folder: Path) -> LabelledImages:
    """ISIC 2018 task 3: one-hot ``ISIC2018_Task3_Training_GroundTruth.csv``, split 70/30."""
    name = "ISIC2018_Task3_Training_GroundTruth"
    root = find_root(folder, "ISIC2018_Task3_Training_Input")
    path = next(
        (p for p in (root / name / f"{name}.csv", root / f"{name}.csv") if p.is_file()),
        root / f"{name}.csv",
    )
    classes = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    rows = read_csv(path, ("image", *classes))
    chosen = [[c for c in classes if row[c].strip() not in ("0", "0.0")] for row in rows]
    faults = [
        f"line {line}: {len(found)} classes are marked"
        for line, found in enumerate(chosen, 2)
        if len(found) != 1
    ]
    if faults:
        raise InvalidFileError(path, shortened(faults), _REMEDY)
    images = root / "ISIC2018_Task3_Training_Input"
    return labelled_files(
        [images / f"{row['image']}.jpg" for row in rows], [found[0] for found in chosen], classes
    )


def chest_x(folder: Path) -> LabelledImages:
    """ChestX: images of ``Data_Entry_2017.csv`` with one finding alone, of seven; split 70/30.

    The images may be in one folder or in those of the twelve archives.
    """
    root = find_root(folder, "Data_Entry_2017.csv")
    rows = read_csv(root / "Data_Entry_2017.csv", ("Image Index", "Finding Labels"))
    kept = [row for row in rows if row["Finding Labels"] in CHESTX_CLASSES]
    where = {path.name: path for path in images_below(root)}
    return labelled_files(
        [where.get(row["Image Index"], root / row["Image Index"]) for row in kept],
        [row["Finding Labels"] for row in kept],
        CHESTX_CLASSES,
    )


def kaokore(folder: Path) -> LabelledImages:
    """Kaokore: rows 'train' and 'test' of ``labels.csv``; label = 4 * gender + status.

    Images that could not be downloaded are left out, and the card says how many.
    """
    root = find_root(folder, "labels.csv", "images_256")
    path = root / "labels.csv"
    rows = read_csv(path, ("image", "gender", "status", "set"))
    rows = [row for row in rows if row["set"] in ("train", "test")]
    faults = [
        f"image {row['image']}: gender {row['gender']}, status {row['status']}"
        for row in rows
        if row["gender"] not in ("0", "1") or row["status"] not in ("0", "1", "2", "3")
    ]
    if faults:
        raise InvalidFileError(path, shortened(faults), _REMEDY)
    here = [row for row in rows if (root / "images_256" / row["image"]).is_file()]
    if not here:
        raise InvalidFileError(root / "images_256", ["no image of labels.csv"], _REMEDY)
    images = labelled_files(
        [root / "images_256" / row["image"] for row in here],
        [f"{_GENDERS[int(row['gender'])]} {_STATUSES[int(row['status'])]}" for row in here],
        [f"{gender} {status}" for gender in _GENDERS for status in _STATUSES],
        [row["set"] == "train" for row in here],
    )
    return _with_note(images, len(rows) - len(here))


def _with_note(images: LabelledImages, missing: int) -> LabelledImages:
    notes = (f"{missing} listed images could not be downloaded.",) if missing else ()
    return replace(images, notes=notes)
