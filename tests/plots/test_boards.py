"""The picture of a leaderboard."""

import numpy as np
import pytest

from benchmark.leaderboard import build_boards
from benchmark.plots.boards import draw_board

pytest.importorskip("matplotlib")

VALUES = {"single-best": 58.0, "close": 57.9, "poor": 49.0, "worst": 41.0}


@pytest.fixture
def board(make_record):
    noise = np.random.default_rng(2).normal(0, 3, (len(VALUES), 8))
    records = [
        make_record(method, f"T{task}", 0, value + noise[row, task])
        for row, (method, value) in enumerate(VALUES.items())
        for task in range(8)
    ]
    (board,) = build_boards(records)
    return board


def bars(axes):
    """Ends of the bars that join shared ranks."""
    return [line.get_xdata() for line in axes.lines if line.get_linewidth() == 4]


def test_bars_join_the_methods_of_one_rank(board):
    ranks, _ = draw_board(board).axes
    regrets = {row.label: row.regret for row in board.ranked}
    shared = [r.regret for r in board.ranked if r.standing.rank == 1]
    assert [row.standing.rank for row in board.ranked] == [1, 1, 3, 4]
    ((low, high),) = bars(ranks)
    assert low < min(shared) < max(shared) < high < regrets["poor"]
    texts = [text.get_text().strip() for text in ranks.texts]
    assert {*VALUES, f"detectable: {board.detectable:.2f}"} == set(texts)


def test_the_win_matrix_counts_tasks(board):
    _, wins = draw_board(board).axes
    (image,) = wins.images
    labels = [label.get_text() for label in wins.get_yticklabels()]
    assert labels == [row.label for row in board.ranked]
    one, other = (board.ranked[place].means for place in (0, 1))
    share = np.mean([one[task] > other[task] for task in one])
    assert image.get_array()[0, 1] == share
    assert f"{100 * share:.0f}" in [text.get_text() for text in wins.texts]


@pytest.mark.parametrize("oracle", [60.0, 40.0])  # without a regret, accuracies
def test_one_method_and_accuracies_are_drawn(make_record, oracle):
    made = [make_record("alone", task, 0, 50.0, oracle=oracle) for task in ("CUB", "AID")]
    (board,) = build_boards(made)
    ranks, _ = draw_board(board).axes
    assert ("regret" if oracle == 60 else "accuracy") in ranks.get_title()
    assert not bars(ranks)
