"""``t2sbench preview``: contact sheets, to look before rendering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import PATH, decorated, simulator_options, take_simulator
from benchmark.core.errors import InvalidInputError, StorageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from benchmark.simulators.interface import Simulator

_F = TypeVar("_F", bound=Callable[..., Any])
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@click.group()
def preview() -> None:
    """Make contact sheets of what a simulator renders."""


def _sheet_options(command: _F) -> _F:
    """What all sheets share: size, columns, output file, simulator."""
    return decorated(
        command,
        simulator_options,
        click.option(
            "-o",
            "--output",
            type=PATH,
            default=Path("preview.png"),
            show_default=True,
            metavar="FILE",
        ),
        click.option(
            "--size", type=click.IntRange(8, 512), default=96, show_default=True, metavar="PIXELS"
        ),
        click.option(
            "--columns", type=click.IntRange(1, 64), default=10, show_default=True, metavar="N"
        ),
    )


_SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")


def _save(draw: Callable[..., Image], options: dict[str, Any]) -> int:
    """Let ``draw(simulator, **options)`` make a sheet and write it.

    Raises:
        InvalidInputError: When the file is no picture.
        StorageError: When it cannot be written.
    """
    from benchmark.simulators.interface import opened

    output = options.pop("output")
    if output.suffix.casefold() not in _SUFFIXES:
        raise InvalidInputError(
            f"Expected a picture file ({', '.join(_SUFFIXES)}), but got '{output}'. "
            "Write for example --output sheet.png."
        )
    with opened(take_simulator(options).build()) as simulator:
        sheet = draw(simulator, **options)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(output)
    except OSError as error:
        raise StorageError(
            f"Expected to write {output}, but got: {error.strerror}. Choose another --output."
        ) from error
    click.echo(f"{output}: {sheet.width} x {sheet.height} pixels")
    return 0


@preview.command("config")
@click.argument("configuration")
@click.option("--rows", type=click.IntRange(1, 64), default=6, show_default=True, metavar="N")
@_SEED
@_sheet_options
def preview_config(configuration: str, **options: Any) -> int:  # noqa: ANN401 - click's
    """One CONFIGURATION: a row of images for each of some categories."""
    from benchmark.rendering.sheets import configuration_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        point = simulator.capabilities.space.parse(configuration)
        return configuration_sheet(simulator, point, **shared)

    return _save(draw, options)


@preview.command("switches")
@click.option("--category", metavar="NAME", help="What to show.  [default: the first category]")
@_SEED
@_sheet_options
def preview_switches(category: str | None, **options: Any) -> int:  # noqa: ANN401 - click's
    """Every switch alone, a row each; the first row has all off, the last all on."""
    from benchmark.rendering.sheets import switches_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        return switches_sheet(simulator, category, **shared)

    return _save(draw, options)


@preview.command("category")
@click.argument("category")
@click.option("--config", metavar="BITS", help="A configuration.  [default: the last, all on]")
@_SEED
@_sheet_options
def preview_category(category: str, config: str | None, **options: Any) -> int:  # noqa: ANN401 - click's
    """All objects of CATEGORY."""
    from benchmark.rendering.sheets import category_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        space = simulator.capabilities.space
        point = space.at(space.size - 1) if config is None else space.parse(config)
        return category_sheet(simulator, category, point, **shared)

    return _save(draw, options)


@preview.command("library")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first categories.")
@_sheet_options
def preview_library(limit: int | None, **options: Any) -> int:  # noqa: ANN401 - click's
    """The first object of every category."""
    from benchmark.rendering.sheets import library_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        return library_sheet(simulator, limit=limit, **shared)

    return _save(draw, options)
