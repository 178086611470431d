"""``t2sbench render``: a labelled dataset of one configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH, simulator_options, take_simulator
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmark.rendering.request import DatasetRequest
    from benchmark.rendering.run import Rendered


@click.command()
@click.option("--config", required=True, metavar="BITS", help="Configuration, as in 01101101.")
@click.option(
    "-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder of the dataset."
)
@click.option(
    "--classes",
    default="100",
    show_default=True,
    metavar="N|NAMES|all",
    help="How many categories, from the first on; or their names with commas.",
)
@click.option("--images-per-class", type=int, default=400, show_default=True, metavar="N")
@click.option(
    "--objects-per-class", type=int, metavar="N", help="At most so many objects of a category."
)
@click.option("--size", type=int, default=128, show_default=True, metavar="PIXELS")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N")
@click.option(
    "--workers",
    type=int,
    metavar="N",
    help="Processes.  [default: one per core; one with tdw]",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["parquet", "imagefolder"]),
    default="parquet",
    show_default=True,
)
@click.option("--encoding", type=click.Choice(["jpeg", "png"]), default="jpeg", show_default=True)
@click.option("--quality", type=int, default=92, show_default=True, help="JPEG quality.")
@click.option("--shard-size", type=int, default=1000, show_default=True, metavar="IMAGES")
@click.option(
    "--push-to-hub",
    metavar="REPOSITORY",
    help="Upload the folder to this dataset of the Hugging Face Hub.",
)
@simulator_options
def render(config: str, output: Path, workers: int | None, **options: Any) -> int:  # noqa: ANN401
    """Render a dataset of one configuration for pre-training.

    The folder appears when the dataset is complete. Interrupted, the same command goes on at the
    first missing shard; the same command gives the same files, however many workers there are.
    """
    from benchmark.cli.progress import RenderDisplay
    from benchmark.rendering.run import render_dataset

    repository = options.pop("push_to_hub")
    if repository:
        from benchmark.rendering.hub import hub_library

        hub_library()  # before any work
    request = _read_request(config, options)
    simulator = request.simulator.build()
    for note in simulator.assets().notes:
        click.echo(f"Note: {note}", err=True)
    usual = simulator.capabilities.workers or len(os.sched_getaffinity(0))
    count = workers if workers is not None else usual
    with RenderDisplay() as display:
        rendered = render_dataset(request, output, workers=count, observer=display)
    _report(rendered, display.seconds)
    if repository:
        from benchmark.rendering.hub import push_to_hub

        click.echo(f"Pushed to {push_to_hub(rendered.folder, repository)}")
    return 0


def _read_request(config: str, options: dict[str, Any]) -> DatasetRequest:
    from benchmark.rendering.request import DatasetRequest, choose_categories

    choice, classes = take_simulator(options), options.pop("classes")
    simulator = choice.build()
    configuration = simulator.capabilities.space.parse(config)
    categories = choose_categories(simulator.assets(), _read_classes(classes))
    return DatasetRequest(choice, configuration, categories, **options)


def _read_classes(text: str) -> int | list[str] | None:
    """The number, the names, or ``None`` for all."""
    text = text.strip()
    if text == "all":
        return None
    if text.lstrip("-").isdecimal():
        return int(text)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InvalidInputError(
            "Expected --classes to be a number, names or 'all', but got ''. Write --classes 100."
        )
    return names


def _report(rendered: Rendered, seconds: float) -> None:
    manifest = rendered.manifest
    if not rendered.fresh:
        click.echo(f"{rendered.folder} is complete already: {manifest['images']:,} images.")
    else:
        speed = rendered.fresh / max(seconds, 1e-9)
        click.echo(
            f"{manifest['images']:,} images in {rendered.folder} "
            f"({rendered.fresh:,} rendered in {seconds:.1f} s, {speed:,.0f} images/s)"
        )
    click.echo(f"digest {manifest['digest']}")
