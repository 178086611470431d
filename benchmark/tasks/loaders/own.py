"""A user's own labelled images: a folder, a Parquet file, or a data set of Hugging Face."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.tasks.images import SEVENTY_THIRTY, train_mask_70_30
from benchmark.tasks.loaders.folders import image_folder
from benchmark.tasks.loaders.hub import hub_images, saved_images
from benchmark.tasks.pack import ImagePack, holds_images, open_pack

if TYPE_CHECKING:
    from benchmark.tasks.images import LabelledImages

# Files that the library ``datasets`` writes next to its data.
_SAVED = ("dataset_dict.json", "dataset_info.json")
_PREPARED = {"image", "label", "label_name", "split"}
_LABELS = ("label", "labels", "class", "category", "target", "fine_label")
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
    if source and path.is_dir():
        return saved_images(path) if _is_data_set(path) else image_folder(path)
    if not source or not path.is_file():
        raise InvalidInputError(
            f"No images at '{source}'. Name a folder with one folder of images per class, a "
            "Parquet file, or hub:OWNER/NAME."
        )
    return parquet_images(path)


def _is_data_set(folder: Path) -> bool:
    """True for a saved data set, and for a folder of Parquet files as the hub has them."""
    saved = any((folder / name).is_file() for name in _SAVED)
    return saved or any(any(folder.glob(pattern)) for pattern in ("*.parquet", "data/*.parquet"))


def parquet_images(path: Path) -> LabelledImages:
    """Images of a Parquet file, of the prepared form or with a column of images and one of labels.

    Labels are numbers or texts. Names of numbers are those that the library ``datasets`` keeps in
    the file. Without a column ``split``, the images are split 70/30.

    Raises:
        InvalidFileError: If the file is not readable, or lacks such columns.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        if set(schema.names) >= _PREPARED:
            return open_pack(path).as_images()
        image = next((name for name in schema.names if holds_images(schema.field(name).type)), None)
        label = next((name for name in _LABELS if name in schema.names), None)
        if image is None or label is None:
            what = "images (binary, or a structure with bytes)" if image is None else "labels"
            fault = f"no column of {what}; it has {', '.join(schema.names)}"
            raise InvalidFileError(path, [fault], _REMEDY)
        column = parquet.read_table(path, columns=[label]).column(label)
    except (OSError, pa.ArrowException) as error:
        raise InvalidFileError(path, [f"not readable as Parquet: {error}"], _REMEDY) from error
    names, labels = _numbered(path, column.to_pylist(), _stated_names(schema, label))
    pack = ImagePack(path, names, labels, train_mask_70_30(labels), column=image)
    return pack.as_images(SEVENTY_THIRTY)


def _stated_names(schema: Any, label: str) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """Class names that the library ``datasets`` keeps in the metadata of a file."""
    try:
        about = json.loads((schema.metadata or {})[b"huggingface"])
        return [str(name) for name in about["info"]["features"][label]["names"]]
    except (KeyError, TypeError, ValueError):
        return []


def _numbered(
    path: Path, values: list[Any], stated: list[str]
) -> tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.int64]]]:
    """Class names, and the number of each row's class."""
    empty = sum(value is None for value in values)
    if empty:
        raise InvalidFileError(path, [f"{empty} rows have no label"], _REMEDY)
    if not stated:
        found = sorted(set(values))
        number = {value: place for place, value in enumerate(found)}
        return tuple(map(str, found)), np.array([number[v] for v in values], dtype=np.int64)
    labels = np.array(values, dtype=np.int64)
    if labels.size and not 0 <= labels.min() <= labels.max() < len(stated):
        fault = f"labels are {labels.min()} to {labels.max()}, but {len(stated)} classes are named"
        raise InvalidFileError(path, [fault], _REMEDY)
    return tuple(stated), labels
