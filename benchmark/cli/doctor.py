"""``t2sbench doctor``: what works on this machine, and what to install for the rest."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata, util

import click

from benchmark.core.errors import T2SBenchError
from benchmark.core.files import cache_root

Check = tuple[str, bool, str]

# distribution -> (module, what it is for)
_PACKAGES = {
    "torch": ("torch", "reading the released embeddings"),
    "pyarrow": ("pyarrow", "reward tables and rendered datasets"),
    "safetensors": ("safetensors", "embeddings and models"),
    "pooch": ("pooch", "downloads"),
    "moderngl": ("moderngl", "rendering"),
    "pillow": ("PIL", "images"),
}


def checks() -> Iterator[Check]:
    """(what, whether it works, detail or remedy), cheap ones first."""
    version = platform.python_version()
    yield "Python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)"
    yield _owners_check()
    for name, (module, use) in _PACKAGES.items():
        present = util.find_spec(module) is not None
        yield (
            name,
            present,
            f"{metadata.version(name)}, for {use}" if present else f"pip install {name}, for {use}",
        )
    yield _cache_check()
    yield from _registry_checks()
    yield _rendering_check()
    yield from _table_checks()


def _owners_check() -> Check:
    from benchmark.core.owners import IMPORT_NAMES, check_import_owners

    try:
        check_import_owners()
    except T2SBenchError as error:
        return "import names", False, str(error)
    return "import names", True, f"{', '.join(IMPORT_NAMES)} are ours alone"


def _cache_check() -> Check:
    folder = cache_root()
    parent = folder
    while not parent.exists():
        parent = parent.parent
    writable = parent.is_dir() and os.access(parent, os.W_OK)
    return "cache folder", writable, f"{folder} (T2SBENCH_CACHE names another)"


def _registry_checks() -> Iterator[Check]:
    from benchmark.methods import known_methods
    from benchmark.tasks.registry import load_tasks

    try:
        yield "tasks", True, f"{len(list(load_tasks()))} tasks"
    except T2SBenchError as error:
        yield "tasks", False, str(error)
    for plugin in known_methods().values():
        try:
            plugin.load()
        except T2SBenchError as error:
            yield f"method {plugin.name}", False, str(error)


def _rendering_check() -> Check:
    """Whether the embedded simulator can open a context, and on what."""
    from benchmark.simulators.gl.context import create_context

    try:
        context = create_context()
    except T2SBenchError as error:
        return "rendering (simulator gl)", False, str(error)
    renderer = str(context.info["GL_RENDERER"])
    context.release()
    return "rendering (simulator gl)", True, f"OpenGL through EGL on {renderer}"


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


@click.command()
def doctor() -> int:
    """Say what works on this machine and what to install for the rest."""
    good = True
    for what, works, detail in checks():
        good = good and works
        click.echo(f"{'ok ' if works else 'BAD'}  {what}: {detail}")
    return 0 if good else 2
