"""Command classes, options and value parsers that the commands share."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.files import check_writable
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from benchmark.executors.interface import Placement
    from benchmark.simulators.registry import SimulatorChoice

_F = TypeVar("_F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)
RESULTS = Path("results")
_MOST_NUMBERS = 100_000  # a longer range is a typing error
_LARGEST = 2**53
_MOST_DIGITS = len(str(_LARGEST))  # Python refuses to convert very long numbers
_VERBOSE = "t2sbench.verbose"
# Spellings of earlier versions, and what replaces them.
_FORMER = {
    "--assets": "Use -O assets=NAME",
    "--out": "Use -o/--output",
    "--results": "Name the folder without an option",
    "--simulator-plugin": "Use --plugin",
    "--workers": "Use -j/--jobs",
}


class Command(click.Command):
    """A command that suggests the right spelling of a mistyped option, and has ``--verbose``."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(*args, **settings)
        self.params.append(
            click.Option(
                ["--verbose"],
                is_flag=True,
                expose_value=False,
                callback=_set_verbose,
                help="Show the traceback of a plug-in's error.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            InvalidInputError: For an unknown option, with a suggestion, and for a number that is
                larger than any count of images, processes or seeds.
        """
        try:
            left = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise InvalidInputError(_unknown_option(ctx, error)) from error
        for option in self.params:
            value = ctx.params.get(option.name or "")
            if isinstance(value, int) and value > _LARGEST:
                name = max(option.opts, key=len)
                raise InvalidInputError(
                    f"{name}: {value} is too large (at most {_LARGEST:,}). Name a smaller number."
                )
        return left


def _set_verbose(context: click.Context, _option: click.Parameter, value: bool) -> None:
    context.find_root().meta[_VERBOSE] = value


def is_verbose() -> bool:
    """Return True if the command that is executed has ``--verbose``."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.find_root().meta.get(_VERBOSE))


def _unknown_option(ctx: click.Context, error: click.NoSuchOption) -> str:
    name = error.option_name
    hint = _FORMER.get(name, "")
    if name in {"-o", "--output"} and any(p.name == "folder" for p in ctx.command.params):
        hint = f"Name the folder without an option: {ctx.command_path} FOLDER"
    elif not hint and error.possibilities:
        hint = f"Did you mean {' or '.join(sorted(error.possibilities))}?"
    sentence = f"Unknown option {name} of '{ctx.command_path}'. {hint}".rstrip()
    dot = "" if sentence.endswith(("?", ".")) else "."
    return f"{sentence}{dot} See '{ctx.command_path} --help'."


class Group(click.Group):
    """A group of commands that suggests the right spelling of a mistyped command."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            UnknownNameError: If there is no such command.
        """
        name = args[0]
        if not (ctx.resilient_parsing or name.startswith("-") or name in self.list_commands(ctx)):
            raise UnknownNameError(
                f"command of '{ctx.command_path}'", name, self.list_commands(ctx)
            )
        return super().resolve_command(ctx, args)


Group.group_class = Group


class Choice(click.Choice[str]):
    """A choice that suggests the right spelling of a mistyped value."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Return the value.

        Raises:
            UnknownNameError: If it is not one of the choices.
        """
        if value not in self.choices:
            name = param.opts[0] if isinstance(param, click.Option) else "the argument"
            raise UnknownNameError(f"value of {name}", str(value), self.choices)
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """A range of numbers that excludes infinity and NaN."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number.

        Raises:
            click.BadParameter: If the text is no number, or the number is out of range.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def parse_numbers(text: str, noun: str = "seeds") -> tuple[int, ...]:
    """Whole numbers of a range expression, without repetitions.

    Raises:
        InvalidInputError: If the text is no such expression, or means too many numbers.

    Example:
        >>> parse_numbers("0-2,5")
        (0, 1, 2, 5)
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InvalidInputError(f"'{text}' names no {noun}. Write for example 0-4 or 0,2,5.")
        numbers += number_range(first, last or first, noun)
    if not numbers:
        raise InvalidInputError(f"'{text}' names no {noun}: the range is empty. Write 0-4.")
    return tuple(dict.fromkeys(numbers))


def number_range(first: str, last: str, noun: str) -> range:
    """Whole numbers from ``first`` to ``last``, both decimal.

    Raises:
        InvalidInputError: If they are too large or too many.
    """
    digits = max(len(first), len(last))
    begin, end = (int(text[-_MOST_DIGITS:]) for text in (first, last))
    if digits > _MOST_DIGITS or end > _LARGEST or end - begin >= _MOST_NUMBERS:
        raise InvalidInputError(
            f"'{first:.40}-{last:.40}' exceeds the limit of {_MOST_NUMBERS:,} {noun} (each at most "
            f"{_LARGEST:,}). Name fewer or smaller ones."
        )
    return range(begin, end + 1)


def parse_budgets(_context: click.Context, _option: click.Parameter, text: str) -> list[float]:
    """Click callback of ``--budget``.

    Raises:
        InvalidInputError: If the text is not a list of budgets.

    Example:
        >>> parse_budgets(None, None, "1-3,5.5,inf")
        [1.0, 2.0, 3.0, 5.5, inf]
    """
    budgets: list[float] = []
    for part in map(str.strip, text.split(",")):
        first, dash, last = part.partition("-")
        if dash and first.isdecimal() and last.isdecimal():
            budgets += map(float, number_range(first, last, "budgets"))
        else:
            budgets += parse_shares(part, "budgets")
    if not budgets:
        raise InvalidInputError(f"--budget '{text}' is an empty range. Write for example 1-10.")
    return budgets


def parse_shares(text: str, noun: str) -> tuple[float, ...]:
    """Different numbers of 0 or more, separated by commas.

    Raises:
        InvalidInputError: If the text is something else.

    Example:
        >>> parse_shares("0.1,1", "shares")
        (0.1, 1.0)
    """
    with contextlib.suppress(ValueError):
        numbers = tuple(dict.fromkeys(map(float, text.split(","))))
        if all(number >= 0 for number in numbers):
            return numbers
    raise InvalidInputError(f"'{text}' names no {noun}. Use numbers of 0 or more, as in 0.5,3.")


def split_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Different names of an option that may be repeated or hold several, separated by commas.

    Example:
        >>> split_names(("A,B", "C", "A"))
        ('A', 'B', 'C')
    """
    names = (name.strip() for text in texts for name in text.split(","))
    return tuple(dict.fromkeys(filter(None, names)))


def parse_method_options(texts: Sequence[str], methods: Sequence[str]) -> dict[str, dict[str, str]]:
    """Options per method from ``METHOD.NAME=VALUE`` texts; ``NAME=VALUE`` goes to every method.

    Raises:
        InvalidInputError: If a text has another form or names a method that is not run.

    Example:
        >>> parse_method_options(("task2sim.epochs=10",), ("random", "task2sim"))
        {'random': {}, 'task2sim': {'epochs': '10'}}
    """
    options: dict[str, dict[str, str]] = {method: {} for method in methods}
    for name, value in parse_plain_options(texts).items():
        method, dot, key = name.rpartition(".")
        if dot and method not in options:
            raise InvalidInputError(
                f"-O {name}={value} names method '{method}', but the methods of this run are "
                f"{', '.join(methods)}. Add --method {method}, or correct the name."
            )
        for owner in [method] if dot else methods:
            options[owner][key] = value
    return options


def parse_plain_options(texts: Sequence[str]) -> dict[str, str]:
    """Options from ``NAME=VALUE`` texts.

    Raises:
        InvalidInputError: If a text has another form.

    Example:
        >>> parse_plain_options(("objects=chairs/",))
        {'objects': 'chairs/'}
    """
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise InvalidInputError(
                f"-O {name}{equals} has no name or no value. Write it as -O NAME=VALUE."
            )
    return {name: value for name, _, value in pairs}


def decorated(command: _F, *decorators: Callable[[_F], _F]) -> _F:
    """The command with all decorators; click's help lists the options in this order."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def completing(
    names: Callable[[click.Context], Iterable[str]],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Shell completion from a list of names; silent if the list cannot be made."""

    def complete(
        ctx: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        with contextlib.suppress(Exception):
            return [CompletionItem(name) for name in names(ctx) if name.startswith(incomplete)]
        return []

    return complete


def method_names(_ctx: click.Context) -> Iterable[str]:
    """Methods of installed distributions."""
    from benchmark.core.plugins import known_plugins

    return known_plugins("method")


def simulator_names(_ctx: click.Context) -> Iterable[str]:
    """Simulators of installed distributions."""
    from benchmark.core.plugins import known_plugins

    return known_plugins("simulator")


def source_names(_ctx: click.Context) -> Iterable[str]:
    """Sources of images of installed distributions."""
    from benchmark.core.plugins import known_plugins

    return known_plugins("source")


def task_names(ctx: click.Context) -> Iterable[str]:
    """Tasks, those of ``--tasks-file`` included."""
    from benchmark.tasks.registry import load_data_tasks

    return (task.name for task in load_data_tasks(ctx.params.get("tasks_files") or ()))


def table_names(_ctx: click.Context) -> Iterable[str]:
    """Named reward tables, and folders that hold one."""
    from benchmark.rewards.catalog import KNOWN_TABLES

    return [*KNOWN_TABLES, *(str(card.parent) for card in Path().glob("*/card.json"))]


def profile_names(_ctx: click.Context) -> Iterable[str]:
    """Profiles and series of profiles."""
    from benchmark.pipeline.profiles import read_profiles

    return [one.name for kind in read_profiles() for one in kind]


def protocol_names(_ctx: click.Context) -> Iterable[str]:
    """Evaluation protocols."""
    from benchmark.protocols.registry import known_protocols

    return known_protocols()


def all_names(ctx: click.Context) -> Iterable[str]:
    """Tasks, methods, networks and everything else that ``show`` describes."""
    from t2sbench.descriptions import known_names

    return known_names(ctx.params.get("tasks_files") or ())


def folder_argument(command: _F) -> _F:
    """The results folder as an argument."""
    return click.argument("folder", type=PATH, default=RESULTS)(command)


def output_option(
    help_text: str, default: Path | None = None, metavar: str = "DIR"
) -> Callable[[_F], _F]:
    """``-o/--output``; required without a default."""
    # A default of None is a value for newer versions of click: the option would not be required.
    rule: dict[str, Any] = {"required": True}
    if default is not None:
        rule = {"default": default, "show_default": True}
    return click.option(
        "--output",
        "-o",
        type=PATH,
        **rule,
        metavar=metavar,
        help=help_text,
    )


def jobs_option(
    help_text: str = "Worker processes.", default: int | None = 1
) -> Callable[[_F], _F]:
    """``-j/--jobs``."""
    return click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=help_text,
    )


def executor_options(command: _F) -> _F:
    """``--executor`` and the options of executors; :func:`take_placement` reads them."""
    return decorated(
        command,
        click.option(
            "--executor",
            default="processes",
            show_default=True,
            metavar="processes|ray|slurm",
            shell_complete=completing(lambda _ctx: ("processes", "ray", "slurm")),
            help="Executor of the jobs; see docs/cluster.md.",
        ),
        click.option("--address", help="Address of the Ray cluster.  [default: this machine]"),
        click.option(
            "--gpus",
            type=FiniteRange(min=0),
            default=0,
            metavar="N",
            help="GPUs of each worker on a cluster.  [default: 0]",
        ),
        click.option(
            "--time-limit",
            type=click.IntRange(min=1),
            metavar="MINUTES",
            help="Time after which Slurm ends a worker; its job resumes.  [default: 240]",
        ),
        click.option(
            "--slurm",
            multiple=True,
            metavar="NAME=VALUE,...",
            help="Options of sbatch, such as partition=gpu,mem=16GB; may be repeated.",
        ),
    )


def take_placement(given: dict[str, Any]) -> Placement:
    """Remove the options of :func:`executor_options` from those of a command.

    Raises:
        T2SBenchError: As :class:`Placement`.
    """
    from benchmark.executors.interface import Placement

    names = ("executor", "address", "gpus", "time_limit")
    options = _slurm_options(given.pop("slurm"))
    return Placement(**{name: given.pop(name) for name in names}, slurm=options)


def _slurm_options(texts: Sequence[str]) -> dict[str, str]:
    """Options by name; a comma separates them if a name and ``=`` follow."""
    found = {}
    for part in itertools.chain.from_iterable(re.split(r",(?=\w+=)", text) for text in texts):
        name, equals, value = part.partition("=")
        if not equals:
            raise InvalidInputError(
                f"--slurm: '{part}' has no value. Write NAME=VALUE, such as partition=gpu."
            )
        found[name.strip().replace("-", "_")] = value
    return found


def take_live_placement(given: dict[str, Any]) -> Placement | None:
    """Remove the executor's options; None to make live scores in this process, without --jobs.

    Raises:
        T2SBenchError: As :class:`Placement`, and for an executor without ``--live``.
    """
    placement = take_placement(given)
    if placement.executor == "processes":
        return placement if given["jobs"] else None
    if not given["live"]:
        raise InvalidInputError(
            f"--executor {placement.executor} is for --live only. Add --live to measure, or leave "
            "the option out to look rewards up."
        )
    return placement


def log_option(command: _F) -> _F:
    """``--log``: a log of stages and curves."""
    from benchmark.core.loggers import LOGS

    return click.option(
        "--log",
        multiple=True,
        metavar="KIND[=DIR]",
        shell_complete=completing(lambda _ctx: LOGS),
        help=f"Log stages and training curves: {', '.join(LOGS)}; may be repeated.  [default DIR: "
        "the output's name with .logs]",
    )(command)


def plugin_option(command: _F) -> _F:
    """``--plugin``: a Python file that registers plug-ins."""
    return click.option(
        "--plugin",
        "plugins",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="Python file with plug-ins, such as METHODS = {...}, SIMULATORS = {...} or "
        "NETWORKS = {...}; it is executed. May be repeated.",
    )(command)


tasks_file_option = click.option(
    "--tasks-file",
    "tasks_files",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="YAML file with further tasks; may be repeated.",
)


def methods_option(help_text: str, *, required: bool = True) -> Callable[[_F], _F]:
    """``-m/--method``, at least one if it is required."""
    return click.option(
        "--method",
        "-m",
        "methods",
        multiple=True,
        required=required,
        metavar="NAME",
        shell_complete=completing(method_names),
        help=help_text,
    )


def table_option(command: _F) -> _F:
    """``--table``."""
    return click.option(
        "--table",
        default=DEFAULT_TABLE,
        show_default=True,
        metavar="ID|DIR",
        shell_complete=completing(table_names),
        help="Reward table: a name from 't2sbench ls tables', or a folder.",
    )(command)


def profile_option(help_text: str, *, default: str | None) -> Callable[[_F], _F]:
    """``--profile`` and ``-P/--set``; both may be repeated."""
    return lambda command: decorated(
        command,
        click.option(
            "--profile",
            "profiles",
            multiple=True,
            default=[default] if default else [],
            show_default=default is not None,
            metavar="NAME|FILE",
            shell_complete=completing(profile_names),
            help=help_text,
        ),
        click.option(
            "--set",
            "-P",
            "changes",
            multiple=True,
            metavar="FIELD=VALUE",
            help="Change a field of the profile; may be repeated.",
        ),
    )


def source_options(command: _F) -> _F:
    """``--table``, ``--plugin`` and ``--tasks-file``."""
    return decorated(command, table_option, plugin_option, tasks_file_option)


def simulator_options(command: _F) -> _F:
    """``--simulator``, its ``-O`` options and ``--plugin``."""
    return decorated(
        command,
        click.option(
            "--simulator",
            default="gl",
            show_default=True,
            metavar="NAME",
            shell_complete=completing(simulator_names),
            help="Simulator: a name from 't2sbench ls simulators'.",
        ),
        click.option(
            "--option",
            "-O",
            "options",
            multiple=True,
            metavar="NAME=VALUE",
            help="Option of the simulator ('t2sbench show NAME' lists them); may be repeated.",
        ),
        plugin_option,
    )


def take_simulator(given: dict[str, Any]) -> SimulatorChoice:
    """Take the values of :func:`simulator_options` out of a command's options.

    Raises:
        UnknownNameError: For an unknown simulator or option.
        InvalidInputError: For an option value that does not fit.
    """
    from benchmark.simulators.registry import find_simulator

    options = parse_plain_options(given.pop("options"))
    return find_simulator(given.pop("simulator"), options, given.pop("plugins"))


def check_plot(path: Path) -> None:
    """Check that a picture can be drawn and written before any work starts.

    Raises:
        UnavailableError: Without matplotlib.
        InvalidInputError: If the name does not end in .svg or .png.
        StorageError: If its folder cannot be written.
    """
    from benchmark.plots.style import check_picture

    check_picture(path)
    check_writable(path.parent)
