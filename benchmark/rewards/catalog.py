"""Where reward tables are found: the package's and the public ones by name, others by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidFileError, UnknownNameError
from benchmark.core.files import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.rewards.table import RewardTable

#: What commands take where no table is named. It needs neither network nor environment.
DEFAULT_TABLE = "gl-mini"

_PACKAGED = Path(__file__).resolve().parent / "tables"


@dataclass(frozen=True)
class Recipe:
    """A table that is known by name.

    Attributes:
        name: What users type.
        summary: One sentence.
        build: Makes the table from its public sources, in a folder, and returns it; None for
            tables that come with the package.
    """

    name: str
    summary: str
    build: Callable[[Path], RewardTable] | None = None

    @property
    def folder(self) -> Path:
        """Where the table is, or will be once it is made."""
        return _PACKAGED / self.name if self.build is None else cache_root() / "tables" / self.name

    @property
    def is_prepared(self) -> bool:
        """Whether the table is on this machine already."""
        return (self.folder / "card.json").is_file()


def _build_released(folder: Path) -> RewardTable:
    from benchmark.rewards.released import build_released

    return build_released(folder)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            DEFAULT_TABLE,
            "Our own 5-NN rewards of simulator gl, profile mini: 17 tasks x 256 configurations, "
            "three seeds.",
        ),
        Recipe(
            "released",
            "Real TDW rewards of the paper's authors: 20 tasks x 256 configurations, one seed.",
            _build_released,
        ),
    )
}


def is_path(name: str) -> bool:
    """Whether a ``--table`` value names a folder rather than a recipe."""
    return name not in RECIPES and ("/" in name or name.startswith(".") or Path(name).is_dir())


def find_recipe(name: str) -> Recipe:
    """The table of that name, which may not be on this machine yet.

    Raises:
        UnknownNameError: When there is none.
    """
    if name not in RECIPES:
        raise UnknownNameError("table", name, RECIPES)
    return RECIPES[name]


def make_table(name: str) -> RewardTable:
    """Make a table from its public sources; one of the package is only read.

    Raises:
        UnknownNameError: When there is none of that name.
        UnavailableError: When the sources cannot be had.
    """
    from benchmark.rewards.storage import read_any_table

    recipe = find_recipe(name)
    return read_any_table(recipe.folder) if recipe.build is None else recipe.build(recipe.folder)


def load_table(name: str) -> RewardTable:
    """The table of that name (prepared on first use) or in that folder, verified.

    A cached copy that no longer verifies is built again from the pinned sources.

    Raises:
        UnknownNameError: When the name is neither a recipe nor a folder.
        InvalidFileError: When a user's folder, or the package's own, does not verify.
        UnavailableError: When the sources cannot be had.
    """
    from benchmark.rewards.storage import read_any_table

    if is_path(name):
        return read_any_table(Path(name))
    recipe = find_recipe(name)
    if recipe.is_prepared or recipe.build is None:
        try:
            return read_any_table(recipe.folder)
        except InvalidFileError as error:
            if recipe.build is None:
                remedy = "It comes with the package: install t2sbench again."
                raise InvalidFileError(recipe.folder, error.faults, remedy) from error
    return make_table(name)  # of the sources, also when what was made from them is damaged
