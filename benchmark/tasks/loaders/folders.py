"""Data sets laid out as folders of images, one per class."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.tasks.images import LabelledImages, labelled_files

#: Suffixes that torchvision's ImageFolder accepts.
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
#: Names of the folders of parts, in lower case.
PARTS = {
    "train": ("train", "training", "train_set", "training_set"),
    "val": ("val", "valid", "validation", "dev", "val_set", "validation_set"),
    "test": ("test", "testing", "test_set", "eval", "evaluation"),
}
_DEPTH = 2


def visible_folders(folder: Path) -> list[Path]:
    """Sub-folders by name, without hidden ones and what macOS adds to archives."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))
    )


def find_root(folder: Path, *markers: str) -> Path:
    """The folder with all of some files or folders: the given one, or one up to two levels below.

    Archives unpack to folders of various depths; the shallowest is taken.

    Args:
        folder: Folder to search.
        markers: Relative paths that must be there.

    Returns:
        The folder that has them.

    Raises:
        InvalidInputError: If none has them all.
    """
    level = [folder] if folder.is_dir() else []
    for _ in range(_DEPTH + 1):
        for candidate in level:
            if all((candidate / marker).exists() for marker in markers):
                return candidate
        level = [below for candidate in level for below in visible_folders(candidate)]
    raise InvalidInputError(
        f"{' and '.join(markers)} not found in {folder} or up to {_DEPTH} folders below. "
        "Name the folder that the official archive unpacked to."
    )


def images_below(folder: Path) -> list[Path]:
    """Image files of a folder and its sub-folders, in ImageFolder's order; hidden ones left out."""
    found = []
    for here, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith((".", "__")))
        images = (n for n in names if not n.startswith(".") and Path(n).suffix.lower() in SUFFIXES)
        found += [Path(here) / name for name in images]
    return sorted(found, key=lambda path: (str(path.parent), path.name))


def class_folders(folder: Path) -> tuple[list[Path], list[str]]:
    """Images of the class folders in a folder, and the class name of each.

    Raises:
        InvalidFileError: If there is no class folder, or one holds no image.
    """
    paths: list[Path] = []
    names: list[str] = []
    faults = []
    for below in visible_folders(folder):
        found = images_below(below)
        paths += found
        names += [below.name] * len(found)
        if not found:
            faults.append(f"folder {below.name} holds no image")
    if not paths or faults:
        raise InvalidFileError(
            folder,
            faults or ["no folder of images, one for each class"],
            f"Put each class's images ({', '.join(sorted(SUFFIXES))}) into a folder of its name.",
        )
    return paths, names


def split_folders(train: Path, test: Path) -> LabelledImages:
    """Training and test images in two folders with the same class folders.

    Args:
        train: Folder of the training images.
        test: Folder of the test images.

    Returns:
        The images, training first.

    Raises:
        InvalidFileError: If the class folders differ, or hold no image.
    """
    train_paths, train_names = class_folders(train)
    test_paths, test_names = class_folders(test)
    unequal = sorted(set(train_names) ^ set(test_names))
    if unequal:
        raise InvalidFileError(
            train.parent,
            [f"class {name} is in one of {train.name} and {test.name} only" for name in unequal],
            "Both parts need the same class folders.",
        )
    return labelled_files(
        [*train_paths, *test_paths],
        [*train_names, *test_names],
        sorted(set(train_names)),
        [True] * len(train_paths) + [False] * len(test_paths),
    )


def train_test_folders(folder: Path) -> LabelledImages:
    """Folders ``train/<class>/`` and ``test/<class>/``; others, such as ``val``, are unused."""
    root = find_root(folder, "train", "test")
    return split_folders(root / "train", root / "test")


def whole_folder(folder: Path) -> LabelledImages:
    """Folders ``<class>/``, split 70/30; folders that hold one folder alone are passed through.

    Raises:
        InvalidInputError: If the folder is none.
        InvalidFileError: If there is no class folder, or one holds no image.
    """
    paths, names = class_folders(_unwrapped(folder))
    return labelled_files(paths, names, sorted(set(names)))


def _unwrapped(folder: Path) -> Path:
    """The folder, or the one below that it holds alone, at any depth."""
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder of images. Check the path.")
    below = visible_folders(folder)
    while len(below) == 1 and visible_folders(below[0]):
        folder, below = below[0], visible_folders(below[0])
    return folder


def image_folder(folder: Path) -> LabelledImages:
    """A user's own folder of class folders, or of parts such as ``train`` and ``test`` with these.

    Names of parts are those of :data:`PARTS`, in any letter case. A test part tests; without one,
    a validation part does. Class folders without parts are split 70/30. Folders that hold one
    folder alone are passed through.

    Raises:
        InvalidInputError: If the folder is none.
        InvalidFileError: If class folders are missing, unequal or empty.
    """
    folder = _unwrapped(folder)
    found = _parts(folder)
    whole = [below for below in found.values() if visible_folders(below)]
    if "train" not in found or not visible_folders(found["train"]):
        return whole_folder(folder)
    test = next((found[kind] for kind in ("test", "val") if found.get(kind) in whole), None)
    if test is None:  # a test part without labels
        images, used = whole_folder(found["train"]), [found["train"]]
        rule = images.split_rule
    else:
        images, used = split_folders(found["train"], test), [found["train"], test]
        rule = f"The folders as given: {used[0].name} trains, {used[1].name} tests."
    unused = sorted({path.name for path in visible_folders(folder)} - {path.name for path in used})
    notes = (f"Unused folders: {', '.join(unused)}.",) if unused else ()
    return replace(images, split_rule=rule, notes=notes)


def _parts(folder: Path) -> dict[str, Path]:
    """Folders of parts by kind; empty unless all folders are parts, or two are train and test."""
    below = visible_folders(folder)
    kinds = {kind: p for p in below for kind, names in PARTS.items() if p.name.casefold() in names}
    whole = len(kinds) == len(below) or {"train", "test"} <= set(kinds)
    return kinds if whole else {}


def cactus_aerial(folder: Path) -> LabelledImages:
    """CactusAerial: folders ``training_set`` and ``validation_set``, each within its like."""
    root = find_root(folder, "training_set", "validation_set")
    train, test = (
        root / name / name if (root / name / name).is_dir() else root / name
        for name in ("training_set", "validation_set")
    )
    return split_folders(train, test)


def fmd(folder: Path) -> LabelledImages:
    """FMD: the photographs ``image/<material>/``, split 70/30; the masks are left out.

    Departure: the released rewards fit a split of photographs and masks into these two classes;
    see the notes of the task.
    """
    images = whole_folder(find_root(folder, "image") / "image")
    note = (
        "The ten materials of the photographs alone; the released rewards fit a split of "
        "photographs and masks, so figures are not comparable."
    )
    return replace(images, notes=(note,))
