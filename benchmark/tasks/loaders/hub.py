"""Data sets of the Hugging Face hub, or in a local folder of its form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.tasks.images import SEVENTY_THIRTY, LabelledImages, train_mask_70_30
from benchmark.tasks.loaders.folders import PARTS

if TYPE_CHECKING:
    from benchmark.tasks.registry import Task

# Configurations of the data sets that tasks.yaml names.
_CONFIGURATIONS = {"ufldl-stanford/svhn": "cropped_digits"}


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

    Tasks split 70/30 take all rows of all parts; others take the parts 'train' and 'test'. Code
    that a data set may bring is never run.

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
    if "train" not in parts:
        raise InvalidInputError(
            f"{name} has no part 'train', only {', '.join(parts)}. Name another data set."
        )
    whole = task.split.rule == SEVENTY_THIRTY or "test" not in parts
    return _images(list(parts.values()) if whole else [parts["train"], parts["test"]], name, whole)


def hub_images(name: str) -> LabelledImages:
    """Images of any data set of the hub, or of a folder in its form.

    The parts 'train' and 'test' keep their roles; without a test part, one named 'validation' (or
    'valid', 'val', 'dev') tests. A data set of one part is split 70/30.

    Args:
        name: As in :func:`from_hub`.

    Raises:
        UnavailableError: If ``datasets`` is not installed or the data set cannot be had.
        InvalidInputError: If the data set lacks images, labels or parts.
    """
    return _by_parts(_load(name), name)


def saved_images(folder: Path) -> LabelledImages:
    """Images of a data set that ``save_to_disk`` wrote, or of a folder of Parquet files.

    Raises:
        UnavailableError: If ``datasets`` is not installed or the data set cannot be read.
        InvalidInputError: If the data set lacks images, labels or parts.
    """
    if not any((folder / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return hub_images(str(folder))
    try:
        found = _library().load_from_disk(str(folder))
    except Exception as error:  # of many libraries, as below
        reason = " ".join(str(error).split())[:200]
        raise UnavailableError(
            f"Cannot read the data set in {folder} ({type(error).__name__}: {reason}). Save it "
            "again with save_to_disk."
        ) from error
    return _by_parts(found if hasattr(found, "keys") else {"train": found}, str(folder))


def _by_parts(parts: Any, name: str) -> LabelledImages:  # noqa: ANN401 - datasets has no types
    test = next((part for part in ("test", *PARTS["val"]) if part in parts), None)
    if "train" in parts and test is not None:
        rule = f"The parts as given: train trains, {test} tests."
        return replace(_images([parts["train"], parts[test]], name, whole=False), split_rule=rule)
    if "train" not in parts and len(parts) > 1:
        raise InvalidInputError(
            f"{name} has no part 'train', only {', '.join(parts)}. Name another data set."
        )
    return _images(list(parts.values()), name, whole=True)


def _images(chosen: list[Any], name: str, whole: bool) -> LabelledImages:
    """Images of some parts: all split 70/30, or the first for training and the second for tests."""
    image, label = _columns(chosen[0].features, name)
    labels = np.concatenate([np.array(part[label], dtype=np.int64) for part in chosen])
    starts = np.cumsum([0, *(len(part) for part in chosen)])
    encoded = [_undecoded(part, image) for part in chosen]

    def read(row: int) -> bytes:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        return _bytes(encoded[part][row - int(starts[part])][image])

    names = tuple(chosen[0].features[label].names)
    if labels.size and not 0 <= labels.min() <= labels.max() < len(names):
        raise InvalidInputError(
            f"Labels of {name} must be 0 to {len(names) - 1} (got {labels.min()} to "
            f"{labels.max()}). A part without labels cannot be used."
        )
    mask = train_mask_70_30(labels) if whole else np.arange(len(labels)) < starts[1]
    return LabelledImages(names, labels, mask, read, SEVENTY_THIRTY if whole else "")


def _library() -> Any:  # noqa: ANN401 - datasets has no types
    try:
        import datasets
    except ImportError as error:
        raise UnavailableError(
            "The package 'datasets' is not installed. Run pip install 't2sbench[data]'."
        ) from error
    return datasets


def _load(name: str) -> Any:  # noqa: ANN401 - datasets has no types
    datasets = _library()
    identifier, _, configuration = name.partition("@")
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
    """Names of the first column of images and the first of class labels."""
    from datasets import ClassLabel, Image

    found = [
        next((column for column, kind in features.items() if isinstance(kind, wanted)), None)
        for wanted in (Image, ClassLabel)
    ]
    if found[0] is None or found[1] is None:
        raise InvalidInputError(
            f"{name} lacks a column of images or one of class labels (it has "
            f"{', '.join(features)}). Name another data set."
        )
    return found[0], found[1]


def _undecoded(part: Any, image: str) -> Any:  # noqa: ANN401 - datasets has no types
    from datasets import Image

    return part.cast_column(image, Image(decode=False))


def _bytes(value: dict[str, Any]) -> bytes:
    return value["bytes"] or Path(value["path"]).read_bytes()
