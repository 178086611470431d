"""Content of the first page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.leaderboard import Board, BudgetBoard
from benchmark.rewards.catalog import DEFAULT_TABLE
from benchmark.site.boards import budget_chart
from benchmark.site.facts import MethodKey

if TYPE_CHECKING:
    from benchmark.leaderboard.rows import Row
    from benchmark.site.context import Site

_N_TOP = 6


def index_content(site: Site) -> dict[str, Any]:
    """Content of the first page: boards by source and protocol, and some pictures."""
    groups: dict[tuple[bool, bool, str, str, int], list[dict[str, Any]]] = {}
    for stem, board in site.boards.items():
        if stem in site.series_boards:
            continue
        place = board.place
        is_live, is_other = place.kind != "table", place.source != DEFAULT_TABLE
        key = (is_live, is_other, place.source, place.digest, place.suite_version)
        groups.setdefault(key, []).append(_card(site, stem, board))
    return {
        "groups": [
            {
                "source": source,
                "is_live": is_live,
                "digest": digest,
                "suite": suite,
                "table": site.tables.get(digest),
                "cards": groups[is_live, is_other, source, digest, suite],
            }
            for is_live, is_other, source, digest, suite in sorted(groups)
        ],
        "series": list(_series(site)),
        "strip": list(_strip(site)),
        "counts": {
            "boards": len(site.boards),
            "methods": len(site.methods),
            "tasks": len(site.task_names),
            "configurations": sum(len(pages.names) for pages in site.spaces),
        },
    }


def _series(site: Site) -> Iterator[dict[str, Any]]:
    """Averages on boards of changed profiles: one table per changed fields, protocol and split."""
    groups: dict[tuple[str, tuple[str, ...], str, str], dict[str, tuple[str, Board]]] = {}
    for stem, board in site.series_boards.items():
        base, _, text = board.place.source.partition("+")
        changes = dict(one.partition("=")[::2] for one in text.split(","))
        key = base, tuple(changes), board.place.protocol, board.place.split
        groups.setdefault(key, {})[", ".join(changes.values())] = stem, board
    for (base, changed, protocol, split), points in sorted(groups.items()):
        labels = dict.fromkeys(row.label for _, board in points.values() for row in board.rows)
        yield {
            "base": base,
            "fields": [name.replace("_", " ") for name in changed],
            "protocol": protocol,
            "split": split,
            "labels": sorted(labels),
            "points": [
                (value, stem, {row.label: row.average for row in board.rows if row.complete})
                for value, (stem, board) in sorted(
                    points.items(), key=lambda one: _in_order(one[0])
                )
            ],
        }


def _in_order(text: str) -> tuple[int, float, str]:
    """Key that sorts numbers before texts, numbers by value."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


def _card(site: Site, stem: str, board: Board | BudgetBoard) -> dict[str, Any]:
    card: dict[str, Any] = {
        "stem": stem,
        "split": board.place.split,
        "protocol": f"{board.place.protocol} v{board.place.protocol_version}",
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
                "page": site.method_page(MethodKey.of(row)),
                "score": score,
                "digits": board.digits,
                "share": round(100 * max(score, 0.0) / widest, 1),
            }
            for row, score in zip(top, scores, strict=True)
        ],
    }


def _score(board: Board, row: Row) -> float | None:
    return row.regret if board.has_regret else row.average


def _strip(site: Site) -> Iterator[dict[str, Any]]:
    """Contact sheets that tell the story: nothing varied, best on average, best for one, all."""
    pages = next((pages for pages in site.spaces if pages.sheets), None)
    if pages is None:
        return
    table = pages.tables[0]
    mean = site.mean_regret(table)
    average = str(table.space.at(int(np.argmin(mean))))
    shown = {"Nothing is varied": str(table.space.at(0)), "Best on average": average}
    for task, regrets in zip(table.tasks, site.table_regrets[table.digest], strict=True):
        best = str(table.space.at(int(np.nan_to_num(regrets, nan=np.inf).argmin())))
        if np.isfinite(regrets).all() and best not in shown.values():
            shown[f"Best for {task}"] = best
            break
    shown["Everything is varied"] = str(table.space.most_varied)
    for title, name in shown.items():
        regret = mean[table.space.index(table.space.parse(name))]
        yield {
            "title": title,
            "name": name,
            "regret": None if np.isnan(regret) else float(regret),
            "pages": pages,
        }
