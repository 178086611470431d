from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.methods import find_method, method_of_class
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.execution import run as run_request
from benchmark.runs.plan import Fold, MethodSpec, Overwrite, Split
from benchmark.runs.record import Record
from benchmark.runs.record_file import current_records, iterate_records
from benchmark.runs.scoring import CachedScorer, oracle_reward
from benchmark.tasks.vectors import TaskEmbeddings

Run = Callable[..., list[Record]]
UNSEEN = ["CUB", "AID", "USPS"]


@pytest.fixture
def run(request_for) -> Run:
    def do(*methods: str, **changes: object) -> list[Record]:
        done: list[Record] = []
        execute(make_plan(request_for(*methods, **changes)), done.append)
        return done

    return do


def on_disk(tmp_path: Path) -> list[Record]:
    return current_records(iterate_records(tmp_path / "out"))


def test_scores_equal_the_table(run: Run, small_table, tmp_path: Path):
    records = run("first")
    assert [(r.seed, r.task.name) for r in records] == [(s, t) for s in (0, 1) for t in UNSEEN]
    for record in records:
        expected = small_table.values[small_table.row(record.task.name), 0, 0]
        assert record.accuracy == expected
        assert record.scores[0].n_correct == round(expected * 400 / 100)
        assert record.method.queries == 1
        assert record.decision.configuration == "00000000"
    assert on_disk(tmp_path) == records


@pytest.mark.parametrize(
    ("split", "learnt", "judged"),
    [
        (Split.SEEN, 5, 5),
        (Split.UNSEEN, 5, 3),
        (Split.ALL, 5, 8),
        (Split.LEAVE_ONE_TASK_OUT, 7, 8),
    ],
)
def test_splits_learn_from_the_right_tasks(run: Run, split, learnt, judged):
    records = run("first", split=split, seeds=(0,))
    assert len({r.task.name for r in records}) == len(records) == judged
    for record in records:
        assert len(record.method.learnt_from) == learnt
        assert record.split == (record.task.side if split is Split.ALL else split)
        if split is not Split.SEEN and record.task.side == "unseen":
            assert record.task.name not in record.method.learnt_from
        if split is Split.LEAVE_ONE_TASK_OUT:
            assert record.task.name not in record.method.learnt_from


def test_mixtures_are_scored_by_expectation(run: Run, small_table):
    (record, *_) = run("random", seeds=(0,), tasks=("CUB",))
    row = small_table.means[small_table.row("CUB")]
    assert record.accuracy == pytest.approx(row.mean())
    assert record.decision.mixture == "uniform"
    (record, *_) = run("half-and-half", seeds=(0,), tasks=("CUB",))
    assert record.accuracy == pytest.approx((row[0] + row[255]) / 2)
    assert record.decision.mixture == {"00000000": 0.5, "11111111": 0.5}


def test_the_oracle_is_never_beaten(run: Run):
    methods = ("oracle", "first", "draw", "single-best", "nearest-task")
    records = run(*methods, split=Split.ALL, seeds=(0,))
    best = {r.task.name: r.accuracy for r in records if r.method.name == "oracle"}
    assert all(r.accuracy <= best[r.task.name] for r in records)
    assert all(r.method.privileged == (r.method.name == "oracle") for r in records)
    assert all(r.reference.oracle == best[r.task.name] for r in records)


@pytest.mark.parametrize(
    ("method", "kind", "says"),
    [
        ("fit-raises", "RuntimeError", "no luck"),
        ("exits", "SystemExit", "5"),
        ("illegal", "InvalidInputError", "2x2x2x2x2x2x2x2"),
        ("not-a-decision", "InvalidInputError", "01101101"),
        ("peeks", "AccessError", "CUB"),
    ],
)
def test_a_failing_method_fails_its_cells_alone(run: Run, method, kind, says):
    records = run(method, "first")
    failed = [r for r in records if r.status == "failed"]
    assert {r.method.name for r in failed} == {method}
    assert len(failed) == 6
    assert all(r.error.type == kind and says in r.error.message for r in failed)
    assert all(r.scores == [] and r.accuracy is None for r in failed)
    assert sum(r.status == "ok" for r in records) == 6


def test_a_failing_task_fails_alone(run: Run):
    records = run("select-raises")
    assert {r.task.name for r in records if r.status == "failed"} == {"AID"}
    assert {r.task.name for r in records if r.status == "ok"} == {"CUB", "USPS"}


def test_fail_fast_stops_after_the_first_failure(run: Run, tmp_path: Path):
    records = run("select-raises", "first", keep_going=False)
    assert [r.status for r in records] == ["ok", "failed"]
    assert on_disk(tmp_path) == records


def test_a_slow_method_times_out(run: Run):
    records = run("sleeps", "first", timeout=0.2, seeds=(0,))
    assert {r.status for r in records if r.method.name == "sleeps"} == {"timeout"}
    assert {r.status for r in records if r.method.name == "first"} == {"ok"}


def test_an_interrupted_run_keeps_its_cells_and_goes_on(run: Run, request_for, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        run("interrupts", seeds=(0,))
    assert [r.task.name for r in on_disk(tmp_path)] == ["CUB", "AID"]
    plan = make_plan(request_for("interrupts", seeds=(0,)))
    assert plan.n_cells == 1
    assert len(plan.done) == 2


def test_finished_cells_are_not_done_again(run: Run):
    assert len(run("first")) == 6
    assert run("first") == []
    assert len(run("first", seeds=(0, 1, 2))) == 3


def test_a_changed_method_makes_its_cells_stale(run: Run, plugin_file: Path, tmp_path: Path):
    before = run("first")
    plugin_file.write_text(plugin_file.read_text() + "\n# changed\n")
    assert run("first", overwrite=Overwrite.MISSING) == []
    after = run("first")
    assert [r.supersedes for r in after] == [r.record_id for r in before]
    assert on_disk(tmp_path) == after
    assert len(list(iterate_records(tmp_path / "out"))) == 12  # nothing is ever deleted


def test_overwrite_always_and_never(run: Run, tmp_path: Path):
    run("first")
    assert len(run("first", overwrite=Overwrite.ALWAYS)) == 6
    with pytest.raises(InvalidInputError, match="records of 6"):
        run("first", overwrite=Overwrite.NEVER)


def test_other_options_are_other_cells(run: Run, request_for, small_table_folder: Path):
    run("task2sim", seeds=(0,), tasks=("CUB",), methods=(MethodSpec("task2sim", {"epochs": "2"}),))
    plan = make_plan(
        request_for(methods=(MethodSpec("task2sim", {"epochs": "3"}),), seeds=(0,), tasks=("CUB",))
    )
    assert plan.n_cells == 1


def test_limit_marks_records_as_debug(run: Run):
    records = run("first", limit=2)
    assert {r.task.name for r in records} == {"CUB", "AID"}
    assert all(r.debug for r in records)
    assert not any(r.debug for r in run("first"))  # debug records do not count as done


def test_seeds_differ_and_repeat(run: Run, tmp_path: Path):
    first = run("draw", seeds=(0, 1, 2))
    again = run("draw", seeds=(2, 1, 0), output=tmp_path / "again")
    decisions = {(r.seed, r.task.name): r.decision.configuration for r in first}
    assert decisions == {(r.seed, r.task.name): r.decision.configuration for r in again}
    assert len(set(decisions.values())) > 3


def test_methods_without_rewards_are_set_aside(request_for):
    plan = make_plan(request_for("scratch", "imagenet", "first"))
    assert plan.without_rewards == ["scratch", "imagenet"]
    assert plan.n_cells == 6


def test_references_that_a_table_measured_are_its_rewards(small_table, request_for, tmp_path: Path):
    from benchmark.rewards.storage import Description, write_table

    measured = {
        "untrained": {task: [10.0, 20.0] for task in small_table.tasks},
        "real-images": {task: [70.0] for task in small_table.tasks[1:]},
    }
    about = Description(
        title="x",
        simulator="gl",
        simulator_version="1",
        references=measured,
        real_images="Tiny-abc",
    )
    write_table(small_table, tmp_path / "table", about)
    asked = request_for("untrained", "imagenet", "scratch", table=str(tmp_path / "table"))
    plan = make_plan(asked)
    assert plan.without_rewards == ["imagenet"]  # not on every task
    assert plan.other_protocols == {"scratch": ["knn5"]}
    records = []
    execute(plan, records.append)
    assert {r.accuracy for r in records} == {15.0}
    assert {r.pretraining.simulator for r in records} == {"none"}
    assert all(r.decision is None and r.status == "ok" for r in records)

    measured["real-images"][small_table.tasks[0]] = [72.0]
    write_table(small_table, tmp_path / "whole", about.model_copy(update={"references": measured}))
    asked = request_for("imagenet", table=str(tmp_path / "whole"), output=tmp_path / "second")
    records.clear()
    execute(make_plan(asked), records.append)
    assert {r.pretraining.simulator for r in records} == {"real-images:Tiny"}
    assert {r.pretraining.simulator_version for r in records} == {"abc"}
    assert {r.accuracy for r in records} <= {70.0, 72.0}


def test_unknown_names_are_suggested(run: Run):
    with pytest.raises(UnknownNameError, match="Did you mean 'USPS'"):
        run("first", tasks=("USSP",))
    with pytest.raises(InvalidInputError, match=r"'DTD'.*'unseen'.*--split"):
        run("first", tasks=("DTD",))
    with pytest.raises(UnknownNameError, match="Known: gl-mini, released"):
        run("first", table="relesed")


def test_a_table_task_that_no_registry_knows_is_said(small_table, request_for, tmp_path: Path):
    from benchmark.rewards.storage import Description, write_table

    renamed = replace(small_table, tasks=("Mine", *small_table.tasks[1:]), embeddings=None)
    write_table(
        renamed, tmp_path / "mine", Description(title="x", simulator="toy", simulator_version="1")
    )
    with pytest.raises(UnknownNameError, match="--tasks-file"):
        make_plan(request_for("first", table=str(tmp_path / "mine")))


def test_oracle_is_cross_fitted_between_seeds():
    rng = np.random.default_rng(0)
    noise = rng.normal(50, 1, (256, 4))
    assert noise.mean(axis=1).max() > 51
    assert abs(oracle_reward(noise) - 50) < 1.5
    assert oracle_reward(noise[:, :1]) == noise[:, 0].max()


@pytest.mark.parametrize("n_seeds", [2, 3, 4, 5])
def test_no_seed_is_special_to_the_oracle(n_seeds):
    values = np.random.default_rng(1).normal(50, 1, (40, n_seeds))
    assert oracle_reward(values[:, ::-1]) == pytest.approx(oracle_reward(values), abs=1e-12)


def test_of_three_seeds_two_choose_and_one_scores():
    values = np.array([[9.0, 0.0, 3.0], [4.0, 4.0, 4.0], [0.0, 9.0, 0.0]])
    # Chosen on 0 and 1: a tie of the first and the third at 4.5, to the first; scored on 2: 3.
    # Chosen on 0 and 2: the first with 6; scored on 1: 0. On 1 and 2: the third; scored on 0: 0.
    assert oracle_reward(values) == 1.0


def test_a_mixture_of_another_space_is_refused(small_table):
    from benchmark.methods import Mixture

    with pytest.raises(InvalidInputError, match="256 probabilities"):
        CachedScorer(small_table).score("CUB", Mixture(np.array([1.0])))


def test_other_vectors_make_other_keys(request_for, small_table, tmp_path: Path):
    from benchmark.rewards.storage import Description, write_table

    keys = []
    for scale in (1.0, 2.0):
        vectors = TaskEmbeddings(
            small_table.embeddings.tasks, small_table.embeddings.vectors * scale
        )
        table = replace(small_table, embeddings=vectors)
        write_table(
            table, tmp_path / f"t{scale}", Description(title="", simulator="", simulator_version="")
        )
        context = make_plan(request_for("first", table=str(tmp_path / f"t{scale}"))).contexts[0]
        method = find_method("random")
        fold = Fold(("DTD",), ("CUB",), Split.UNSEEN)
        entry = context.method_entry(method, fold, None)
        keys.append(context.identity(entry, "unseen", "CUB", 0))
    assert keys[0]["cell"] == keys[1]["cell"]
    assert keys[0]["key"] != keys[1]["key"]


def test_tables_of_a_folder_hold_the_methods_of_all_commands(request_for, tmp_path: Path):
    from t2sbench import Results, load_results

    for method, changes in (("first", {}), ("draw", {"tasks": ("AID",)})):
        records = execute(make_plan(request_for(method, **changes)))
    execute(make_plan(request_for("first", split=Split.SEEN)))
    (own,) = Results(tuple(records)).tables()
    assert [row.label for row in own.rows] == ["draw"]
    seen, whole = load_results(tmp_path / "out").tables()
    assert (seen.stem, whole.stem) == ("seen", "unseen")
    complete = {row.label: row.cells[0].complete for row in whole.rows}
    assert complete == {"first": True, "draw": False}
    assert set(whole.tasks) == set(UNSEEN)


def test_without_a_folder_records_are_returned(request_for, tmp_path: Path):
    records = execute(make_plan(request_for("first", output=None)))
    assert [(r.seed, r.task.name) for r in records] == [(s, t) for s in (0, 1) for t in UNSEEN]
    assert not (tmp_path / "out").exists()
    assert run_request(request_for("first", "draw", output=None, jobs=2))[:6] != []


def test_a_class_is_a_method(request_for):
    class Last:
        def fit(self, tasks, rewards, rng):
            self.space = rewards.space

        def select(self, task, rng):
            return self.space.at(255)

    request = request_for(methods=(method_of_class(Last),), output=None)
    records = execute(make_plan(request))
    assert {r.decision.configuration for r in records} == {"11111111"}
    assert {r.method.label for r in records} == {"Last"}
    with pytest.raises(InvalidInputError, match="Last"):
        execute(make_plan(replace(request, jobs=2, split=Split.LEAVE_ONE_TASK_OUT)))


def test_both_sides_share_fits_and_decisions(request_for, plugin_file: Path):
    counted = "class Draw(First):\n    fitted = []\n    def fit(self, tasks, rewards, rng):\n"
    counted += "        super().fit(tasks, rewards, rng)\n        Draw.fitted.append(1)\n"
    plugin_file.write_text(plugin_file.read_text().replace("class Draw(First):\n", counted))
    plan = make_plan(request_for("draw", split=Split.ALL, output=None))
    both = execute(plan)
    assert len(plan.methods[0].plugin.load().fitted) == 2
    alone = execute(make_plan(request_for("draw", split=Split.UNSEEN, output=None)))
    unseen = {r.key: r.decision for r in both if r.split == "unseen"}
    assert unseen == {r.key: r.decision for r in alone}, "a part of a split has the same cells"


def test_a_failure_names_the_line_of_the_method(run: Run):
    for method, line in (("fit-raises", 'raise RuntimeError("no luck")'), ("peeks", "CUB")):
        (record, *_) = run(method, seeds=(0,), output=None)
        assert "plugin.py:" in record.error.message
        assert line in record.error.message


def test_named_tasks_without_a_split_are_judged_whatever_their_side(run: Run):
    records = run("first", split=Split.default(("DTD", "CUB")), tasks=("DTD", "CUB"), seeds=(0,))
    assert {(r.task.name, r.split) for r in records} == {("DTD", "seen"), ("CUB", "unseen")}
    assert Split.default() is Split.UNSEEN


def test_a_method_is_resolved_once_per_run(request_for, monkeypatch: pytest.MonkeyPatch):
    from benchmark.runs import plan as plans

    resolved = []

    def counted(name, *rest):
        resolved.append(name)
        return find_method(name, *rest)

    monkeypatch.setattr(plans, "find_method", counted)
    execute(make_plan(request_for("first", "draw", split=Split.LEAVE_ONE_TASK_OUT)))
    assert resolved == ["first", "draw"]
