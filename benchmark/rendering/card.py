"""The dataset card: what the usual hub and loaders read, and a person too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

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
