"""``t2sbench show``: all about one task, method, protocol, table, simulator or profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from benchmark.cli.options import PATH
from benchmark.core.errors import UnknownNameError


def describe_task(name: str, tasks_files: tuple[Path, ...]) -> str | None:
    """A task's definition as YAML; None when there is no such task."""
    import yaml

    from benchmark.tasks.stand_ins import load_data_tasks

    registry = load_data_tasks(tasks_files)
    known = {task.name.casefold(): task for task in registry}
    task = known.get(name.casefold())
    if task is None:
        return None
    text: str = yaml.safe_dump(task.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text.rstrip()


def describe_method(name: str, plugins: tuple[Path, ...]) -> str | None:
    """A method's docstring, origin and options; None when there is no such method."""
    import inspect

    from benchmark.methods import find_method, known_methods

    if name not in known_methods(plugins):
        return None
    method = find_method(name, plugin_files=plugins)
    factory = method.plugin.load()
    lines = [f"{name}: method of {method.plugin.origin}", "", inspect.getdoc(factory) or ""]
    if method.privileged:
        lines += ["", "Privileged: sees the rewards it is judged on; a reference, never ranked."]
    if method.options:
        lines += ["", f"Options (-O {name}.NAME=VALUE):"]
        lines += [f"  {key} = {value!r}" for key, value in method.options.items()]
    return "\n".join(lines)


def describe_protocol(name: str) -> str | None:
    """A protocol and its hyperparameters; None when there is no such protocol."""
    from benchmark.protocols.registry import PROTOCOLS

    if name not in PROTOCOLS:
        return None
    protocol = PROTOCOLS[name]
    lines = [f"{protocol.name}: protocol, version {protocol.version}", "", protocol.summary, ""]
    return "\n".join(lines + [f"  {k}: {v}" for k, v in protocol.hyperparameters.items()])


def describe_table(name: str) -> str | None:
    """A table's card in words; None when there is no such table."""
    from benchmark.cli.table import table_text
    from benchmark.rewards.catalog import KNOWN_TABLES, is_path, load_table

    if name not in KNOWN_TABLES and not is_path(name):
        return None
    return table_text(load_table(name))


def describe_simulator(name: str, plugins: tuple[Path, ...] = ()) -> str | None:
    """A simulator's docstring, origin and options; None when there is no such simulator."""
    import inspect

    from benchmark.core.options import option_defaults
    from benchmark.simulators.registry import known_simulators

    plugin = known_simulators(plugins).get(name)
    if plugin is None:
        return None
    factory = plugin.load()
    abilities = factory.capabilities
    lines = [f"{name}: simulator of {plugin.origin}, version {factory.version}", ""]
    lines += [inspect.getdoc(factory) or "", ""]
    facts = getattr(factory, "facts", None)
    lines += [*facts(), ""] if facts else []
    hint = plugin.install_hint()
    lines += [f"Here: {hint}.", ""] if hint else []
    lines += [f"Needs {abilities.needs or 'nothing else'}.", "", "Settings, in order:"]
    lines += [f"  {p.name}: {', '.join(p.levels)}" for p in abilities.space.parameters]
    lines += ["", "Options (-O NAME=VALUE):"]
    return "\n".join(lines + [f"  {k} = {v!r}" for k, v in option_defaults(factory).items()])


def describe_profile(name: str) -> str | None:
    """A profile or a series of them as YAML; None when there is no such profile."""
    import yaml

    from benchmark.pipeline.profiles import read_profiles

    profiles, sweeps = read_profiles()
    known = {p.name: p.model_dump(mode="json") for p in profiles}
    known |= {s.name: s.model_dump(mode="json") for s in sweeps}
    if name not in known:
        return None
    text: str = yaml.safe_dump(known[name], sort_keys=False)
    return text.rstrip()


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--tasks-file", "tasks_files", type=PATH, multiple=True, metavar="FILE")
@click.option("--plugin", "plugins", type=PATH, multiple=True, metavar="FILE")
def show(name: str, tasks_files: tuple[Path, ...], plugins: tuple[Path, ...]) -> int:
    """Describe the task, method, protocol, table, simulator or profile NAME."""
    from benchmark.core.plugins import files_registering

    of_simulators = files_registering(plugins, "SIMULATORS")
    only_simulators = {*of_simulators} - {*files_registering(plugins, "METHODS")}
    # A file that registers neither stays among these, to be told what it lacks.
    of_methods = tuple(path for path in plugins if path not in only_simulators)
    describers: tuple[Callable[[], str | None], ...] = (
        lambda: describe_task(name, tasks_files),
        lambda: describe_method(name, of_methods),
        lambda: describe_protocol(name),
        lambda: describe_simulator(name, of_simulators),
        lambda: describe_profile(name),
        lambda: describe_table(name),
    )
    for describe in describers:
        text = describe()
        if text is not None:
            click.echo(text)
            return 0
    raise UnknownNameError(
        "task, method, protocol, table, simulator or profile",
        name,
        _all_names(tasks_files, {"methods": of_methods, "simulators": of_simulators}),
    )


def _all_names(tasks_files: tuple[Path, ...], plugins: Mapping[str, tuple[Path, ...]]) -> list[str]:
    from benchmark.cli.listing import LISTINGS

    return [
        str(next(iter(row.values())))
        for kind, rows in LISTINGS.items()
        for row in rows(tasks_files, plugins.get(kind, ()))
    ]
