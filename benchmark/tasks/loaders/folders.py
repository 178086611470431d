"""Data sets laid out as folders of images, one per class.

Links to folders are followed, each real folder once, and never to a folder that holds the link.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import is_file, is_folder, real_path
from benchmark.tasks.images import LabelledImages, labelled_files, shortened

#: Suffixes that torchvision's ImageFolder accepts.
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
#: Names of the folders of parts, in lower case.
PARTS = {
    "train": ("train", "training", "train_set", "training_set"),
    "val": ("val", "valid", "validation", "dev", "val_set", "validation_set"),
    "test": ("test", "testing", "test_set", "eval", "evaluation"),
}
# Words of other names of parts, such as seg_train, test1 or trainval2012.
_WORDS = {"trainval", "holdout", "trainset", "testset", "valset"}.union(*PARTS.values())
_DEPTH = 2
_NAMED = 5  # links named in a note


def part_of(name: str) -> str | None:
    """Kind of part of a folder or a split: ``train``, ``val`` or ``test``; None for other names.

    Example:
        >>> part_of("Validation"), part_of("cat")
        ('val', None)
    """
    return next((kind for kind, names in PARTS.items() if name.casefold() in names), None)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__"))


def visible_folders(folder: Path) -> list[Path]:
    """Sub-folders by name, without hidden ones, what macOS adds to archives, and looping links.

    Raises:
        InvalidFileError: If the folder is not readable.
    """
    return sorted(
        Path(entry)
        for entry in _entries(folder)
        if _is_dir(entry) and not _is_hidden(entry.name) and not _loops(entry)
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        fault = f"the folder is not readable: {error.strerror}"
        raise InvalidFileError(_brief(folder), [fault], "Correct or remove it.") from error


def _is_dir(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link to itself
        return entry.is_dir()
    return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return entry.is_file()
    return False


def _brief(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 300 else f"{text[:150]}...{text[-100:]}"


def _loops(entry: os.DirEntry[str]) -> bool:
    """True for a link to a folder that holds it."""
    return entry.is_symlink() and _number(Path(entry)) in _around(Path(entry).parent)


def _number(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


def _around(folder: Path) -> set[tuple[int, int]]:
    real = real_path(folder)
    return {_number(place) for place in (real, *real.parents)}


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
    level = [folder] if is_folder(folder) else []
    for _ in range(_DEPTH + 1):
        for candidate in level:
            if all(is_file(candidate / m) or is_folder(candidate / m) for m in markers):
                return candidate
        level = [below for candidate in level for below in visible_folders(candidate)]
    raise InvalidInputError(
        f"{' and '.join(markers)} not found in {folder} or up to {_DEPTH} folders below. "
        "Name the folder that the official archive unpacked to."
    )


def files_below(folder: Path) -> Iterator[Path]:
    """Visible files of a folder and its sub-folders.

    Raises:
        InvalidFileError: If a folder is not readable.
    """
    seen, waiting, links = _around(folder.parent), [folder], list[Path]()
    while waiting or links:
        here = waiting.pop() if waiting else links.pop(0)
        entries = _entries(here)
        if (number := _number(here)) in seen:
            continue
        seen.add(number)
        for entry in entries:
            if _is_hidden(entry.name) if _is_dir(entry) else entry.name.startswith("."):
                continue
            if _is_dir(entry):
                (links if entry.is_symlink() else waiting).append(Path(entry))
            elif _is_file(entry):
                yield Path(entry)


def images_below(folder: Path) -> list[Path]:
    """Image files of a folder and its sub-folders, in ImageFolder's order; hidden ones left out.

    Raises:
        InvalidFileError: If a folder is not readable.
    """
    found = (path for path in files_below(folder) if path.suffix.lower() in SUFFIXES)
    return sorted(found, key=lambda path: (str(path.parent), path.name))


def passed_over(folder: Path, used: Iterable[Path]) -> tuple[str, ...]:
    """Remark on all files and links of a folder that are not among the used ones; or nothing.

    Args:
        folder: The user's folder.
        used: Files that are read.
    """
    kept = set(used)
    ways = {way for parent in {path.parent for path in kept} for way in (parent, *parent.parents)}
    counts: Counter[str] = Counter()
    links, waiting = list[str](), [(folder, False)]
    while waiting:
        here, hidden = waiting.pop()
        try:
            entries = _entries(here)
        except InvalidFileError:
            counts["in folders that are not readable"] += 1
            continue
        for entry in entries:
            path, veiled = Path(here, entry.name), hidden or _is_hidden(entry.name)
            if path in kept:
                continue
            if entry.is_symlink() and path not in ways:
                links.append(str(path.relative_to(folder)))
            elif _is_dir(entry):
                waiting.append((path, veiled))
            else:
                counts[_kind(entry, hidden=veiled)] += 1
    listed = [f"{count} {kind}" for kind, count in counts.most_common()]
    if links:
        shown = ", ".join([*sorted(links)[:_NAMED], *(["..."] if len(links) > _NAMED else [])])
        listed.append(f"{len(links)} {'link' if len(links) == 1 else 'links'} ({shown})")
    return (f"Files passed over: {', '.join(listed)}.",) if listed else ()


def _kind(entry: os.DirEntry[str], *, hidden: bool) -> str:
    if hidden:
        return "hidden"
    if not _is_file(entry):
        return "special (pipe, socket or device)"
    return Path(entry.name).suffix.lower()[:20] or "without ending"


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
        faults += [] if _is_text(below.name) else [f"folder {below.name!a}: its name is not UTF-8"]
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


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of another encoding
        return False
    return True


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
            shortened(
                [f"class {name} is in one of {train.name} and {test.name} only" for name in unequal]
            ),
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
    if not is_folder(folder):
        raise InvalidInputError(f"{folder} is not a folder of images. Check the path.")
    below = visible_folders(folder)
    while len(below) == 1 and visible_folders(below[0]):
        folder, below = below[0], visible_folders(below[0])
    return folder


def image_folder(folder: Path) -> LabelledImages:
    """A user's own folder of class folders, or of parts such as ``train`` and ``test`` with these.

    Names of parts are those of :data:`PARTS`, in any letter case. A test part tests; without one,
    a validation part does. Class folders without parts are split 70/30. Folders that hold one
    folder alone are passed through. Notes name unused folders, and count files passed over.

    Raises:
        InvalidInputError: If the folder is none.
        InvalidFileError: If class folders are missing, unequal or empty, or parts are ambiguous.
    """
    root = _unwrapped(folder)
    parts = _parts(root)
    train, test = parts.get("train"), parts.get("test") or parts.get("val")
    notes = list[str]()
    if train is None:
        images, used = whole_folder(root), [root]
        if part_of(root.name) and root != folder:
            notes = [f"{root.name} is the only part; it is split."]
    elif test is None:  # a test part without labels
        images, used = whole_folder(train), [train]
    else:
        images, used = split_folders(*(_unwrapped(part) for part in (train, test))), [train, test]
        rule = f"The folders as given: {train.name} trains, {test.name} tests."
        images = replace(images, split_rule=rule)
    if train is not None:
        unused = [path.name for path in visible_folders(root) if path not in used]
        notes += [f"Unused folders: {', '.join(unused)}."] if unused else []
    paths = [Path(images.where(row)) for row in range(len(images))]
    _refuse_parts_in_classes(root, paths, used)
    return replace(images, notes=(*notes, *passed_over(folder, paths)))


def _parts(folder: Path) -> dict[str, Path]:
    """Folders of parts with class folders, by kind; empty if all folders are classes.

    Raises:
        InvalidFileError: If folders look like parts, and cannot be taken as such.
    """
    below = visible_folders(folder)
    named = [path for path in below if part_of(path.name)]
    worded = [path for path in below if _WORDS & set(re.split("[^a-z]+", path.name.casefold()))]
    alike = sorted({*named, *worded})
    whole = [path for path in alike if visible_folders(path)]
    if not whole:
        if len(below) == len(alike) > 1:
            _refuse(folder, alike, "hold no class folders", "mkdir {0}/CLASS")
        return {}
    kinds = {kind: [p for p in named if part_of(p.name) == kind] for kind in PARTS}
    full = {kind: [path for path in paths if path in whole] for kind, paths in kinds.items()}
    twice = next((paths for paths in full.values() if len(paths) > 1), None)
    if twice:
        _refuse(folder, twice, "are the same part", "mv {0} ELSEWHERE")
    if full["train"] and (kinds["test"] or kinds["val"]):
        return {kind: paths[0] for kind, paths in full.items() if paths}
    if named or len(alike) == len(below):
        remedy = "mv {0} " + shlex.quote(str(folder / ("test" if full["train"] else "train")))
        _refuse(folder, alike, "look like parts, but not train with test or validation", remedy)
    return {}


def _refuse(folder: Path, parts: Sequence[Path], fault: str, command: str) -> None:
    names = ", ".join(path.name for path in parts)
    raise InvalidFileError(
        folder,
        [f"folders {names} {fault}"],
        "Give folders train/CLASS and test/CLASS, or CLASS alone: rename, move or remove others, "
        f"for example with '{command.format(shlex.quote(str(parts[0])))}'.",
    )


def _refuse_parts_in_classes(root: Path, paths: Sequence[Path], used: Sequence[Path]) -> None:
    """Refuse class folders that hold parts, such as ``cat/train`` and ``cat/test``.

    Raises:
        InvalidFileError: If there are two kinds of parts.
    """
    start = len(used[0].parts) + 1
    inner = {name for path in paths for name in path.parts[start:-1] if part_of(name)}
    if len({part_of(name) for name in inner}) > 1:
        raise InvalidFileError(
            root,
            [f"class folders hold folders of parts ({', '.join(sorted(inner))})"],
            "Put the parts above the classes: train/CLASS and test/CLASS, for example with "
            "'mkdir -p train/CLASS && mv CLASS/train/* train/CLASS/'.",
        )


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
