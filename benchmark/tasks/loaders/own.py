"""A user's own labelled images: a folder, a Parquet file, or a data set of Hugging Face."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import is_file, is_folder, json_value
from benchmark.tasks.images import SEVENTY_THIRTY, train_mask_70_30
from benchmark.tasks.loaders.folders import image_folder, part_of
from benchmark.tasks.loaders.hub import LABELS, data_set_folder, hub_images, saved_images
from benchmark.tasks.pack import ImagePack, open_pack
from benchmark.tasks.parquet_files import (
    holds_images,
    holds_labels,
    holds_numbers,
    holds_text,
    opened,
    read_labels,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from benchmark.tasks.images import LabelledImages

_PREPARED = {"image", "label", "label_name", "split"}
# Names of columns, the first one that is there counts; letter case is ignored.
_IMAGES = (
    *("image", "images", "img", "picture", "photo", "image_bytes", "image.bytes", "img_bytes"),
    *("bytes", "jpg", "jpeg", "png", "webp"),
)
_NAMES = ("label_name", "class_name", "category_name", "label_text", "class_label", "name")
_PARTS = ("split", "part", "partition", "subset", "set")
_REMEDY = "Give a column of images and one of labels, such as 'image' and 'label'."


def own_images(source: str) -> LabelledImages:
    """Labelled images of a user, with a test part: the given one, or 30 % of each class.

    Args:
        source: Folder of class folders, with or without parts (:func:`image_folder`); Parquet file
            of the prepared form, or with columns of images and labels; folder of a data set that
            the library ``datasets`` wrote; or ``hub:OWNER/NAME``.

    Raises:
        InvalidInputError: If there is nothing of that name.
        InvalidFileError: If the images have no labels.
        UnavailableError: If a package or the network is missing.
    """
    kind, _, name = source.partition(":")
    if kind == "hub" and name:
        return hub_images(name)
    path = Path(source).expanduser()
    if source and is_folder(path):
        found = data_set_folder(path)
        return image_folder(path) if found is None else saved_images(found)
    if not source or not is_file(path):
        raise InvalidInputError(
            f"No images at '{source}'. Name a folder with one folder of images per class, a "
            "Parquet file, or hub:OWNER/NAME."
        )
    return parquet_images(path)


def parquet_images(path: Path) -> LabelledImages:
    """Images of a Parquet file, of the prepared form or with a column of images and one of labels.

    Labels are whole numbers, booleans or texts, also as lists of one. Names of numbers are those of
    a column such as ``label_name``, or those that the library ``datasets`` keeps in the file. A
    column such as ``split`` makes the parts, as folders do; without one, the images are split
    70/30.

    Raises:
        InvalidFileError: If the file is not readable, or lacks such columns.
    """
    with opened(path) as file:
        schema = file.schema_arrow
    kinds = {name: schema.field(name).type for name in schema.names}
    if set(kinds) >= _PREPARED and holds_numbers(kinds["label"]):
        return open_pack(path).as_images()
    image, label = _columns(path, schema, kinds)
    values, labels = _labels(path, label)
    stated = _stated_names(schema, label)
    names = _names(path, kinds, label, values, labels)
    if not names and stated and all(isinstance(value, int) for value in values):
        if not 0 <= values[0] <= values[-1] < len(stated):
            fault = f"labels are {values[0]} to {values[-1]}, but {len(stated)} classes are named"
            raise InvalidFileError(path, [fault], _REMEDY)
        names, labels = stated, np.array(values, dtype=np.int64)[labels]
    names = names or [str(value) for value in values]
    parts, rule, notes = _parts(path, kinds)
    mask = train_mask_70_30(labels) if parts is None else parts == 0
    images = ImagePack(path, tuple(names), labels, mask, column=image).as_images(rule)
    if parts is not None and (parts > 1).any():
        images = images.rows(np.flatnonzero(parts < 2))
    unread = [n for n, kind in kinds.items() if n not in (image, label) and holds_images(kind)]
    notes += [f"Images are those of column '{image}'; unused: {', '.join(unread)}."] * bool(unread)
    return replace(images, notes=tuple(notes))


def _columns(path: Path, schema: Any, kinds: Mapping[str, Any]) -> tuple[str, str]:  # noqa: ANN401
    """Names of the columns of images and labels."""
    label = _first(kinds, LABELS) or next((n for n in kinds if _stated_names(schema, n)), None)
    images = [name for name, kind in kinds.items() if name != label and holds_images(kind)]
    image = _first(images, _IMAGES) or (images[0] if len(images) == 1 else None)
    faults = []
    if image is None:
        several = f"; more than one may be it ({', '.join(images)})" if images else ""
        faults = [f"no column of images (binary, or struct with bytes){several}"]
    if label is None:
        faults.append("no column of labels: numbers or texts")
    elif not holds_labels(kinds[label]):
        faults.append(f"column '{label}' must be numbers or texts")
    if image is None or label is None or faults:
        shown = ", ".join(f"{name} ({str(kind)[:60]})" for name, kind in list(kinds.items())[:20])
        raise InvalidFileError(path, [f"{fault}; it has {shown}" for fault in faults], _REMEDY)
    return image, label


def _first(columns: Iterable[str], known: Sequence[str]) -> str | None:
    """The first known name of columns."""
    folded = {name.casefold(): name for name in columns}
    return next((folded[name] for name in known if name in folded), None)


def _labels(path: Path, column: str) -> tuple[list[Any], NDArray[np.int64]]:
    values, labels = read_labels(path, column)
    empty = int((labels < 0).sum())
    if empty or not values:
        fault = f"{empty} rows have no label" if empty else "no row"
        raise InvalidFileError(path, [fault], _REMEDY)
    return values, labels


def _names(
    path: Path,
    kinds: Mapping[str, Any],
    label: str,
    values: Sequence[Any],
    labels: NDArray[np.int64],
) -> list[str]:
    """Names of numbers in another column, if each number has one; else nothing."""
    column = _first(kinds, (f"{label.casefold()}_name", f"{label.casefold()}_text", *_NAMES))
    if column in (None, label) or holds_text(kinds[label]) or not holds_text(kinds[str(column)]):
        return []
    texts, names = read_labels(path, str(column))
    pairs = np.unique(np.stack([labels, names]), axis=1)
    if not (len(pairs[0]) == len(values) == len(texts)) or names.min() < 0:
        return []
    return [str(texts[place]) for place in pairs[1]]


def _parts(path: Path, kinds: Mapping[str, Any]) -> tuple[NDArray[np.int64] | None, str, list[str]]:
    """Part of each row (0 trains, 1 tests, 2 is unused), the rule, and remarks; None for 70/30."""
    column = _first(kinds, _PARTS)
    if column is None or not holds_text(kinds[column]):
        return None, SEVENTY_THIRTY, []
    words, codes = read_labels(path, column)
    found = {word: part_of(str(word)) for word in words}
    parts = set(found.values())
    test = "test" if "test" in parts else "val"
    unknown = [str(word) for word, kind in found.items() if kind is None]
    if unknown or (codes < 0).any() or "train" not in parts or test not in parts:
        if column.casefold() != "split":
            return None, SEVENTY_THIRTY, [f"Column '{column}' does not make parts."]
        shown = ", ".join(map(str, words[:5])) or "nothing"
        fault = f"column '{column}' holds {shown}; it must be train, and test or validation"
        raise InvalidFileError(path, [fault], "Correct or remove the column.")
    place = np.array([{"train": 0, test: 1}.get(str(found[word]), 2) for word in words])[codes]
    used = [str(word) for word, kind in found.items() if kind == test]
    unused = [str(word) for word, kind in found.items() if kind not in ("train", test)]
    rule = f"The parts of column '{column}' as given: {', '.join(used)} tests."
    return place, rule, [f"Unused part: {', '.join(unused)}."] if unused else []


def _stated_names(schema: Any, label: str) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """Class names that the library ``datasets`` keeps in the metadata of a file."""
    try:
        about = json_value((schema.metadata or {})[b"huggingface"])
        feature = about["info"]["features"][label]
        return [str(name) for name in feature.get("feature", feature)["names"]]  # of a list
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
