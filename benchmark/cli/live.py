"""Options and displays of live scoring, for ``t2sbench run --live``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import PATH, decorated
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.runs.execution import Plan

_F = TypeVar("_F", bound=Callable[..., Any])

# Option names that mean something with --live only, by how they are typed.
_ONLY_LIVE = {
    "profile": "--profile",
    "changes": "--set",
    "device": "--device",
    "real_images": "--real-images",
    "processes": "--processes",
    "simulator_plugins": "--simulator-plugin",
}
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def live_options(command: _F) -> _F:
    """``--live`` and the options that go with it."""
    return decorated(
        command,
        click.option(
            "--simulator-plugin",
            "simulator_plugins",
            type=PATH,
            multiple=True,
            metavar="FILE",
            help="With --live: Python file that registers simulators; it is executed.",
        ),
        click.option(
            "--real-images",
            metavar="PATH",
            help="With --live: Parquet file or image folder that method imagenet pre-trains on "
            "(default: $T2SBENCH_REAL_IMAGES).",
        ),
        click.option("--device", metavar="NAME", help="With --live: cpu, cuda:0 ... (auto)."),
        click.option(
            "--processes",
            type=click.IntRange(min=1),
            help="With --live: processes that train one backbone together (one per GPU).",
        ),
        click.option(
            "--set",
            "-P",
            "changes",
            multiple=True,
            metavar="FIELD=VALUE",
            help="With --live: another value of a field of the profile.",
        ),
        click.option(
            "--profile",
            metavar="NAME|FILE",
            help="With --live: profile or series of profiles (mini); see 't2sbench ls profiles'.",
        ),
        click.option(
            "--live", is_flag=True, help="Measure: render, pre-train and evaluate, not look up."
        ),
    )


def take_live(given: dict[str, Any], protocols: Sequence[str]) -> list[LiveSettings]:
    """How scores are measured, by profile and protocol; empty when they are looked up.

    Raises:
        InvalidInputError: For options that need ``--live``, without it.
        T2SBenchError: For an unknown profile, or values that do not fit.
    """
    if not given["live"]:
        lone = [typed for name, typed in _ONLY_LIVE.items() if given[name]]
        if lone:
            raise InvalidInputError(
                f"Expected --live with {', '.join(lone)}, but got none. Add --live to measure, or "
                "leave them out to look rewards up."
            )
        return []
    from benchmark.pipeline.profiles import expand, parse_changes
    from benchmark.pipeline.settings import LiveSettings

    choices = [
        LiveSettings(
            protocol,
            profile,
            changes,
            given["device"] or "auto",
            given["real_images"],
            given["processes"],
            tuple(given["simulator_plugins"]),
            tuple(given["tasks_files"]),
        )
        for profile, changes in expand(given["profile"] or "mini", parse_changes(given["changes"]))
        for protocol in protocols or ["knn5"]
    ]
    for choice in choices:
        choice.find_profile()
    return choices


def duration(seconds: float) -> str:
    """A duration in its largest unit.

    Example:
        >>> duration(40), duration(5400), duration(0.2)
        ('40 s', '1.5 h', '0 s')
    """
    for size, unit in _UNITS:
        if seconds >= size:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 10 or size == 1 else f"{value:.1f} {unit}"
    return "0 s"


def print_live_plan(plan: Plan) -> None:
    """What a live run would make: cells by kind, how many are there, the time that is left."""
    from benchmark.runs.live_plan import plan_cells

    found = plan_cells(plan)
    for error, labels in found.failures:
        click.echo(f"{', '.join(labels)}: {error}")
    for kind in found.kinds:
        left = f", about {duration(kind.seconds)} left" if kind.seconds is not None else ""
        if kind.missing and kind.seconds is None:
            left = ", no time known yet: none was made here before"
        cells = "cell" if kind.total == 1 else "cells"
        cached = kind.total - kind.missing
        click.echo(f"{kind.name}: {kind.total} {cells}, {cached} cached{left}")


def compare_with_table(plan: Plan) -> None:
    """Say how measured values differ from those of the table, where it has the same cells."""
    from benchmark.runs.live_plan import compare_live

    found = compare_live(plan)
    if found is None:
        return
    click.echo(
        f"{found.cells} of these cells are in table {plan.context.table.id}: the measured values "
        f"differ from it by {found.mean_difference:+.2f} points on average, at most by "
        f"{found.largest:.2f} ({found.equal} are equal).",
        err=True,
    )
