"""Descriptions of tasks, plug-ins, tables and profiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.core.errors import UnknownNameError
from t2sbench import listings


def describe(
    name: str, *, tasks_files: Sequence[str | Path] = (), plugins: Sequence[str | Path] = ()
) -> str:
    """Describe what has a name: a task, plug-in (method, network ...), profile or table.

    A profile and a recipe of one name are both described, in this order.

    Args:
        name: The name; of a table also its folder.
        tasks_files: Users' files with more tasks.
        plugins: Users' files with more plug-ins; they are executed.

    Raises:
        UnknownNameError: For an unknown name.

    Example:
        >>> print(describe("knn5").partition(", version")[0])
        knn5: protocol
    """
    tasks, files = tuple(map(Path, tasks_files)), tuple(map(Path, plugins))
    found = [
        _task(name, tasks),
        _method(name, files),
        _protocol(name, files),
        _simulator(name, files),
        _network(name, files),
        _source(name, files),
        _profile(name),
        _recipe(name, files),
        _table(name),
    ]
    texts = list(filter(None, found))
    if not texts:
        kinds = "task, method, protocol, table, simulator, network, recipe, source or profile"
        raise UnknownNameError(kind=kinds, name=name, known=known_names(tasks, files))
    return "\n\n".join(texts)


def known_names(
    tasks_files: Sequence[str | Path] = (), plugins: Sequence[str | Path] = ()
) -> list[str]:
    """Return all names that :func:`describe` knows."""
    from benchmark.core.plugins import known_plugins

    files = tuple(map(Path, plugins))
    kinds = ("method", "protocol", "simulator", "network", "recipe", "source")
    names = [
        *listings.tasks(tasks_files)["task"],
        *(name for kind in kinds for name in known_plugins(kind, files)),
        *listings.tables()["table"],
        *listings.profiles()["profile"],
    ]
    return list(dict.fromkeys(names))


def _task(name: str, tasks_files: tuple[Path, ...]) -> str | None:
    """A task's definition as YAML; None when there is no such task."""
    import yaml

    from benchmark.tasks.registry import load_data_tasks

    registry = load_data_tasks(tasks_files)
    known = {task.name.casefold(): task for task in registry}
    task = known.get(name.casefold())
    if task is None:
        return None
    text: str = yaml.safe_dump(task.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text.rstrip()


def _method(name: str, plugins: tuple[Path, ...]) -> str | None:
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
    if hasattr(factory, "gain"):
        lines += ["", *_gains(name, plugins)]
    return "\n".join(lines)


def _gains(name: str, plugins: tuple[Path, ...]) -> list[str]:
    """Choices of a method for the unseen tasks of the packaged table, and their expected gains."""
    from t2sbench.models import fit
    from t2sbench.rewards import rewards_of

    model, vectors = fit(name, plugins=plugins), rewards_of("gl-mini").embeddings
    names = () if vectors is None else vectors.tasks
    unseen = {task: vectors.of(task) for task in names if vectors and task not in model.tasks}
    chosen, gains = model.select(unseen), model.gains(unseen)
    head = "Expected gain over single-best on the unseen tasks of gl-mini, after a fit on the seen:"
    return [head, *(f"  {task}: {chosen[task]}, {gains[task]}" for task in unseen)]


def _protocol(name: str, plugins: tuple[Path, ...]) -> str | None:
    """A protocol and its hyperparameters; None when there is no such protocol."""
    from benchmark.protocols.registry import find_protocol, known_protocols

    if name not in known_protocols(plugins):
        return None
    protocol = find_protocol(name, plugins)
    lines = [f"{protocol.name}: protocol, version {protocol.version}", "", protocol.summary, ""]
    return "\n".join(lines + [f"  {k}: {v}" for k, v in protocol.hyperparameters.items()])


def _network(name: str, plugins: tuple[Path, ...]) -> str | None:
    """A network, its origin and length of features; None when there is no such network."""
    from benchmark.core.plugins import known_plugins

    plugin = known_plugins("network", plugins).get(name)
    if plugin is None:
        return None
    head = f"{name}: network of {plugin.origin}"
    if hint := plugin.install_hint():
        return f"{head}\n\nHere: {hint}."
    from benchmark.pretraining.networks import find_network

    network = find_network(name, plugins)
    facts = f"{network.dimension} features per image."
    parts = (f"{head}, version {network.version}", network.summary, facts)
    return "\n\n".join(filter(None, parts))


def _source(name: str, plugins: tuple[Path, ...]) -> str | None:
    """A source's docstring, origin, licence and options; None when there is no such source."""
    import inspect

    from benchmark.core.options import option_defaults
    from benchmark.core.plugins import known_plugins

    plugin = known_plugins("source", plugins).get(name)
    if plugin is None:
        return None
    factory = plugin.load()
    options = option_defaults(factory)
    lines = [f"{name}: source of images of {plugin.origin}, version {factory.version}", ""]
    lines += [inspect.getdoc(factory) or "", ""]
    lines += [f"Licence of the images: {factory.licence or 'that of the images it takes'}."]
    lines += ["", f"Options (-O {name}.NAME=VALUE):"] if options else []
    return "\n".join(lines + [f"  {key} = {value!r}" for key, value in options.items()])


def _recipe(name: str, plugins: tuple[Path, ...]) -> str | None:
    """A recipe's class, fields and digest; None when there is no such recipe."""
    from benchmark.core.plugins import known_plugins
    from benchmark.pretraining.recipes import find_recipe

    plugin = known_plugins("recipe", plugins).get(name)
    if plugin is None:
        return None
    recipe = find_recipe(name, plugins)
    head = f"{name}: recipe of {plugin.origin}, {type(recipe).__name__}"
    fields = [f"  {key}: {value}" for key, value in recipe.to_json().items() if key != "name"]
    return "\n".join([f"{head}, digest {recipe.digest[:12]}", "", *fields])


def _table(name: str) -> str | None:
    """A table's card in words; None when there is no such table."""
    from benchmark.rewards.catalog import KNOWN_TABLES, is_path, load_table
    from benchmark.rewards.text import table_text

    if name not in KNOWN_TABLES and not is_path(name):
        return None
    return table_text(load_table(name))


def _simulator(name: str, plugins: tuple[Path, ...] = ()) -> str | None:
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
    lines += [f"  {parameter}" for parameter in abilities.space.parameters]
    lines += ["", "Options (-O NAME=VALUE):"]
    return "\n".join(lines + [f"  {k} = {v!r}" for k, v in option_defaults(factory).items()])


def _profile(name: str) -> str | None:
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
