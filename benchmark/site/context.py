"""A site's content and the paths of its pages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.files import json_value
from benchmark.leaderboard import Board, BudgetBoard
from benchmark.leaderboard.rows import Row, TaskFact
from benchmark.rewards.effects import Effects, main_effects
from benchmark.runs.scoring import CachedScorer
from benchmark.site.facts import Facts, MethodKey, weights
from benchmark.space import PAPER_SPACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.leaderboard.rows import Place
    from benchmark.rewards.table import RewardTable
    from benchmark.space import ParameterSpace
    from benchmark.tasks.registry import TaskRegistry

_UNSAFE = re.compile(r"[^A-Za-z0-9.,=+@_-]+")
_MAX_SLUG = 80
_MAX_PAGES = 512  # configurations of a space that are shown


def slugs(names: Iterable[str]) -> list[str]:
    """Return names of files for some texts, distinct also where letter case does not count.

    Example:
        >>> slugs(["task2sim[epochs=20]", "../x", "X", "x"])
        ['task2sim-epochs=20', 'x', 'X-2', 'x-3']
    """
    taken = {"index"}
    found = []
    for name in names:
        stem = _UNSAFE.sub("-", name)[:_MAX_SLUG].strip("-.") or "item"
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        slug = next(s for s in itertools.chain([stem], numbered) if s.casefold() not in taken)
        taken.add(slug.casefold())
        found.append(slug)
    return found


@dataclass(frozen=True)
class Sheets:
    """Contact sheets of one version of a simulator.

    Attributes:
        folder: Folder with one picture per configuration.
        size: Width and height of a sheet, pixels.
        objects: Names of the objects, in order.
    """

    folder: Path
    size: tuple[int, int]
    objects: tuple[str, ...]

    @classmethod
    def find(cls, folder: Path | None, table: RewardTable) -> Sheets | None:
        """Return the sheets of a table's simulator in its version; None without any."""
        if folder is None or table.card is None:
            return None
        version = f"{table.card.simulator}-{table.card.simulator_version}"
        path = folder / version / "sheets.json"
        if not path.is_file():
            return None
        about = json_value(path.read_text(encoding="utf-8"))
        if about["space"] != table.space.to_json():
            return None
        size = (about["columns"] * about["size"], about["rows"] * about["size"])
        return cls(path.parent, size, tuple(category for category, _ in about["objects"]))


@dataclass(frozen=True, eq=False)
class SpacePages:
    """Configurations of one parameter space, and the tables that have rewards of them.

    Attributes:
        slug: Name of its page and folder.
        space: The space.
        tables: Tables of this space.
        sheets: Contact sheets, if there are any.
        chosen: Number of decisions for every configuration that some method chose.
    """

    slug: str
    space: ParameterSpace
    tables: tuple[RewardTable, ...]
    sheets: Sheets | None
    chosen: Mapping[str, int]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Bit strings of the configurations that are shown, in the order of the space."""
        if self.space.size <= _MAX_PAGES:
            return tuple(map(str, self.space))
        best = {
            str(self.space.at(int(index)))
            for table in self.tables
            for index in table.means.mean(axis=0).argsort()[::-1][: _MAX_PAGES // 4]
        }
        return tuple(sorted(best.union(list(self.chosen)[:_MAX_PAGES])))

    @cached_property
    def known(self) -> frozenset[str]:
        """The same as a set."""
        return frozenset(self.names)

    def page(self, configuration: str) -> str:
        """Address of a configuration; empty for one that is not shown."""
        if configuration not in self.known:
            return ""
        return f"configurations/{self.slug}.html#{configuration}"

    def picture(self, configuration: str) -> str:
        """Path of a configuration's contact sheet; empty without one."""
        if self.sheets is None or configuration not in self.known:
            return ""
        return f"configurations/{self.slug}/{configuration}.webp"


@dataclass(frozen=True, eq=False)
class Site:
    """Everything that pages show.

    Attributes:
        boards: Boards by path without suffix.
        facts: Decisions and origins of methods.
        tables: Reward tables that the records name, by digest.
        tasks: Task registry.
        sheets: Folder of contact sheets.
    """

    boards: Mapping[str, Board | BudgetBoard]
    facts: Facts
    tables: Mapping[str, RewardTable]
    tasks: TaskRegistry
    sheets: Path | None = None

    @cached_property
    def ranked_boards(self) -> dict[str, Board]:
        """Boards without budgets."""
        return {s: board for s, board in self.boards.items() if isinstance(board, Board)}

    @cached_property
    def series_boards(self) -> dict[str, Board]:
        """Ranked boards of changed profiles, such as ``mini+classes=10``: points of a curve."""
        return {s: b for s, b in self.ranked_boards.items() if _is_changed(b.place)}

    @cached_property
    def main_boards(self) -> dict[str, Board]:
        """Ranked boards that pages of methods and tasks show: all but those of changed profiles."""
        series = self.series_boards
        return {s: b for s, b in self.ranked_boards.items() if s not in series} or series

    @cached_property
    def rows_of(self) -> dict[MethodKey, list[tuple[str, Board, Row]]]:
        """Path, board and row of a method on every board that its page shows."""
        found: dict[MethodKey, list[tuple[str, Board, Row]]] = {}
        for stem, board in self.main_boards.items():
            for row in board.rows:
                found.setdefault(MethodKey.of(row), []).append((stem, board, row))
        return found

    @cached_property
    def budgets_of(self) -> dict[MethodKey, list[tuple[str, Row]]]:
        """Path of every board with budgets that a method is on, and its row of one budget."""
        found: dict[MethodKey, list[tuple[str, Row]]] = {}
        for stem, board in self.boards.items():
            for whole in board.rows if isinstance(board, BudgetBoard) else ():
                row = next(iter(whole.by_budget.values()))
                found.setdefault(MethodKey.of(row), []).append((stem, row))
        return found

    @cached_property
    def methods(self) -> dict[MethodKey, str]:
        """Label of every method with its options, by name of the label."""
        rows = {key: [row for _, _, row in found] for key, found in self.rows_of.items()}
        for board in self.series_boards.values():
            for row in board.rows:
                rows.setdefault(MethodKey.of(row), []).append(row)
        for key, others in self.budgets_of.items():
            rows.setdefault(key, []).extend(row for _, row in others)
        labels = {key: min(row.label for row in found) for key, found in rows.items()}
        return dict(sorted(labels.items(), key=lambda item: (item[1], item[0])))

    @cached_property
    def _method_slugs(self) -> dict[MethodKey, str]:
        return dict(zip(self.methods, slugs(self.methods.values()), strict=True))

    def method_page(self, key: MethodKey) -> str:
        """Path of a method's page; empty without one."""
        slug = self._method_slugs.get(key)
        return f"methods/{slug}.html" if slug else ""

    @cached_property
    def task_names(self) -> tuple[str, ...]:
        """Tasks of boards and tables, in the order of the registry."""
        found = {task for board in self.boards.values() for task in board.tasks}
        found.update(task for table in self.tables.values() for task in table.tasks)
        known = [name for name in self.tasks.names if name in found]
        return (*known, *sorted(found.difference(known)))

    @cached_property
    def _task_slugs(self) -> dict[str, str]:
        return dict(zip(self.task_names, slugs(self.task_names), strict=True))

    def task_page(self, task: str) -> str:
        """Path of a task's page."""
        return f"tasks/{self._task_slugs[task]}.html"

    @cached_property
    def spaces(self) -> tuple[SpacePages, ...]:
        """Parameter spaces of the tables; without any table, none."""
        groups: dict[ParameterSpace, list[RewardTable]] = {}
        for table in self.tables.values():
            groups.setdefault(table.space, []).append(table)
        names = {s: "paper" if s == PAPER_SPACE else t[0].id for s, t in groups.items()}
        chosen = self._chosen()
        found = []
        for (space, tables), slug in zip(groups.items(), slugs(names.values()), strict=True):
            sheets = filter(None, (Sheets.find(self.sheets, table) for table in tables))
            picked = {name: n for name, n in chosen.items() if _fits(space, name)}
            found.append(SpacePages(slug, space, tuple(tables), next(sheets, None), picked))
        return tuple(found)

    def pages_of(self, table: RewardTable) -> SpacePages:
        """Pages of a table's space."""
        return next(pages for pages in self.spaces if pages.space == table.space)

    def _chosen(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for choice in self.facts.choices.values():
            for configuration in weights(choice.decision) if choice.decision else ():
                counts[configuration] = counts.get(configuration, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def space_of(self, place: Place) -> SpacePages | None:
        """Pages of the space that decisions of a place belong to; None if it is unknown."""
        digests = self.facts.learnt.get(place.digest, set())
        for pages in self.spaces:
            if any(table.digest in digests for table in pages.tables):
                return pages
        # Without its table, decisions of the paper's form are taken as the paper's settings.
        return next((pages for pages in self.spaces if pages.space == PAPER_SPACE), None)

    @cached_property
    def effects(self) -> dict[str, Effects]:
        """Effects of settings by digest of the table."""
        return {digest: main_effects(table) for digest, table in self.tables.items()}

    @cached_property
    def table_regrets(self) -> dict[str, NDArray[np.float64]]:
        """Normalised regret of every configuration, ``(n_tasks, n_configurations)``, by digest.

        NaN for tasks without a regret.
        """
        return {digest: regrets(table) for digest, table in self.tables.items()}

    def mean_regret(self, table: RewardTable) -> NDArray[np.float64]:
        """Mean regret of every configuration over the tasks with a regret; NaN without any."""
        known = self.table_regrets[table.digest]
        known = known[np.isfinite(known).all(axis=1)]
        mean: NDArray[np.float64] = (
            known.mean(axis=0) if len(known) else np.full(table.space.size, np.nan)
        )
        return mean


def _is_changed(place: Place) -> bool:
    """True for live scores of a profile with changed fields."""
    return place.kind != "table" and "+" in place.source


def _fits(space: ParameterSpace, text: str) -> bool:
    levels = [int(digit, 36) if digit.isalnum() else 99 for digit in text]
    return len(levels) == len(space.shape) and all(
        level < count for level, count in zip(levels, space.shape, strict=True)
    )


def regrets(table: RewardTable) -> NDArray[np.float64]:
    """Regret of every configuration on the scale that boards use; NaN without a scale."""
    scorer = CachedScorer(table)
    found = np.full(table.means.shape, np.nan)
    reliabilities = {t.name: t.reliability for t in table.card.tasks} if table.card else {}
    for place, task in enumerate(table.tasks):
        scale = scorer.reference(task)
        gain = scale.oracle - scale.random
        fact = TaskFact(
            reliability=reliabilities.get(task),
            gain=None if scale.error is None else gain,
            gain_error=scale.error,
        )
        if fact.has_scale and gain > 0:
            found[place] = (scale.oracle - table.means[place]) / gain
    return found
