"""Contact sheets of a configuration, of each level, of a category and of the library."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.terminal import tracked
from benchmark.simulators.sampling import SceneSampler

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from benchmark.simulators.interface import Simulator
    from benchmark.space import Configuration

_GAP = 3
_TEXT_HEIGHT = 18
_LABEL_WIDTH = 150
_ROWS = "rows"
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a sheet.

    Attributes:
        label: Text to its left.
        images: uint8 ``(size, size, 3)`` each.
        captions: One under each image, or none.
    """

    label: str
    images: Sequence[NDArray[np.uint8]]
    captions: Sequence[str] = ()


@dataclass(frozen=True)
class Shot:
    """One image to render.

    Attributes:
        configuration: Settings of the simulator.
        category: Category of the object.
        object: The object.
        index: Number of the image among those of the object.
    """

    configuration: Configuration
    category: str
    object: str
    index: int


def shoot(
    simulator: Simulator, shots: Iterable[Shot], *, size: int, seed: int
) -> list[NDArray[np.uint8]]:
    """Render shots with an open simulator; uint8 ``(size, size, 3)`` each."""
    catalog = simulator.assets()
    samplers: dict[Configuration, SceneSampler] = {}
    scenes = []
    for shot in shots:
        if shot.configuration not in samplers:
            samplers[shot.configuration] = SceneSampler(
                simulator.capabilities, shot.configuration, catalog, seed=seed, size=size
            )
        sampler = samplers[shot.configuration]
        scenes.append(sampler.scene(shot.category, shot.object, shot.index))
    return [decoded(rendering.pixels) for rendering in simulator.render(scenes)]


def decoded(pixels: NDArray[np.uint8] | bytes) -> NDArray[np.uint8]:
    """Pixels of a rendering, uint8 ``(height, width, 3)``."""
    if not isinstance(pixels, bytes):
        return pixels
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(pixels)).convert("RGB"))


def configuration_sheet(
    simulator: Simulator,
    configuration: Configuration,
    *,
    rows: int = 6,
    columns: int = 10,
    size: int = 96,
    seed: int = 0,
) -> Image:
    """Sheet of one configuration: a row per category with images of its objects."""
    catalog = simulator.assets()
    sheet = []
    for category in tracked(_spread(catalog.categories, rows), _ROWS):
        names = catalog.names(category)
        shots = [
            Shot(configuration, category, names[i % len(names)], i // len(names))
            for i in range(columns)
        ]
        sheet.append(Row(category, shoot(simulator, shots, size=size, seed=seed)))
    return compose(f"configuration {configuration}", sheet, size)


def switches_sheet(
    simulator: Simulator,
    category: str | None = None,
    *,
    columns: int = 8,
    size: int = 96,
    seed: int = 0,
) -> Image:
    """Sheet of one object with one parameter changed per row (the paper's figure of controls).

    The first row has all parameters at their first level, the last one at their most varied.
    """
    catalog, space = simulator.assets(), simulator.capabilities.space
    chosen = category or catalog.categories[0]
    name = catalog.names(chosen)[0]
    points = [(str(space.at(0)), space.at(0)), *space.single_changes()]
    points += [(str(space.most_varied), space.most_varied)]
    rows = []
    for label, configuration in tracked(points, _ROWS):
        shots = [Shot(configuration, chosen, name, i) for i in range(columns)]
        rows.append(Row(label, shoot(simulator, shots, size=size, seed=seed)))
    return compose(f"one level changed per row: {chosen}", rows, size)


def category_sheet(
    simulator: Simulator,
    category: str,
    configuration: Configuration,
    *,
    columns: int = 10,
    size: int = 96,
    seed: int = 0,
) -> Image:
    """Sheet of all objects of a category, in the canonical pose and under a configuration."""
    catalog, space = simulator.assets(), simulator.capabilities.space
    names = catalog.names(category)
    rows = []
    for start in tracked(range(0, len(names), columns), _ROWS):
        part = names[start : start + columns]
        for label, point in (("canonical", space.at(0)), (str(configuration), configuration)):
            shots = [Shot(point, category, name, 0) for name in part]
            rows.append(Row(label, shoot(simulator, shots, size=size, seed=seed), part))
    return compose(f"{category}: {len(names)} objects", rows, size)


def library_sheet(
    simulator: Simulator, *, limit: int | None = None, columns: int = 16, size: int = 64
) -> Image:
    """Sheet of the first object of every category in the canonical pose."""
    catalog, space = simulator.assets(), simulator.capabilities.space
    categories = catalog.categories[:limit]
    rows = []
    for start in tracked(range(0, len(categories), columns), _ROWS):
        part = categories[start : start + columns]
        shots = [Shot(space.at(0), category, catalog.names(category)[0], 0) for category in part]
        rows.append(Row("", shoot(simulator, shots, size=size, seed=0), part))
    return compose(f"{len(categories)} categories", rows, size)


def _spread(names: Sequence[str], count: int) -> list[str]:
    """``count`` names, evenly spread over all."""
    count = min(count, len(names))
    return [names[i * len(names) // count] for i in range(count)]


def compose(title: str, rows: Sequence[Row], size: int) -> Image:
    """Lay out rows on one image, the title above and the labels to the left.

    Raises:
        InvalidInputError: If there is no image.
    """
    from PIL import Image, ImageDraw

    if not rows or not rows[0].images:
        raise InvalidInputError("A sheet needs at least one row and one column (got none).")
    margin = _LABEL_WIDTH if any(row.label for row in rows) else _GAP
    heights = [size + _GAP + (_TEXT_HEIGHT if row.captions else 0) for row in rows]
    width = margin + max(len(row.images) for row in rows) * (size + _GAP)
    sheet = Image.new("RGB", (width, _TEXT_HEIGHT + _GAP + sum(heights)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (_GAP, 2), title, width)
    top = _TEXT_HEIGHT + _GAP
    for row, height in zip(rows, heights, strict=True):
        _write(draw, (_GAP, top + size // 2 - 7), row.label, margin - 2 * _GAP)
        for i, pixels in enumerate(row.images):
            left = margin + i * (size + _GAP)
            sheet.paste(Image.fromarray(pixels), (left, top))
            if row.captions:
                _write(draw, (left, top + size + 1), row.captions[i], size)
        top += height
    return sheet


def _write(draw: object, place: tuple[int, int], text: str, width: int) -> None:
    """Write text in the largest font that fits ``width``; cut it if none fits."""
    from PIL import ImageFont

    fonts = [ImageFont.load_default(points) for points in (13, 11, 9, 8)]
    font = next((font for font in fonts if font.getlength(text) <= width), fonts[-1])
    while text and font.getlength(text) > width:
        text = text[:-1]
    draw.text(place, text, fill=_INK, font=font)  # type: ignore[attr-defined]
