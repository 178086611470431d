"""``t2sbench recommend``: from a folder of images to a pre-trained network and a report."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import (
    Choice,
    Command,
    completing,
    log_option,
    method_names,
    output_option,
    parse_numbers,
    parse_plain_options,
    plugin_option,
    profile_names,
    table_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.recommend.plan import Step
    from t2sbench import Recommendation


@click.command(cls=Command)
@click.argument("source", metavar="FOLDER")
@output_option("Folder of report, dataset and network.")
@click.option(
    "--size",
    default="mini",
    show_default=True,
    metavar="PROFILE",
    shell_complete=completing(profile_names),
    help="Profile of rendering and pre-training: a name from 't2sbench ls profiles'.",
)
@click.option(
    "--set",
    "-P",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the profile; may be repeated.",
)
@click.option(
    "--method",
    "-m",
    default="walsh-gp",
    show_default=True,
    metavar="NAME",
    shell_complete=completing(method_names),
    help="Method that chooses the configuration.",
)
@click.option(
    "--option",
    "-O",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the method; may be repeated.",
)
@table_option
@plugin_option
@click.option(
    "--only",
    type=Choice(["choose", "render", "train"]),
    help="Stop after the choice, the dataset or the network.",
)
@click.option(
    "--seeds",
    default="0,1",
    show_default=True,
    metavar="RANGE",
    help="Seeds of pre-training; the network of the first one is exported.",
)
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda:0")
@log_option
@click.option("--dry-run", is_flag=True, help="Print the minutes of each stage, and do nothing.")
def recommend(source: str, output: Path, dry_run: bool, **given: Any) -> int:  # noqa: ANN401 - click's
    """Choose, render and pre-train for the images in FOLDER, and evaluate on a held-out part.

    FOLDER holds one folder of images per class, with or without parts such as train and test. A
    Parquet file, a data set saved by the library datasets, and hub:OWNER/NAME do as well. The
    result is a folder with report.html, the dataset, and a network for torchvision or plain
    PyTorch. After an interruption, the same command resumes.
    """
    import t2sbench as t2s
    from benchmark.cli.progress import StepDisplay
    from benchmark.pipeline.profiles import parse_changes

    given["changes"] = parse_changes(given["changes"])
    given["options"] = parse_plain_options(given["options"])
    given["seeds"] = parse_numbers(given["seeds"])
    log = given.pop("log")
    if dry_run:
        from t2sbench.recommendations import steps_of

        _show_plan(steps_of(source, output, **given))
        return 0
    with StepDisplay() as display:
        found = t2s.recommend(
            source, output, log=log, observer=display, on_beat=display.on_beat, **given
        )
    _show(found, display.seconds)
    return 0


def _show_plan(steps: Sequence[Step]) -> None:
    """Table of the stages with their minutes."""
    from tabulate import tabulate

    stages: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        stages[step.stage].append(step)
    rows = [[stage, len(some), _minutes(some)] for stage, some in stages.items()]
    rows.append(["all", len(steps), _minutes(steps)])
    headers = ["stage", "steps", "minutes"]
    click.echo(tabulate(rows, headers, disable_numparse=True, colalign=("left", "right", "right")))
    click.echo(
        "At most: kept steps, and networks of the same configuration, take no time. Estimated from "
        "like cells of this machine, or from two cores of an AMD EPYC; '?': neither is known."
    )


def _minutes(steps: Sequence[Step]) -> str:
    known = sum(step.seconds for step in steps if step.seconds is not None) / 60
    unknown = any(step.seconds is None for step in steps)
    return "?" if unknown and not known else f"{known:.1f}{' + ?' * unknown}"


def _show(found: Recommendation, seconds: float) -> None:
    from benchmark.core.texts import duration
    from benchmark.recommend.report import shown_gain, verdict

    choice, task = found.facts.choice, found.facts.task
    assert choice is not None  # noqa: S101 - every recommendation has one
    click.echo(
        f"{task.name}: {len(task.classes)} classes, {task.n_train:,} training and "
        f"{task.n_test:,} test images"
        + (f"; {len(task.left_out)} broken images left out" if task.left_out else "")
    )
    for note in task.notes:
        click.echo(note)
    if task.repeated:
        click.echo(f"Test images that are also training images: {task.repeated:,}.")
    nearest = ", ".join(f"{one.task} {one.distance:.3f}" for one in found.facts.nearest)
    click.echo(f"Nearest tasks: {nearest or 'unknown, as the table has no vectors'}")
    click.echo(f"Configuration: {choice.configuration} ({choice.method})")
    click.echo(f"Expected gain over {choice.standard}: {shown_gain(choice.gain)}")
    evaluation = found.facts.evaluation
    for score in evaluation.scores if evaluation else ():
        words = verdict(score.ahead)
        ahead = f"; recommended minus this: {score.ahead} {words}" if score.ahead else ""
        click.echo(f"{score.protocol}, {score.network}: {score.accuracy}{ahead}")
    click.echo(f"Report: {found.report} ({duration(seconds)})")
