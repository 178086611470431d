"""Options that the commands share: where transfers come from, and the rules of the choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchmark.cli.options import PATH, decorated, number_range
from benchmark.core.errors import InvalidInputError
from benchmark.rewards.catalog import DEFAULT_TABLE

if TYPE_CHECKING:
    from taskonomy.problem import Problem, Rules
    from taskonomy.transfers import Transfer

_F = TypeVar("_F", bound=Callable[..., Any])
_REWARD = "reward"
VALUES = ("p", "sqrt", _REWARD)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Transfers, the rules for them, and where they came from.

    Attributes:
        transfers: All that was measured.
        rules: What may be chosen, and what it is worth.
        source: Kind, name and digest of where the transfers came from.
        unit: What a transfer's worth is, in words.
    """

    transfers: Sequence[Transfer]
    rules: Rules
    source: dict[str, str]
    unit: str

    def problem(self, targets: Sequence[str] | None = None) -> Problem:
        """The choice to be made."""
        from taskonomy.problem import make_problem

        return make_problem(self.transfers, self.rules, targets)


def source_options(command: _F) -> _F:
    """``--transfers`` and ``--table``."""
    return decorated(
        command,
        click.option(
            "--table",
            metavar="ID|DIR",
            help=f"Reward table whose configurations are the sources; default: {DEFAULT_TABLE}.",
        ),
        click.option(
            "--transfers",
            type=PATH,
            metavar="FILE.csv",
            help="Measured transfers: columns target, sources ('A+B', or 'self'), affinity.",
        ),
    )


def rule_options(command: _F) -> _F:
    """The options of :class:`taskonomy.problem.Rules`."""
    return decorated(
        command,
        click.option(
            "--cost",
            type=PATH,
            metavar="FILE",
            help="YAML: what supervising costs, by task; else 1.",
        ),
        click.option(
            "--importance", type=PATH, metavar="FILE", help="YAML: weight of targets; else 1."
        ),
        click.option("--target-only", multiple=True, metavar="A,B", help="May not be supervised."),
        click.option("--source-only", multiple=True, metavar="A,B", help="Need not be served."),
        click.option(
            "--self",
            "self_service",
            type=click.Choice(["root", "edge"]),
            default="root",
            show_default=True,
            help="A supervised target serves itself (root), or may be served better (edge).",
        ),
        click.option(
            "--value",
            type=click.Choice(VALUES),
            default="p",
            show_default=True,
            help="Worth of a transfer: its affinity p, the root of it, or the table's reward.",
        ),
        click.option("--max-order", type=click.IntRange(min=1), default=5, show_default=True),
    )


def read_inputs(given: dict[str, Any]) -> Inputs:
    """What the shared options say.

    Raises:
        InvalidInputError: When options contradict each other, or a file or table is broken.
    """
    from taskonomy.problem import Rules

    transfers, source, unit = _read_transfers(given["transfers"], given["table"], given["value"])
    known = {name for one in transfers for name in (one.target, *one.sources)}
    rules = Rules(
        max_order=given["max_order"],
        value="sqrt" if given["value"] == "sqrt" else "p",
        self_service=given["self_service"],
        source_only=frozenset(split_names(given["source_only"])),
        target_only=frozenset(split_names(given["target_only"])),
        importance=_read_numbers(given["importance"], known),
        node_costs=_read_numbers(given["cost"], known),
    )
    return Inputs(transfers, rules, source, unit)


def _read_transfers(
    file: Path | None, table: str | None, value: str
) -> tuple[Sequence[Transfer], dict[str, str], str]:
    if file is not None and table is not None:
        raise InvalidInputError(
            "Expected --transfers or --table, but got both. Say where the transfers come from."
        )
    unit = {"p": "affinity", "sqrt": "root of the affinity", _REWARD: "reward (%)"}[value]
    if file is not None:
        return (*_from_file(file, value), unit)
    return (*_from_table(table or DEFAULT_TABLE, value), unit)


def _from_file(file: Path, value: str) -> tuple[Sequence[Transfer], dict[str, str]]:
    from benchmark.core.files import sha256_file
    from taskonomy.table_file import read_transfers

    if value == _REWARD:
        raise InvalidInputError(
            "Expected --value p or sqrt with --transfers, but got reward. A file holds affinities."
        )
    found = read_transfers(file)
    return found, {"kind": "transfers", "name": file.name, "sha256": sha256_file(file)}


def _from_table(name: str, value: str) -> tuple[Sequence[Transfer], dict[str, str]]:
    from benchmark.rewards.catalog import load_table
    from taskonomy.transfers import transfers_of_rewards, transfers_of_table

    table = load_table(name)
    if value == _REWARD:
        names = [str(configuration) for configuration in table.space]
        found = transfers_of_rewards(table.means, table.tasks, names)
    else:
        found = transfers_of_table(table)
    return found, {"kind": "table", "name": table.id, "sha256": table.digest}


def _read_numbers(file: Path | None, known: set[str]) -> dict[str, float]:
    from taskonomy.numbers_file import read_numbers

    return {} if file is None else read_numbers(file, known)


def split_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Names of options that may be repeated or hold several, separated by commas.

    Example:
        >>> split_names(("A,B", "C"))
        ('A', 'B', 'C')
    """
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def parse_budgets(_context: click.Context, _option: click.Parameter, text: str) -> list[float]:
    """Click callback of ``--budget``.

    Raises:
        InvalidInputError: When the text is no list of budgets.

    Example:
        >>> parse_budgets(None, None, "1-3,5.5,inf")
        [1.0, 2.0, 3.0, 5.5, inf]
    """
    budgets: list[float] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if dash and first.isdecimal() and last.isdecimal():
            budgets += map(float, number_range(first, last, "budgets"))
        else:
            budgets.append(_number(part.strip(), text))
    if not budgets:
        raise InvalidInputError(f"Expected budgets like '3' or '1-10', but got '{text}'.")
    return budgets


def _number(part: str, text: str) -> float:
    try:
        number = float(part)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise InvalidInputError(
            f"Expected budgets like '3', '1-10' or '2.5,inf', but got '{text}'. "
            "Use numbers of 0 or more."
        )
    return number
