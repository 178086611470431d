"""``t2sbench fit`` and ``select``: a trained method, and its choice for a new task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from benchmark.cli.options import PATH, parse_method_options, source_options
from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.methods import Decision, SavableSelector
    from benchmark.space import ParameterSpace

_method_option = click.option(
    "--method", "-m", default="task2sim", show_default=True, help="Method that can be saved."
)


@click.command()
@_method_option
@source_options
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--option", "-O", "options", multiple=True, metavar="NAME=VALUE")
@click.option("--output", "-o", type=PATH, required=True, help="Folder of the model.")
def fit(  # noqa: PLR0913, PLR0917 - one argument per option
    method: str,
    table: str,
    plugins: tuple[Path, ...],
    tasks_files: tuple[Path, ...],
    seed: int,
    options: tuple[str, ...],
    output: Path,
) -> int:
    """Train a method on the seen tasks of a table and save it."""
    from benchmark.runs.cells import fit_unit
    from benchmark.runs.execution import request_context
    from benchmark.runs.plan import MethodSpec, RunRequest, Split, Unit, make_folds, table_tasks

    spec = MethodSpec(method, parse_method_options(options, (method,))[method], plugins)
    found = spec.resolve()
    _ = found.savable  # refused before anything is trained
    context = request_context(RunRequest((spec,), Split.ALL, table, tasks_files=tasks_files))
    (fold,) = make_folds(table_tasks(context.table, context.registry), Split.ALL)
    (fitted,) = fit_unit(context, found, Unit(found, fold, (seed,), frozenset()))
    if fitted.error is not None:
        raise fitted.error
    facts = {"table": context.table.id, "table_sha256": context.table.digest, "seed": seed}
    cast("SavableSelector", fitted.selector).save(output, facts)
    click.echo(
        f"Trained on {len(fold.learn)} tasks of {context.table.id} in {fitted.seconds:.1f} s "
        f"({fitted.rewards.queries} rewards queried). Saved in {output}; now: t2sbench select "
        f"--method {method} --model {output} --task2vec FILE"
    )
    return 0


@click.command()
@_method_option
@click.option("--model", type=PATH, required=True, help="Folder written by 't2sbench fit'.")
@click.option("--plugin", "plugins", type=PATH, multiple=True, metavar="FILE")
@click.option(
    "--task2vec",
    type=PATH,
    required=True,
    metavar="FILE",
    help="safetensors file with one Task2Vec vector per task.",
)
@click.option("--probabilities", is_flag=True, help="Show the probability of every level, too.")
def select(
    method: str, model: Path, plugins: tuple[Path, ...], task2vec: Path, probabilities: bool
) -> int:
    """Choose a configuration for each task of a Task2Vec file, in one shot."""
    import numpy as np

    from benchmark.methods import TaskView, find_method
    from benchmark.tasks.vectors import read_embeddings

    selector = find_method(method, plugin_files=plugins).savable.load(model)
    heads = getattr(selector, "probabilities", None)
    if probabilities and heads is None:
        raise InvalidInputError(f"Method '{method}' has no probabilities. Omit --probabilities.")
    embeddings = read_embeddings(task2vec)
    if not embeddings.tasks:
        raise InvalidInputError(f"No task vectors in {task2vec}.")
    for name in embeddings.tasks:
        task = TaskView(name, embeddings.of(name))
        chosen = selector.select(task, np.random.default_rng(0))
        click.echo(f"{name}: {_shown(chosen, selector.space)}")
        if heads is not None and probabilities:
            _echo_levels(selector.space, heads(task))
    return 0


def _shown(chosen: Decision, space: ParameterSpace) -> str:
    from benchmark.space import Configuration

    if isinstance(chosen, Configuration):
        return f"{chosen} ({space.named(chosen)})"
    likely = [(p, index) for index, p in enumerate(chosen.probabilities) if p]
    return "mixture of " + ", ".join(f"{space.at(index)} {p:.3f}" for p, index in likely)


def _echo_levels(space: ParameterSpace, heads: list[NDArray[np.float64]]) -> None:
    for parameter, head in zip(space.parameters, heads, strict=True):
        levels = zip(parameter.levels, head, strict=True)
        shown = ", ".join(f"{name} {probability:.3f}" for name, probability in levels)
        click.echo(f"  {parameter.name}: {shown}")
