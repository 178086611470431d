"""Runs, scores and comparisons from Python."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import t2sbench as t2s
from benchmark.runs.record_file import append_record
from benchmark.runs.scoring import CachedScorer


class First:
    """Always the first configuration, or the one of a given number."""

    def __init__(self, place: int = 0) -> None:
        self.place = place

    def fit(self, tasks, rewards, rng):
        self.space = rewards.space

    def select(self, task, rng):
        return self.space.at(self.place)


@pytest.fixture(scope="module")
def results() -> t2s.Results:
    methods = ["single-best", "oracle", {First: {"place": 3}}, First]
    return t2s.run(methods, split="unseen", seeds=[0, 1])


def test_the_frame_has_one_row_per_cell(results):
    frame = results.to_frame()
    n_tasks = len({record.task.name for record in results.records})
    assert len(frame) == len(results) == len(results.records) == 4 * n_tasks * 2
    assert set(frame["method"]) == {"single-best", "oracle", "First", "First[place=3]"}
    assert set(frame["status"]) == {"ok"}
    assert frame["accuracy"].between(0, 100).all()
    best = frame[frame["method"] == "oracle"].set_index(["task", "seed"])["accuracy"]
    others = frame[frame["method"] == "First"].set_index(["task", "seed"])["accuracy"]
    assert (best >= others).all()


def test_the_board_ranks_methods_and_not_references(results):
    board = results.board()
    frame = board.to_frame().set_index("method")
    assert frame.loc["single-best", "rank"] == 1
    assert np.isnan(frame.loc["oracle", "rank"])
    assert frame.loc["oracle", "kind"] == "reference"
    board_file = Path(__file__).parents[2] / "leaderboards" / "gl-mini" / "knn5" / "unseen.json"
    rows = {row["method"]: row for row in json.loads(board_file.read_text())["rows"]}
    assert frame.loc["single-best", "average"] == pytest.approx(rows["single-best"]["average"])
    for shown in (board._repr_html_(), results._repr_html_()):
        assert "<table>" in shown
        assert "single-best" in shown
    assert "single-best" in repr(board)


def test_the_plot_is_a_picture(results, tmp_path):
    picture = results.plot()
    assert picture._repr_png_().startswith(b"\x89PNG")
    labels = [text.get_text() for text in picture.figure.axes[0].get_yticklabels()]
    assert set(labels) == {"single-best", "oracle", "First", "First[place=3]"}
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_the_board_has_a_picture_if_rows_are_ranked(results):
    ranks, wins = results.board().plot().figure.axes
    assert {text.get_text().strip() for text in ranks.texts} >= {"single-best", "First"}
    assert "oracle" not in [label.get_text() for label in wins.get_yticklabels()]
    only = t2s.Results(tuple(r for r in results if r.method.name == "oracle"))
    with pytest.raises(t2s.T2SBenchError, match="ranked"):
        only.board().plot()


def test_plots_name_their_extra(results, without_packages):
    without_packages("matplotlib")
    with pytest.raises(t2s.T2SBenchError, match=r"matplotlib.*t2sbench\[plots\]"):
        results.plot()
    with pytest.raises(t2s.T2SBenchError, match=r"matplotlib.*t2sbench\[plots\]"):
        t2s.effects().plot()


def test_records_are_kept_and_found_again(tmp_path):
    seen = []
    first = t2s.run("single-best", tasks=["USPS"], seeds=[0], output=tmp_path / "out")
    again = t2s.run(
        "single-best", tasks=["USPS"], seeds=[0], output=tmp_path / "out", on_record=seen.append
    )
    assert seen == []
    assert first.records == again.records
    assert t2s.compare(tmp_path / "out", again)[0]["accuracy"] == 0
    assert t2s.compare(first, again, fail_on=["accuracy:-0.5"])["split"] == ["unseen"]


def test_a_broken_limit_is_an_error(small_table):
    one, other = (t2s.run(name, table=small_table, seeds=[0]) for name in ("oracle", "single-best"))
    renamed = [
        record.model_copy(update={"method": record.method.model_copy(update=method)})
        for record in other.records
        for method in [{"name": "oracle", "label": "oracle", "options": {}}]
    ]
    with pytest.raises(t2s.T2SBenchError, match="accuracy"):
        t2s.compare(one, renamed, fail_on=["accuracy:-0.0"])


def test_failures_are_listed():
    class Broken(First):
        def select(self, task, rng):
            raise ValueError("no idea")

    results = t2s.run(Broken, tasks=["USPS"], seeds=[0])
    (line,) = results.failures
    assert line.startswith("Broken on USPS, seed 0: ValueError")
    assert "no idea" in line
    assert "1 failed" in repr(results)
    assert results.to_frame()["accuracy"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ({"methods": "orakle"}, "oracle"),
        ({"methods": "oracle[a"}, r"oracle\[a"),
        ({"methods": "task2sim[epoch=1]"}, "epochs"),
        ({"methods": {"task2sim": {"epochs": "many"}}}, "many"),
        ({"methods": "oracle", "split": "unsene"}, "unseen"),
        ({"methods": "oracle", "tasks": ["USP"]}, "USPS"),
        ({"methods": "oracle", "table": "gl-min"}, "gl-mini"),
        ({"methods": 3}, "fit"),
        ({"methods": "oracle", "profile": "min"}, "mini"),
    ],
)
def test_mistakes_are_named(arguments, printed):
    with pytest.raises(t2s.T2SBenchError, match=printed):
        t2s.run(**arguments)


def test_live_scores_name_their_extra_before_any_work(without_packages):
    without_packages("torch")
    for call in (
        lambda: t2s.run("oracle", profile="mini"),
        lambda: t2s.score("00000000", "USPS", profile="mini"),
        lambda: t2s.embed("USPS"),
    ):
        with pytest.raises(t2s.T2SBenchError, match=r"torch.*t2sbench\[live\]"):
            call()


def test_worker_processes_cannot_import_a_class_of_a_notebook(tmp_path):
    """Standard input, as a notebook, has no file."""
    code = (
        "import t2sbench as t2s\n"
        "class Mine:\n"
        "    def fit(self, tasks, rewards, rng): pass\n"
        "    def select(self, task, rng): return None\n"
        "try:\n"
        "    t2s.run(Mine, jobs=2)\n"
        "except t2s.T2SBenchError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-"], input=code, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "'Mine'" in done.stdout
    assert "jobs=1" in done.stdout
    assert "plugins=" in done.stdout


def test_scores_of_a_table():
    table = t2s.load_table("gl-mini")
    one = t2s.score("00000000", "USPS", table=table)
    space = table.rewards.space
    assert t2s.score(space.at(0), "USPS", table=table.rewards) == one
    frame = table.to_frame().query("task == 'USPS' and configuration == '00000000'")
    assert frame["reward"].mean() == pytest.approx(one)
    everything = table.to_frame().query("task == 'USPS'")["reward"].mean()
    assert t2s.score(t2s.Mixture.uniform(space), "USPS") == pytest.approx(everything)
    with pytest.raises(t2s.T2SBenchError, match="USPS"):
        t2s.score("00000000", "USP")


def test_a_table_shows_itself_and_its_effects():
    table = t2s.load_table()
    frame = table.to_frame()
    assert len(frame) == table.rewards.values.size
    assert frame["reward"].notna().all()
    assert set(frame["background"]) == {"fixed", "random"}
    assert "gl-mini" in table._repr_html_()
    effects = table.effects()
    assert effects["task"] == list(table.rewards.tasks)
    assert len(effects.to_frame().columns) == 2 + len(table.rewards.space.parameters)
    assert effects.plot()._repr_png_().startswith(b"\x89PNG")


def test_a_folder_is_read_counted_completed_and_reported(tmp_path):
    done = t2s.run(["oracle", "single-best"], tasks=["USPS"], seeds=[0], output=tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    status = t2s.status(tmp_path)
    assert status["method"] == ["oracle"]
    assert status.notes == ("Missing cells: 1.",)
    assert len(t2s.retry(tmp_path, ["failed"])) == 0
    (again,) = t2s.retry(tmp_path)
    assert (again.cell, again.accuracy) == (done[1].cell, done[1].accuracy)
    assert len(t2s.load_results(tmp_path)) == 2
    ((stem, table),) = t2s.report(tmp_path).items()
    assert stem == tmp_path / "unseen"
    assert {row.label for row in table.rows} == {"oracle", "single-best"}
    assert (tmp_path / "unseen.md").is_file()
    for call in (
        lambda: t2s.retry(tmp_path, ["fail"]),
        lambda: t2s.report(tmp_path, "al"),
        lambda: t2s.load_results(tmp_path / "none"),
    ):
        with pytest.raises(t2s.T2SBenchError, match=r"failed|unseen|none"):
            call()


def test_a_model_is_trained_saved_and_loaded(tmp_path):
    table = t2s.load_table()
    model = t2s.fit(options={"epochs": 2, "hidden": 8}, table=table)
    model.save(tmp_path / "model")
    vectors = {"mine": table.rewards.embeddings.of("USPS")}
    loaded = t2s.load_model(tmp_path / "model")
    assert loaded.select(vectors) == model.select(vectors)
    levels = loaded.probabilities(vectors)["mine"]["background"]
    assert sum(levels.values()) == pytest.approx(1)
    assert loaded.facts == model.facts
    with pytest.raises(t2s.T2SBenchError, match="oracle"):
        t2s.fit("oracle")


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"version": "0"}, "version 0"),
        ({"seed": "x"}, "seed"),
        ({"more": 1}, "more"),
        ({"space": [{"name": "p0"}]}, "levels"),
        ({"space": [{"name": "p0", "levels": ["a", "b"]}]}, "head_weights"),
        ({"method": "oracle"}, "oracle"),
        ({"method": "tsk2sim"}, "task2sim"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(tmp_path, change, fact):
    t2s.fit(options={"epochs": 1, "hidden": 8}).save(tmp_path)
    path = tmp_path / "state.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"facts": content["facts"] | change}))
    with pytest.raises(t2s.T2SBenchError, match=fact):
        t2s.load_model(tmp_path)


def test_boards_are_built_and_verified_as_files(tmp_path):
    records, boards = tmp_path / "records", tmp_path / "boards"
    broken_line = f"records.jsonl:{len(t2s.run('single-best', seeds=[0], output=records)) + 1}"
    with (records / "records.jsonl").open("a") as stream:
        stream.write("{broken\n")
    files = t2s.build_boards(str(records), boards)
    assert [path.name for path in files.written] == ["unseen.md", "unseen.csv", "unseen.json"]
    assert broken_line in files.broken[0]
    old = files.written[0].with_name("old.md")
    old.write_text("old")
    assert t2s.build_boards(records, boards).stale == [old]
    with pytest.raises(t2s.T2SBenchError) as caught:
        t2s.verify_boards(records, str(boards))
    assert caught.value.exit_code == 1
    assert broken_line in str(caught.value)
    assert "old.md" in str(caught.value)


def table_with_shared_noise(small_table, noise):
    """Rewards whose noise is that of the backbones, the same for all tasks of a seed."""
    draw = np.random.default_rng(0)
    n_tasks, size, _ = small_table.values.shape
    signal = draw.normal(0, 1, (n_tasks, size, 1))
    values = 50 + signal + noise * draw.normal(size=(1, size, 3))
    return dataclasses.replace(small_table, seeds=(0, 1, 2), values=values, card=None)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_backbones_that_tasks_share_flatter_methods_on_the_same_seeds(small_table, noise):
    table = table_with_shared_noise(small_table, noise)
    methods = ["single-best", "oracle", "random", "untrained"]
    rows = {row["method"]: row for row in t2s.cross_seeds(methods, table=table)}
    assert set(rows) == {"single-best", "oracle", "random"}  # those that choose
    if noise == 0:
        assert all(row["difference"] == 0 for row in rows.values())
        return
    assert rows["single-best"]["difference"] > 0.1
    # The oracle of the regret scale is that of the seed held out; the seeds of chance are all.
    assert rows["oracle"]["other_seed"] == pytest.approx(0, abs=1e-9)
    assert rows["random"]["same_seeds"] == rows["random"]["other_seed"] == 1


def test_the_seed_held_out_scores_what_the_others_chose(small_table):
    table = table_with_shared_noise(small_table, 0.3)
    (row,) = t2s.cross_seeds("single-best", table=table)
    scorer, found = CachedScorer(table), []
    for place, task in enumerate(table.tasks):
        scale = scorer.reference(task)
        learnt = np.delete(table.values, place, axis=0)
        for held in range(3):
            best = np.delete(learnt, held, axis=2).mean(axis=2).mean(axis=0).argmax()
            value = table.values[place, best, held]
            found.append((scale.oracle - value) / (scale.oracle - scale.random))
    assert row["tasks"] == len(table.tasks)
    assert row["other_seed"] == pytest.approx(np.mean(found), abs=1e-3)


def test_a_table_of_one_seed_has_none_to_hold_out(small_table):
    table = small_table.of_seeds([0])
    with pytest.raises(t2s.T2SBenchError, match="one seed"):
        t2s.cross_seeds("single-best", table=table)


def test_several_places_have_reports_and_no_single_board(make_record):
    records = [
        make_record("a", task, 0, value, split=split, source_id=source)
        for source, value in (("small", 50.0), ("large", 60.0))
        for split in ("seen", "unseen")
        for task in ("CUB", "AID")
    ]
    results = t2s.Results(tuple(records))
    shown = results._repr_html_()
    assert shown.count("<table>") == 4
    assert "seen tasks, knn5 v1, table large" in shown
    for call in (results.board, results.plot):
        with pytest.raises(t2s.T2SBenchError, match=r"large.*small"):
            call()
    assert [table.split for table in results.tables()] == ["seen", "unseen"]
    frame = results.to_frame()
    assert frame.groupby("source")["accuracy"].mean().to_dict() == {"small": 50.0, "large": 60.0}


def test_folders_are_reported_together(make_record, tmp_path):
    for profile, value in (("mini", 50.0), ("large", 60.0)):
        (tmp_path / profile).mkdir()
        record = make_record("a", "CUB", 0, value, source_kind="live", source_id=profile)
        append_record(tmp_path / profile / "records.jsonl", record)
    folders = [tmp_path / "mini", tmp_path / "large"]
    with pytest.raises(t2s.T2SBenchError, match="output"):
        t2s.report(folders)
    with pytest.raises(t2s.T2SBenchError, match="output"):
        t2s.report(folders[0] / "records.jsonl")
    ((path, report),) = t2s.report(folders, output=tmp_path / "both").items()
    assert path == tmp_path / "both" / "unseen"
    assert [block.place.source for block in report.blocks] == ["large", "mini"]
    assert (tmp_path / "both" / "unseen.tex").is_file()
    assert not (tmp_path / "mini" / "unseen.md").exists()
    assert set(t2s.status(folders[0])["protocol"]) == {"knn5"}


def test_boards_of_budgets_of_several_tables_are_all_kept(tmp_path, small_table):
    for folder, table in (("0", "gl-mini"), ("1", small_table)):
        t2s.run(
            "portfolio-order",
            table=table,
            tasks=["USPS"],
            seeds=[0],
            budgets=[0],
            output=tmp_path / folder,
        )
    reports = t2s.report([tmp_path / "0", tmp_path / "1"], output=tmp_path / "both")
    assert len(reports) == 2
    assert len(list((tmp_path / "both").glob("*.md"))) == 2


@pytest.mark.parametrize("split", ["../../evil", "a/b", ".."])
def test_a_split_of_a_record_is_no_path(make_record, tmp_path, split):
    (tmp_path / "in").mkdir()
    append_record(tmp_path / "in" / "records.jsonl", make_record(split=split))
    (path,) = t2s.report(tmp_path / "in", output=tmp_path / "out" / "deep")
    assert path.parent == tmp_path / "out" / "deep"
    assert {one.name for one in tmp_path.iterdir()} >= {"in", "out"}
    assert not (tmp_path / "evil.md").exists()
