import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.leaderboard import build_boards, render_boards, verify, write_boards
from benchmark.leaderboard.text_tables import markdown
from benchmark.runs.record import ReferenceEntry

TASKS = [f"T{i}" for i in range(8)]
share = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def rows(make_record):
    """Records of methods with these mean values, over eight tasks and two seeds."""

    def make(values, **changes):
        return [
            make_record(method, task, seed, value + i / 8 + seed / 10, **changes)
            for method, value in values.items()
            for i, task in enumerate(TASKS)
            for seed in (0, 1)
        ]

    return make


def only(records, **options):
    (board,) = build_boards(records, **options)
    return board


def labels(board):
    return [row.label for row in board.ranked]


def test_sorted_by_regret(rows):
    board = only(rows({"low": 45.0, "high": 55.0, "mid": 50.0}))
    assert labels(board) == ["high", "mid", "low"]
    assert [row.standing.rank for row in board.ranked] == [1, 2, 3]
    assert board.ranked[0].standing.p_value is None
    assert board.ranked[1].standing.p_value == pytest.approx(2 / 2**8, abs=1e-6)
    assert board.ranked[0].standing.win_rate == 1
    assert board.ranked[2].standing.win_rate == 0


def test_rows_that_tasks_cannot_tell_apart_share_a_rank(make_record):
    noise = np.random.default_rng(0).normal(0, 3, len(TASKS))
    records = [
        make_record(method, task, 0, value)
        for i, task in enumerate(TASKS)
        for method, value in [("a", 50.0), ("b", 50.0 + noise[i]), ("c", 41.0)]
    ]
    board = only(records)
    assert [row.standing.rank for row in board.ranked] == [1, 1, 3]
    assert "vs single-best" not in [column.header for column in board.text().columns]


def test_the_detectable_difference_is_the_median_over_pairs_of_methods(make_record):
    draw = np.random.default_rng(0)
    values = {name: draw.uniform(50, 60, 8) for name in "abcd"}
    records = [
        make_record(name, task, 0, value)
        for name, row in values.items()
        for task, value in zip(TASKS, row, strict=True)
    ]
    pairs = itertools.combinations(values.values(), 2)
    spreads = [np.std((one - other) / 20, ddof=1) for one, other in pairs]
    reach = scipy.stats.t.ppf([0.975, 0.8], 7).sum() / np.sqrt(8)
    assert only(records).detectable == pytest.approx(reach * np.median(spreads), abs=1e-6)


def test_differences_to_single_best_have_t_intervals_over_tasks(make_record):
    gains = np.random.default_rng(1).normal(2, 3, len(TASKS))
    values = [("single-best", 50 + 0 * gains), ("other", 50 + gains), ("worse", 45 + 0 * gains)]
    records = [
        make_record(method, task, 0, float(value))
        for method, row in values
        for task, value in zip(TASKS, row, strict=True)
    ]
    board = only(records)
    standings = {row.label: row.standing for row in board.ranked}
    found = scipy.stats.ttest_1samp(-gains / 20, 0).confidence_interval()
    other = standings["other"]
    low, high = other.difference - other.difference95, other.difference + other.difference95
    assert (low, high) == pytest.approx(tuple(found), abs=1e-5)
    assert standings["single-best"].difference is None
    assert (standings["worse"].difference, standings["worse"].difference95) == (0.25, 0)
    text = markdown(board.text())
    assert f"{other.difference:+.3f} ± {other.difference95:.3f}" in text


def test_references_and_incomplete_rows_are_not_ranked(rows, make_record):
    records = rows({"a": 50.0})
    records += rows({"oracle": 60.0}, privileged=True)
    records += rows({"part": 59.0})[:-1]
    records += [*rows({"broken": 59.0})[:-1], make_record("broken", TASKS[-1], 1, None)]
    board = only(records)
    assert labels(board) == ["a"]
    assert [row.label for row in board.reference] == ["oracle"]
    assert {row.label: row.faults[0] for row in board.incomplete} == {
        "part": "tasks have different seeds",
        "broken": "failed: T7",
    }


def test_methods_of_other_splits_are_missing(rows):
    records = rows({"a": 50.0, "b": 50.0}, split="seen") + rows({"b": 50.0})
    records += rows({"a": 50.0})[:-1] + rows({"c": 50.0}, source_digest="f" * 64)
    boards = {(board.place.split, board.place.digest[0]): board for board in build_boards(records)}
    assert boards["unseen", "2"].missing == ("a",)
    assert "absent or incomplete here: a." in " ".join(boards["unseen", "2"].text().notes)
    assert boards["seen", "2"].missing == boards["unseen", "f"].missing == ()


def test_tasks_follow_the_order_given(rows):
    board = only(rows({"a": 50.0}), task_order=["T3", "absent", "T1"])
    assert board.tasks == ("T3", "T1", "T0", "T2", "T4", "T5", "T6", "T7")


@pytest.mark.parametrize(
    "change",
    [
        {"suite_version": 2},
        {"source_digest": "f" * 64},
        {"protocol_version": 2},
        {"protocol": "linear"},
        {"source_kind": "live"},
        {"source_id": "other"},
        {"split": "seen"},
    ],
)
def test_versions_are_never_mixed(rows, change):
    boards = build_boards([*rows({"a": 50.0}), *rows({"a": 51.0}, **change)])
    assert [len(board.ranked) for board in boards] == [1, 1]
    assert len(render_boards(boards)) == 6


def test_newest_suite_keeps_the_path(rows):
    records = [*rows({"a": 50.0}, suite_version=1), *rows({"a": 51.0}, suite_version=2)]
    names = set(render_boards(build_boards(records)))
    assert {name for name in names if name.endswith(".md")} == {
        "toy/knn5/unseen.md",
        "toy/knn5/unseen@v1-22222222.md",
    }


@pytest.mark.parametrize("source", ["../../etc", "/abs", "..", ".", "a/b", "a\\b", "x@v1-2", ""])
def test_paths_are_not_up_to_the_records(rows, source):
    (name, *_) = render_boards(build_boards(rows({"a": 50.0}, source_id=source)))
    parts = name.split("/")
    assert len(parts) == 3
    assert not any(part in {"", ".", ".."} or "\\" in part for part in parts)
    assert "@" not in name


def test_debug_records_are_left_out(rows):
    assert build_boards(rows({"a": 50.0}, debug=True)) == []


def test_corrections_supersede(make_record):
    wrong = make_record("a", "CUB", 0, 90.0)
    right = make_record("a", "CUB", 0, 50.0, supersedes=wrong.record_id)
    for order in ([wrong, right], [right, wrong]):
        board = only(order)
        assert board.ranked[0].average == 50.0
        assert board.n_records == 1


def test_one_method_does_not_supersede_another(make_record):
    first = make_record("a", "CUB", 0, 90.0)
    moved = make_record("b", "CUB", 0, 50.0, supersedes=first.record_id)
    assert labels(only([first, moved])) == ["a", "b"]


def test_equal_repetitions_count_once_and_different_ones_are_a_conflict(make_record):
    one = make_record("a", "CUB", 0, 50.0)
    again = make_record("a", "CUB", 0, 50.0, seconds=0.2)
    other = make_record("a", "CUB", 0, 51.0)
    assert only([one, again]).n_records == 1
    assert labels(only([one, again])) == ["a"]
    board = only([one, other])
    assert labels(board) == []
    assert "let one supersede" in board.incomplete[0].faults[0]


def test_a_success_replaces_a_failure(make_record):
    failed, scored = make_record(value=None), make_record(value=50.0)
    assert labels(only([failed, scored])) == labels(only([scored, failed])) == ["random"]


def test_each_version_of_a_method_has_a_row_and_the_newest_keeps_the_label(make_record):
    values = {"9": 50.0, "10": 51.0}
    records = [
        make_record("a", task, 0, value, version=version)
        for version, value in values.items()
        for task in ("CUB", "AID")
    ]
    for order in (records, records[::-1]):
        assert labels(only(order)) == ["a", "a v9"]
        assert [row.average for row in only(order).ranked] == [51.0, 50.0]
    part = only([*records, make_record("a", "CUB", 0, 60.0, version="11")])
    assert [row.faults for row in part.incomplete] == [("missing: AID",)]
    assert labels(part) == ["a v10", "a v9"]


def with_method(record, **changes):
    return record.model_copy(update={"method": record.method.model_copy(update=changes)})


def test_methods_of_two_origins_are_rows_of_their_own(make_record):
    records = [
        with_method(make_record("a", "CUB", 0, value), origin=origin)
        for origin, value in [("one 1.0", 50.0), ("two 1.0", 51.0), ("one 1.1", 50.0)]
    ]
    assert labels(only(records)) == ["a (2)", "a"]


def test_decisions_without_proof_are_not_ranked_where_proof_is_needed(rows):
    def rendered(values, **changes):
        return [
            with_method(r, **changes).model_copy(
                update={"pretraining": r.pretraining.model_copy(update={"simulator": "gl"})}
            )
            for r in rows(values)
        ]

    records = rendered({"random": 45.0}, origin="t2sbench 0.1.0")
    records += rendered({"mine": 50.0}, isolated=True) + rendered({"decided": 59.0})
    records += rendered({"seer": 60.0}, privileged=True) + rows({"photos": 40.0})
    board = only(records, recomputed=())
    assert labels(board) == ["mine", "random", "photos"]
    assert [row.label for row in board.decisions] == ["decided"]
    proofs = ["isolated", "suite", "suite", "decisions", "decisions"]
    assert [row.proof for row in board.rows] == proofs
    assert any("not ranked" in note and "decided" in note for note in board.text().notes)
    assert labels(only(records)) == ["decided", "mine", "random", "photos"]
    # A cell that was also recorded without the mark keeps it; a row with one such cell does not.
    again = [*records, *rendered({"mine": 50.0})]
    assert labels(only(again, recomputed=())) == ["mine", "random", "photos"]
    bare = with_method(records[16], isolated=False)
    part = [r for r in records if r is not records[16]]
    assert labels(only([*part, bare], recomputed=())) == ["random", "photos"]


def test_methods_that_differ_in_options_are_rows_of_their_own(make_record):
    records = [make_record("a", "CUB", 0, v, options={"k": v}) for v in (1.0, 2.0)]
    assert labels(only(records)) == ["a (2)", "a"]


@share
@given(random=st.randoms(use_true_random=False), wrong=st.integers(40, 60))
def test_boards_do_not_depend_on_the_order_of_records(rows, make_record, random, wrong):
    records = rows({"b": 50.0, "a": 50.2, "c": 47.0})
    records += rows({"oracle": 60.0}, privileged=True) + rows({"part": 48.0})[:-2]
    old = make_record("d", "T0", 0, float(wrong))
    records += [old, make_record("d", "T0", 0, 50.0, supersedes=old.record_id)]
    records += [make_record("e", "T0", 0, 50.0), make_record("e", "T0", 0, 51.0)]
    records += rows({"a": 51.0}, suite_version=2)
    expected = render_boards(build_boards(records))
    shuffled = random.sample(records, len(records))
    assert render_boards(build_boards(iter(shuffled))) == expected


@share
@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_no_method_beats_the_oracle(make_record, values):
    best = max(values)
    fixed = {"random": min(values) - 1, "oracle": best}
    records = [
        make_record("m", "CUB", 0, value, options={"i": i}, **fixed)
        for i, value in enumerate(values)
    ]
    records.append(make_record("oracle", "CUB", 0, best, privileged=True, **fixed))
    board = only(records)
    assert board.reference[0].regret == 0
    regrets = [row.regret for row in board.ranked]
    assert regrets == sorted(regrets)
    assert regrets[0] == 0
    assert all(0 <= regret <= 1 for regret in regrets)


# Live scores have no regret where no table was measured under their profile and protocol.


@pytest.fixture
def live(make_record):
    """Records of live scores of two profiles and two protocols, without references."""

    def make(values, **changes):
        return [
            make_record(method, task, seed, value + i / 8 + seed / 10, source_kind="live", **place)
            .model_copy(update={"reference": None})
            for profile, digest in (("mini", "a"), ("large", "b"))
            for protocol in ("knn5", "finetune")
            for place in [
                {"source_id": profile, "source_digest": digest * 64, "protocol": protocol}
                | changes
            ]
            for method, value in values.items()
            for i, task in enumerate(TASKS)
            for seed in (0, 1)
        ]  # fmt: skip

    return make


def test_live_boards_rank_by_accuracy_for_each_profile_and_protocol(live):
    records = live({"single-best": 50.0, "scratch": 40.0, "high": 55.0})
    boards = build_boards(records)
    assert {(board.place.source, board.place.protocol) for board in boards} == {
        (profile, protocol) for profile in ("mini", "large") for protocol in ("knn5", "finetune")
    }
    assert all(labels(board) == ["high", "single-best", "scratch"] for board in boards)
    standing = boards[0].ranked[0].standing
    assert (standing.rank, standing.difference, standing.win_rate) == (1, 5.0, 1.0)
    assert boards[0].ranked[2].standing.difference == -10.0
    names = set(render_boards(boards))
    assert {name for name in names if name.endswith(".md")} == {
        f"{profile}/{protocol}/unseen.md"
        for profile in ("mini", "large")
        for protocol in ("knn5", "finetune")
    }


def test_live_boards_speak_of_accuracy(live):
    draw = np.random.default_rng(0)
    records = live({"single-best": 50.0, "high": 55.0})
    records = [
        record.model_copy(update={"scores": [record.scores[0].model_copy(update={"value": value})]})
        for record in records
        for value in [record.accuracy + draw.normal()]
    ]
    board = build_boards(records)[0]
    text = markdown(board.text())
    assert "egret" not in text
    assert "vs single-best: mean paired difference in accuracy" in text
    assert "above 0 is better" in text
    assert f"Differences in accuracy below about {board.detectable:.2f} are not" in text
    assert "0 is the oracle" not in text


def test_live_boards_are_written_and_verified(live, tmp_path):
    records = live({"single-best": 50.0, "high": 55.0})
    records += live({"draw": 45.0}, split="seen")
    write_boards(build_boards(records), tmp_path)
    assert verify(build_boards(records), tmp_path) == []
    assert verify(build_boards(records[::-1]), tmp_path) == []
    assert len(list(tmp_path.rglob("*.json"))) == 8
    changed = [*records[1:], records[0].model_copy(update={"seed": 7})]
    assert verify(build_boards(changed), tmp_path) != []


def test_a_board_with_regrets_on_some_tasks_ranks_by_them(live):
    """A profile with a table has references for the tasks of the table only."""
    records = live({"good": 50.0, "poor": 45.0})
    reference = {"random": 40.0, "oracle": 60.0}
    known = ReferenceEntry.model_validate(reference)
    mixed = [
        record.model_copy(update={"reference": known}) if record.task.name in TASKS[:3] else record
        for record in records
    ]
    board = build_boards(mixed)[0]
    assert labels(board) == ["good", "poor"]
    assert board.n_compared == 3
    assert "3 tasks with a regret" in " ".join(board.text().notes) or board.detectable is None
    assert "Regret: 0 is the oracle" in board.text().notes[0]
