"""Contents of the pages of tasks, methods and configurations, and of the overview."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import T2SBenchError
from benchmark.leaderboard import Board
from benchmark.leaderboard.text_tables import csv_text
from benchmark.methods import known_methods
from benchmark.site.boards import budget_chart, kind_of, marks_of
from benchmark.site.facts import shares, weights
from benchmark.site.figures import Axis, Interval

if TYPE_CHECKING:
    from benchmark.leaderboard.rows import Row
    from benchmark.rewards.table import RewardTable
    from benchmark.site.context import Site, SpacePages
    from benchmark.site.facts import MethodKey

_N_BEST, _N_PAIRS, _N_METHODS, _N_TOP = 8, 10, 40, 6


# Overview --------------------------------------------------------------------------------------


def index_content(site: Site) -> dict[str, Any]:
    """Content of the first page: boards by source and protocol, and some pictures."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for stem, board in site.boards.items():
        place = board.place
        key = (place.source, place.kind, place.digest, place.protocol, place.protocol_version)
        groups.setdefault((*key, place.suite_version), []).append(_card(site, stem, board))
    return {
        "groups": [
            {
                "source": key[0],
                "kind": key[1],
                "digest": key[2],
                "protocol": f"{key[3]} v{key[4]}",
                "suite": key[5],
                "table": site.tables.get(key[2]),
                "cards": cards,
            }
            for key, cards in groups.items()
        ],
        "strip": list(_strip(site)),
        "counts": {
            "boards": len(site.boards),
            "methods": len(site.methods),
            "tasks": len(site.task_names),
            "configurations": sum(len(pages.names) for pages in site.spaces),
        },
    }


def _card(site: Site, stem: str, board: Any) -> dict[str, Any]:
    card: dict[str, Any] = {
        "stem": stem,
        "split": board.place.split,
        "n_tasks": len(board.tasks),
        "n_methods": len(board.rows),
        "is_budget": not isinstance(board, Board),
    }
    if not isinstance(board, Board):
        return {**card, "chart": budget_chart(board, [""] * len(board.rows))}
    top = [row for row in board.ranked[:_N_TOP] if _score(board, row) is not None]
    scores = [_score(board, row) or 0.0 for row in top]
    widest = max((abs(score) for score in scores), default=0.0) or 1.0
    return {
        **card,
        "score": board.score,
        "top": [
            {
                "label": row.label,
                "page": site.method_page(row.name, row.options),
                "score": score,
                "digits": board.digits,
                "share": round(100 * max(score, 0.0) / widest, 1),
                "kind": kind_of(site, row),
            }
            for row, score in zip(top, scores, strict=True)
        ],
    }


def _score(board: Board, row: Row) -> float | None:
    return row.regret if board.has_regret else row.average


def _strip(site: Site) -> Iterator[dict[str, str]]:
    """Contact sheets of the best configurations of some tasks, all different."""
    pages = next((pages for pages in site.spaces if pages.sheets and pages.tables), None)
    if pages is None:
        return
    table = pages.tables[0]
    means = np.nan_to_num(table.means, nan=-1.0)
    shown: set[str] = set()
    order = [task for task in site.task_names if task in table.tasks]
    for task in order[:: max(1, len(order) // 8)]:
        best = str(table.space.at(int(means[table.row(task)].argmax())))
        if best not in shown and len(shown) < 4 and pages.picture(best):
            shown.add(best)
            yield {
                "task": task,
                "task_page": site.task_page(task),
                "configuration": best,
                "page": pages.page(best),
                "picture": pages.picture(best),
            }


# Tasks -----------------------------------------------------------------------------------------


def tasks_content(site: Site) -> dict[str, Any]:
    """Content of the list of tasks."""
    rows = [
        {
            "name": name,
            "page": site.task_page(name),
            "task": site.tasks[name] if name in site.tasks.names else None,
            "best": [_best(site, table, name) for table in site.tables.values()],
        }
        for name in site.task_names
    ]
    return {"tasks": rows, "tables": list(site.tables.values())}


def _best(site: Site, table: RewardTable, name: str) -> dict[str, Any] | None:
    """Best configuration of a task by its mean reward; None where the table lacks the task."""
    values = table.means[table.row(name)] if name in table.tasks else np.array([np.nan])
    if not np.isfinite(values).any():
        return None
    index = int(np.nanargmax(values))
    return {
        "pages": site.pages_of(table),
        "configuration": str(table.space.at(index)),
        "accuracy": float(values[index]),
        "gain": float(values[index] - np.nanmean(values)),
    }


def task_content(site: Site, name: str) -> dict[str, Any]:
    """Content of a task's page."""
    task = site.tasks[name] if name in site.tasks.names else None
    tables = [table for table in site.tables.values() if name in table.tasks]
    rankings = [
        _task_ranking(site, stem, board, name)
        for stem, board in site.ranked_boards.items()
        if name in board.tasks
    ]
    return {
        "name": name,
        "task": task,
        "stands_in_for": getattr(task, "stands_in_for", ""),
        "tables": [_task_table(site, table, name) for table in tables],
        "rankings": rankings,
    }


def _task_table(site: Site, table: RewardTable, name: str) -> dict[str, Any]:
    pages = site.pages_of(table)
    means = table.means[table.row(name)]
    order = [int(i) for i in np.argsort(-np.nan_to_num(means, nan=-1.0), kind="stable")]
    entry = next((e for e in table.card.tasks if e.name == name), None) if table.card else None
    regrets = site.table_regrets[table.digest][table.row(name)]
    return {
        "table": table,
        "pages": pages,
        "entry": entry,
        "n_test": int(table.n_test[table.row(name)]),
        "mean": float(np.nanmean(means)),
        "scaled": bool(np.isfinite(regrets).any()),
        "best": [
            {
                "configuration": str(table.space.at(i)),
                "page": pages.page(str(table.space.at(i))),
                "picture": pages.picture(str(table.space.at(i))),
                "accuracy": float(means[i]),
                "regret": None if np.isnan(regrets[i]) else float(regrets[i]),
            }
            for i in order[:_N_BEST]
            if np.isfinite(means[i])
        ],
        "effects": _task_effects(site, table, name),
    }


def _task_effects(site: Site, table: RewardTable, name: str) -> dict[str, Any] | None:
    effects = site.effects[table.digest]
    row = effects.tasks.index(name)
    values, errors = effects.values[row], effects.errors[row]
    if np.isnan(values).any():
        return None
    halves = [None if np.isnan(error) else 1.96 * float(error) for error in errors]
    ends = [v + sign * (half or 0.0) for v, half in zip(values, halves, strict=True) for sign in (-1, 1)]
    axis = Axis.over([0.0, *map(float, ends)], 190, 690)
    pairs = [
        (pair, float(value))
        for pair, value in zip(effects.pairs, effects.interactions[row], strict=True)
        if np.isfinite(value)
    ]
    pairs.sort(key=lambda pair: -abs(pair[1]))
    return {
        "axis": axis,
        "bars": [
            {
                "name": setting,
                "value": float(value),
                "half": half,
                "place": Interval.on(axis, float(value), half),
                "is_noise": bool(noise),
            }
            for setting, value, half, noise in zip(
                effects.names, values, halves, effects.is_noise[row], strict=True
            )
        ],
        "pairs": pairs[:_N_PAIRS],
        "explained": float(effects.explained[row]),
    }


def _task_ranking(site: Site, stem: str, board: Board, name: str) -> dict[str, Any]:
    rows = [row for row in board.rows if name in row.means]
    rows.sort(key=lambda row: (-row.means[name], row.label))
    shown = rows[:_N_METHODS]
    ends = [row.test_interval(name) or (row.means[name],) * 2 for row in shown]
    axis = Axis.over([end for pair in ends for end in pair], 4, 216, n_ticks=4)
    return {
        "stem": stem,
        "board": board,
        "axis": axis,
        "n_rows": len(rows),
        "rows": [
            {
                "label": row.label,
                "page": site.method_page(row.name, row.options),
                "kind": kind_of(site, row),
                "accuracy": row.means[name],
                "interval": pair,
                "place": (axis.at(pair[0]), axis.at(row.means[name]), axis.at(pair[1])),
                "regret": row.regrets.get(name),
                "decisions": _short(site.facts.decisions(row).get(name, [])),
            }
            for row, pair in zip(shown, ends, strict=True)
        ],
        "space": site.space_of(board.place),
    }


def _short(decisions: Sequence[str]) -> list[tuple[str, int]]:
    """Different decisions and their numbers, the most frequent first; at most three."""
    names = ("mixture" if text.startswith("{") else text for text in decisions)
    return Counter(names).most_common(3)


def task_effects_csv(site: Site, name: str) -> str:
    """Main effects and interactions of the settings on a task, as CSV."""
    rows = []
    for table in site.tables.values():
        if name not in table.tasks:
            continue
        effects = site.effects[table.digest]
        row = effects.tasks.index(name)
        main = zip(effects.names, effects.values[row], effects.errors[row], strict=True)
        pairs = zip(effects.pairs, effects.interactions[row], strict=True)
        rows += [_effect(table, "main", *one) for one in main]
        rows += [_effect(table, "interaction", pair, value, np.nan) for pair, value in pairs]
    return csv_text(rows)


def _effect(table: RewardTable, kind: str, name: str, value: float, error: float) -> dict[str, Any]:
    points, error95 = (None if np.isnan(x) else round(float(x), 4) for x in (value, 1.96 * error))
    return {"table": table.id, "kind": kind, "setting": name, "points": points, "error95": error95}


def task_methods_csv(site: Site, name: str) -> str:
    """Accuracies and regrets of all methods on a task, as CSV."""
    rows = []
    for stem, board in site.ranked_boards.items():
        for row in board.rows:
            if name in row.means:
                low, high = row.test_interval(name) or (None, None)
                rows.append(
                    {
                        "board": stem,
                        "method": row.label,
                        "kind": kind_of(site, row),
                        "accuracy": row.means[name],
                        "test95_low": low,
                        "test95_high": high,
                        "regret": row.regrets.get(name),
                    }
                )
    return csv_text(rows)


# Methods ---------------------------------------------------------------------------------------


def methods_content(site: Site) -> dict[str, Any]:
    """Content of the list of methods: the rank of each on every board."""
    ranks: dict[MethodKey, dict[str, tuple[str, float | None]]] = {}
    for stem, board in site.ranked_boards.items():
        for row in board.rows:
            rank = row.standing.rank
            text = str(rank) if rank is not None else "–"
            ranks.setdefault((row.name, row.options), {}).setdefault(stem, (text, rank))
    return {
        "stems": list(site.ranked_boards),
        "methods": [
            {
                "label": label,
                "page": site.method_page(*key),
                "summary": _summary(site, key),
                "ranks": [ranks.get(key, {}).get(stem, ("", None)) for stem in site.ranked_boards],
                "facts": site.facts.methods.get(key),
            }
            for key, label in site.methods.items()
        ],
    }


def _summary(site: Site, key: MethodKey) -> str:
    """First line of the docstring of a method of this distribution; empty for others."""
    plugin = known_methods().get(key[0])
    facts = site.facts.methods.get(key)
    own = facts is not None and all(one.origin.startswith("t2sbench ") for one in facts.origins)
    if plugin is None or not plugin.is_own or not own:
        return ""
    try:
        return (plugin.load().__doc__ or "").partition("\n")[0]
    except T2SBenchError:  # a package that the method needs is missing here
        return ""


def method_content(site: Site, key: MethodKey) -> dict[str, Any]:
    """Content of a method's page."""
    facts = site.facts.methods[key]
    sections = [
        _method_section(site, stem, board, row)
        for stem, board in site.ranked_boards.items()
        for row in board.rows
        if (row.name, row.options) == key
    ]
    budgets = [
        stem
        for stem, board in site.boards.items()
        if not isinstance(board, Board)
        and any((one.name, one.options) == key for row in board.rows for one in row.by_budget.values())
    ]
    return {
        "label": site.methods[key],
        "name": key[0],
        "summary": _summary(site, key),
        "facts": facts,
        "sections": sections,
        "budgets": budgets,
        "commands": list(dict.fromkeys(_commands(site, key, sections, budgets))),
    }


def _method_section(site: Site, stem: str, board: Board, row: Row) -> dict[str, Any]:
    space = site.space_of(board.place)
    decisions = site.facts.decisions(row)
    lines = []
    for task in board.tasks:
        found = decisions.get(task, [])
        grid = shares(found, space.space) if space and found and _all_in(space, found) else []
        lines.append(
            {
                "task": task,
                "page": site.task_page(task),
                "accuracy": row.means.get(task),
                "regret": row.regrets.get(task),
                "seeds": len(row.cells.get(task, {})),
                "grid": [_switch(levels) for levels in grid],
                "decisions": _short(found),
            }
        )
    return {
        "stem": stem,
        "board": board,
        "row": row,
        "kind": kind_of(site, row),
        "marks": marks_of(row),
        "space": space,
        "lines": lines,
        "has_grid": any(line["grid"] for line in lines),
    }


def _all_in(pages: SpacePages, decisions: Sequence[str]) -> bool:
    return all(
        len(name) == len(pages.space.shape) for text in decisions for name in weights(text)
    )


def _switch(levels: Sequence[float]) -> tuple[float, str]:
    """Shade and text of a parameter's cell: mean level over its number of levels."""
    mean = sum(level * share for level, share in enumerate(levels))
    text = f"{mean:.0f}" if abs(mean - round(mean)) < 0.005 else f"{mean:.1f}".removeprefix("0")
    return round(mean / (len(levels) - 1), 2), text


def _commands(
    site: Site, key: MethodKey, sections: Sequence[Mapping[str, Any]], budgets: Sequence[str]
) -> Iterator[str]:
    """Commands that run the method again."""
    facts = site.facts.methods[key]
    is_file = any(one.code_sha256 for one in facts.origins)
    options = "".join(f" -O {name}={_typed(value)}" for name, value in facts.options.items())
    base = f"t2sbench run{' --plugin FILE.py' if is_file else ''} -m {key[0]}{options}"
    for section in sections:
        place = section["board"].place
        if key[0].startswith("submission:"):
            name = key[0].partition(":")[2]
            yield f"t2sbench submit check leaderboards/entries/{name} --rerun"
        elif place.kind == "table":
            table = "" if place.source == "gl-mini" else f" --table {place.source}"
            yield f"{base} --split {place.split}{table}"
        else:
            profile = f" --live --profile {place.source} --protocol {place.protocol}"
            yield f"{base} --split {place.split}{profile}"
    for stem in budgets:
        place = site.boards[stem].place
        table = "" if place.source == "gl-mini" else f" --table {place.source}"
        asked = ",".join(map(str, sorted(facts.budgets)))
        yield f"{base} --split {place.split}{table} --budget {asked}"


def _typed(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def method_csv(site: Site, key: MethodKey) -> str:
    """Decisions and accuracies of a method by board, task and seed, as CSV."""
    rows = []
    for stem, board in site.ranked_boards.items():
        for row in board.rows:
            if (row.name, row.options) != key:
                continue
            chosen = {(c.task, c.seed): c.decision for c in map(site.facts.choices.get, row.record_ids) if c}
            rows += [
                {
                    "board": stem,
                    "method": row.label,
                    "task": task,
                    "seed": seed,
                    "decision": chosen.get((task, seed), ""),
                    "accuracy": outcome.accuracy,
                    "regret": outcome.regret,
                }
                for task in board.tasks
                for seed, outcome in sorted(row.cells.get(task, {}).items())
            ]
    return csv_text(rows)


# Configurations --------------------------------------------------------------------------------


def configurations_content(site: Site, pages: SpacePages) -> dict[str, Any]:
    """Content of the list of configurations of a space."""
    means = [_mean_regret(site, table) for table in pages.tables]
    return {
        "pages": pages,
        "rows": [
            {
                "name": name,
                "page": pages.page(name),
                "picture": pages.picture(name),
                "means": [None if np.isnan(m[i]) else float(m[i]) for m in means],
                "chosen": pages.chosen.get(name, 0),
            }
            for name in pages.names
            for i in [pages.space.index(pages.space.parse(name))]
        ],
    }


def _mean_regret(site: Site, table: RewardTable) -> Any:
    """Mean regret of every configuration over the tasks with a regret; NaN without any."""
    known = site.table_regrets[table.digest]
    known = known[np.isfinite(known).all(axis=1)]
    return known.mean(axis=0) if len(known) else np.full(table.space.size, np.nan)


class SpaceNumbers:
    """Numbers that the pages of one space share.

    Args:
        site: The site.
        pages: Pages of the space.
    """

    def __init__(self, site: Site, pages: SpacePages) -> None:
        self.site, self.pages = site, pages
        self.mean = {table.digest: _mean_regret(site, table) for table in pages.tables}
        self.place = {digest: _places(values) for digest, values in self.mean.items()}
        self.places = {
            table.digest: np.array([_places(-row) for row in table.means]) for table in pages.tables
        }

    def content(self, name: str) -> dict[str, Any]:
        """Content of a configuration's page."""
        space = self.pages.space
        configuration = space.parse(name)
        index = space.index(configuration)
        settings = [
            (parameter.name, parameter.levels[level], self._changes(configuration.levels, place))
            for place, (parameter, level) in enumerate(
                zip(space.parameters, configuration.levels, strict=True)
            )
        ]
        return {
            "pages": self.pages,
            "name": name,
            "picture": self.pages.picture(name),
            "settings": settings,
            "chosen": self.pages.chosen.get(name, 0),
            "tables": [self._table(table, index) for table in self.pages.tables],
        }

    def _changes(self, levels: tuple[int, ...], place: int) -> list[dict[str, Any]]:
        """Configurations that differ in one parameter, and the change of the mean regret."""
        space = self.pages.space
        found = []
        for level, text in enumerate(space.parameters[place].levels):
            if level != levels[place]:
                other = type(space.at(0))((*levels[:place], level, *levels[place + 1 :]))
                name, here = str(other), space.index(type(other)(levels))
                change = [
                    None if np.isnan(mean[here]) else float(mean[space.index(other)] - mean[here])
                    for mean in self.mean.values()
                ]
                found.append({"level": text, "name": name, "page": self.pages.page(name), "change": change})
        return found

    def _table(self, table: RewardTable, index: int) -> dict[str, Any]:
        mean = self.mean[table.digest][index]
        regrets = self.site.table_regrets[table.digest][:, index]
        return {
            "table": table,
            "mean": None if np.isnan(mean) else float(mean),
            "place": int(self.place[table.digest][index]),
            "rows": [
                (
                    task,
                    float(table.means[row, index]),
                    float(table.means[row, index] - np.nanmean(table.means[row])),
                    None if np.isnan(regrets[row]) else float(regrets[row]),
                    int(self.places[table.digest][row, index]),
                )
                for row, task in enumerate(table.tasks)
                if np.isfinite(table.means[row, index])
            ],
        }


def _places(values: Any) -> Any:
    """Place of every value, 1 for the smallest; NaN come last."""
    places = np.empty(len(values), dtype=np.int64)
    places[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return places


def configurations_csv(site: Site, pages: SpacePages) -> str:
    """Seed means of all rewards of the tables of a space, as CSV."""
    rows = []
    for table in pages.tables:
        mean = _mean_regret(site, table)
        for name in pages.names:
            index = pages.space.index(pages.space.parse(name))
            rows.append(
                {
                    "table": table.id,
                    "configuration": name,
                    "mean_regret": None if np.isnan(mean[index]) else round(float(mean[index]), 4),
                    **{
                        f"task:{task}": None if np.isnan(value) else round(float(value), 4)
                        for task, value in zip(table.tasks, table.means[:, index], strict=True)
                    },
                }
            )
    return csv_text({key: row.get(key) for key in dict.fromkeys(k for r in rows for k in r)} for row in rows)


