"""Transfers for a choice, from a reward table or a file, with their origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import sha256_file
from benchmark.rewards.catalog import DEFAULT_TABLE, load_table
from taskonomy.files import read_transfers
from taskonomy.problem import make_problem
from taskonomy.transfers import transfers_of_rewards, transfers_of_table

if TYPE_CHECKING:
    from pathlib import Path

    from taskonomy.problem import Problem, Rules
    from taskonomy.transfers import Transfer

Worth = Literal["p", "sqrt", "reward"]
_UNITS = {"p": "affinity", "sqrt": "root of the affinity", "reward": "reward (%)"}


@dataclass(frozen=True, eq=False)
class Inputs:
    """Transfers and the rules of the choice among them.

    Attributes:
        transfers: All measured transfers.
        rules: Rules of the choice.
        source: Kind, name and digest of the origin of the transfers.
        unit: Unit of a transfer's worth, in words.
    """

    transfers: Sequence[Transfer]
    rules: Rules
    source: dict[str, str]
    unit: str

    def problem(self, targets: Sequence[str] | None = None) -> Problem:
        """Return the choice problem, of all targets by default."""
        return make_problem(self.transfers, self.rules, targets)


def open_transfers(
    file: Path | None, table: str | None, worth: Worth
) -> tuple[Sequence[Transfer], dict[str, str], str]:
    """Transfers of a file or a reward table, their origin, and the unit of their worth.

    Args:
        file: CSV file of measured transfers.
        table: Name or folder of a reward table; the default table without a file.
        worth: Worth of a transfer: affinity, its root, or the table's reward.

    Raises:
        InvalidInputError: If both are given, or a file is to give rewards.
        T2SBenchError: If the file or table is faulty.
    """
    if file is not None and table is not None:
        raise InvalidInputError("--transfers and --table exclude each other. Leave one out.")
    if file is not None:
        if worth == "reward":
            raise InvalidInputError(
                "--value reward needs a reward table, but --transfers names a file of "
                "affinities. Use --value p or sqrt."
            )
        found: Sequence[Transfer] = read_transfers(file)
        source = {"kind": "transfers", "name": file.name, "sha256": sha256_file(file)}
        return found, source, _UNITS[worth]
    rewards = load_table(table or DEFAULT_TABLE)
    if worth == "reward":
        names = [str(configuration) for configuration in rewards.space]
        found = transfers_of_rewards(rewards.means, rewards.tasks, names)
    else:
        found = transfers_of_table(rewards)
    source = {"kind": "table", "name": rewards.id, "sha256": rewards.digest}
    return found, source, _UNITS[worth]
