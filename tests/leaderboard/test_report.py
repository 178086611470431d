import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmark.leaderboard.report import TIDY_COLUMNS, build_reports
from benchmark.leaderboard.text_tables import markdown, print_table, terminal_tables
from benchmark.runs.published import PublishedRow
from benchmark.runs.record import Cost

TASKS = ("CUB", "AID")
REGISTRY = [
    *(SimpleNamespace(name=name, side="unseen") for name in TASKS),
    SimpleNamespace(name="DTD", side="seen"),
]


def only(records, **options):
    """The one report of some records."""
    (report,) = build_reports(records, REGISTRY, **options)
    return report


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


def row_of(report, label, block=0):
    return next(row for row in report.rows if row.label == label).cells[block]


def test_numbers_of_a_row(records):
    good = row_of(only(records), "good")
    assert good.means == {"CUB": 55.5, "AID": 57.5}
    assert good.average == 56.5
    # seed averages 56 and 57: standard deviation 1/sqrt(2), t quantile 12.7062
    assert good.interval == pytest.approx(12.7062 / 2, abs=1e-4)
    assert good.regret == pytest.approx((4.5 + 2.5) / 2 / 20)
    assert (good.n_seeds, good.queries, good.kind) == (2, 256, "method")


def test_no_interval_when_seeds_agree_or_are_one(records, make_record):
    assert row_of(only(records), "fair").interval is None
    single = [make_record("one", task, 0, 50.0) for task in TASKS]
    assert row_of(only(single), "one").interval is None


def test_marks_skip_references_and_ties_share(records):
    lines = markdown(only(records).text()).splitlines()
    cells = {line.split("|")[1].strip(): line.replace(" ", "") for line in lines if "|" in line}
    assert "|**55.50**|**57.50**|**56.50**|" in cells["good"]
    assert "|<u>50.00</u>|<u>57.00</u>|<u>53.50</u>|" in cells["fair"]
    assert "**" not in cells["oracle †"]
    assert "<u>" not in cells["oracle †"]
    assert any(line.startswith("† reference") for line in lines)


def test_tied_best_values_are_all_bold_and_the_next_is_second(make_record):
    records = [make_record(m, "CUB", 0, v) for m, v in [("a", 5.001), ("b", 5.0), ("c", 4.0)]]
    text = markdown(only(records).text())
    assert text.count("**5.00**") == 4  # task and average of a and b
    assert text.count("<u>4.00</u>") == 2


def test_failed_cells_make_a_row_incomplete(records, make_record):
    records.append(make_record("poor", "AID", 2, None))
    records += [make_record("poor", "CUB", 2, 45.0)]
    table = only(records)
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
    row = row_of(only(kept), "fair")
    assert not row.complete
    assert says in row.faults[0]


def test_undefined_regret_is_left_out(make_record):
    records = [
        make_record("a", "CUB", 0, 50.0),
        make_record("a", "AID", 0, 50.0, random=50.0, oracle=50.0),
    ]
    row = row_of(only(records), "a")
    assert row.regret == 0.5
    assert row.regrets == {"CUB": 0.5}


def test_debug_records_have_their_own_report(make_record):
    records = [make_record(debug=True), make_record(value=51.0)]
    assert only(records).rows[0].cells[0].average == 51.0
    assert only(records, debug=True).rows[0].cells[0].average == 50.0
    assert (only(records).stem, only(records, debug=True).stem) == ("unseen", "unseen-debug")
    assert build_reports([], REGISTRY) == []


def published_row(average=53.06, label="Task2Sim", table=3):
    return PublishedRow(
        label=label,
        method=label.lower(),
        split="unseen",
        protocol="5-NN",
        profile="paper-100c-40k",
        average=average,
        source=f"Task2Sim, Table {table}",
    )


def test_published_rows_are_marked_and_never_ranked(records):
    report = only(records)
    rows = [published_row(), published_row(1.0, "Scratch"), published_row(99.0, "Random")]
    report = report.with_published({report.blocks[0].place: rows})
    text = markdown(report.text())
    assert "Task2Sim ‡" in text
    assert "published: Task2Sim, Table 3." in text
    assert "**99.00**" not in text
    scratch = next(line for line in text.splitlines() if line.startswith("| Scratch ‡"))
    assert scratch.count("–") == 6  # noqa: RUF001
    assert [row.kind for row in report.rows] == ["method"] * 3 + ["reference"] + ["published"] * 3


def test_the_papers_own_rewards_have_its_rows_beside_them(make_record):
    def shown(**changes):
        found = only([make_record("a", task, **changes) for task in TASKS])
        return [row.label for row in found.rows if row.kind == "published"]

    assert "Task2Sim" in shown(source_id="released", protocol="knn5-released")
    assert shown(source_id="gl-mini") == []
    assert "Task2Sim" in shown(source_id="paper-237c-100k", source_kind="live", protocol="linear")
    assert shown(source_id="paper-237c-100k", source_kind="live", protocol="knn5") == []
    assert shown(source_id="released", source_kind="live") == []
    partial = only([make_record("a", "CUB", source_id="released", protocol="knn5-released")])
    assert [row.kind for row in partial.rows] == ["method"]  # averages of other tasks


def test_csv_keeps_full_precision(make_record):
    third = 100 / 3
    table = only([make_record("=cmd", "CUB", 0, third)])
    (row,) = csv.DictReader(io.StringIO(table.csv()))
    assert float(row["task:CUB"]) == third
    assert row["method"] == "'=cmd"
    assert row["interval95_seeds"] == ""


def test_json_is_canonical_and_complete(records):
    table = only(records)
    content = json.loads(table.json())
    assert only(records).json() == table.json()
    assert content["rows"][0]["blocks"][0]["tasks"]["CUB"]["accuracy"] == 55.5
    assert content["blocks"][0]["place"]["split"] == "unseen"


def test_labels_are_shown_as_they_are(make_record):
    label = "m(a|b=*x*,\n<img>)[red]"
    table = only([make_record(label=label)])
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
    grid = only(records).text()
    print_table(grid, console)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert all(text.count(task) == 1 for task in tasks)
    assert all(f"{40 + i}.00" in text for i in range(n_tasks))
    assert "…" not in text
    assert all(len(table.columns) > 1 for table in terminal_tables(grid, width))


def test_terminal_marks_are_bold_and_underlined(records):
    console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system="standard")
    print_table(only(records).text(), console)
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
    grid = only(made).text()
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
    row = row_of(only(made), "first")
    assert row.regrets == {"AID": pytest.approx(2 / 3)}
    assert row.regret == pytest.approx(2 / 3)
    assert row.average == 60.0


@pytest.mark.parametrize(("error", "defined"), [(None, True), (0.16, True), (0.17, False)])
def test_a_task_with_a_gain_below_three_errors_has_no_regret(make_record, error, defined):
    made = [
        make_record("first", task, 0, 50.2, random=50.0, oracle=oracle, reference_error=given)
        for task, oracle, given in (("AID", 50.5, error), ("DTD", 60.0, 0.1))
    ]
    table = only(made)
    row = row_of(table, "first")
    wanted = {"AID": pytest.approx(0.6), "DTD": pytest.approx(0.98)}
    assert row.regrets == (wanted if defined else {"DTD": wanted["DTD"]})
    notes = " ".join(table.text().notes)
    assert ("AID +0.50 ± 0.17" in notes) is not defined
    assert table.text().columns[1].header == ("AID" if defined else "AID °")


@pytest.mark.parametrize(("value", "is_said"), [(59.0, False), (61.0, True)])
def test_regret_below_zero_is_explained(make_record, value, is_said):
    made = [make_record("first", "AID", 0, value, random=50.0, oracle=60.0)]
    notes = " ".join(only(made).text().notes)
    assert ("Regret below 0" in notes) is is_said


# Several blocks: two profiles and a table, two protocols, rows with holes, other seeds and tasks.

SIZES = {"mini": 4000, "large": 10070}


@pytest.fixture
def many(make_record):
    """Records of live profiles and of a table, as a folder collects them."""

    def live(method, profile, protocol, tasks=TASKS, seeds=(0, 1), value=50.0, **changes):
        records = []
        for task in tasks:
            for seed in seeds:
                gain = seed + (task == "AID")
                known = None if value is None else value + gain
                record = make_record(
                    method,
                    task,
                    seed,
                    known,
                    protocol=protocol,
                    source_kind="live",
                    source_id=profile,
                    source_digest=("a" if profile == "mini" else "b") * 64,
                    **changes,
                )
                simulator = "none" if method == "scratch" else "gl"
                n_images = 0 if method == "scratch" else SIZES[profile]
                entry = {"simulator": simulator, "n_images": n_images, "profile": profile}
                entry = record.pretraining.model_copy(update=entry)
                records.append(record.model_copy(update={"pretraining": entry, "reference": None}))
        return records

    found = []
    for profile in ("large", "mini"):
        for protocol, value in (("finetune", 70.0), ("knn5", 30.0)):
            found += live("draw", profile, protocol, seeds=(0, 1, 2), value=value)
            found += live("best", profile, protocol, value=value + 5)
            found += live("best", profile, protocol, value=value + 2, options={"k": 1})
    found += live("scratch", "mini", "finetune", value=60.0)
    found += live("part", "mini", "knn5", tasks=("CUB",), value=99.0)
    found += [make_record("draw", task, seed, 41.0) for task in TASKS for seed in (0, 1)]
    found.append(make_record("draw", "DTD", 0, 41.0, source_id="small", protocol="knn5"))
    found += live("late", "large", "knn5", value=None)
    return found


def test_blocks_are_tables_then_sizes_and_protocols_in_order(many):
    report = only(many)
    assert [block.name for block in report.blocks] == [
        *("small/knn5", "toy/knn5"),
        *("mini/knn5", "mini/finetune", "large/knn5", "large/finetune"),
    ]
    assert report.blocks[0].title == "table small: 5-NN"
    assert report.blocks[3].title == "mini, 4,000 images: Fine-tuning"
    assert [block.n_images for block in report.blocks[2:]] == [4000, 4000, 10070, 10070]
    assert report.tasks == ("CUB", "AID", "DTD")


def test_a_method_has_one_row_over_all_blocks(many):
    report = only(many)
    labels = [row.label for row in report.rows]
    assert labels == ["draw", "best", "best (2)", "scratch", "part", "late"]
    assert all(cell.label == row.label for row in report.rows for cell in row.cells if cell)
    assert [cell and cell.average for cell in report.rows[1].cells] == [
        *(None, None),
        *(36.0, 76.0, 36.0, 76.0),
    ]
    assert [cell is not None for cell in report.rows[3].cells] == [False] * 3 + [True] + [False] * 2


def column(report, title, header):
    found = next(
        c for c in report.text().columns if c.header == header and ": ".join(c.group) == title
    )
    labels = [row.label for row in report.rows]
    return dict(zip(labels, zip(found.texts(), found.marks(), strict=True), strict=True))


def test_each_block_is_ranked_alone_among_complete_rows(many):
    report = only(many)
    small = column(report, "mini, 4,000 images: 5-NN", "Avg")
    assert small["best"] == ("36.00", "best")
    assert small["best (2)"][1] == "second"
    assert small["part"] == ("–", "")  # noqa: RUF001 - its one task is the highest of all
    assert column(report, "large, 10,070 images: 5-NN", "Avg")["late"][1] == ""
    details = report.details()[2]
    tasks = next(c for c in details.columns if c.header == "CUB")
    marks = dict(zip(details.columns[0].values, tasks.marks(), strict=True))
    assert (marks["best"], marks["part"]) == ("best", "")


def test_regret_and_intervals_have_columns_where_they_exist(many):
    headers = {}
    for one in only(many).text().columns:
        headers.setdefault(": ".join(one.group), []).append(one.header)
    assert headers["table toy: 5-NN"] == ["Avg", "Regret"]
    assert headers["mini, 4,000 images: 5-NN"] == ["Avg", "± seeds"]
    assert headers[""] == ["Method", "Seeds", "Queries"]


def test_rows_with_other_seeds_say_how_many(many):
    report = only(many)
    seeds = next(one for one in report.text().columns if one.header == "Seeds")
    known = dict(zip((row.label for row in report.rows), seeds.texts(), strict=True))
    assert known["best"] == "2"
    assert known["draw"] == "1–3"  # noqa: RUF001


def test_notes_name_holes_blocks_and_sources(many):
    notes = "\n".join(only(many).text().notes)
    for fact in (
        "part: incomplete (missing: AID). [mini, 4,000 images: 5-NN]",
        "late: incomplete (failed: AID, CUB). [large, 10,070 images: 5-NN]",
        "scratch: no records in ",
        "mini, 4,000 images: 5-NN: 2 of 3 tasks, without DTD.",
        "live mini (aaaaaaaa)",
        "finetune v1",
    ):
        assert fact in notes
    assert notes.count("0 is the oracle") == 1


def test_sources_of_one_name_are_told_apart_by_their_digests(make_record):
    records = [make_record("a", "CUB", 0, 50.0, source_digest=c * 64) for c in "ef"]
    records.append(make_record("a", "CUB", 0, 50.0, source_digest="f" * 64, protocol_version=2))
    blocks = only(records).blocks
    assert [block.title for block in blocks] == [
        "table toy (eeeeeeee): 5-NN v1",
        "table toy (ffffffff): 5-NN v1",
        "table toy (ffffffff): 5-NN v2",
    ]
    assert len({block.name for block in blocks}) == 3


def test_splits_and_suites_are_never_mixed(make_record):
    records = [
        make_record("a", "CUB", 0, 50.0),
        make_record("a", "CUB", 0, 51.0, suite_version=2),
        make_record("a", "DTD", 0, 52.0, split="seen", task_facts={"side": "seen"}),
        make_record("a", "CUB", 0, 53.0, split="leave-one-task-out"),
    ]
    reports = build_reports(records, REGISTRY)
    found = {report.stem: report.rows[0].cells[0].average for report in reports}
    assert found == {"seen": 52.0, "unseen": 51.0, "unseen@v1": 50.0, "leave-one-task-out": 53.0}


def test_records_of_split_all_belong_to_the_sides_of_their_tasks(make_record):
    records = [
        make_record("a", "CUB", 0, 50.0, split="all"),
        make_record("b", "CUB", 0, 51.0),
        make_record("a", "DTD", 0, 60.0, split="all", task_facts={"side": "seen"}),
    ]
    seen, unseen = build_reports(records, REGISTRY)
    assert (seen.split, seen.rows[0].cells[0].average) == ("seen", 60.0)
    assert {row.label: row.cells[0].average for row in unseen.rows} == {"a": 50.0, "b": 51.0}


def test_repeated_and_superseded_records_change_nothing(many, make_record):
    wrong = make_record("draw", "CUB", 0, 99.0)
    again = [
        wrong,
        *many,
        *many[:5],
        make_record("draw", "CUB", 0, 41.0, supersedes=wrong.record_id),
    ]
    for one in (
        only(again),
        only([r.model_copy(update={"cost": Cost(wall_seconds=9)}) for r in many]),
    ):
        assert (one.csv(), one.json()) == (only(many).csv(), only(many).json())
        assert (one.markdown(), one.latex()) == (only(many).markdown(), only(many).latex())
        assert one.tidy() == only(many).tidy()


def test_published_rows_have_an_average_in_their_blocks_only(many):
    report = only(many)
    places = {block.name: block.place for block in report.blocks}
    rows = {
        places["mini/knn5"]: [published_row(25.3, "Random")],
        places["mini/finetune"]: [published_row(70.77, "Random"), published_row(64.85, "Scratch")],
        places["mini/knn5"]._replace(source="other"): [published_row(1.0, "Nobody")],
    }
    shown = report.with_published(rows)
    assert [row.label for row in shown.rows[-2:]] == ["Random", "Scratch"]
    assert shown.rows[-2].published == (None, None, 25.3, 70.77, None, None)
    values = shown.values()[-2]
    assert (values["mini/knn5:average"], values["large/knn5:average"]) == (25.3, None)
    assert all("Random" not in table.columns[0].values for table in shown.details())
    assert len(shown.tidy()) == len(report.tidy())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_terminals_of_any_width_show_headings_over_their_columns(many, width):
    console = Console(width=width, file=io.StringIO())
    report = only(many)
    for table in report.texts():
        print_table(table, console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    assert text.count("Fine-tuning") >= 2
    assert text.count("Queries") == 1
    heads = [line for line in lines if line.startswith("Method")]
    shown = " ".join(heads[: len(heads) - len(report.details())])
    assert shown.count("Avg") >= 6


def test_headings_stand_over_their_columns_at_full_width(many):
    console = Console(width=200, file=io.StringIO())
    print_table(only(many).text(), console)
    lines = console.file.getvalue().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("Method"))
    sizes, protocols = lines[head - 2 : head]
    start = sizes.index("mini, 4,000 images")
    knn5, finetune = (protocols.index(name, start - 12) for name in ("5-NN", "Fine-tuning"))
    averages = [match.start() for match in re.finditer("Avg", lines[head])]
    assert abs(averages[2] - knn5) < 8
    assert abs(averages[3] - finetune) < 8


def test_markdown_names_size_and_protocol_of_every_group(many):
    text = only(many).markdown()
    head = next(line for line in text.splitlines() if line.startswith("| Method"))
    assert "mini, 4,000 images<br>Fine-tuning<br>Avg" in head
    assert text.count("**unseen tasks, ") == 1 + 6
    for table in text.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1


def latex_faults(text):
    """Braces that do not close, and rows of a table whose number of columns differs."""
    faults = []
    plain = re.sub(r"\\[{}&%$#_]", "", text)
    depth = 0
    for character in plain:
        depth += {"{": 1, "}": -1}.get(character, 0)
        faults += ["closed too often"] if depth < 0 else []
    faults += ["not closed"] if depth else []
    faults += ["dollars"] if plain.count("$") % 2 else []
    for table in re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", plain, re.DOTALL):
        n_columns = len(re.match(r"\\begin\{tabular\}\{(l?r*)\}", table)[1])
        for line in table.splitlines():
            if line.endswith(r"\\"):
                spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
                found = line.count("&") + 1 + sum(spans) - len(spans)
                faults += [] if found == n_columns else [line]
    return faults


def test_latex_is_balanced_and_marks_the_best(many):
    report = only(many)
    report = report.with_published({report.blocks[2].place: [published_row()]})
    text = report.latex()
    assert latex_faults(text) == []
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 1 + 6
    assert r"\multicolumn{4}{c}{mini, 4,000 images}" in text
    assert r"\textbf{76.00}" in text
    assert r"\underline{73.00}" in text
    assert r"Task2Sim $\ddagger$" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX")
def test_latex_compiles(many, tmp_path: Path):
    label = "m_1&2 #3 50% $x$ {a}\\b~c^d <e>|[f]"
    report = replace(only(many), title=label)
    report = report.with_published({report.blocks[2].place: [published_row()]})
    head = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    (tmp_path / "t.tex").write_text(f"{head}\n{report.latex()}\n\\end{{document}}\n")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_latex_faults_are_found():
    bad = "\\begin{tabular}{lrr}\na & b \\\\\n\\end{tabular}"
    assert len(latex_faults(bad)) == 1
    assert latex_faults("{ $") == ["not closed", "dollars"]


def test_latex_shows_any_label_as_it_is(make_record):
    label = "m_1&2 #3 50% $x$ {a}\\b~c^d <e>|[f]"
    text = only([make_record(label=label, value=-0.5)]).latex()
    assert latex_faults(text) == []
    assert r"m\_1\&2 \#3 50\% \$x\$ \{a\}\textbackslash{}b\textasciitilde{}c" in text
    assert "$-$0.50" in text


def test_tidy_rows_are_cells_with_size_and_protocol(many):
    report = only(many)
    rows = report.tidy()
    assert len(rows) == len(many)
    assert set(rows[0]) == set(TIDY_COLUMNS)
    keys = ("method", "options", "task", "source", "protocol", "seed")
    assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows)
    by_block = [row["source"] for row in rows if row["method"] == "draw"]
    assert by_block == sorted(by_block, key=["small", "toy", "mini", "large"].index)
    failed = [row for row in rows if row["status"] == "failed"]
    assert [(row["name"], row["accuracy"]) for row in failed] == [("late", None)] * 4


def test_every_format_is_written_and_parquet_is_read_back(many, tmp_path: Path):
    pd = pytest.importorskip("pandas")
    report = only(many)
    report.write(tmp_path / "unseen")
    names = {f"unseen{end}" for end in (".md", ".tex", ".csv", ".json")}
    names |= {"unseen-tidy.csv", "unseen-tidy.parquet"}
    assert {path.name for path in tmp_path.iterdir()} == names
    frame = pd.read_parquet(tmp_path / "unseen-tidy.parquet")
    table = pd.read_csv(tmp_path / "unseen-tidy.csv")
    assert list(frame.columns) == list(table.columns) == list(TIDY_COLUMNS)
    assert frame["accuracy"].equals(table["accuracy"])
    assert frame["accuracy"].dtype == "float64"
    wide = pd.read_csv(tmp_path / "unseen.csv").set_index("method")
    means = frame.groupby(["method", "source", "protocol", "task"])["accuracy"].mean()
    found = means.loc["draw", "mini", "finetune"].mean()
    assert wide.loc["draw", "mini/finetune:average"] == pytest.approx(found)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    only(many).write(tmp_path / "unseen")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
