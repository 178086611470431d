"""The committed boards come from the committed records, and these from the methods as they are."""

import importlib.util
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.leaderboard import build_boards
from benchmark.rewards.catalog import DEFAULT_TABLE, load_table
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, RunRequest, Split
from benchmark.runs.record import Record
from benchmark.runs.record_file import current_records, iterate_records
from benchmark.tasks.registry import load_data_tasks

ROOT = Path(__file__).parents[2]
BOARDS = ROOT / "leaderboards"
TABLES = (DEFAULT_TABLE, "released")
SPLITS = (Split.SEEN, Split.UNSEEN, Split.LEAVE_ONE_TASK_OUT)
BASELINES = ("random", "domain-randomization", "single-best", "nearest-task", "oracle")


@pytest.fixture(scope="module")
def committed() -> list[Record]:
    return current_records(iterate_records(BOARDS / "records"))


def test_boards_are_rebuilt_byte_for_byte(capsys):
    words = ["--records", str(BOARDS / "records"), "--boards", str(BOARDS)]
    assert main(["leaderboard", "verify", *words]) == 0


def test_records_and_picture_are_of_the_packaged_edition(committed):
    digest = load_table(DEFAULT_TABLE).digest
    assert {r.source.digest for r in committed if r.source.id == DEFAULT_TABLE} == {digest}
    assert digest[:8] in (ROOT / "docs" / "images" / "unseen.svg").read_text()


def test_pages_state_the_figures_of_table_and_boards(committed):
    """After a change of them: ``make results``."""
    spec = importlib.util.spec_from_file_location("make_results", ROOT / "docs/make_results.py")
    make_results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_results)
    boards = build_boards(committed, load_data_tasks().names)
    pages = make_results.pages(make_results.blocks(load_table(DEFAULT_TABLE), boards))
    assert len(pages) == 4
    for path, text in pages.items():
        assert path.read_text() == text


def test_every_board_has_the_methods_that_always_stand_on_it(committed):
    for table in TABLES:
        for split in SPLITS:
            methods = {
                r.method.name
                for r in committed
                if (r.source.id, r.split) == (table, split) and r.status == "ok"
            }
            assert {*BASELINES, "task2sim", "task2sim-released"} <= methods, (table, split)
            assert {"imagenet", "untrained"} <= methods or table == "released"


@pytest.mark.parametrize(
    "table", [DEFAULT_TABLE, pytest.param("released", marks=pytest.mark.released)]
)
@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_baselines_still_score_what_the_records_say(split, table, committed, request, tmp_path):
    if table == "released":
        request.getfixturevalue("released_environment")
    fresh: list[Record] = []
    wanted = RunRequest(
        tuple(map(MethodSpec, BASELINES)), split, table, seeds=(0,), output=tmp_path
    )
    execute(make_plan(wanted), fresh.append)
    known = {
        (r.method.name, r.task.name): r
        for r in committed
        if (r.source.id, r.split, r.seed) == (table, split, 0) and r.budget is None
    }
    assert fresh
    for record in fresh:
        old = known[record.method.name, record.task.name]
        assert (record.decision, record.accuracy) == (old.decision, old.accuracy)
        assert (record.cell, record.reference) == (old.cell, old.reference)
