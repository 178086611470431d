"""``t2sbench taxonomy measure``: transfers between tasks, measured on their images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    from taskonomy.measure import Measured


def read_amounts(_context: click.Context, _option: click.Parameter, text: str) -> tuple[float, ...]:
    """Click callback of ``--amounts``.

    Raises:
        InvalidInputError: When a number is none.
    """
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError as error:
        raise InvalidInputError(
            f"Expected shares like '0.1,1', but got '{text}'. Use numbers up to 1."
        ) from error


@click.command()
@click.option("--tasks", required=True, metavar="A,B,...", help="Tasks whose data are prepared.")
@click.option("--tasks-file", "tasks_files", type=PATH, multiple=True, metavar="FILE")
@click.option("--network", default="mini-resnet", show_default=True)
@click.option("--size", type=click.IntRange(8), default=32, show_default=True, metavar="PIXELS")
@click.option("--epochs", type=click.IntRange(1), default=16, show_default=True)
@click.option(
    "--amounts",
    default="0.1,1",
    show_default=True,
    callback=read_amounts,
    help="Shares of the target's training images.",
)
@click.option("--order", type=click.IntRange(1), default=2, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--output", "-o", type=PATH, default=Path("transfers"), show_default=True)
def measure(
    tasks: str,
    tasks_files: tuple[Path, ...],
    output: Path,
    **settings: Any,  # noqa: ANN401
) -> int:
    """Train networks of tasks and readouts on their frozen features.

    For every share of the target's training images the output holds a table of figures
    (transfers-SHARE.csv, for 'taxonomy solve --transfers'), the losses per test item
    (samples-SHARE.npz, for '--samples') and a card. Finished networks and readouts are kept: the
    same command goes on where an interrupted one stopped.
    """
    from benchmark.core.store import default_store
    from benchmark.tasks.task_data import load_task_data
    from taskonomy.measure import MeasureSettings, TransferMeasurement
    from taskonomy.measure_files import write_card, write_measured

    chosen = MeasureSettings(**settings)
    names = [name.strip() for name in tasks.split(",") if name.strip()]
    data = [load_task_data(name, tasks_files=tasks_files) for name in dict.fromkeys(names)]
    store = default_store()

    def say(text: str) -> None:
        click.echo(text, err=True)

    for measured in TransferMeasurement(data, chosen, store, say).measure():
        click.echo(write_measured(output, measured))
        _print_accuracy(measured)
    click.echo(write_card(output, data, chosen))
    return 0


def _print_accuracy(measured: Measured) -> None:
    from tabulate import tabulate

    columns = ["self", "scratch", *measured.rows]
    rows = [
        [target, *(accuracy.get(column) for column in columns)]
        for target, accuracy in measured.accuracy.items()
    ]
    click.echo(f"\nAccuracy in percent, {measured.amount:.0%} of the target's images:")
    click.echo(tabulate(rows, ["target", *columns], floatfmt=".1f", missingval=""))
