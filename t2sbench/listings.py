"""Listings of the names that t2sbench knows; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t2sbench.display import Rows

if TYPE_CHECKING:
    from benchmark.core.plugins import Plugin

_Files = Sequence[str | Path]


def _paths(files: _Files) -> list[Path]:
    return [Path(file) for file in files]


def tasks(tasks_files: _Files = ()) -> Rows:
    """Return the tasks with side, category, classes and numbers of images.

    Args:
        tasks_files: Users' files with more tasks.

    Example:
        >>> tasks()[0]["task"], len(tasks())
        ('CropDisease', 20)
    """
    from benchmark.tasks.registry import load_tasks

    return Rows(
        tuple(
            {
                "task": task.name,
                "side": str(task.side),
                "category": task.category,
                "classes": task.classes,
                "train": task.split.train,
                "test": task.split.test,
            }
            for task in load_tasks(_paths(tasks_files))
        )
    )


def methods(plugins: _Files = ()) -> Rows:
    """Return the registered methods and their origin.

    Args:
        plugins: Users' files with more methods; they are executed.

    Example:
        >>> "task2sim" in methods()["method"]
        True
    """
    from benchmark.methods import known_methods

    found = known_methods(_paths(plugins)).values()
    return Rows(tuple({"method": plugin.name, "origin": plugin.origin} for plugin in found))


def protocols(plugins: _Files = ()) -> Rows:
    """Return the evaluation protocols.

    Args:
        plugins: Users' files with more protocols; they are executed.

    Example:
        >>> protocols()["protocol"]
        ['knn5', 'knn5-released', 'linear', 'finetune']
    """
    from benchmark.protocols.registry import find_protocol, known_protocols

    files = _paths(plugins)
    return Rows(
        tuple(
            {"protocol": p.name, "version": p.version, "summary": p.summary}
            for p in (find_protocol(name, files) for name in known_protocols(files))
        )
    )


def networks(plugins: _Files = ()) -> Rows:
    """Return the networks and their origin; "here" is "yes" or names what is missing.

    Args:
        plugins: Users' files with more networks; they are executed.

    Example:
        >>> "mini-resnet" in networks()["network"]
        True
    """
    from benchmark.core.plugins import known_plugins

    return Rows(
        tuple(
            {
                "network": plugin.name,
                "origin": plugin.origin,
                "here": plugin.install_hint() or "yes",
            }
            for plugin in known_plugins("network", _paths(plugins)).values()
        )
    )


def recipes(plugins: _Files = ()) -> Rows:
    """Return the recipes of pre-training.

    Args:
        plugins: Users' files with more recipes; they are executed.

    Example:
        >>> recipes()["recipe"]
        ['mini', 'mini-contrastive', 'paper', 'small']
    """
    from benchmark.core.plugins import known_plugins
    from benchmark.pretraining.recipes import find_recipe

    files = _paths(plugins)
    known = known_plugins("recipe", files)
    return Rows(
        tuple(
            {
                "recipe": name,
                "class": type(recipe).__name__,
                "epochs": recipe.epochs,
                "batch": recipe.batch_size,
                "pixels": recipe.image_size,
                "augmentation": recipe.augmentation,
                "origin": known[name].origin,
            }
            for name, recipe in ((name, find_recipe(name, files)) for name in known)
        )
    )


def tables() -> Rows:
    """Return the named reward tables; "here" is "yes" for those on this machine.

    Example:
        >>> tables()["table"]
        ['gl-mini', 'released']
    """
    from benchmark.rewards.catalog import KNOWN_TABLES

    return Rows(
        tuple(
            {
                "table": known.name,
                "here": "yes" if known.is_prepared else "on first use",
                "summary": known.summary,
            }
            for known in KNOWN_TABLES.values()
        )
    )


def simulators(plugins: _Files = ()) -> Rows:
    """Return the simulators and their origin; "here" is "yes" or names what is missing.

    Args:
        plugins: Users' files with more simulators; they are executed.

    Example:
        >>> simulators()["simulator"]
        ['gl', 'tdw', 'toy']
    """
    from benchmark.simulators.registry import known_simulators

    return Rows(
        tuple(
            {
                "simulator": plugin.name,
                "origin": plugin.origin,
                "here": plugin.install_hint() or _missing(plugin) or "yes",
            }
            for plugin in known_simulators(_paths(plugins)).values()
        )
    )


def _missing(plugin: Plugin) -> str:
    """Missing program of a simulator, which its class names in ``missing()``; empty if none."""
    ask = getattr(plugin.load(), "missing", None)
    return str(ask()) if ask else ""


def sources(plugins: _Files = ()) -> Rows:
    """Return the registered sources of pre-training images, and their licence and origin.

    Args:
        plugins: Users' files with more sources; they are executed.

    Example:
        >>> sources()["source"]
        ['dead-leaves', 'fractals', 'retrieved']
    """
    from benchmark.core.plugins import known_plugins

    return Rows(
        tuple(
            {
                "source": plugin.name,
                "images": "of each task" if plugin.load().per_task else "the same for all tasks",
                "licence": plugin.load().licence or "that of its images",
                "origin": plugin.origin,
                "here": plugin.install_hint() or "yes",
            }
            for plugin in known_plugins("source", _paths(plugins)).values()
        )
    )


def profiles() -> Rows:
    """Return the profiles of live scoring, and the series of them.

    Example:
        >>> "mini" in profiles()["profile"]
        True
    """
    from benchmark.pipeline.profiles import read_profiles

    found, series = read_profiles()
    rows = [
        {
            "profile": profile.name,
            "images": f"{profile.classes} x {profile.images_per_class}",
            "pixels": profile.size,
            "network": profile.network,
            "recipe": profile.recipe,
            "summary": profile.summary,
        }
        for profile in found
    ]
    blank = {"pixels": None, "network": None, "recipe": None}
    rows += [
        {"profile": s.name, "images": f"{len(s.points)} points", **blank, "summary": s.summary}
        for s in series
    ]
    return Rows(tuple(rows))
