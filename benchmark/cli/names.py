"""``t2sbench ls``, ``show`` and ``doctor``: known names, their descriptions, and this machine."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.options import (
    Choice,
    Command,
    all_names,
    completing,
    plugin_option,
    tasks_file_option,
)
from benchmark.core.errors import T2SBenchError
from benchmark.core.extras import require
from benchmark.core.files import cache_root

if TYPE_CHECKING:
    from t2sbench.display import Rows

_PLUGINS = ("methods", "simulators", "networks", "recipes", "protocols", "sources")
_KINDS = ("tasks", *_PLUGINS, "tables", "profiles")
_OF_FILES = {"tasks": "tasks_files", **dict.fromkeys(_PLUGINS, "plugins")}


def _listing(kind: str, given: Mapping[str, Sequence[Path]]) -> Rows:
    """Rows of the API's listing of that kind, with those of users' files."""
    from t2sbench import listings

    rows: Rows = getattr(listings, kind)(*(given[_OF_FILES[k]] for k in [kind] if k in _OF_FILES))
    return rows


@click.command(cls=Command)
@click.argument("kind", type=Choice(_KINDS))
@click.option("--format", "style", type=Choice(["table", "json"]), default="table")
@tasks_file_option
@plugin_option
def ls(kind: str, style: str, **given: tuple[Path, ...]) -> int:
    """List tasks, tables, profiles, or plug-ins of a kind, such as methods."""
    rows = _listing(kind, given)
    click.echo(json.dumps(list(rows), indent=2) if style == "json" else rows)
    return 0


@click.command(cls=Command)
@click.argument("name", shell_complete=completing(all_names))
@tasks_file_option
@plugin_option
def show(name: str, tasks_files: tuple[Path, ...], plugins: tuple[Path, ...]) -> int:
    """Describe NAME: a task, table, profile or plug-in, such as a method."""
    import t2sbench as t2s

    click.echo(t2s.describe(name, tasks_files=tasks_files, plugins=plugins))
    return 0


# A check works (True), does not (False), or needs an extra that is not installed (None).
Check = tuple[str, bool | None, str]

_EXTRAS = {
    "live": "rendering, pre-training, live scores, Task2Vec, and the table 'released'",
    "data": "the real images of tasks",
    "hub": "pushing datasets",
    "plots": "pictures",
    "search": "method bayesian-optimization",
    "timm": "checkpoints of timm's architectures",
    "ray": "tables built on several machines",
    "tdw": "the simulator tdw",
}


def checks() -> Iterator[Check]:
    """(what, result, detail or remedy), cheap ones first."""
    version = platform.python_version()
    yield "Python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)"
    yield _owners_check()
    for extra, use in _EXTRAS.items():
        try:
            require(extra, use[0].upper() + use[1:])
            yield f"extra {extra}", True, f"installed, for {use}"
        except T2SBenchError as error:
            yield f"extra {extra}", None, str(error)
    yield cache_check()
    yield from _registry_checks()
    yield _rendering_check()
    yield from _table_checks()


def _owners_check() -> Check:
    from benchmark.core.owners import IMPORT_NAMES, check_import_owners

    try:
        check_import_owners()
    except T2SBenchError as error:
        return "import names", False, str(error)
    return "import names", True, f"{', '.join(IMPORT_NAMES)} come from t2sbench only"


def cache_check() -> Check:
    """Check that the cache folder can be written."""
    folder = cache_root()
    parent = folder
    while not parent.exists():
        parent = parent.parent
    writable = parent.is_dir() and os.access(parent, os.W_OK)
    return "cache folder", writable, f"{folder} (T2SBENCH_CACHE names another)"


def _registry_checks() -> Iterator[Check]:
    from benchmark.core.plugins import KINDS, known_plugins
    from benchmark.tasks.registry import load_tasks

    try:
        yield "tasks", True, f"{len(list(load_tasks()))} tasks"
    except T2SBenchError as error:
        yield "tasks", False, str(error)
    plugins = [(kind, plugin) for kind in KINDS for plugin in known_plugins(kind).values()]
    for kind, plugin in plugins:
        if plugin.install_hint():
            continue  # the extra is reported above
        try:
            plugin.load()
        except T2SBenchError as error:
            yield f"{kind} {plugin.name}", False, str(error)


def _rendering_check() -> Check:
    """Check that the embedded simulator can open a context, and name its driver."""
    from benchmark.simulators.gl.context import create_context

    what = "rendering (simulator gl)"
    try:
        require("live", "Rendering", "moderngl")
    except T2SBenchError as error:
        return what, None, str(error)
    try:
        context = create_context()
    except T2SBenchError as error:
        return what, False, str(error)
    renderer = str(context.info["GL_RENDERER"])
    context.release()
    return what, True, f"OpenGL through EGL on {renderer}"


def _table_checks() -> Iterator[Check]:
    from benchmark.rewards.catalog import DEFAULT_TABLE, KNOWN_TABLES, load_table

    what = f"table {DEFAULT_TABLE}"
    try:
        table = load_table(DEFAULT_TABLE)
        yield what, True, f"comes with the package, {len(table.tasks)} tasks, verified"
    except T2SBenchError as error:
        yield what, False, str(error)
    recipe = KNOWN_TABLES["released"]
    mirror = os.environ.get("T2SBENCH_MIRROR")
    where = f"from the mirror {mirror}" if mirror else "by download"
    missing = f"not here; comes {where} when it is named (t2sbench table fetch released)"
    yield (
        "table released",
        True,
        f"prepared in {recipe.folder}" if recipe.is_prepared else missing,
    )


@click.command(cls=Command)
def doctor() -> int:
    """Check this machine: working parts, and the commands that install the others."""
    good = True
    for what, works, detail in checks():
        good = good and works is not False
        mark = {True: "ok ", False: "BAD", None: "-- "}[works]
        click.echo(f"{mark}  {what}: {detail}")
    return 0 if good else 2
