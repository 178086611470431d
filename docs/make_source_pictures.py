"""Make the pictures of docs/sources.md: ``python docs/make_source_pictures.py``.

The collection of the picture of ``retrieved`` is rendered, as is its task: photographs of data sets
may not be redistributed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

import t2sbench as t2s
from benchmark.sources.collection import open_collection
from benchmark.sources.interface import Amount
from benchmark.sources.registry import SourceSpec
from benchmark.sources.sheet import source_sheet
from benchmark.tasks.images import LabelledImages
from benchmark.tasks.pack import open_pack, write_pack
from benchmark.tasks.registry import load_data_tasks
from benchmark.tasks.task_data import Description, TaskData, write_task_data

IMAGES = Path(__file__).parent / "images"
AMOUNT = Amount(classes=5, images_per_class=10, size=64)
LIMIT = 150_000


def save(sheet: Image.Image, name: str) -> None:
    """Write a picture of at most 150 kB."""
    path = IMAGES / f"source-{name}.png"
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    if size > LIMIT:
        sys.exit(f"{path} has {size:,} bytes, more than {LIMIT:,}.")
    print(f"{path}: {size:,} bytes")  # noqa: T201 - a script


def rendered_task(folder: Path) -> tuple[TaskData, str]:
    """Two other categories of the library as a task, and their names."""
    names = ("hatchback", "tulip")
    t2s.render("01101101", folder / "task", classes=names, images_per_class=30, size=64, seed=3)
    found = open_collection(str(folder / "task")).pack
    images = LabelledImages(found.class_names, found.labels, found.is_train, found.image_bytes)
    task = load_data_tasks()["EuroSAT"]
    data = write_task_data(task, images, Description(source="rendered"), folder / "data")
    write_pack(images, folder / "pack.parquet")
    return replace(data, pack=open_pack(folder / "pack.parquet")), " and ".join(names)


def main() -> None:
    """Make all pictures."""
    save(source_sheet(SourceSpec.parse("fractals").open(), AMOUNT), "fractals")
    save(source_sheet(SourceSpec.parse("dead-leaves").open(), AMOUNT), "dead-leaves")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        t2s.render("01101101", folder / "all", classes=60, images_per_class=20, size=64, seed=0)
        collection = open_collection(str(folder / "all"))
        task, names = rendered_task(folder)
        source = SourceSpec.parse("retrieved").open(lambda: collection)
        print(f"Nearest to {names}:")  # noqa: T201 - a script
        print([collection.pack.class_names[k] for k in source.images.nearest(task)[:6]])  # type: ignore[attr-defined] # noqa: T201
        save(source_sheet(source, AMOUNT, 0, task, f"retrieved for a task of {names}"), "retrieved")


if __name__ == "__main__":
    main()
