"""Loaders of the official downloads, by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from benchmark.tasks.images import LabelledImages
from benchmark.tasks.loaders import arrays, folders, listed
from benchmark.tasks.loaders.own import own_images

Loader = Callable[[Path], LabelledImages]

#: Loader of each of the paper's tasks; others are read by :func:`own_images`.
LOADERS: Mapping[str, Loader] = MappingProxyType(
    {
        "CropDisease": folders.train_test_folders,
        "EuroSAT": folders.whole_folder,
        "SVHN": arrays.svhn,
        "ChestX": listed.chest_x,
        "Sketch": folders.whole_folder,
        "DTD": listed.dtd,
        "Flowers102": listed.flowers102,
        "DeepWeeds": listed.deep_weeds,
        "Resisc45": folders.whole_folder,
        "Omniglot": arrays.omniglot,
        "ISIC": listed.isic,
        "Kaokore": listed.kaokore,
        "CUB": listed.cub,
        "PacsC": arrays.pacs_cartoon,
        "PacsS": arrays.pacs_sketch,
        "AID": folders.whole_folder,
        "USPS": arrays.usps,
        "FMD": folders.fmd,
        "CactusAerial": folders.cactus_aerial,
        "ChestXPneumonia": folders.train_test_folders,
    }
)


def loader_of(task: str) -> Loader:
    """The loader of a task's official download; that of users' folders for all other tasks."""
    return LOADERS.get(task, lambda folder: own_images(str(folder)))
