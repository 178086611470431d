import pytest

from benchmark.core.errors import InvalidInputError, RegressionFoundError, UnknownNameError
from benchmark.leaderboard.regression import breaches, check, compare, parse_limit

TASKS = ("CUB", "AID")


@pytest.fixture
def results(make_record):
    def make(value, method="mine", tasks=TASKS, seeds=(0,), **changes):
        return [make_record(method, t, s, value, **changes) for t in tasks for s in seeds]

    return make


def limits(*texts):
    return [parse_limit(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "regret",
        "regret:0.02",
        "regret:+",
        "regret:+1e3",
        "speed:+1",
        "task::+1",
        "accuracy:--1",
    ],
)
def test_other_limits_are_explained(text):
    with pytest.raises(InvalidInputError, match=r"regret:\+0.02"):
        parse_limit(text)


def test_changes_of_regret_accuracy_and_tasks(results):
    (change,) = compare(results(50.0), results(51.0))
    assert change.regret == pytest.approx(-0.05)
    assert change.accuracy == 1
    assert change.tasks == {"CUB": 1, "AID": 1}


@pytest.mark.parametrize(
    ("text", "value", "broken"),
    [
        ("regret:+0.02", 49.0, True),
        ("regret:+0.05", 49.0, False),  # the threshold itself is allowed
        ("regret:+0.02", 55.0, False),
        ("regret:-0.02", 55.0, True),
        ("accuracy:-0.5", 49.0, True),
        ("accuracy:-1", 49.0, False),
        ("accuracy:+0", 50.5, True),
        ("accuracy:-0", 50.0, False),
        ("accuracy:-0", 49.9, True),
        ("task:CUB:-0.5", 49.0, True),
        ("task:CUB:-0.5", 50.0, False),
    ],
)
def test_limits(results, text, value, broken):
    changes = compare(results(50.0), results(value))
    assert bool(breaches(changes, limits(text))) is broken


def test_every_breach_is_named(results):
    changes = compare(results(50.0), results(45.0))
    with pytest.raises(RegressionFoundError) as caught:
        check(changes, limits("regret:+0.02", "task:AID:-1", "accuracy:-9"))
    assert caught.value.exit_code == 1
    text = str(caught.value)
    assert "2 breaches" in text
    assert "mine on unseen: regret changed by +0.2500, limit regret:+0.02" in text
    assert "accuracy on AID changed by -5.0000" in text


def test_lost_methods_and_tasks_break_every_limit(results):
    a = results(50.0) + results(50.0, "gone")
    b = results(50.0, tasks=("CUB",)) + results(50.0, "new")
    found = breaches(compare(a, b), limits("regret:+1", "accuracy:-50"))
    assert found == [
        "gone on unseen: no records in B",
        "mine on unseen: without a score in B: AID",
    ]
    assert breaches(compare(a, b), []) == []
    assert len(breaches(compare(a, []), limits("regret:+1"))) == 2


def test_failing_cells_in_b_are_lost(results, make_record):
    b = [make_record("mine", "CUB", 0, None), *results(50.0, tasks=("AID",))]
    assert breaches(compare(results(50.0), b), limits("task:AID:-5")) == [
        "mine on unseen: without a score in B: CUB"
    ]


def test_regret_that_cannot_be_compared_is_a_breach(results):
    flat = {"random": 60.0}
    changes = compare(results(50.0, **flat), results(50.0, **flat))
    assert breaches(changes, limits("accuracy:-1")) == []
    assert "cannot be compared" in breaches(changes, limits("regret:+1"))[0]


def test_unknown_tasks_are_named(results):
    with pytest.raises(UnknownNameError, match="Did you mean 'CUB'"):
        breaches(compare(results(50.0), results(50.0)), limits("task:CUBB:-1"))


@pytest.mark.parametrize(
    "change",
    [
        {"source_digest": "f" * 64},
        {"protocol": "linear"},
        {"protocol_version": 2},
        {"source_id": "x"},
    ],
)
def test_other_sources_need_leave(results, change):
    a, b = results(50.0), results(51.0, **change)
    with pytest.raises(InvalidInputError, match="--allow-different-source"):
        compare(a, b)
    (found,) = compare(a, b, allow_different_source=True)
    assert found.accuracy == 1


def test_two_results_of_one_method_are_ambiguous(results):
    a = results(50.0) + results(51.0, source_digest="f" * 64)
    with pytest.raises(InvalidInputError, match="Two results of mine in A"):
        compare(a, results(50.0), allow_different_source=True)


def test_nothing_to_compare(results):
    with pytest.raises(InvalidInputError, match="no records"):
        compare([], results(50.0))


def test_a_killed_run_breaks_every_limit(results):
    whole = results(50.0, seeds=(0, 1))
    (change,) = compare(whole, whole[:-1])
    assert "incomplete in B" in change.lost
    (sentence,) = breaches([change], limits("regret:+0.5"))
    assert "seeds" in sentence
    (change,) = compare(whole[:-1], whole[:-1])
    assert change.lost == ""


def test_other_seeds_are_noted(results):
    (change,) = compare(results(50.0), results(50.0, seeds=(0, 1)))
    assert change.note == "1 seeds in A, 2 in B"


def test_sources_and_protocols_of_one_folder_are_compared_one_by_one(results):
    def everything(gain):
        small = results(50.0 + gain) + results(60.0 + 2 * gain, protocol="linear")
        return small + results(70.0 + 3 * gain, source_id="large")

    found = {one.split: one.accuracy for one in compare(everything(0), everything(1))}
    assert found == {"unseen, toy, knn5": 1, "unseen, toy, linear": 2, "unseen, large, knn5": 3}
    with pytest.raises(InvalidInputError, match="mine"):
        compare(everything(0), results(50.0), allow_different_source=True)
