"""Difference of two renderings of the same request, pixel by pixel.

``python docs/compare_renderings.py FOLDER OTHER`` prints the share of equal pixels, and the mean
and the largest difference in levels. Render both with ``--encoding png``.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import pyarrow.parquet as pq
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray


def images(folder: Path) -> Iterator[NDArray[np.int16]]:
    """Yield the images of a rendering, in order."""
    for file in sorted((folder / "data").glob("*.parquet")):
        for content in pq.read_table(file, columns=["image"])["image"].to_pylist():
            with Image.open(io.BytesIO(content["bytes"])) as image:
                yield np.asarray(image.convert("RGB"), dtype=np.int16)


def main(first: Path, second: Path) -> None:
    """Print the differences."""
    counts = np.zeros(256, dtype=np.int64)
    for one, other in zip(images(first), images(second), strict=True):
        counts += np.bincount(np.abs(one - other).max(axis=2).ravel(), minlength=256)
    mean = float(counts @ np.arange(256) / counts.sum())
    click.echo(
        f"{counts.sum():,} pixels: {counts[0] / counts.sum():.2%} equal, "
        f"{counts[:2].sum() / counts.sum():.2%} within one level, mean difference {mean:.3f} "
        f"levels, largest {np.flatnonzero(counts).max()}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
