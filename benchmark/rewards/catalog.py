"""Reward tables by name (the package's and public ones) or by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidFileError, UnknownNameError
from benchmark.core.files import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.rewards.table import RewardTable

#: Table of commands that name none. It needs neither network nor environment.
DEFAULT_TABLE = "gl-mini"

_PACKAGED = Path(__file__).resolve().parent / "tables"


@dataclass(frozen=True)
class KnownTable:
    """A table that is known by name.

    Attributes:
        name: Name that users type.
        summary: One sentence.
        build: Function that makes the table in a folder from its public sources and returns it;
            None for tables that come with the package.
    """

    name: str
    summary: str
    build: Callable[[Path], RewardTable] | None = None

    @property
    def folder(self) -> Path:
        """Folder of the table, which may not exist yet."""
        return _PACKAGED / self.name if self.build is None else cache_root() / "tables" / self.name

    @property
    def is_prepared(self) -> bool:
        """True if the table is on this machine."""
        return (self.folder / "card.json").is_file()


def _build_released(folder: Path) -> RewardTable:
    from benchmark.rewards.released import build_released

    return build_released(folder)


KNOWN_TABLES = {
    known.name: known
    for known in (
        KnownTable(
            DEFAULT_TABLE,
            "5-NN rewards of all configurations of simulator gl, profile mini, measured with this "
            "package.",
        ),
        KnownTable(
            "released",
            "Real TDW rewards of the paper's authors: 20 tasks x 256 configurations, one seed.",
            _build_released,
        ),
    )
}


def is_path(name: str) -> bool:
    """Return True if a ``--table`` value names a folder instead of a known table."""
    return name not in KNOWN_TABLES and ("/" in name or name.startswith(".") or Path(name).is_dir())


def find_known(name: str) -> KnownTable:
    """Return the known table of a name, which may not be on this machine yet.

    Raises:
        UnknownNameError: For an unknown name.
    """
    if name not in KNOWN_TABLES:
        raise UnknownNameError("table", name, KNOWN_TABLES)
    return KNOWN_TABLES[name]


def make_table(name: str) -> RewardTable:
    """Make a table from its public sources; a table of the package is only read.

    Raises:
        UnknownNameError: For an unknown name.
        UnavailableError: When the sources are not available.
    """
    from benchmark.rewards.storage import read_any_table

    known = find_known(name)
    return read_any_table(known.folder) if known.build is None else known.build(known.folder)


def load_table(name: str) -> RewardTable:
    """Return the table of a name (prepared on first use) or folder, verified.

    A cached copy that fails verification is made again from the pinned sources.

    Raises:
        UnknownNameError: When the name is neither a known table nor a folder.
        InvalidFileError: When a user's folder, or the package's own, does not verify.
        UnavailableError: When the sources are not available.
    """
    from benchmark.rewards.storage import read_any_table

    if is_path(name):
        return read_any_table(Path(name))
    known = find_known(name)
    if known.is_prepared or known.build is None:
        try:
            return read_any_table(known.folder)
        except InvalidFileError as error:
            if known.build is None:
                remedy = "It comes with the package: install t2sbench again."
                raise InvalidFileError(known.folder, error.faults, remedy) from error
    return make_table(name)  # from the sources, also when the cached copy is damaged
