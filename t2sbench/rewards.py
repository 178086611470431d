"""Reward tables, their frames and the effects of the simulator's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.rewards.table import RewardTable
from t2sbench.display import Picture, Rows

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.rewards.effects import Effects


@dataclass(frozen=True)
class Table:
    """A reward table: accuracy by task, configuration and seed.

    Attributes:
        rewards: The numbers; see :class:`benchmark.rewards.table.RewardTable`.

    Example:
        >>> table = load_table("gl-mini")
        >>> table
        Table 'gl-mini': 17 tasks x 256 configurations x 3 seeds, protocol knn5, profile mini
        >>> list(table.to_frame().columns[:4])
        ['task', 'configuration', 'object_rotation', 'object_distance']
    """

    rewards: RewardTable

    def to_frame(self) -> pd.DataFrame:
        """The rewards as a tidy data frame, one row per measured cell.

        Returns:
            Columns task, configuration (bit string), one column per parameter of the simulator
            (its level), seed, reward (accuracy in percent).
        """
        import numpy as np
        import pandas as pd

        table = self.rewards
        levels = table.space.level_matrix()
        rows, columns, layers = np.nonzero(~np.isnan(table.values))
        content: dict[str, Any] = {
            "task": np.array(table.tasks, dtype=object)[rows],
            "configuration": np.array([str(c) for c in table.space], dtype=object)[columns],
        }
        for place, parameter in enumerate(table.space.parameters):
            names = np.array(parameter.levels, dtype=object)
            content[parameter.name] = names[levels[columns, place]]
        content["seed"] = np.array(table.seeds)[layers]
        content["reward"] = table.values[rows, columns, layers]  # noqa: PD011 - an array
        return pd.DataFrame(content)

    def effects(self) -> TableEffects:
        """Main effects of every setting on every task, in percentage points."""
        from benchmark.rewards.effects import main_effects

        return TableEffects.of(main_effects(self.rewards), f"table {self.rewards.id}")

    def text(self) -> str:
        """The card in words, with one line per task: range, noise and references."""
        from benchmark.rewards.text import table_text

        return table_text(self.rewards)

    def __repr__(self) -> str:
        table = self.rewards
        return (
            f"Table '{table.id}': {len(table.tasks)} tasks x {table.space.size} configurations x "
            f"{len(table.seeds)} seeds, protocol {table.protocol}, profile {table.profile}"
        )

    def _repr_html_(self) -> str:
        from benchmark.runs.scoring import CachedScorer

        scorer = CachedScorer(self.rewards)
        rows = []
        for task in self.rewards.tasks:
            reference = scorer.reference(task)
            rows.append(
                {
                    "task": task,
                    "test images": int(self.rewards.n_test[self.rewards.row(task)]),
                    "mean": round(reference.random, 2),
                    "oracle": round(reference.oracle, 2),
                }
            )
        return Rows(tuple(rows), title=repr(self))._repr_html_()


@dataclass(frozen=True, repr=False, kw_only=True)
class TableEffects(Rows):
    """Main effects: one row per task, one column per setting, in percentage points.

    Attributes:
        effects: Values, standard errors and explained variance.
        source: Table.
    """

    effects: Effects
    source: str

    @classmethod
    def of(cls, effects: Effects, title: str) -> TableEffects:
        """Make the rows of some effects."""
        rows = tuple(
            {"task": task, **dict(zip(effects.names, values, strict=True)), "explained": explained}
            for task, values, explained in zip(
                effects.tasks,
                effects.values.round(3).tolist(),  # noqa: PD011 - an array
                effects.explained.round(3).tolist(),
                strict=True,
            )
        )
        heading = f"Main effects in {title}, percentage points"
        return cls(rows, title=heading, effects=effects, source=title)

    def plot(self, *others: TableEffects) -> Picture:
        """Draw the effects as a heat map: red costs accuracy, blue gains it.

        Args:
            others: Effects of other tables, drawn next to it.

        Raises:
            UnavailableError: Without matplotlib.
        """
        from benchmark.core.extras import require

        require("plots", "Plotting")
        from benchmark.plots.effects import draw_effects

        return Picture(draw_effects([(one.source, one.effects) for one in (self, *others)]))


def load_table(table: str | Path = "gl-mini") -> Table:
    """Load and verify a reward table; ``released`` is downloaded on first use.

    Args:
        table: A name of :func:`t2sbench.tables`, or a folder.

    Raises:
        UnknownNameError: For an unknown name.
        InvalidFileError: When the folder does not verify.
        UnavailableError: When a table can be neither found nor downloaded.
    """
    from benchmark.rewards.catalog import load_table as load

    return Table(load(str(table)))


def effects(table: str | Path | Table | RewardTable = "gl-mini") -> TableEffects:
    """Return the main effects of every setting on every task of a table, in percentage points.

    Example:
        >>> effects("gl-mini").to_frame().set_index("task")["background"].idxmax()
        'ChestXPneumonia'
    """
    return Table(rewards_of(table)).effects()


def rewards_of(table: str | Path | Table | RewardTable) -> RewardTable:
    """Return the rewards of a table that is named, in a folder, or loaded."""
    if isinstance(table, Table):
        return table.rewards
    return table if isinstance(table, RewardTable) else load_table(table).rewards
