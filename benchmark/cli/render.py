"""``t2sbench render``, ``verify`` and ``preview``: datasets and contact sheets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import (
    PATH,
    Choice,
    Command,
    Group,
    completing,
    decorated,
    executor_options,
    jobs_option,
    output_option,
    parse_plain_options,
    plugin_option,
    simulator_options,
    source_names,
    take_placement,
    take_simulator,
    tasks_file_option,
)
from benchmark.core.errors import InvalidInputError, StorageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from benchmark.rendering.run import Rendered
    from benchmark.simulators.interface import Simulator

_F = TypeVar("_F", bound=Callable[..., Any])
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@click.command(cls=Command)
@click.option("--config", required=True, metavar="BITS", help="Configuration, as in 01101101.")
@output_option("Folder of the dataset.")
@click.option(
    "--classes",
    default="100",
    show_default=True,
    metavar="N|NAMES|all",
    help="Number of categories, counted from the first; or names separated by commas.",
)
@click.option("--images-per-class", type=int, default=400, show_default=True, metavar="N")
@click.option(
    "--objects-per-class", type=int, metavar="N", help="Most objects of a category.  [default: all]"
)
@click.option("--size", type=int, default=128, show_default=True, metavar="PIXELS")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N")
@jobs_option("Rendering processes.  [default: one per core; one with tdw]", None)
@executor_options
@click.option(
    "--format",
    "layout",
    type=Choice(["parquet", "imagefolder"]),
    default="parquet",
    show_default=True,
)
@click.option("--encoding", type=Choice(["jpeg", "png"]), default="jpeg", show_default=True)
@click.option("--quality", type=int, default=92, show_default=True, help="JPEG quality.")
@click.option("--shard-size", type=int, default=1000, show_default=True, metavar="IMAGES")
@click.option(
    "--push-to-hub",
    metavar="REPOSITORY",
    help="Upload the folder to this dataset of the Hugging Face Hub.",
)
@simulator_options
def render(config: str, output: Path, jobs: int | None, **given: Any) -> int:  # noqa: ANN401
    """Render a dataset of one configuration for pre-training.

    The folder appears when the dataset is complete. After an interruption, the same command
    continues at the first missing shard. The files do not depend on the number of jobs.
    """
    import t2sbench as t2s
    from benchmark.cli.progress import RenderDisplay

    repository = given.pop("push_to_hub")
    if repository:
        from benchmark.rendering.hub import hub_library

        hub_library()  # before any work starts
    given["executor"] = take_placement(given)
    given["options"] = parse_plain_options(given["options"])
    given["classes"] = _read_classes(given["classes"])
    with RenderDisplay() as display:
        rendered = t2s.render(config, output, workers=jobs, observer=display, **given)
    _report(rendered, display.seconds)
    if repository:
        from benchmark.rendering.hub import push_to_hub

        click.echo(f"Pushed to {push_to_hub(rendered.folder, repository)}")
    return 0


def _read_classes(text: str) -> int | list[str] | None:
    """Number or names of the categories; None for all."""
    text = text.strip()
    if text == "all":
        return None
    if text.lstrip("-").isdecimal():
        return int(text)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InvalidInputError(
            "--classes is empty. Write a number, names, or 'all', as in --classes 100."
        )
    return names


def _report(rendered: Rendered, seconds: float) -> None:
    manifest = rendered.manifest
    if not rendered.fresh:
        click.echo(f"{rendered.folder} is already complete: {manifest['images']:,} images.")
    else:
        speed = rendered.fresh / max(seconds, 1e-9)
        click.echo(
            f"{manifest['images']:,} images in {rendered.folder} "
            f"({rendered.fresh:,} rendered in {seconds:.1f} s, {speed:,.0f} images/s)"
        )
    click.echo(f"digest {manifest['digest']}")


@click.command(cls=Command)
@click.argument("folder", type=PATH)
def verify(folder: Path) -> int:
    """Compare every file of the rendered dataset in FOLDER with its manifest.

    Exits with 1 if a file is missing or differs.
    """
    from benchmark.rendering.dataset import verify_dataset

    manifest = verify_dataset(folder)
    click.echo(f"{folder}: {manifest['images']:,} images in {len(manifest['shards']):,} shards")
    click.echo(f"digest {manifest['digest']}")
    return 0


@click.group(cls=Group)
def preview() -> None:
    """Draw contact sheets of a simulator's images, or of a source."""


def _sheet_options(command: _F) -> _F:
    return decorated(
        command,
        click.option(
            "--columns", type=click.IntRange(1, 64), default=10, show_default=True, metavar="N"
        ),
        click.option(
            "--size", type=click.IntRange(8, 512), default=96, show_default=True, metavar="PIXELS"
        ),
        output_option("Picture file.", Path("preview.png"), "FILE"),
        simulator_options,
    )


_SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")


def _save(draw: Callable[..., Image], options: dict[str, Any]) -> int:
    """Write the sheet that ``draw(simulator, **options)`` returns."""
    from benchmark.simulators.interface import opened

    output = options.pop("output")
    _check_picture(output)
    with opened(take_simulator(options).build()) as simulator:
        for note in simulator.assets().notes:
            click.echo(f"Note: {note}", err=True)
        sheet = draw(simulator, **options)
    return _write(sheet, output)


def _check_picture(output: Path) -> None:
    if output.suffix.casefold() not in _SUFFIXES:
        raise InvalidInputError(
            f"--output {output} does not name a picture: use one of {', '.join(_SUFFIXES)}."
        )


def _write(sheet: Image, output: Path) -> int:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(output)
    except OSError as error:
        raise StorageError(
            f"Cannot write {output}: {error.strerror}. Choose another --output."
        ) from error
    click.echo(f"{output}: {sheet.width} x {sheet.height} pixels")
    return 0


@preview.command("config")
@click.argument("configuration")
@click.option("--rows", type=click.IntRange(1, 64), default=6, show_default=True, metavar="N")
@_SEED
@_sheet_options
def preview_config(configuration: str, **options: Any) -> int:  # noqa: ANN401 - click's
    """Images of one CONFIGURATION: a row for each of the first categories."""
    from benchmark.rendering.sheets import configuration_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        point = simulator.capabilities.space.parse(configuration)
        return configuration_sheet(simulator, point, **shared)

    return _save(draw, options)


@preview.command("switches")
@click.option("--category", metavar="NAME", help="Category to show.  [default: the first]")
@_SEED
@_sheet_options
def preview_switches(category: str | None, **options: Any) -> int:  # noqa: ANN401 - click's
    """One row for each level of each setting, changed alone.

    The first row has every setting at its first level (switches off), the last row at its most
    varied one (switches on).
    """
    from benchmark.rendering.sheets import switches_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        return switches_sheet(simulator, category, **shared)

    return _save(draw, options)


@preview.command("category")
@click.argument("category")
@click.option("--config", metavar="BITS", help="A configuration.  [default: the most varied]")
@_SEED
@_sheet_options
def preview_category(category: str, config: str | None, **options: Any) -> int:  # noqa: ANN401 - click's
    """All objects of CATEGORY."""
    from benchmark.rendering.sheets import category_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        space = simulator.capabilities.space
        point = space.most_varied if config is None else space.parse(config)
        return category_sheet(simulator, category, point, **shared)

    return _save(draw, options)


@preview.command("source")
@click.argument("source", metavar="NAME[=PATH]", shell_complete=completing(source_names))
@click.option("--rows", type=click.IntRange(1, 64), default=6, show_default=True, metavar="N")
@click.option("--columns", type=click.IntRange(1, 64), default=10, show_default=True, metavar="N")
@click.option(
    "--size", type=click.IntRange(8, 512), default=96, show_default=True, metavar="PIXELS"
)
@_SEED
@click.option("--task", metavar="TASK", help="Task of a source with other images for each task.")
@click.option("--real-images", metavar="PATH", help="Default: $T2SBENCH_REAL_IMAGES.")
@click.option("-O", "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option.")
@output_option("Picture file.", Path("preview.png"), "FILE")
@plugin_option
@tasks_file_option
def preview_source(source: str, output: Path, **given: Any) -> int:  # noqa: ANN401 - click's
    """Images of a source: a row for each category."""
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.sources.interface import Amount
    from benchmark.sources.registry import SourceSpec
    from benchmark.sources.sheet import source_sheet
    from benchmark.tasks.task_data import load_task_data

    _check_picture(output)
    options = parse_plain_options(given["options"])
    spec = SourceSpec.parse(source, options, given["plugins"])
    settings = LiveSettings(real_images=given["real_images"])
    task = given["task"]
    sheet = source_sheet(
        spec.open(settings.open_real_images),
        Amount(given["rows"], given["columns"], given["size"]),
        given["seed"],
        load_task_data(task, tasks_files=given["tasks_files"]) if task else None,
    )
    return _write(sheet, output)


@preview.command("library")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first categories.")
@_sheet_options
def preview_library(limit: int | None, **options: Any) -> int:  # noqa: ANN401 - click's
    """The first object of every category."""
    from benchmark.rendering.sheets import library_sheet

    def draw(simulator: Simulator, **shared: Any) -> Image:  # noqa: ANN401 - passed on
        return library_sheet(simulator, limit=limit, **shared)

    return _save(draw, options)
