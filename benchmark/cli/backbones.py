"""``t2sbench pretrain`` and ``evaluate``: backbones to take away, and backbones from anywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    RESULTS,
    Choice,
    Command,
    completing,
    log_option,
    output_option,
    parse_numbers,
    parse_plain_options,
    plugin_option,
    profile_names,
    protocol_names,
    split_names,
    task_names,
    tasks_file_option,
)
from benchmark.core.errors import CellsFailedError, InvalidInputError
from benchmark.core.files import real_path
from benchmark.runs.plan import Overwrite, Split

if TYPE_CHECKING:
    from benchmark.core.beats import Beat
    from benchmark.runs.checkpoints import CheckpointPlan

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")


@click.command(cls=Command)
@click.option("--config", "configuration", metavar="BITS", help="Render this configuration.")
@click.option(
    "--data",
    metavar="PATH|hub:NAME",
    help="Labelled images: a folder with one folder per class, a Parquet file, a rendered data "
    "set, or a data set of the Hugging Face hub.",
)
@click.option("--source", metavar="NAME", help="Source of images ('t2sbench ls sources').")
@click.option(
    "--option",
    "-O",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the source; may be repeated.",
)
@click.option(
    "--task",
    metavar="TASK",
    shell_complete=completing(task_names),
    help="Prepared task, for sources whose images depend on it.",
)
@click.option(
    "--profile",
    default="mini",
    show_default=True,
    metavar="NAME|FILE",
    shell_complete=completing(profile_names),
    help="Amount of images, network and recipe ('t2sbench ls profiles').",
)
@click.option(
    "--set",
    "-P",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the profile, such as network=resnet18; may be repeated.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda:0 ...")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that train together (one per GPU).",
)
@click.option(
    "--real-images", metavar="PATH", help="Collection that some sources draw from, as in 'run'."
)
@plugin_option
@tasks_file_option
@log_option
@output_option("Folder of the backbone.")
def pretrain(output: Path, **given: Any) -> int:  # noqa: ANN401 - click's
    """Pre-train a backbone on rendered or on your own images, and write it for use elsewhere.

    DIR gets backbone.safetensors with the names of the network's own library, preprocess.json, and
    README.md with the code that loads it without t2sbench. Images and weights are kept in the
    store: after an interruption, the same command continues.
    """
    import t2sbench as t2s
    from benchmark.core.texts import duration
    from benchmark.pipeline.profiles import parse_changes

    given["options"] = parse_plain_options(given["options"])
    given["changes"] = parse_changes(given["changes"])
    made = t2s.pretrain(output, on_beat=_print_beat, **given)
    card = made.card
    click.echo(
        f"{card.network}, pre-trained on {card.images:,} images of {card.classes} classes "
        f"(recipe {card.recipe}, {duration(card.wall_seconds)} of training): {output}"
    )
    click.echo(f"{output / 'README.md'} has the code that loads it. Score it with: "
               f"t2sbench evaluate {output.name}={output}")  # fmt: skip
    return 0


def _print_beat(beat: Beat) -> None:
    """Print the beginning of a stage, and every epoch, or one of each tenth of many."""
    from benchmark.cli.progress import progress_text
    from benchmark.core.texts import duration

    if beat.stage == "pre-train" and beat.done is not None and beat.total is not None:
        left, values = int(beat.total - beat.done), beat.values
        if left % max(1, int(beat.total) // 10) == 0:
            click.echo(
                f"epoch {beat.done:.0f} of {beat.total:.0f}: loss {values['loss']:.2f}, "
                f"{values['images_per_second']:,.0f} images/s, "
                f"{duration(left * values['seconds'])} left",
                err=True,
            )
    elif beat.kind in ("began", "repair"):
        click.echo(progress_text(beat), err=True)


@click.command(cls=Command)
@click.argument("backbones", nargs=-1, required=True, metavar="NAME=[ARCH:]FILE...")
@click.option(
    "--tasks",
    multiple=True,
    metavar="TASK",
    shell_complete=completing(task_names),
    help="Judge these tasks only; may be repeated.  [default: all prepared ones]",
)
@click.option(
    "--split",
    type=Choice([str(s) for s in Split if s is not Split.LEAVE_ONE_TASK_OUT]),
    default="all",
    show_default=True,
    help="Side of the judged tasks; 'all' is seen and unseen, each with its own table.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    default=["knn5"],
    show_default=True,
    metavar="NAME",
    shell_complete=completing(protocol_names),
    help="Evaluation protocol; may be repeated.",
)
@click.option("--seeds", default="0", show_default=True, metavar="NUMBERS", help="Such as 0-4.")
@click.option(
    "--size",
    type=click.IntRange(8),
    metavar="PIXELS",
    help="Side of the tasks' images.  [default: that of the pre-training; 224 for weights of "
    "others]",
)
@click.option(
    "--set",
    "-P",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Setting of the evaluation, such as linear_epochs=10; may be repeated.",
)
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda:0 ...")
@plugin_option
@tasks_file_option
@click.option(
    "--overwrite",
    type=Choice([str(o) for o in Overwrite]),
    default="stale",
    show_default=True,
    help="Cells that have a record, as in 'run'.",
)
@output_option("Folder of records and tables.", RESULTS)
def evaluate(backbones: tuple[str, ...], output: Path, **given: Any) -> int:  # noqa: ANN401
    """Score backbones on prepared tasks: yours, torchvision's or timm's, one row for each.

    FILE is a folder or file of 't2sbench pretrain', or a state dict (.pth, .pt, .safetensors) with
    its architecture: resnet50:FILE, timm:NAME:FILE. Finished cells are written at once; the same
    command continues with the missing ones.
    """
    import t2sbench as t2s
    from benchmark.cli.progress import RunDisplay
    from benchmark.cli.results import print_report
    from benchmark.pipeline.profiles import parse_changes

    display = RunDisplay()

    def on_plan(plan: CheckpointPlan) -> None:
        _announce(plan)
        display.expect([(plan.source.id, cell.protocol.name) for cell in plan.cells])

    with display:
        results = t2s.evaluate(
            _named(backbones),
            tasks=split_names(given["tasks"]),
            split=given["split"],
            protocol=given["protocols"],
            seeds=parse_numbers(given["seeds"]),
            size=given["size"],
            settings=parse_changes(given["changes"]),
            output=output,
            device=given["device"],
            plugins=given["plugins"],
            tasks_files=given["tasks_files"],
            overwrite=given["overwrite"],
            on_plan=on_plan,
            on_beat=display.on_beat,
            on_record=display.on_record,
        )
    for one in results.tables():
        print_report(one)
    stems = ", ".join(f"{stem}.*" for stem in t2s.report(output))
    click.echo(f"Records: {output / 'records.jsonl'}. Tables: {stems}", err=True)
    failed = sum(record.status != "ok" for record in results)
    if failed:
        raise CellsFailedError(
            f"{failed} cell{'s' * (failed != 1)} failed, for the reasons above. Remove them, then "
            "run the same command again."
        )
    return 0


def _named(texts: tuple[str, ...]) -> dict[str, str]:
    """Files by name of the row; without a name, that of the folder or file."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, place = text.partition("=")
        if not equals:
            path = real_path(Path(text.rpartition(":")[2]))
            name, place = path.name if path.is_dir() else path.stem, text
        if not _NAME.fullmatch(name) or not place:
            raise InvalidInputError(
                f"'{text}' does not name a backbone. Write NAME=FILE, NAME=ARCH:FILE or "
                "NAME=timm:ARCH:FILE: a name of letters, digits and . _ + -, then its file."
            )
        if name in found:
            raise InvalidInputError(
                f"Two backbones are named '{name}': {found[name]} and {place}. Give each a name, "
                "as in first=FILE second=FILE."
            )
        found[name] = place
    return found


def _announce(plan: CheckpointPlan) -> None:
    """Print backbones, size and number of cells of a plan."""
    for fault in plan.broken:
        click.echo(f"Warning: skipped a broken line: {fault}", err=True)
    for name, checkpoint in plan.checkpoints.items():
        unused = f"; not used: {', '.join(checkpoint.unused)}" if checkpoint.unused else ""
        dimension = checkpoint.backbone.dimension
        click.echo(f"{name}: {checkpoint.architecture}, {dimension} features{unused}", err=True)
        if note := checkpoint.note():
            click.echo(f"{name}: {note}", err=True)
    click.echo(
        f"Images of {plan.size} pixels: {len(plan.cells)} cells to do, {len(plan.done)} done.",
        err=True,
    )
