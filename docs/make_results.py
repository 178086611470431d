"""Remake all that follows from a reward table: ``python docs/make_results.py [TABLE ...]``.

For each table, by default the packaged one: records of the methods that lack them, boards, the
tables of figures in the pages (between ``<!-- NAME -->`` and ``<!-- end -->``), and the pictures of
the README and of ``results.md``. Comparisons need the released table (a network, or a mirror in
``T2SBENCH_MIRROR``). Records of an earlier edition of the table, whose digest differs,
are removed with their boards. Present records are kept: without a change nothing is written.

Further pictures depend on the released table or on measurements of their own: see
``make_portfolio_curve.py``, ``taxonomy.md`` and ``task2vec.md``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

import t2sbench as t2s
from benchmark.core.files import write_bytes, write_text
from benchmark.leaderboard import BudgetBoard, build_all_boards
from benchmark.leaderboard.boards import Board, board_files, write_boards
from benchmark.leaderboard.text_tables import print_table
from benchmark.plots.budget import draw_regret_curves
from benchmark.plots.style import save_picture
from benchmark.rewards.catalog import DEFAULT_TABLE, load_table
from benchmark.rewards.reliability import LOW_RELIABILITY
from benchmark.rewards.text import estimated_reliability, proxy_text, reliability_line
from benchmark.runs.record import to_line
from benchmark.runs.record_file import FILE, iterate_records
from benchmark.runs.scoring import CachedScorer
from benchmark.tasks.registry import Side, load_data_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmark.rewards.card import TableCard
    from benchmark.rewards.comparison import SettingComparison
    from benchmark.rewards.table import RewardTable

ROOT = Path(__file__).parent.parent
BOARDS = ROOT / "leaderboards"
RECORDS = BOARDS / "records"
SPLITS = ("seen", "unseen", "leave-one-task-out")
# Methods by file of records, and their seeds.
GROUPS = {
    "baselines": (
        [
            "random",
            "domain-randomization",
            "single-best",
            "nearest-task",
            "portfolio",
            "walsh-gp",
            "oracle",
            "untrained",
            "imagenet",
        ],
        [0],
    ),
    "task2sim": (["task2sim", "task2sim-released"], [0, 1, 2, 3, 4]),
}
# Budgeted track: numbers of queries, and methods with their seeds. Seed s queries the table's seed
# s mod S.
BUDGETS = (0, 1, 2, 4, 8, 16, 32)
SEARCHES = {
    "budget": (
        [
            "random",
            "portfolio-order",
            "walsh-gp",
            "walsh-gp-thompson",
            "bayesian-optimization",
            "task2sim",
        ],
        [0, 1, 2, 3],
    ),
}
BUDGET_SPLIT = "leave-one-task-out"
# Protocols that judge what 5-NN chooses.
JUDGES = ("linear", "finetune")
# Rows of the averages, in order; other methods of a board follow.
REMARKS = {
    "untrained": "random weights",
    "random": "expectation",
    "domain-randomization": "all eight varied",
    "single-best": "one configuration for all tasks",
    "portfolio": "three configurations for all tasks",
    "nearest-task": "",
    "walsh-gp": "Gaussian process over tasks",
    "task2sim": "as the paper states it",
    "task2sim-released": "as the code computes it",
    "imagenet": "as many real images",
    "oracle": "reference; chosen on these rewards",
}
WIDTH = 132
END = "\n<!-- end -->"
FIRST = ROOT / "docs" / "effects" / "gl-mini-1.json"
CORRELATIONS = {
    "main effects": "r_main",
    "interactions of pairs": "r_pairwise",
    "main effects, all tasks of each": "r_main_all",
    "interactions, all tasks of each": "r_pairwise_all",
}


def make_records(table: RewardTable) -> None:
    """Score the cells that have no valid record, and keep records of this table only."""
    runs: list[tuple[str, str, Sequence[str], Sequence[int], Sequence[int]]] = [
        (group, split, methods, seeds, ())
        for split in SPLITS
        for group, (methods, seeds) in GROUPS.items()
    ]
    runs += [(group, BUDGET_SPLIT, *found, BUDGETS) for group, found in SEARCHES.items()]
    for group, split, methods, seeds, budgets in runs:
        path = RECORDS / table.id / f"{split}-{group}.jsonl"
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder, FILE)
            if path.is_file():
                work.write_bytes(path.read_bytes())
            results = t2s.run(
                methods,
                split=split,
                table=table,
                seeds=seeds,
                budgets=budgets,
                output=folder,
                jobs=len(os.sched_getaffinity(0)),
            )
            if results.failures:
                sys.exit("\n".join(results.failures))
            kept = [r for r in iterate_records(work) if r.source.digest == table.digest]
        write_bytes(path, b"".join(map(to_line, kept)))


def make_boards() -> tuple[list[Board], list[BudgetBoard]]:
    """Write all boards, remove files that no record calls for, and return the boards by track."""
    boards = build_all_boards(iterate_records(RECORDS), load_data_tasks().names)
    written = {str(path.relative_to(BOARDS)) for path in write_boards(boards, BOARDS)}
    for name in board_files(BOARDS, RECORDS):
        if name not in written:
            (BOARDS / name).unlink()
    searched = [board for board in boards if isinstance(board, BudgetBoard)]
    return [board for board in boards if isinstance(board, Board)], searched


def averages(table: RewardTable, boards: Sequence[Board]) -> str:
    """Averages of all methods: percent on every split, and regret where methods did not learn.

    The best value of a method that may be ranked is bold.
    """
    seen, unseen, left_out = (
        next(b for b in boards if (b.place.source, b.place.split) == (table.id, split))
        for split in SPLITS
    )
    columns = (
        (f"seen ({len(seen.tasks)})", seen, "average", None),
        (f"unseen ({len(unseen.tasks)})", unseen, "average", max),
        ("regret, unseen", unseen, "regret", min),
        (f"leave one task out ({len(left_out.tasks)})", left_out, "average", max),
        ("regret", left_out, "regret", min),
    )
    names = {row.name: row.label for board in (seen, unseen, left_out) for row in board.rows}
    shown = [name for name in REMARKS if name in names] + sorted(set(names) - set(REMARKS))
    lines = [
        "| method | " + " | ".join(title for title, *_ in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    cells = [_column(board, figure, best) for _, board, figure, best in columns]
    for name in shown:
        remark = REMARKS.get(name, "")
        if name == "imagenet" and table.card and table.card.real_images:
            remark += f": {table.card.real_images.rpartition('-')[0]}"
        label = f"{name} ({remark})" if remark else name
        lines.append(f"| {label} | " + " | ".join(column[name] for column in cells) + " |")
    return "\n".join(lines)


def standings(table: RewardTable, boards: Sequence[Board]) -> str:
    """Methods of rank 1 on each split, and the difference that its tasks show."""
    lines = ["| split | tasks with a regret | rank 1 | detectable |", "| --- | ---: | --- | ---: |"]
    for split in SPLITS[1:]:
        board = next(b for b in boards if (b.place.source, b.place.split) == (table.id, split))
        first = ", ".join(row.label for row in board.ranked if row.standing.rank == 1)
        lines.append(f"| {split} | {board.n_compared} | {first} | {board.detectable:.2f} |")
    return "\n".join(lines)


def _column(
    board: Board, figure: str, best: Callable[[Sequence[float]], float] | None
) -> dict[str, str]:
    """Texts by method, the best one of the ranked rows bold."""
    digits = 2 if figure == "average" else 3
    ranked = [getattr(row, figure) for row in board.ranked]
    winner = best(ranked) if best else None
    found = {}
    for row in board.rows:
        value = getattr(row, figure)
        text = f"{value:.{digits}f}"
        found[row.name] = f"**{text}**" if value == winner else text
    return found


def regrets(board: BudgetBoard) -> str:
    """Mean regret by number of queries; the best one of every column is bold."""
    table = board.text()
    lines = [
        "| method | " + " | ".join(f"{budget}" for budget in board.budgets) + " |",
        "| --- |" + " ---: |" * len(board.budgets),
    ]
    for name, *cells in table.rows():
        shown = [f"**{text}**" if mark == "best" else text for text, mark in cells[::2]]
        widths = [text for text, _ in cells[1::2]]
        texts = [f"{text} ± {width}" for text, width in zip(shown, widths, strict=True)]
        lines.append(f"| {name[0]} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def facts(table: RewardTable, card: TableCard) -> str:
    """Size, origin, noise and levels of a table, from its card and its rewards."""
    registry = {task.name: task for task in load_data_tasks()}
    sides = [registry[task].side for task in table.tasks]
    stand_ins = ", ".join(f"{new} ({old})" for new, old in card.stand_ins.items())
    reliability = {task.name: task.reliability or 0.0 for task in card.tasks}
    low = [f"{t} {r:.2f}" for t, r in reliability.items() if r < LOW_RELIABILITY]
    means = table.means.mean(axis=0)
    best = table.space.at(int(means.argmax()))
    levels = {name: _mean(rows) for name, rows in card.references.items()}
    oracle = fmean(CachedScorer(table).reference(task).oracle for task in table.tasks)
    cost = card.cost
    rows = [
        ("tasks", f"{sides.count(Side.SEEN)} seen, {sides.count(Side.UNSEEN)} unseen"),
        ("stand-ins", stand_ins),
        ("rewards of a task", f"{table.space.size} configurations x {len(table.seeds)} seeds"),
        ("simulator", f"`{card.simulator}`, version {card.simulator_version}"),
        ("profile", f"`{card.profile}`, {card.n_images:,} images"),
        ("real images", (card.real_images or "").rpartition("-")[0]),
        ("backbones", cost and f"{cost.backbones:,} on {', '.join(cost.machines)}"),
        *((f"mean accuracy, {name}", f"{level:.2f}") for name, level in levels.items()),
        ("mean accuracy, all configurations", f"{means.mean():.2f}"),
        ("mean accuracy, best configuration for all tasks", f"{means.max():.2f} (`{best}`)"),
        ("mean accuracy, oracle, cross-fitted", f"{oracle:.2f}"),
        *(
            (f"configurations above {name}", f"{int((means > level).sum())}")
            for name, level in levels.items()
        ),
        ("reliability, mean over tasks", f"{fmean(reliability.values()):.2f}"),
        (f"tasks with a reliability below {LOW_RELIABILITY}", ", ".join(low) or "none"),
        ("digest", f"`{table.digest[:8]}`"),
    ]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows if b)])


def _mean(rows: dict[str, list[float]]) -> float:
    return fmean(fmean(values) for values in rows.values())


def settings(table: RewardTable) -> str:
    """Main effect of each setting: mean over tasks, largest gain and largest cost."""
    found = t2s.effects(table).effects
    lines = ["| setting | mean | largest gain | largest cost |", "| --- | ---: | --- | --- |"]
    for name, values in zip(found.names, found.values.T, strict=True):
        top, bottom = int(np.argmax(values)), int(np.argmin(values))
        ends = " | ".join(f"{found.tasks[i]} {values[i]:+.1f}" for i in (top, bottom))
        lines.append(f"| {name} | {values.mean():+.2f} | {ends} |")
    return "\n".join(lines)


def ladder(table: RewardTable) -> str:
    """Steps of the paper's Table 1: tasks with a published row, and the mean over all tasks."""
    rows = list(t2s.ladder(table))
    published = {row["task"] for row in rows if row["source"].startswith("published")}
    steps = [name for name in rows[0] if name not in ("task", "source")]
    lines = [
        f"| task | {' | '.join(['rewards', *steps])} |",
        f"| --- | --- |{' ---: |' * len(steps)}",
    ]
    for row in rows:
        if row["task"] in (*published, "mean"):
            figures = ["-" if row[step] is None else f"{row[step]:.1f}" for step in steps]
            lines.append(f"| {row['task']} | {row['source']} | {' | '.join(figures)} |")
    return "\n".join(lines)


def comparison() -> str:
    """Mean main effects of the released table, of the first edition, and of the present one."""
    found = t2s.compare_effects(FIRST, DEFAULT_TABLE, against="released").comparison
    first, present = found.tables
    titles = (f"setting ({len(found.tasks)} tasks)", "released", "first edition", present.table)
    lines = [f"| {' | '.join(titles)} | difference |", "| --- |" + " ---: |" * 4]
    for old, new in zip(first.settings, present.settings, strict=True):
        assert new.low is not None  # noqa: S101 - several tasks
        lines.append(
            f"| {new.setting} | {new.against:+.2f} | {_with_error(old)} | {_with_error(new)} | "
            f"{new.difference:+.2f} [{new.low:+.2f}, {new.high:+.2f}] |"
        )
    for name, field in CORRELATIONS.items():
        both = " | ".join(f"{getattr(one, field):.2f}" for one in (first, present))
        lines.append(f"| correlation, {name} | | {both} | |")
    lowest = " | ".join(", ".join(_lowest(one.r_by_task)) for one in (first, present))
    lines.append(f"| lowest correlations of tasks | | {lowest} | |")
    return "\n".join(lines)


def _lowest(by_task: Mapping[str, float | None], n: int = 3) -> list[str]:
    known = sorted((value, task) for task, value in by_task.items() if value is not None)
    return [f"{task} {value:.2f}" for value, task in known[:n]]


def agreement() -> t2s.Proxies:
    """Agreement of 5-NN with linear probing and fine-tuning."""
    return t2s.proxy(DEFAULT_TABLE, *(RECORDS / "live/proxy" / name for name in JUDGES))


def in_short(found: t2s.Proxies) -> str:
    """Sentence on the agreement, for the README."""
    parts = [
        f"{one.correlation.value:.2f} with {name} (the noise allows {one.ceiling.value:.2f})"
        for one, name in zip(found.proxies, ("linear probing", "fine-tuning"), strict=True)
    ]
    costs = [
        f"{one.regret.value:.1f} ± {one.regret.half_width:.1f} points" for one in found.proxies
    ]
    return (
        f"5-NN chooses, other protocols judge: its mean rank correlation is {' and '.join(parts)}. "
        f"Its choices are {' and '.join(costs)} below those of the judging protocol itself "
        "([docs/proxy.md](docs/proxy.md))."
    )


def paper_averages(name: str) -> str:
    """Averages of a table of the paper as measured, the published ones in brackets; best bold."""
    methods, *columns = t2s.paper(name).tables[0].columns
    titles: list[str] = []
    cells: list[list[str]] = []
    for column in columns:
        if column.header == "here":
            size, protocol = column.group
            titles.append(f"{size.partition(',')[0]}, {protocol}")
            known = [value for value in column.values if value is not None]
            best = max(known, default=None)
            cells.append([_percent(value, best) for value in column.values])
        else:
            pairs = zip(cells[-1], column.values, strict=True)
            cells[-1] = [f"{a} ({_percent(b)})" if b is not None else a for a, b in pairs]
    lines = [f"| method | {' | '.join(titles)} |", "| --- |" + " ---: |" * len(titles)]
    for method, *row in zip(methods.values, *cells, strict=True):
        lines.append(f"| {method} | {' | '.join(row)} |")
    return "\n".join(lines)


def _percent(value: float | None, best: float | None = None) -> str:
    text = "-" if value is None else f"{value:.1f}"
    return f"**{text}**" if best is not None and value == best else text


def other_seeds() -> str:
    """Regret on the seeds that methods learnt from, and on the seed held out."""
    rows = t2s.cross_seeds(["single-best", "portfolio", "nearest-task", "walsh-gp"])
    lines = [
        "| method | same seeds | seed held out | difference |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        width = row["difference95"]
        difference = f"{row['difference']:+.3f}" + ("" if width is None else f" ± {width:.3f}")
        figures = f"{row['same_seeds']:.3f} | {row['other_seed']:.3f} | {difference}"
        lines.append(f"| {row['method']} | {figures} |")
    return "\n".join(lines)


def _with_error(one: SettingComparison) -> str:
    return f"{one.mean:+.2f}" + ("" if one.seed_error is None else f" ± {one.seed_error:.2f}")


def blocks(table: RewardTable, boards: Sequence[Board]) -> dict[str, str]:
    """Tables of figures in the pages, by name."""
    found = {f"averages of {table.id}": averages(table, boards)}
    if table.card:
        found[f"facts of {table.id}"] = facts(table, table.card)
    if estimated := estimated_reliability(table):
        found[f"reliability of {table.id}"] = (
            f"Estimated reliability, {reliability_line(estimated)}."
        )
    found[f"standings of {table.id}"] = standings(table, boards)
    found[f"settings of {table.id}"] = settings(table)
    found[f"ladder of {table.id}"] = ladder(table)
    if table.id == DEFAULT_TABLE:
        found["proxies in short"] = in_short(agreement())
        found["proxies"] = "\n\n".join(proxy_text(one, "pipe") for one in agreement().proxies)
    return found


def pages(blocks: Mapping[str, str]) -> dict[Path, str]:
    """Pages with the given tables of figures, by path."""
    found = {}
    names = ("results", "budget", "proxy")
    for path in (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in names)):
        text = path.read_text(encoding="utf-8")
        for name, block in blocks.items():
            head, start, tail = text.partition(f"<!-- {name} -->\n")
            if start:
                text = f"{head}{start}{block}{END}{tail.partition(END)[2]}"
        found[path] = text
    return found


def draw_board(board: Board, target: Path) -> None:
    """Draw a board as the terminal shows it."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        print_table(board.text(), console)
        console.save_svg(str(target), title="t2sbench", unique_id="unseen")


def make_pictures(boards: Sequence[Board]) -> None:
    """Draw the pictures of the default table."""
    images = ROOT / "docs" / "images"
    for board in boards:
        if (board.place.source, board.place.split) == (DEFAULT_TABLE, "unseen"):
            draw_board(board, images / "unseen.svg")
        if (board.place.source, board.place.split) == (DEFAULT_TABLE, "leave-one-task-out"):
            t2s.Ranking.of(board).plot().save(images / "ranks.svg")
    compared = t2s.compare_effects(DEFAULT_TABLE, against="released")
    compared.plot().save(images / "effects.svg")
    agreement().plot().save(images / "proxy.svg")


def main() -> None:
    """Remake records, boards, pages and pictures."""
    tables = [load_table(name) for name in sys.argv[1:] or [DEFAULT_TABLE]]
    for table in tables:
        make_records(table)
    boards, searched = make_boards()
    made = {name: text for table in tables for name, text in blocks(table, boards).items()}
    made |= {f"budgets of {board.place.source}": regrets(board) for board in searched}
    made |= {"comparison": comparison(), f"seeds of {DEFAULT_TABLE}": other_seeds()}
    made |= {f"{name} of the paper": paper_averages(name) for name in ("table2", "table3")}
    for path, text in pages(made).items():
        write_text(path, text)
    make_pictures(boards)
    for board in searched:
        target = ROOT / "docs" / "images" / f"budget-{board.place.source}.svg"
        save_picture(target, lambda board=board: draw_regret_curves(board))


if __name__ == "__main__":
    main()
