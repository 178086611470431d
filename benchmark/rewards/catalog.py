"""Where reward tables are found: recipes by name, folders by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InvalidFileError, UnknownNameError
from benchmark.files import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.rewards.table import RewardTable

DEFAULT_TABLE = "released"


@dataclass(frozen=True)
class Recipe:
    """How a named table is made from its public sources.

    Attributes:
        name: What users type.
        summary: One sentence.
        build: Writes the table into a folder and returns it.
    """

    name: str
    summary: str
    build: Callable[[Path], RewardTable]

    @property
    def folder(self) -> Path:
        """Where the prepared table is cached."""
        return cache_root() / "tables" / self.name

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
            "released",
            "Real TDW rewards of the paper's authors: 20 tasks x 256 configurations, one seed.",
            _build_released,
        ),
    )
}


def is_path(name: str) -> bool:
    """Whether a ``--table`` value names a folder rather than a recipe."""
    return name not in RECIPES and ("/" in name or name.startswith(".") or Path(name).is_dir())


def load_table(name: str) -> RewardTable:
    """The table of that name (prepared on first use) or in that folder, verified.

    A cached copy that no longer verifies is built again from the pinned sources.

    Raises:
        UnknownNameError: When the name is neither a recipe nor a folder.
        InvalidFileError: When a user's folder does not verify.
        UnavailableError: When the sources cannot be had.
    """
    from benchmark.rewards.storage import read_any_table

    if is_path(name):
        return read_any_table(Path(name))
    if name not in RECIPES:
        raise UnknownNameError("table", name, RECIPES)
    recipe = RECIPES[name]
    if recipe.is_prepared:
        try:
            return read_any_table(recipe.folder)
        except InvalidFileError:
            return recipe.build(recipe.folder)
    return recipe.build(recipe.folder)
