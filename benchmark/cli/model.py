"""``t2sbench fit`` and ``select``: a trained Task2Sim, and its answer for a new task."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.options import PATH, parse_method_options, source_options
from benchmark.core.errors import InvalidInputError


@click.command()
@click.option(
    "--method",
    type=click.Choice(["task2sim", "task2sim-released"]),
    default="task2sim",
    show_default=True,
)
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
    """Train Task2Sim on the seen tasks of a table and save it (safetensors + JSON)."""
    from benchmark.runs.cells import fit_unit
    from benchmark.runs.context import load_context
    from benchmark.runs.plan import MethodSpec, Split, Unit, make_folds, table_tasks
    from task2sim.selector import save_selector

    spec = MethodSpec(method, parse_method_options(options, (method,))[method], plugins)
    context = load_context(table, Split.ALL, tasks_files, debug=False)
    (fold,) = make_folds(table_tasks(context.table, context.registry), Split.ALL)
    (fitted,) = fit_unit(context, spec.resolve(), Unit(spec, fold, (seed,), frozenset()), None)
    if fitted.error is not None:
        raise fitted.error
    source = {"table": context.table.id, "table_sha256": context.table.digest}
    save_selector(fitted.selector, output, source, seed)
    click.echo(
        f"Trained on {len(fold.learn)} tasks of {context.table.id} in {fitted.seconds:.1f} s "
        f"({fitted.rewards.queries} rewards queried). Saved in {output}; now: t2sbench select "
        f"--model {output} --task2vec FILE"
    )
    return 0


@click.command()
@click.option("--model", type=PATH, required=True, help="Folder written by 't2sbench fit'.")
@click.option(
    "--task2vec",
    type=PATH,
    required=True,
    metavar="FILE",
    help="safetensors file with one Task2Vec vector per task.",
)
@click.option("--probabilities", is_flag=True, help="Show the probability of every level, too.")
def select(model: Path, task2vec: Path, probabilities: bool) -> int:
    """Choose a configuration for each task of a Task2Vec file, in one shot."""
    from benchmark.tasks.vectors import read_embeddings
    from task2sim.model_io import load_policy

    policy = load_policy(model).policy
    embeddings = read_embeddings(task2vec)
    if not embeddings.tasks:
        raise InvalidInputError(f"Expected task vectors in {task2vec}, but got none.")
    levels = policy.probabilities(embeddings.vectors)
    for row, (task, chosen) in enumerate(
        zip(embeddings.tasks, policy.configurations(embeddings.vectors), strict=True)
    ):
        click.echo(f"{task}: {chosen} ({policy.space.named(chosen)})")
        if probabilities:
            for parameter, head in zip(policy.space.parameters, levels, strict=True):
                shown = ", ".join(
                    f"{name} {p:.3f}" for name, p in zip(parameter.levels, head[row], strict=True)
                )
                click.echo(f"  {parameter.name}: {shown}")
    return 0
