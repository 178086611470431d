"""Runs with a budget: rewards of the judged task are counted, and other seeds score the choice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.leaderboard import build_all_boards, build_boards
from benchmark.rewards.table import RewardTable
from benchmark.runs.execution import existing_records, make_plan, retry, run
from benchmark.runs.plan import MethodSpec, RunRequest, Split
from benchmark.runs.record import to_line
from benchmark.runs.record_file import parse_line

PLUGIN = """
from benchmark.core.errors import AccessError

class Greedy:
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
    def select(self, task, rng):
        return self.space.at(0)
    def search(self, task, queries, rng):
        return queries.best(range(self.space.size))

class AsksTooMuch(Greedy):
    def search(self, task, queries, rng):
        for number in range(queries.budget + 1):
            queries.ask(self.space.at(number))

class Insists(Greedy):
    def search(self, task, queries, rng):
        while True:
            try:
                queries.ask(self.space.at(len(queries.asked)))
            except AccessError:
                return self.space.at(max(queries.asked, key=queries.asked.get))

METHODS = {"greedy": Greedy, "asks-too-much": AsksTooMuch, "insists": Insists}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "searching.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def seeded(small_table: RewardTable) -> RewardTable:
    """The small table with three seeds, each of rewards that no other has."""
    rng = np.random.default_rng(7)
    shape = (*small_table.values.shape[:2], 3)
    values = np.round(small_table.values[:, :, :1] * 0.9 + rng.uniform(0, 2, shape), 6)
    return replace(small_table, seeds=(0, 1, 2), values=values, card=None)


@pytest.fixture
def request_for(plugin: Path, seeded: RewardTable):
    def build(*names: str, **changes: object) -> RunRequest:
        settings = {
            "methods": tuple(MethodSpec(name, {}, (plugin,)) for name in names),
            "split": Split.UNSEEN,
            "table": seeded,
            "seeds": (0, 1, 2),
            "budgets": (0, 1, 4),
            **changes,
        }
        return RunRequest(**settings)

    return build


def test_one_seed_answers_and_the_others_score(request_for, seeded: RewardTable):
    for record in run(request_for("greedy")):
        row, k = seeded.row(record.task.name), record.seed
        assert record.status == "ok"
        assert record.budget.seed == k
        assert record.budget.judged_seeds == [one for one in (0, 1, 2) if one != k]
        q = record.budget.queries
        assert [seeded.space.index(seeded.space.parse(c)) for c in record.budget.asked] == list(
            range(q)
        )
        chosen = int(seeded.values[row, :q, k].argmax()) if q else 0
        assert record.decision.configuration == str(seeded.space.at(chosen))
        others = seeded.values[row, chosen, record.budget.judged_seeds]
        assert record.accuracy == pytest.approx(others.mean())


def test_a_method_that_asks_for_more_than_q_rewards_fails(request_for):
    records = run(request_for("asks-too-much", budgets=(2,)))
    assert {record.status for record in records} == {"failed"}
    assert all(record.error.type == "AccessError" for record in records)
    assert all(len(record.budget.asked) == 2 for record in records)


def test_a_method_that_ignores_the_refusal_learns_nothing_more(request_for):
    greedy, insists = run(request_for("greedy")), run(request_for("insists"))
    assert [r.decision for r in greedy] == [r.decision for r in insists]


def test_scores_do_not_depend_on_the_seed_that_answers_nor_choices_on_the_others(
    request_for, seeded: RewardTable
):
    values = np.array(seeded.values)
    rng = np.random.default_rng(1)
    values[:, :, 1:] = rng.uniform(0, 100, values[:, :, 1:].shape)  # seed 0 stays
    changed = replace(seeded, values=values)
    before = run(request_for("random", seeds=(0,), budgets=(4,)))
    after = run(request_for("random", seeds=(0,), budgets=(4,), table=changed))
    assert [r.decision for r in before] == [r.decision for r in after]
    assert [r.budget.asked for r in before] == [r.budget.asked for r in after]
    assert [r.accuracy for r in before] != [r.accuracy for r in after]


def test_a_table_of_one_seed_says_that_the_same_values_score(request_for, small_table):
    one = replace(small_table, seeds=(0,), values=small_table.values[:, :, :1])
    records = run(request_for("greedy", table=one))
    assert {tuple(record.budget.judged_seeds) for record in records} == {(0,)}
    (board,) = build_all_boards(records)
    assert board.shares_seed
    assert any("one seed" in note for note in board.text().notes)


def test_records_are_read_again_and_are_cells_of_their_own(
    request_for, seeded: RewardTable, faults_of
):
    with_budget = run(request_for("random"))
    without = run(request_for("random", budgets=()))
    assert not {r.cell for r in with_budget} & {r.cell for r in without}
    assert len({r.cell for r in with_budget}) == len(with_budget)
    for record in (*with_budget, *without):
        line = to_line(record)
        assert parse_line(line) == record
        assert (b'"budget"' in line) is (record.budget is not None)
    assert faults_of(with_budget, seeded) == []
    wrong = [
        r.model_copy(update={"scores": [r.scores[0].model_copy(update={"value": 1.0})]})
        for r in with_budget
    ]
    assert len(faults_of(wrong, seeded)) == len(wrong)
    (shifted,) = (
        r.model_copy(update={"budget": r.budget.model_copy(update={"judged_seeds": [0, 1]})})
        for r in with_budget[:1]
    )
    assert "judge" in faults_of([shifted], seeded)[0]


def test_the_board_has_all_budgets_and_other_boards_none_of_them(request_for):
    records = run(request_for("random", "portfolio-order", "greedy"))
    assert build_boards(records) == []
    (board,) = build_all_boards([*records, *run(request_for("random", budgets=()))])[1:]
    assert board.budgets == (0, 1, 4)
    assert {row.label for row in board.rows} == {"random", "portfolio-order", "greedy"}
    by_label = {row.label: row for row in board.rows}
    tasks = sorted({record.task.name for record in records})
    for label, row in by_label.items():
        found = [r for r in records if r.method.label == label and r.budget.queries == 4]
        regrets = {
            task: np.mean(
                [
                    (r.reference.oracle - r.accuracy) / (r.reference.oracle - r.reference.random)
                    for r in found
                    if r.task.name == task
                ]
            )
            for task in tasks
        }
        assert row.regrets[4].mean == pytest.approx(np.mean([*regrets.values()]))
    gap = board.differences["greedy", 4].mean
    assert gap == pytest.approx(
        by_label["greedy"].regrets[4].mean - by_label["portfolio-order"].regrets[4].mean
    )


def test_methods_without_search_are_left_out(request_for):
    plan = make_plan(request_for("single-best", "random"))
    assert plan.without_search == ["single-best"]
    assert {unit.method.name for unit in plan.units} == {"random"}


@pytest.mark.parametrize("budgets", [(-1,), (257,), (1, 1)])
def test_impossible_budgets_are_refused(request_for, budgets):
    with pytest.raises(InvalidInputError, match="256"):
        make_plan(request_for("random", budgets=budgets))


def test_retry_repeats_the_failed_budget_only(request_for, plugin, small_table_folder, tmp_path):
    text = plugin.read_text()
    plugin.write_text(
        text.replace("return queries.best", "1 / (queries.budget - 1); return queries.best")
    )
    out = tmp_path / "out"
    run(request_for("greedy", table=str(small_table_folder), output=out))
    failed = [record for record in existing_records(out)[0] if record.status != "ok"]
    assert {record.budget.queries for record in failed} == {1}
    again = list(retry(out, {record.cell for record in failed}, [plugin]))
    assert {record.cell for record in again} == {record.cell for record in failed}


def test_workers_record_the_same(request_for, small_table_folder, tmp_path):
    settings = {"table": str(small_table_folder), "split": Split.LEAVE_ONE_TASK_OUT, "seeds": (0,)}
    alone = run(request_for("random", **settings))
    shared = run(request_for("random", **settings, jobs=2, output=tmp_path / "out"))
    scores = [{r.cell: (r.accuracy, r.budget) for r in records} for records in (alone, shared)]
    assert scores[0] == scores[1]
