import csv
import io
import json
import re

import pytest
from rich.console import Console

from benchmark.core.errors import InvalidInputError
from benchmark.leaderboard.results import build_table
from benchmark.leaderboard.text_tables import markdown, print_table, terminal_tables
from benchmark.runs.published import published_rows

TASKS = ("CUB", "AID")


@pytest.fixture
def records(make_record):
    values = {"good": (55.0, 57.0), "fair": (50.0, 57.0), "poor": (45.0, 40.0)}
    found = [
        make_record(method, task, seed, value + seed * (method == "good"))
        for method, pair in values.items()
        for task, value in zip(TASKS, pair, strict=True)
        for seed in (0, 1)
    ]
    found += [
        make_record("oracle", task, seed, 60.0, privileged=True)
        for task in TASKS
        for seed in (0, 1)
    ]
    return found


def row_of(table, label):
    return next(row for row in table.rows if row.label == label)


def test_numbers_of_a_row(records):
    good = row_of(build_table(records, TASKS), "good")
    assert good.means == {"CUB": 55.5, "AID": 57.5}
    assert good.average == 56.5
    # seed averages 56 and 57: standard deviation 1/sqrt(2), t quantile 12.7062
    assert good.interval == pytest.approx(12.7062 / 2, abs=1e-4)
    assert good.regret == pytest.approx((4.5 + 2.5) / 2 / 20)
    assert (good.n_seeds, good.queries, good.kind) == (2, 256, "method")


def test_no_interval_when_seeds_agree_or_are_one(records, make_record):
    assert row_of(build_table(records, TASKS), "fair").interval is None
    single = [make_record("one", task, 0, 50.0) for task in TASKS]
    assert row_of(build_table(single, TASKS), "one").interval is None


def test_marks_skip_references_and_ties_share(records):
    lines = markdown(build_table(records, TASKS).text()).splitlines()
    cells = {line.split("|")[1].strip(): line.replace(" ", "") for line in lines if "|" in line}
    assert "|**55.50**|**57.50**|**56.50**|" in cells["good"]
    assert "|<u>50.00</u>|<u>57.00</u>|<u>53.50</u>|" in cells["fair"]
    assert "**" not in cells["oracle †"]
    assert "<u>" not in cells["oracle †"]
    assert any(line.startswith("† reference") for line in lines)


def test_tied_best_values_are_all_bold_and_the_next_is_second(make_record):
    records = [make_record(m, "CUB", 0, v) for m, v in [("a", 5.001), ("b", 5.0), ("c", 4.0)]]
    text = markdown(build_table(records, ["CUB"]).text())
    assert text.count("**5.00**") == 4  # task and average of a and b
    assert text.count("<u>4.00</u>") == 2


def test_failed_cells_make_a_row_incomplete(records, make_record):
    records.append(make_record("poor", "AID", 2, None))
    records += [make_record("poor", "CUB", 2, 45.0)]
    table = build_table(records, TASKS)
    row = row_of(table, "poor")
    assert (row.average, row.regret, row.interval, row.complete) == (None, None, None, False)
    text = markdown(table.text())
    assert "failed |" in text
    assert "poor: incomplete (failed: AID)." in text


@pytest.mark.parametrize(
    ("left_out", "says"), [(("AID", 0), "different seeds"), (("AID", None), "missing: AID")]
)
def test_rows_with_holes_are_incomplete(records, left_out, says):
    task, seed = left_out
    kept = [
        r
        for r in records
        if not (r.method.name == "fair" and r.task.name == task and seed in (None, r.seed))
    ]
    row = row_of(build_table(kept, TASKS), "fair")
    assert not row.complete
    assert says in row.faults[0]


def test_undefined_regret_is_left_out(make_record):
    records = [
        make_record("a", "CUB", 0, 50.0),
        make_record("a", "AID", 0, 50.0, random=50.0, oracle=50.0),
    ]
    row = row_of(build_table(records, TASKS), "a")
    assert row.regret == 0.5
    assert row.regrets == {"CUB": 0.5}


def test_several_places_make_no_table(make_record):
    records = [make_record(split=split) for split in ("seen", "unseen")]
    with pytest.raises(InvalidInputError, match=r"2 sources.*seen tasks.*unseen tasks"):
        build_table(records, TASKS)


def test_debug_records_have_their_own_table(make_record):
    records = [make_record(debug=True), make_record(value=51.0)]
    assert build_table(records, ["CUB"]).rows[0].average == 51.0
    assert build_table(records, ["CUB"], debug=True).rows[0].average == 50.0
    assert build_table([], ["CUB"]).rows == ()


def test_published_rows_are_marked_and_never_ranked(records):
    extra = published_rows("unseen", "5-NN (released)")
    table = build_table(records, TASKS, published=extra)
    text = markdown(table.text())
    assert "Task2Sim ‡" in text
    assert "published: Task2Sim, Table 3." in text
    assert "**53.06**" not in text
    random = next(line for line in text.splitlines() if line.startswith("| Random ‡"))
    assert random.count("–") == 6  # noqa: RUF001
    assert [row.kind for row in table.rows] == ["method"] * 3 + ["reference"] + ["published"] * 4


def test_csv_keeps_full_precision(make_record):
    third = 100 / 3
    table = build_table([make_record("=cmd", "CUB", 0, third)], ["CUB"])
    (row,) = csv.DictReader(io.StringIO(table.csv()))
    assert float(row["task:CUB"]) == third
    assert row["method"] == "'=cmd"
    assert row["interval95_seeds"] == ""


def test_json_is_canonical_and_complete(records):
    table = build_table(records, TASKS)
    content = json.loads(table.json())
    assert build_table(records, TASKS).json() == table.json()
    assert content["rows"][0]["tasks"]["CUB"]["accuracy"] == 55.5
    assert content["place"]["split"] == "unseen"


def test_labels_are_shown_as_they_are(make_record):
    label = "m(a|b=*x*,\n<img>)[red]"
    table = build_table([make_record(label=label)], ["CUB"])
    assert r"m(a\|b=\*x\*, \<img\>)\[red\]" in markdown(table.text())
    console = Console(width=100, file=io.StringIO())
    print_table(table.text(), console)
    assert "[red]" in re.sub(r"\s", "", console.file.getvalue())  # a long label wraps


@pytest.mark.parametrize("n_tasks", [8, 12, 20])
@pytest.mark.parametrize("width", [60, 100])
def test_terminal_tables_fit_and_show_everything(make_record, n_tasks, width):
    tasks = [f"LongTask{i:02}" for i in range(n_tasks)]
    label = "a-method-with-a-long-name(option=1)"
    records = [make_record("m", task, 0, 40 + i, label=label) for i, task in enumerate(tasks)]
    console = Console(width=width, file=io.StringIO())
    grid = build_table(records, tasks).text()
    print_table(grid, console)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert all(text.count(task) == 1 for task in tasks)
    assert all(f"{40 + i}.00" in text for i in range(n_tasks))
    assert "…" not in text
    assert all(len(table.columns) > 1 for table in terminal_tables(grid, width))


def test_terminal_marks_are_bold_and_underlined(records):
    console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system="standard")
    print_table(build_table(records, TASKS).text(), console)
    text = console.file.getvalue()
    assert "\x1b[1m55.50" in text
    assert "\x1b[4m50.00" in text


def facts(**changes):
    data = {"revision": "1", "digest": "4" * 64, "stands_in_for": None, "partial": None}
    reliability = changes.pop("reliability", None)
    return {"data": {**data, **changes}, "reliability": reliability}


def test_what_is_to_be_known_of_tasks_is_said_once(make_record):
    one = facts(stands_in_for="FMD", reliability=0.25)
    two = facts(partial="fewer classes", reliability=0.75)
    made = [
        make_record(method, task, 0, 50.0, task_facts=known)
        for method in ("random", "first")
        for task, known in (("TrashNet", one), ("AID", two))
    ]
    grid = build_table(made, ("AID", "TrashNet")).text()
    assert [c.header for c in grid.columns[1:3]] == ["AID", "TrashNet °"]
    notes = "\n".join(grid.notes)
    assert notes.count("TrashNet 0.25") == 1
    assert "TrashNet for FMD" in notes
    assert "than the paper's: AID." in notes


def test_noisy_tasks_have_no_regret(make_record):
    made = [
        make_record("first", task, 0, 60.0, random=50.0, oracle=oracle, task_facts=facts(**known))
        for task, oracle, known in (
            ("AID", 80.0, {"reliability": 0.75}),
            ("DTD", 50.1, {"reliability": 0.25}),
        )
    ]
    (row,) = build_table(made, ("AID", "DTD")).rows
    assert row.regrets == {"AID": pytest.approx(2 / 3)}
    assert row.regret == pytest.approx(2 / 3)
    assert row.average == 60.0


@pytest.mark.parametrize(("error", "defined"), [(None, True), (0.16, True), (0.17, False)])
def test_a_task_with_a_gain_below_three_errors_has_no_regret(make_record, error, defined):
    made = [
        make_record("first", task, 0, 50.2, random=50.0, oracle=oracle, reference_error=given)
        for task, oracle, given in (("AID", 50.5, error), ("DTD", 60.0, 0.1))
    ]
    table = build_table(made, ("AID", "DTD"))
    (row,) = table.rows
    wanted = {"AID": pytest.approx(0.6), "DTD": pytest.approx(0.98)}
    assert row.regrets == (wanted if defined else {"DTD": wanted["DTD"]})
    notes = " ".join(table.text().notes)
    assert ("AID +0.50 ± 0.17" in notes) is not defined
    assert table.text().columns[1].header == ("AID" if defined else "AID °")


@pytest.mark.parametrize(("value", "is_said"), [(59.0, False), (61.0, True)])
def test_regret_below_zero_is_explained(make_record, value, is_said):
    made = [make_record("first", "AID", 0, value, random=50.0, oracle=60.0)]
    notes = " ".join(build_table(made, ("AID",)).text().notes)
    assert ("Regret below 0" in notes) is is_said
