"""Data sets of the Hugging Face hub, or in a local folder of its form."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, T2SBenchError, UnavailableError
from benchmark.core.files import is_folder
from benchmark.tasks.images import SEVENTY_THIRTY, LabelledImages, file_bytes, train_mask_70_30
from benchmark.tasks.loaders.folders import (
    PARTS,
    SUFFIXES,
    files_below,
    part_of,
    visible_folders,
)
from benchmark.tasks.loaders.hub_files import (
    ENDINGS,
    check_files,
    data_files,
    has_configurations,
    is_saved,
)
from benchmark.tasks.parquet_files import label_value

if TYPE_CHECKING:
    from benchmark.tasks.registry import Task

#: Names of columns of labels; the first one that is there counts.
LABELS = (
    *("label", "labels", "class", "category", "target", "fine_label", "label_id", "class_id"),
    *("category_id", "class_name", "label_name", "category_name", "label_text", "species", "y"),
)
# Configurations of the data sets that tasks.yaml names.
_CONFIGURATIONS = {"ufldl-stanford/svhn": "cropped_digits"}


_PLAIN = ("string", "large_string", "bool", "int", "uint", "float", "decimal")
_BINARY = ("binary", "large_binary", "binary_view")
# Files that the library writes next to its data.
_SAVED = ("dataset_dict.json", "dataset_info.json", "state.json")
_ROWS = 64  # that are read at a time: images may be large
_LEVELS = 8  # of folders above a data set: a cache has four


def hub_id(task: Task) -> str:
    """The hub's name of a task's data set.

    Raises:
        UnavailableError: If the task names none.
    """
    for loader in task.loaders:
        if loader.kind == "hub":
            return loader.id
    raise UnavailableError(
        f"The entry of {task.name} names no data set of the hub. "
        "Name one with --from hub:OWNER/NAME."
    )


def from_hub(task: Task, name: str) -> LabelledImages:
    """Images of a data set of the hub, by the task's split rule.

    Tasks split 70/30 take all rows of all parts, others take the parts as :func:`hub_images` does.
    Code that a data set may bring is never run.

    Args:
        task: The task.
        name: Name of the data set, ``OWNER/NAME`` or ``OWNER/NAME@CONFIGURATION``, or a folder.

    Returns:
        The images.

    Raises:
        UnavailableError: If ``datasets`` is not installed or the data set cannot be had.
        InvalidInputError: If the data set lacks images, labels or parts.
    """
    parts = _load(name)
    if task.split.rule != SEVENTY_THIRTY:
        return _by_parts(parts, name)
    if "train" not in parts:
        raise InvalidInputError(_no_train(parts, name))
    images = _images(list(parts.values()), name, whole=True)
    pooled = (f"All parts are pooled: {', '.join(parts)}.",) if len(parts) > 1 else ()
    return replace(images, notes=pooled)


def _no_train(parts: Any, name: str) -> str:  # noqa: ANN401 - datasets has no types
    return f"{name} has no part 'train', only {', '.join(parts)}. Name another data set."


def hub_images(name: str) -> LabelledImages:
    """Images of any data set of the hub, or of a folder in its form.

    The parts 'train' and 'test' keep their roles; without a test part, one named 'validation' (or
    'valid', 'val', 'dev') tests. Without either, or with one part alone, the part 'train' (or the
    only one) is split 70/30. Unused parts are named in the notes.

    Args:
        name: As in :func:`from_hub`.

    Raises:
        UnavailableError: If ``datasets`` is not installed or the data set cannot be had.
        InvalidInputError: If the data set lacks images, labels or parts.
    """
    return _by_parts(_load(name), name)


def data_set_folder(folder: Path) -> Path | None:
    """The folder of a data set, at any depth of a folder without images; None without one.

    A data set is what ``save_to_disk`` wrote, a part of the library's cache, or a folder of Parquet
    or Arrow files: directly, under ``data``, or under folders of parts.

    Raises:
        InvalidInputError: If there are several.
    """
    if _is_data_set(folder):
        return folder
    if any(path.suffix.casefold() in SUFFIXES for path in files_below(folder)):
        return None
    found = list(_data_sets(folder, _LEVELS))
    if len(found) > 1:
        shown = ", ".join(str(path.relative_to(folder)) for path in found[:5])
        raise InvalidInputError(f"{folder} holds {len(found)} data sets: {shown}. Name one.")
    return found[0] if found else None


def _data_sets(folder: Path, levels: int) -> Iterator[Path]:
    if _is_data_set(folder):
        yield folder
    elif levels:
        for below in visible_folders(folder):
            yield from _data_sets(below, levels - 1)


def _is_data_set(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _SAVED):
        return True
    holders = [folder, folder / "data"]
    holders += [below for below in visible_folders(folder) if part_of(below.name)]
    return any(any(holder.glob(f"*{ending}")) for holder in holders for ending in ENDINGS)


def saved_images(folder: Path) -> LabelledImages:
    """Images of a data set that ``save_to_disk`` wrote, or of a folder of Parquet or Arrow files.

    Names of files and folders make the parts, in any letter case, unless the data set's own
    README does.

    Raises:
        UnavailableError: If ``datasets`` is not installed or the data set cannot be read.
        InvalidInputError: If the data set lacks images, labels or parts.
    """
    files = data_files(folder)
    kinds = {path.suffix.casefold() for path in files}
    if not is_saved(folder) and (len(kinds) != 1 or has_configurations(folder)):
        return hub_images(str(folder))
    check_files(folder)
    library = _library()
    if is_saved(folder):
        return _by_parts(*_from_disk(folder))
    parts, notes = _files_of_parts(folder, files)
    kind = kinds.pop()[1:]
    options = {"batch_size": _ROWS} if kind == "parquet" else {}
    with _reading(str(folder)):
        found = library.load_dataset(kind, data_files=parts, **options)
    images = _by_parts(found, str(folder))
    return replace(images, notes=(*images.notes, *notes))


def _files_of_parts(folder: Path, files: list[Path]) -> tuple[dict[str, list[str]], list[str]]:
    """Files by the names of their parts, as the library reads them; and remarks."""
    found: dict[str, list[str]] = {}
    others = []
    for path in files:
        kind = _part_of_file(path.relative_to(folder))
        if kind is None:
            others.append(path)
        else:
            found.setdefault("validation" if kind == "val" else kind, []).append(str(path))
    if others and "train" not in found:
        found["train"], others = [str(path) for path in others], []
    shown = ", ".join(path.name for path in others[:5])
    return found, [f"Unused files: {shown}{', ...' * (len(others) > 5)}."] if others else []


def _part_of_file(path: Path) -> str | None:
    """Part by a folder of that name, or by the last fitting word of file or folders."""
    folders = path.parts[-2::-1]
    exact = next((kind for name in folders if (kind := part_of(name))), None)
    if exact:
        return exact
    for name in (path.stem, *folders):
        for word in reversed(re.split("[^a-z]+", name.casefold())):
            if word in set().union(*PARTS.values()):
                return part_of(word)
    return None


def _from_disk(folder: Path) -> tuple[Any, str]:
    with _reading(str(folder)):
        found = _library().load_from_disk(str(folder))
    return found if hasattr(found, "keys") else {"train": found}, str(folder)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn errors of the library, which are of many kinds, into refusals."""
    try:
        yield
    except T2SBenchError:
        raise
    except Exception as error:
        cause = error.__cause__ or error  # the library's own error has no details
        reason = " ".join(str(cause).split())[:200]
        raise UnavailableError(
            f"Cannot read the data set in {name} ({type(cause).__name__}: {reason}). Save it "
            "again with save_to_disk."
        ) from error


def _by_parts(parts: Any, name: str) -> LabelledImages:  # noqa: ANN401 - datasets has no types
    if not parts:
        raise InvalidInputError(f"{name} holds no part, such as train. Save it again.")
    kinds = {kind: part for part in reversed(list(parts)) if (kind := part_of(str(part)))}
    train, test = kinds.get("train"), kinds.get("test") or kinds.get("val")
    if train is None and len(parts) > 1:
        raise InvalidInputError(_no_train(parts, name))
    used = [part for part in (train, test) if part is not None] or list(parts)
    images = _images([parts[part] for part in used], name, whole=len(used) == 1)
    if len(used) == 2:
        rule = f"The parts as given: {train} trains, {test} tests."
        images = replace(images, split_rule=rule)
    unused = [str(part) for part in parts if part not in used]
    notes = [f"Unused parts: {', '.join(unused)}."] if unused else []
    if train is None and test is not None:
        notes = [f"{test} is the only part; it is split."]
    return replace(images, notes=tuple(notes))


def _images(chosen: list[Any], name: str, whole: bool) -> LabelledImages:
    """Images of some parts: all split 70/30, or the first for training and the second for tests."""
    with _reading(name):
        features = chosen[0].features
        image, label = _columns(features, name)
        names, parts = _labels([part[label] for part in chosen], _inner(features[label]), name)
        encoded = [_undecoded(part, image) for part in chosen]
    labels = np.concatenate(parts)
    starts = np.cumsum([0, *(len(part) for part in chosen)])

    def read(row: int) -> bytes:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        with _reading(name):
            value = encoded[part][row - int(starts[part])][image]
        return _bytes(value)

    mask = train_mask_70_30(labels) if whole else np.arange(len(labels)) < starts[1]
    return LabelledImages(names, labels, mask, read, SEVENTY_THIRTY if whole else "")


def _labels(
    columns: list[Any],
    kind: Any,  # noqa: ANN401 - datasets has no types
    name: str,
) -> tuple[tuple[str, ...], list[np.ndarray[Any, Any]]]:
    """Class names, and the labels of each part."""
    try:
        given = [[label_value(value) for value in column] for column in columns]
    except ValueError as error:
        raise InvalidInputError(f"Labels of {name}: {error}. Correct them.") from error
    empty = sum(value is None for values in given for value in values)
    if empty:
        raise InvalidInputError(f"{empty} rows of {name} have no label. Remove them.")
    stated = tuple(map(str, getattr(kind, "names", None) or ()))
    if not stated:
        values = sorted({value for column in given for value in column})
        number = {value: place for place, value in enumerate(values)}
        coded = [np.array([number[v] for v in column], dtype=np.int64) for column in given]
        return tuple(map(str, values)), coded
    parts = [np.array(column, dtype=np.int64) for column in given]
    labels = np.concatenate(parts)
    if labels.size and not 0 <= labels.min() <= labels.max() < len(stated):
        raise InvalidInputError(
            f"Labels of {name} must be 0 to {len(stated) - 1} (got {labels.min()} to "
            f"{labels.max()}). A part without labels cannot be used."
        )
    return stated, parts


def _library() -> Any:  # noqa: ANN401 - datasets has no types
    try:
        import datasets
    except ImportError as error:
        raise UnavailableError(
            "The package 'datasets' is not installed. Run pip install 't2sbench[data]'."
        ) from error
    if not sys.stderr.isatty():  # a log would hold every state of the bars
        datasets.disable_progress_bars()
    return datasets


def _load(name: str) -> Any:  # noqa: ANN401 - datasets has no types
    datasets = _library()
    identifier, _, configuration = name.partition("@")
    if is_folder(Path(name)):
        identifier, configuration = name, ""
    if is_folder(Path(identifier)):
        check_files(Path(identifier))
    configuration = configuration or _CONFIGURATIONS.get(identifier, "")
    try:
        return datasets.load_dataset(identifier, configuration or None)
    except Exception as error:
        # The hub's client raises errors of many libraries.
        reason = " ".join(str(error).split())[:200]
        raise UnavailableError(
            f"Cannot load {name} from the hub ({type(error).__name__}: {reason}). "
            "Check the name and the network, or name a folder of images."
        ) from error


def _columns(features: Any, name: str) -> tuple[str, str]:  # noqa: ANN401 - datasets has no types
    """Names of the first column of images and the first of class labels, or of known name."""
    from datasets import ClassLabel, Image, Value

    inner = {column: _inner(kind) for column, kind in features.items()}
    labels = [column for column, kind in inner.items() if isinstance(kind, ClassLabel)]
    plain = {
        column.casefold(): column
        for column, kind in inner.items()
        if isinstance(kind, Value) and kind.dtype.startswith((*_PLAIN, *_BINARY))
    }
    labels += [plain[column] for column in LABELS if column in plain]
    images = [column for column, kind in features.items() if isinstance(kind, Image)]
    images += [c for c, kind in features.items() if _is_bytes(kind) and c not in labels]
    if not images or not labels:
        raise InvalidInputError(
            f"{name} lacks a column of images or one of class labels (it has "
            f"{', '.join(features)}). Name another data set."
        )
    return images[0], labels[0]


def _inner(kind: Any) -> Any:  # noqa: ANN401 - datasets has no types
    """Type of the values of a column, also of one of lists."""
    from datasets import LargeList, List

    while isinstance(kind, (List, LargeList)):
        kind = kind.feature
    return kind


def _is_bytes(kind: Any) -> bool:  # noqa: ANN401 - datasets has no types
    if isinstance(kind, dict):
        return _is_bytes(kind.get("bytes"))
    return getattr(kind, "dtype", None) in _BINARY


def _undecoded(part: Any, image: str) -> Any:  # noqa: ANN401 - datasets has no types
    from datasets import Image

    is_feature = isinstance(part.features[image], Image)
    return part.cast_column(image, Image(decode=False)) if is_feature else part


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - datasets has no types
    """Encoded image of a row; empty for anything else, which is then named as no image."""
    path = value.get("path") if isinstance(value, dict) else None
    content = value.get("bytes") if isinstance(value, dict) else value
    if not content and isinstance(path, str) and path:
        return file_bytes(Path(path))
    return content if isinstance(content, bytes) else b""
