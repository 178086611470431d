"""Check the simulation of clusters against executors, and draw where many workers wait.

``python docs/make_cluster.py`` prints the check, and writes the picture
``docs/images/cluster-waiting.svg``. ``docs/paper-costs.json`` is the output of
``t2sbench table cost --profile paper-100c-40k``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmark.executors.interface import Event, Job, OnBeat, Placement, Work, Worker, Workers
from benchmark.executors.run import run_jobs
from benchmark.paper.experiments import PAPER_SIZES
from benchmark.pipeline.settings import LiveSettings
from benchmark.pipeline.table_jobs import TableRequest
from benchmark.planning.cluster import Cluster, simulate
from benchmark.planning.costs import Costs
from benchmark.planning.forecast import JobKind, forecast
from benchmark.planning.tables import table_kinds
from benchmark.planning.traces import Trace
from benchmark.plots.style import BLUE, PURPLE, RED, YELLOW, save_picture
from benchmark.tasks.registry import load_data_tasks, load_tasks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.core.store import CellStore

DOCS = Path(__file__).parent
PICTURE = DOCS / "images" / "cluster-waiting.svg"
COSTS = DOCS / "paper-costs.json"
# Seconds of the driver for a result of a table with 20 tasks and 3 protocols.
RESULT = 0.04
WORKERS = (1, 4, 16, 64, 128, 256, 512, 1000)
STATES = {
    "busy": "in jobs",
    "starting": "before the start",
    "driver": "waiting for the driver",
    "tail": "after their last job",
}


@dataclass(frozen=True)
class Nap(Job):
    """A job that sleeps."""

    number: int
    seconds: float


class Sleeper(Worker[Nap, int]):
    """Sleeps."""

    def do(self, job: Nap, beat: OnBeat) -> int:
        """Sleep."""
        del beat
        time.sleep(job.seconds)
        return job.number


class Naps(Work[Nap, int]):
    """Jobs that sleep, so that other load hardly changes them."""

    job_type = Nap
    key = "0" * 64

    def open(self, store: CellStore) -> Sleeper:
        """See :class:`Work`."""
        del store
        return Sleeper()

    def encode(self, result: int) -> bytes:
        """See :class:`Work`."""
        return str(result).encode()

    def decode(self, content: bytes) -> int:
        """See :class:`Work`."""
        return int(content)

    def failed(self, job: Nap, error: str) -> int:
        """See :class:`Work`."""
        raise RuntimeError(f"{job}: {error}")


def run(executor: str, workers: int, naps: Sequence[Nap]) -> Trace:
    """Trace of naps on an executor."""
    events: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        where = Workers(Path(folder), workers, placement=Placement(executor))
        for _ in run_jobs(Naps(), naps, where, events.append):
            pass
    return Trace.of(map(asdict, events))


def check(executor: str, workers: int, count: int = 60) -> str:
    """Compare a run with its replay, and with a prediction from the first quarter of its jobs."""
    rng = np.random.default_rng(workers)
    naps = [Nap(number, float(rng.lognormal(0, 0.5))) for number in range(count)]
    real = run(executor, workers, naps)
    replayed = real.replay().makespan
    few = Trace(real.jobs[: count // 4])
    start = float(np.mean(real.starts))
    cluster = Cluster(workers=workers, start=start, result=real.gap, ahead=executor == "ray")
    predicted = few.predict(cluster, count)
    return (
        f"| `{executor}` | {workers} | {count} | {real.makespan:.2f} s | {replayed:.2f} s "
        f"({replayed / real.makespan - 1:+.1%}) | {predicted.value:.1f} s "
        f"({predicted.low:.1f} to {predicted.high:.1f}) | {1000 * real.gap:.1f} ms |"
    )


def full_experiment() -> list[JobKind]:
    """Jobs of the paper's full experiment: 20 tasks, 256 configurations, two sizes."""
    known, registry = Costs.of_file(COSTS), load_data_tasks()
    kinds = []
    for profile in PAPER_SIZES:
        settings = LiveSettings(profile=profile)
        request = TableRequest(
            load_tasks().names, (0,), settings, further_protocols=("linear", "finetune")
        )
        kinds += table_kinds(request, Path("nowhere"), known, registry)
    return kinds


def draw(kinds: Sequence[JobKind], result: float) -> None:
    """Draw shares of the workers' time by their number, for long and for short jobs."""
    clusters = [Cluster(workers=count, start=60, result=result) for count in WORKERS]
    found = {
        "512 backbones of the paper's sizes": [forecast(kinds, one).shares for one in clusters],
        "10,000 jobs of 20 s": [simulate([20.0] * 10_000, one).shares for one in clusters],
    }
    for title, rows in found.items():
        for count, row in zip(WORKERS, rows, strict=True):
            shares = ", ".join(f"{row[name]:.1%} {label}" for name, label in STATES.items())
            click.echo(f"{title}, {count:,} workers: {shares}")
    save_picture(PICTURE, lambda: _figure(found))


def _figure(found: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), sharey=True)
    for one, (title, rows) in zip(axes, found.items(), strict=True):
        parts = [[row[name] for row in rows] for name in STATES]
        colours = (BLUE, YELLOW, PURPLE, RED)
        one.stackplot(range(len(WORKERS)), *parts, labels=list(STATES.values()), colors=colours)
        one.set_xticks(range(len(WORKERS)), [f"{count:,}" for count in WORKERS])
        one.set(xlabel="workers", title=title, xlim=(0, len(WORKERS) - 1), ylim=(0, 1))
    axes[0].set_ylabel("share of the workers' time")
    axes[0].legend(loc="lower left")
    return figure


def main() -> None:
    """Print the check and draw the picture."""
    for executor, workers in (("processes", 2), ("processes", 8), ("ray", 2), ("ray", 8)):
        click.echo(check(executor, workers))
    draw(full_experiment(), RESULT)


if __name__ == "__main__":
    main()
