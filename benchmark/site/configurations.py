"""Contents of the pages of configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.leaderboard.text_tables import csv_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable
    from benchmark.site.context import Site, SpacePages


def configurations_content(site: Site, pages: SpacePages) -> dict[str, Any]:
    """Content of the page of a space: all configurations, and numbers for its explorer."""
    indexes = [pages.space.index(pages.space.parse(name)) for name in pages.names]
    tables = [_table_numbers(site, table, indexes) for table in pages.tables]
    means = [table["mean"] for table in tables]
    chosen = [pages.chosen.get(name, 0) for name in pages.names]
    average = min(zip(means[0], pages.names, strict=True), key=lambda one: (one[0] is None, one[0]))
    return {
        "pages": pages,
        "rows": [
            {"name": name, "picture": pages.picture(name), "means": mean, "chosen": count}
            for name, count, *mean in zip(pages.names, chosen, *means, strict=True)
        ],
        "data": {
            "names": pages.names,
            "parameters": [{"name": p.name, "levels": p.levels} for p in pages.space.parameters],
            "pictures": pages.slug if pages.sheets else "",
            "start": average[1],
            "chosen": chosen,
            "size": pages.space.size,
            "tables": tables,
            "pages": {name: site.task_page(name) for name in site.task_names},
        },
    }


def _table_numbers(site: Site, table: RewardTable, indexes: list[int]) -> dict[str, Any]:
    """Rewards of a table, and mean regrets, for some configurations; None where unknown."""
    mean = site.mean_regret(table)
    return {
        "id": table.id,
        "mean": _numbers(mean[indexes], 3),
        "place": _places(mean)[indexes].tolist(),
        "tasks": table.tasks,
        "average": _numbers(np.nanmean(table.means, axis=1), 2),
        "rewards": [_numbers(row[indexes], 2) for row in table.means],
    }


def _numbers(values: NDArray[np.float64], digits: int) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), digits) for value in values]


def _places(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Place of every value, 1 for the smallest; NaN come last."""
    places = np.empty(len(values), dtype=np.int64)
    places[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return places


def configurations_csv(content: Mapping[str, Any]) -> str:
    """Seed means of all rewards of the tables of a space, as CSV."""
    tables = content["data"]["tables"]
    tasks = dict.fromkeys(task for table in tables for task in table["tasks"])
    rows = []
    for table in tables:
        rewards = dict(zip(table["tasks"], table["rewards"], strict=True))
        rows += [
            {
                "table": table["id"],
                "configuration": name,
                "mean_regret": table["mean"][i],
                **{f"task:{task}": rewards[task][i] if task in rewards else None for task in tasks},
            }
            for i, name in enumerate(content["data"]["names"])
        ]
    return csv_text(rows)
