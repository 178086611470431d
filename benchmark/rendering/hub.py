"""The dataset card, and the upload of a dataset to the Hugging Face Hub."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.core.errors import UnavailableError
from benchmark.rendering.dataset import verify_dataset

_TEMPLATE = """---
pretty_name: t2sbench rendering {configuration}
task_categories:
- image-classification
tags:
- synthetic
- t2sbench
size_categories:
- {size_category}
configs:
- config_name: default
  data_files:
  - split: train
    path: {data_files}
---
# Rendered dataset {configuration}

{images:,} images of {classes} categories, {size} x {size} pixels, rendered by simulator
`{simulator}` {version} for pre-training. Made by `t2sbench render`; `manifest.json` holds the whole
request, the driver and the digest of every file.

| setting | value |
| --- | --- |
{settings}

- seed {seed}; {images_per_class} images per category
- digest `{digest}`
- labels: the number of the category in `manifest.json`{label_note}

Load it with `datasets.load_dataset(FOLDER)`{folder_note}.
"""


def dataset_card(manifest: Mapping[str, Any]) -> str:
    """The card of a finished dataset as Markdown with a YAML head."""
    identity = manifest["identity"]
    settings = (pair.split("=") for pair in identity["settings"].split(","))
    folders = identity["layout"] == "imagefolder"
    return _TEMPLATE.format(
        configuration=identity["configuration"],
        size_category=_size_category(manifest["images"]),
        data_files="train/**" if folders else "data/train-*.parquet",
        images=manifest["images"],
        classes=len(identity["categories"]),
        size=identity["size"],
        simulator=identity["simulator"]["name"],
        version=identity["simulator"]["version"],
        settings="\n".join(f"| {name} | {value} |" for name, value in settings),
        seed=identity["seed"],
        images_per_class=identity["images_per_class"],
        digest=manifest["digest"],
        label_note=" (folders: in alphabetical order)" if folders else "",
        folder_note=' or `torchvision.datasets.ImageFolder("FOLDER/train")`' if folders else "",
    )


def _size_category(images: int) -> str:
    """The hub's name for a number of images.

    Example:
        >>> _size_category(40_000)
        '10K<n<100K'
    """
    bounds = [(1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M")]
    below = "n<1K"
    for (low, low_name), (_, high_name) in itertools.pairwise(bounds):
        if images >= low:
            below = f"{low_name}<n<{high_name}"
    return "1M<n<10M" if images >= 1_000_000 else below


def hub_library() -> ModuleType:
    """Import the library of the hub.

    Raises:
        UnavailableError: If it is missing.
    """
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise UnavailableError(
            f"Uploading needs the package huggingface_hub ({error}). "
            "Run: pip install 't2sbench[hub]'."
        ) from error


def push_to_hub(folder: Path, repository: str) -> str:
    """Upload a finished dataset with its card and manifest; return its address.

    Args:
        folder: A finished dataset.
        repository: ``user/name`` on the hub; it is created if it is missing. Log in with
            ``hf auth login`` first.

    Raises:
        InvalidFileError: If a file is missing or differs from the manifest.
        UnavailableError: If the library is missing or the hub refuses.
    """
    hub = hub_library()
    verify_dataset(folder)
    try:
        address = hub.create_repo(repository, repo_type="dataset", exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, repo_type="dataset")
    except Exception as error:  # the library and its network stack raise many kinds
        raise UnavailableError(
            f"Cannot upload {folder} to '{repository}' ({type(error).__name__}: {error}). "
            "Log in with 'hf auth login' and check the name."
        ) from error
    return str(address)
