"""Options and output of plans: ``--dry-run``, ``--cluster``, ``--costs``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import PATH, decorated
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmark.planning.cluster import Cluster
    from benchmark.planning.costs import Costs, Estimate
    from benchmark.planning.forecast import Forecast, JobKind

_F = TypeVar("_F", bound=Callable[..., Any])

_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
_SIZES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def dry_run_options(help_text: str) -> Callable[[_F], _F]:
    """``--dry-run``, and the options for its forecast."""
    return lambda command: decorated(
        command,
        click.option("--dry-run", is_flag=True, help=help_text),
        click.option(
            "--cluster",
            default="",
            metavar="FIELD=N,...",
            help="With --dry-run: cluster to plan for, such as workers=64,gpus=1,start=30; see "
            "docs/cluster.md.  [default: one worker]",
        ),
        click.option(
            "--costs",
            type=PATH,
            metavar="FILE",
            help="With --dry-run: costs of another machine, as 't2sbench table cost' writes.  "
            "[default: those of the cells that this machine has made]",
        ),
    )


@dataclass(frozen=True)
class PlanOptions:
    """Cluster and costs of a plan.

    Attributes:
        cluster: The cluster; None if none is named.
        costs: Costs of a file; None for those of this machine's cells.
    """

    cluster: Cluster | None
    costs: Costs | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> PlanOptions:
        """Return the options of a command, checked.

        Raises:
            InvalidInputError: For a malformed cluster, or options without ``--dry-run``.
            InvalidFileError: For a faulty file of costs.
        """
        lone = [f"--{name}" for name in ("cluster", "costs") if given[name]]
        if lone and not given["dry_run"]:
            raise InvalidInputError(
                f"{', '.join(lone)}: for --dry-run only. Add --dry-run, or leave the option out."
            )
        if not lone:
            return cls(None, None)
        from benchmark.planning.cluster import Cluster
        from benchmark.planning.costs import Costs

        return cls(
            Cluster.parse(given["cluster"]) if given["cluster"] else None,
            Costs.of_file(given["costs"]) if given["costs"] else None,
        )

    def print_forecast(self, kinds: Sequence[JobKind], machine: str) -> None:
        """Print the totals of a forecast, if a cluster or costs are named."""
        if self.cluster is None and self.costs is None:
            return
        from benchmark.planning.cluster import Cluster
        from benchmark.planning.forecast import forecast

        for line in forecast_lines(forecast(kinds, self.cluster or Cluster(), machine)):
            click.echo(line)


def print_forecast(found: Forecast) -> None:
    """Print cells by stage, and the totals."""
    from tabulate import tabulate

    table = []
    for row in found.rows:
        known = row.cells - row.unknown
        each = _span(row.time.seconds / known) if known else "unknown"
        every = interval_text(row.time) if known else "unknown"
        size = bytes_text(row.bytes) if row.bytes else "unknown"
        table.append((row.profile, row.stage, f"{row.cells:,}", each, every, size))
    names = ("profile", "stage", "cells", "each", "all (95 %)", "storage")
    aligned = ("left", "left", *["right"] * 4)
    click.echo(tabulate(table, names, tablefmt="plain", colalign=aligned, disable_numparse=True))
    for line in forecast_lines(found):
        click.echo(line)


def forecast_lines(found: Forecast) -> list[str]:
    """Totals of a forecast, a sentence each."""
    cluster, work, wall = found.cluster, found.work, found.wall
    workers = f"{cluster.workers:,} worker{'s' * (cluster.workers > 1)}"
    gpus = f" with {cluster.gpus:g} GPU{'s' * (cluster.gpus != 1)} each" if cluster.gpus else ""
    until = range_text(wall.value, wall.low, wall.high)
    lines = [
        f"Work: {found.jobs:,} jobs, {interval_text(work)} one after another.",
        f"Cluster of {workers}{gpus}: {until} until the last result.",
    ]
    if cluster.gpus:
        lines.append(f"GPU time: {interval_text(work * cluster.gpus)}.")
    if cluster.workers > 1:
        parts = {"in jobs": "busy", "before the start": "starting"}
        parts |= {"waiting for the driver": "driver", "after their last job": "tail"}
        shares = ", ".join(f"{found.shares[key]:.1%} {name}" for name, key in parts.items())
        lines.append(f"Time of the workers: {shares}.")
    if found.longest is not None and found.longest.seconds:
        lines.append(_longest(found.longest))
    lines += _storage(found)
    if found.unknown:
        lines.append(
            f"{found.unknown:,} cells of unknown time are not counted. Measure them with "
            "'t2sbench table cost', and name the file with --costs."
        )
    return [*lines, f"Costs: {found.machine}."]


def _longest(job: JobKind) -> str:
    stages: dict[str, float] = {}
    scores: dict[str, float] = {}
    for piece in job.pieces:
        if piece.estimate is not None:
            seconds = piece.estimate.seconds
            stages[piece.stage] = stages.get(piece.stage, 0.0) + seconds
            if piece.task:
                scores[f"{piece.stage} of {piece.task}"] = seconds
    parts = " + ".join(f"{name} {_span(seconds)}" for name, seconds in stages.items())
    text = f"Critical path: one job of {job.label}, {_span(job.seconds)} = {parts}."
    if scores:
        longest = max(scores, key=lambda name: scores[name])
        text += f" Its longest score is {longest}, {_span(scores[longest])}."
    return text


def _storage(found: Forecast) -> list[str]:
    sizes: dict[str, float] = {}
    for row in found.rows:
        kind = {"dataset": "datasets", "backbone": "backbones"}.get(row.stage, "scores")
        sizes[kind] = sizes.get(kind, 0.0) + row.bytes
    if not any(sizes.values()):
        return []
    parts = ", ".join(f"{name} {bytes_text(size)}" for name, size in sizes.items() if size)
    largest = max((r.bytes / r.cells for r in found.rows if r.stage == "dataset"), default=0.0)
    kept = sizes.pop("datasets", 0.0)
    least = sum(sizes.values()) + min(kept, found.cluster.workers * largest)
    text = (
        f"Storage: {parts}. Datasets are removed first when a store is full: all workers together "
        f"need at least {bytes_text(least)}."
    )
    return [text]


def interval_text(time: Estimate) -> str:
    """A duration with its 95 % interval, if several samples give one."""
    return range_text(time.seconds, *time.interval)


def range_text(seconds: float, low: float, high: float) -> str:
    """A duration with limits, in one unit and to three digits; without limits that are equal.

    Example:
        >>> range_text(90, 84, 96), range_text(3_601_234, 3_500_000, 3_700_000)
        ('1.5 min (1.4 to 1.6)', '1,000 h (972 to 1,030)')
    """
    size, unit = next((one for one in _UNITS if seconds >= one[0]), _UNITS[-1])
    value, least, most = (_digits(one / size) for one in (seconds, low, high))
    return f"{value} {unit}" + (f" ({least} to {most})" if least != most else "")


def _digits(number: float) -> str:
    places = 2 - math.floor(math.log10(number)) if number > 0 else 0
    text = f"{round(number, places):,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _span(seconds: float) -> str:
    return range_text(seconds, seconds, seconds)


def bytes_text(size: float) -> str:
    """A number of bytes in its largest unit.

    Example:
        >>> bytes_text(2_500_000_000), bytes_text(12)
        ('2.5 GB', '12 B')
    """
    for unit, name in _SIZES:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} B"
