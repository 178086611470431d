"""Option types and groups that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.core.errors import InvalidInputError
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from benchmark.simulators.registry import SimulatorChoice

_F = TypeVar("_F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
# More seeds, budgets or configurations than anybody measures; a slip of the finger asks for more.
_MOST_NUMBERS = 100_000
_LARGEST = 2**53


class FiniteRange(click.FloatRange):
    """A range without infinity and NaN, which compare with no limit."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """The number.

        Raises:
            click.BadParameter: For another text, or a number out of range.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


def number_range(first: str, last: str, what: str) -> range:
    """Whole numbers from ``first`` to ``last``, both decimal.

    Raises:
        InvalidInputError: When they are too large, or too many.
    """
    begin, end = int(first), int(last)
    if end > _LARGEST or end - begin >= _MOST_NUMBERS:
        raise InvalidInputError(
            f"Expected at most {_MOST_NUMBERS:,} {what} up to {_LARGEST:,}, but got "
            f"'{first}-{last}'. Name fewer or smaller ones."
        )
    return range(begin, end + 1)


def read_seeds(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, ...]:
    """Click callback of ``--seeds``."""
    return parse_seeds(value)


def parse_seeds(text: str, what: str = "seeds") -> tuple[int, ...]:
    """Seeds, or other whole numbers, of a range expression.

    Raises:
        InvalidInputError: When it is none.

    Example:
        >>> parse_seeds("0-2,5")
        (0, 1, 2, 5)
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InvalidInputError(
                f"Expected {what} like '0-4' or '0,2,5', but got '{text}'. Use whole numbers."
            )
        seeds += number_range(first, last or first, what)
    if not seeds:
        raise InvalidInputError(f"Expected at least one of {what}, but got '{text}'. Write '0-4'.")
    return tuple(dict.fromkeys(seeds))


def parse_method_options(
    texts: tuple[str, ...], methods: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Options per method from ``METHOD.NAME=VALUE`` texts; ``NAME=VALUE`` goes to every method.

    Raises:
        InvalidInputError: When a text has another form or names a method that is not run.

    Example:
        >>> parse_method_options(("task2sim.epochs=10",), ("random", "task2sim"))
        {'random': {}, 'task2sim': {'epochs': '10'}}
    """
    options: dict[str, dict[str, str]] = {method: {} for method in methods}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInputError(
                f"Expected an option like 'task2sim.epochs=10', but got '{text}'. Add '=VALUE'."
            )
        method, dot, key = name.rpartition(".")
        if dot and method not in options:
            raise InvalidInputError(
                f"Expected an option of {', '.join(methods)}, but got '{text}'. "
                f"Add --method {method}, or correct the name."
            )
        for owner in [method] if dot else methods:
            options[owner][key] = value
    return options


def decorated(command: _F, *decorators: Callable[[_F], _F]) -> _F:
    """The command with all of these; click's help lists the last option first."""
    for decorate in decorators:
        command = decorate(command)
    return command


def source_options(command: _F) -> _F:
    """``--table``, ``--plugin`` and ``--tasks-file``."""
    return decorated(
        command,
        click.option(
            "--tasks-file",
            "tasks_files",
            type=PATH,
            multiple=True,
            metavar="FILE",
            help="YAML file with tasks of your own; may be repeated.",
        ),
        click.option(
            "--plugin",
            "plugins",
            type=PATH,
            multiple=True,
            metavar="FILE",
            help="Python file that registers methods (METHODS = {...}); it is executed.",
        ),
        click.option(
            "--table",
            default=DEFAULT_TABLE,
            show_default=True,
            metavar="ID|DIR",
            help="Reward table: a name from 't2sbench ls tables', or a folder.",
        ),
    )


def parse_plain_options(texts: tuple[str, ...]) -> dict[str, str]:
    """Options from ``NAME=VALUE`` texts.

    Raises:
        InvalidInputError: When a text has another form.

    Example:
        >>> parse_plain_options(("objects=chairs/",))
        {'objects': 'chairs/'}
    """
    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInputError(
                f"Expected an option like 'objects=DIR', but got '{text}'. Add '=VALUE'."
            )
        options[name] = value
    return options


def simulator_options(command: _F) -> _F:
    """``--simulator``, its ``-O`` options and ``--plugin``."""
    return decorated(
        command,
        click.option(
            "--plugin",
            "simulator_plugins",
            type=PATH,
            multiple=True,
            metavar="FILE",
            help="Python file that registers simulators (SIMULATORS = {...}); it is executed.",
        ),
        click.option(
            "-O",
            "--option",
            "simulator_texts",
            multiple=True,
            metavar="NAME=VALUE",
            help="Option of the simulator, as 't2sbench show gl' lists them; may be repeated.",
        ),
        click.option(
            "--assets",
            "simulator_assets",
            metavar="paper|public",
            help="Of simulator tdw: the paper's models, or those that everybody can download.",
        ),
        click.option(
            "--simulator", default="gl", show_default=True, metavar="NAME", help="Who renders."
        ),
    )


def take_simulator(options: dict[str, Any]) -> SimulatorChoice:
    """Take what :func:`simulator_options` added out of a command's options.

    Raises:
        UnknownNameError: For an unknown simulator or option.
        InvalidInputError: For an option that does not fit.
    """
    from benchmark.simulators.registry import find_simulator

    texts, plugins = options.pop("simulator_texts"), options.pop("simulator_plugins")
    chosen, assets = parse_plain_options(texts), options.pop("simulator_assets")
    if assets is not None:
        chosen["assets"] = assets
    return find_simulator(options.pop("simulator"), chosen, plugins)
