"""``t2sbench ls``: what the suite knows, without importing anything heavy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from benchmark.cli.options import PATH

Rows = list[dict[str, Any]]


def list_tasks(tasks_files: Sequence[Path], plugins: Sequence[Path]) -> Rows:
    """Tasks with side, category, classes and sizes."""
    from benchmark.tasks.registry import load_tasks

    del plugins
    return [
        {
            "task": task.name,
            "side": str(task.side),
            "category": task.category,
            "classes": task.classes,
            "train": task.split.train,
            "test": task.split.test,
        }
        for task in load_tasks(tasks_files)
    ]


def list_methods(tasks_files: Sequence[Path], plugins: Sequence[Path]) -> Rows:
    """Methods and where they come from."""
    from benchmark.methods import known_methods

    del tasks_files
    return [
        {"method": plugin.name, "origin": plugin.origin}
        for plugin in known_methods(plugins).values()
    ]


def list_protocols(tasks_files: Sequence[Path], plugins: Sequence[Path]) -> Rows:
    """Evaluation protocols."""
    from benchmark.protocols.registry import PROTOCOLS

    del tasks_files, plugins
    return [
        {"protocol": p.name, "version": p.version, "summary": p.summary} for p in PROTOCOLS.values()
    ]


def list_tables(tasks_files: Sequence[Path], plugins: Sequence[Path]) -> Rows:
    """Named reward tables and whether they are on this machine."""
    from benchmark.rewards.catalog import KNOWN_TABLES

    del tasks_files, plugins
    return [
        {
            "table": recipe.name,
            "here": "yes" if recipe.is_prepared else "on first use",
            "summary": recipe.summary,
        }
        for recipe in KNOWN_TABLES.values()
    ]


def list_simulators(tasks_files: Sequence[Path], plugins: Sequence[Path]) -> Rows:
    """Simulators, where they come from, and what is missing to use them."""
    from benchmark.simulators.registry import known_simulators

    del tasks_files
    return [
        {
            "simulator": plugin.name,
            "origin": plugin.origin,
            "here": plugin.install_hint() or "yes",
        }
        for plugin in known_simulators(plugins).values()
    ]


def list_profiles(tasks_files: Sequence[Path], plugins: Sequence[Path]) -> Rows:
    """Profiles of live scoring, and the series of them."""
    from benchmark.pipeline.profiles import read_profiles

    del tasks_files, plugins
    profiles, sweeps = read_profiles()
    return [
        {
            "profile": profile.name,
            "images": f"{profile.classes} x {profile.images_per_class}",
            "pixels": profile.size,
            "network": profile.network,
            "recipe": profile.recipe,
            "summary": profile.summary,
        }
        for profile in profiles
    ] + [
        {"profile": sweep.name, "images": f"{len(sweep.points)} points", "summary": sweep.summary}
        for sweep in sweeps
    ]


LISTINGS: dict[str, Callable[[Sequence[Path], Sequence[Path]], Rows]] = {
    "tasks": list_tasks,
    "methods": list_methods,
    "protocols": list_protocols,
    "tables": list_tables,
    "simulators": list_simulators,
    "profiles": list_profiles,
}


@click.command()
@click.argument("what", type=click.Choice(list(LISTINGS)))
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")
@click.option("--tasks-file", "tasks_files", type=PATH, multiple=True, metavar="FILE")
@click.option("--plugin", "plugins", type=PATH, multiple=True, metavar="FILE")
def ls(what: str, style: str, tasks_files: tuple[Path, ...], plugins: tuple[Path, ...]) -> int:
    """List tasks, methods, protocols, tables, simulators or profiles."""
    rows = LISTINGS[what](tasks_files, plugins)
    if style == "json":
        click.echo(json.dumps(rows, indent=2))
        return 0
    from tabulate import tabulate

    click.echo(tabulate(rows, headers="keys", tablefmt="simple", missingval="-"))
    return 0
