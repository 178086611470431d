"""Contents of the pages of methods."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import T2SBenchError
from benchmark.leaderboard.text_tables import csv_text, number
from benchmark.methods import known_methods
from benchmark.rewards.catalog import DEFAULT_TABLE
from benchmark.site.boards import kind_of, marks_of
from benchmark.site.facts import MethodKey, frequent, rounded, shares, weights

if TYPE_CHECKING:
    from benchmark.leaderboard import Board
    from benchmark.leaderboard.rows import Row
    from benchmark.site.context import Site, SpacePages


def methods_content(site: Site) -> dict[str, Any]:
    """Content of the list of methods: the rank of each on every board."""
    ranks = {
        key: {stem: row.standing.rank for stem, _, row in reversed(found)}
        for key, found in site.rows_of.items()
    }
    return {
        "boards": list(site.main_boards.values()),
        "methods": [
            {
                "label": label,
                "page": site.method_page(key),
                "summary": _summary(key),
                "ranks": [_rank(ranks.get(key, {}), stem) for stem in site.main_boards],
                "facts": site.facts.methods.get(key),
            }
            for key, label in site.methods.items()
        ],
    }


def _rank(ranks: Mapping[str, int | None], stem: str) -> tuple[str, int | None]:
    """Text and number of a rank: a dash for a row that is not ranked, empty without a row."""
    rank = ranks.get(stem)
    return ("" if stem not in ranks else number(rank, 0)), rank


def _summary(key: MethodKey) -> str:
    """First line of the docstring of a method of this distribution; empty for others."""
    return _own_summaries().get(key.name, "") if key.origin == "t2sbench" else ""


@functools.cache
def _own_summaries() -> dict[str, str]:
    found = {}
    for name, plugin in known_methods().items():
        if plugin.is_own:
            with contextlib.suppress(T2SBenchError):  # a package that it needs is missing here
                found[name] = (plugin.load().__doc__ or "").partition("\n")[0]
    return found


def method_content(site: Site, key: MethodKey) -> dict[str, Any]:
    """Content of a method's page."""
    facts = site.facts.methods[key]
    sections: list[dict[str, Any]] = []
    shown: set[tuple[Any, ...]] = set()
    ordered = sorted(site.rows_of.get(key, []), key=lambda one: one[1].place.kind != "table")
    for stem, board, row in ordered:
        # Fits to one table and split choose alike, whatever measures the choices.
        learnt = (board.place.split, *sorted(site.facts.learnt.get(board.place.digest, ())))
        sections.append(_method_section(site, stem, board, row, learnt not in shown))
        shown.add(learnt)
    budgets = [stem for stem, _ in site.budgets_of.get(key, [])]
    return {
        "label": site.methods[key],
        "name": key[0],
        "summary": _summary(key),
        "facts": facts,
        "sections": sections,
        "budgets": budgets,
        "commands": list(dict.fromkeys(_commands(site, key, sections, budgets))),
    }


def _method_section(
    site: Site, stem: str, board: Board, row: Row, with_decisions: bool
) -> dict[str, Any]:
    space = site.space_of(board.place)
    decisions = site.facts.decisions(row)
    lines = []
    for task in board.tasks if with_decisions else ():
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
                "decisions": frequent(found),
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
    return all(len(name) == len(pages.space.shape) for text in decisions for name in weights(text))


def _switch(levels: Sequence[float]) -> tuple[int, str]:
    """Shade (0 to 10) and text of a parameter's cell: mean level over its number of levels."""
    mean = sum(level * share for level, share in enumerate(levels))
    text = f"{mean:.0f}" if abs(mean - round(mean)) < 0.005 else f"{mean:.1f}".removeprefix("0")
    return round(10 * mean / (len(levels) - 1)), text


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
            table = "" if place.source == DEFAULT_TABLE else f" --table {place.source}"
            yield f"{base} --split {place.split}{table}"
        else:
            profile = f" --live --profile {place.source} --protocol {place.protocol}"
            yield f"{base} --split {place.split}{profile}"
    for stem in budgets:
        place = site.boards[stem].place
        table = "" if place.source == DEFAULT_TABLE else f" --table {place.source}"
        asked = ",".join(map(str, sorted(facts.budgets)))
        yield f"{base} --split {place.split}{table} --budget {asked}"


def _typed(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def method_csv(site: Site, key: MethodKey) -> str:
    """Decisions and accuracies of a method by board, task and seed, as CSV."""
    rows = []
    for stem, board, row in site.rows_of.get(key, []):
        found = filter(None, map(site.facts.choices.get, row.record_ids))
        chosen = {(choice.task, choice.seed): choice.decision for choice in found}
        rows += [
            {
                "board": stem,
                "version": row.version,
                "task": task,
                "seed": seed,
                "decision": chosen.get((task, seed), ""),
                "accuracy": rounded(outcome.accuracy),
                "regret": rounded(outcome.regret),
            }
            for task in board.tasks
            for seed, outcome in sorted(row.cells.get(task, {}).items())
        ]
    return csv_text(rows)
