"""`t2sbench run --budget`: its table, files, board and picture."""

import json
from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("budget") / "out"
    table = Path(__file__).parents[1] / "data" / "small-table"
    words = ["-m", "random", "-m", "portfolio-order", "--seeds", "0-1", "--budget", "0,1,4"]
    assert main(["run", "--table", str(table), "-o", str(out), *words]) == 0
    return out


def test_the_run_writes_a_board_that_report_prints_again(folder: Path, capsys):
    rows = json.loads((folder / "unseen-budget.json").read_text())["rows"]
    assert {(row["method"], row["queries"]) for row in rows} == {
        (name, q) for name in ("random", "portfolio-order") for q in (0, 1, 4)
    }
    written = (folder / "unseen-budget.md").read_bytes()
    assert main(["report", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("q = 0", "q = 4", "portfolio-order", "one seed"))
    assert (folder / "unseen-budget.md").read_bytes() == written


def test_boards_of_the_track_are_built_and_verified(folder: Path, tmp_path: Path, capsys):
    boards = tmp_path / "boards"
    assert main(["leaderboard", "build", "--records", str(folder), "-o", str(boards)]) == 0
    names = sorted(path.name for path in boards.rglob("*.*"))
    assert names == [f"unseen-budget.{kind}" for kind in ("csv", "json", "md")]
    verify = ["leaderboard", "verify", "--records", str(folder), "--boards", str(boards)]
    assert main(verify) == 0
    path = next(boards.rglob("*.csv"))
    path.write_text(path.read_text().replace("portfolio-order", "my-order"))
    assert main(verify) == 1
    assert "my-order" in capsys.readouterr().err


def test_the_api_has_rows_and_a_picture(folder: Path, tmp_path: Path):
    results = t2s.load_results(folder)
    assert set(results.to_frame()["budget"]) == {0, 1, 4}
    board = results.board()
    assert len(board) == 6
    found = {(row["method"], row["queries"]): row["regret"] for row in board}
    assert found["random", 0] == pytest.approx(1)
    results.plot().save(tmp_path / "regret.svg")
    assert b"<svg" in (tmp_path / "regret.svg").read_bytes()
    (axes,) = results.plot().figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(
        dict.fromkeys(row["method"] for row in board)
    )
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1", "4"]


def test_comparing_a_folder_with_itself_keeps_budgets_apart(folder: Path):
    changes = t2s.compare(folder, folder)
    assert len(changes) == 6
    assert set(changes["accuracy"]) == {0.0}


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["-m", "random", "--budget", "0,300"], "256"),
        (["-m", "random", "--budget", "few"], "few"),
        (["-m", "single-best", "--budget", "1"], "single-best"),
    ],
)
def test_a_wrong_budget_is_one_sentence(words, fact, small_table_folder: Path, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["run", "--table", str(small_table_folder), "-o", out, *words]) == 2
    assert fact in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_budgets_are_not_submitted(folder: Path, small_table_folder: Path, tmp_path, capsys):
    words = ["--table", str(small_table_folder), "--author", "A", "--description", "Random order."]
    target = str(tmp_path / "sub")
    assert main(["submit", "pack", str(folder), "-m", "random", *words, "-o", target]) == 2
    assert "random" in capsys.readouterr().err
