import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.core.errors import InvalidInputError
from benchmark.leaderboard import build_boards
from benchmark.runs.record_file import current_records, iterate_records
from benchmark.simulators.toy import ToySimulator
from benchmark.tasks.pack import write_pack
from benchmark.tasks.vectors import TaskEmbeddings, write_embeddings
from tests.pipeline.conftest import coloured, write_tasks, written

PROFILE = """\
schema: 1
profiles:
  - name: tiny
    simulator: toy
    classes: 3
    images_per_class: 8
    size: 32
    encoding: png
    network: mini-resnet
    recipe: mini
    cpu_threads: 1
    evaluation: {linear_epochs: 2, linear_min_steps: 0, finetune_epochs: 1}
"""


@pytest.fixture
def live(small_table_folder, tmp_path, monkeypatch):
    """Runs live on two small tasks; methods learn from the small table."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    write_tasks(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(PROFILE)
    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")

    def do(*words):
        profile = ["--live", "--profile", str(tmp_path / "tiny.yaml")]
        table = ["--table", str(small_table_folder), "-o", str(tmp_path / "out")]
        return main(["run", "--split", "all", *profile, *table, *words])

    return do


def records(tmp_path):
    return current_records(iterate_records(tmp_path / "out" / "records.jsonl"))


def test_all_kinds_of_methods_under_two_protocols(live, tmp_path, capsys):
    methods = ["-m", "random", "-m", "single-best", "-m", "scratch", "-m", "untrained"]
    real = ["-m", "imagenet", "--real-images", str(tmp_path / "real.parquet")]
    protocols = ["--protocol", "knn5", "--protocol", "finetune"]
    assert live(*methods, *real, *protocols, "--dry-run") == 0
    planned = capsys.readouterr().out
    assert "scratch: not defined under protocol knn5" in planned
    assert "backbone: 3 cells, 0 cached, time unknown" in planned
    assert live(*methods, *real, *protocols) == 0
    printed = capsys.readouterr()
    assert "5-NN" in printed.err
    found = records(tmp_path)
    assert len(found) == 2 * (4 + 5), "scratch is fine-tuned only"
    assert {record.status for record in found} == {"ok"}
    by_method = {record.method.name: record for record in found}
    assert by_method["random"].decision.configuration is not None
    assert by_method["random"].decision.mixture == "uniform"
    assert by_method["scratch"].decision is None
    assert by_method["scratch"].protocol.name == "finetune"
    assert by_method["imagenet"].pretraining.simulator == "real-images:real"
    assert by_method["imagenet"].pretraining.n_images == 24
    one = by_method["single-best"]
    assert one.source.kind == "live"
    assert one.reference is None
    assert one.task.data.partial.startswith("3 classes instead of")
    assert one.scores[0].n_correct == round(one.accuracy * one.task.n_test / 100)
    assert one.pretraining.checkpoint_sha256
    assert printed.out.count("Fine-tuning") >= 4, "two splits: averages, and accuracies by task"
    written = {path.name for path in (tmp_path / "out").glob("*.md")}
    assert written == {"seen.md", "unseen.md"}
    assert build_boards(found)
    assert live(*methods, *real, *protocols, "--dry-run") == 0
    assert "0 cells to do, 18 done" in capsys.readouterr().err


def test_seeds_share_nothing_and_methods_share_backbones(live, tmp_path, capsys):
    assert live("-m", "single-best", "--seeds", "0,1") == 0
    capsys.readouterr()
    assert main(["cache", "ls"]) == 0
    table = capsys.readouterr().out
    assert "backbone" in table
    found = records(tmp_path)
    by_seed = {
        (record.seed, record.task.name): record.pretraining.checkpoint_sha256
        for record in found
        if record.method.name == "single-best"
    }
    assert by_seed[0, "EuroSAT"] == by_seed[0, "PacsC"] != by_seed[1, "EuroSAT"]
    assert main(["cache", "prune", "--keep", "9" * 5000]) == 2
    assert main(["cache", "prune", "--keep", "0"]) == 0
    assert "Removed" in capsys.readouterr().out
    assert main(["cache", "ls", "--all"]) == 0
    assert "0 cells" in capsys.readouterr().out


def test_methods_choose_for_tasks_by_their_own_vectors(live, tmp_path, small_table, capsys):
    """A task that the table lacks is judged with its own vector, which is part of the key."""
    path, words = tmp_path / "mine.safetensors", ["-m", "nearest-task", "--tasks", "PacsC"]
    assert live(*words) == 3
    assert "PacsC" in capsys.readouterr().err
    for number, near in enumerate(("EuroSAT", "SVHN")):
        own = TaskEmbeddings(("PacsC",), small_table.embeddings.of(near)[None])
        write_embeddings(own, path)
        assert live(*words, "--embeddings", str(path)) == 0
        (record,) = records(tmp_path)
        best = small_table.means[small_table.row(near)].argmax()
        assert record.decision.configuration == str(small_table.space.at(int(best)))
        assert record.supersedes, f"run {number} repeats the cell"
    before = len((tmp_path / "out" / "records.jsonl").read_text().splitlines())
    assert live(*words, "--embeddings", str(path)) == 0
    assert main(["retry", str(tmp_path / "out")]) == 0
    assert len((tmp_path / "out" / "records.jsonl").read_text().splitlines()) == before


@pytest.mark.parametrize(
    ("vectors", "fact"),
    [({"PacsC": [1.0, 2.0]}, "2 numbers"), ({"PacsX": [1.0] * 40}, "PacsX")],
)
def test_vectors_that_do_not_fit_are_refused(live, tmp_path, vectors, fact, capsys):
    path = tmp_path / "mine.safetensors"
    write_embeddings(TaskEmbeddings(tuple(vectors), np.array([*vectors.values()])), path)
    assert live("-m", "nearest-task", "--tasks", "PacsC", "--embeddings", str(path)) == 2
    assert fact in capsys.readouterr().err


def test_vectors_of_tasks_need_live_scores(tmp_path, capsys):
    assert main(["run", "-m", "random", "--embeddings", "x.safetensors"]) == 2
    assert "--live" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="profile"):
        t2s.run("random", embeddings="x.safetensors")


def test_a_damaged_pack_fails_its_cells_alone_and_is_retried(live, tmp_path, capsys):
    pack = tmp_path / "data" / "PacsC.parquet"
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-100] + b"x" * 100)
    assert live("-m", "untrained") == 3
    assert "damaged or changed" in capsys.readouterr().err
    status = {record.task.name: record.status for record in records(tmp_path)}
    assert status == {"EuroSAT": "ok", "PacsC": "failed"}
    pack.write_bytes(whole)
    assert main(["retry", str(tmp_path / "out")]) == 0
    assert {record.status for record in records(tmp_path)} == {"ok"}


def test_a_missing_pack_that_is_asked_for_fails_alone(live, tmp_path, capsys):
    assert live("-m", "untrained", "--tasks", "EuroSAT,DTD") == 3
    assert "DTD" in capsys.readouterr().err
    status = {record.task.name: record.status for record in records(tmp_path)}
    assert status == {"EuroSAT": "ok", "DTD": "failed"}


def measured_with(small_table, folder, profile="tiny", data=None):
    """The small table, as if it had been measured with a profile of these tests."""
    from benchmark.rewards.card import Description
    from benchmark.rewards.storage import write_table

    table = replace(small_table, profile=profile)
    write_table(
        table,
        folder,
        Description(
            title="Small", simulator="toy", simulator_version=ToySimulator.version, data=data or {}
        ),
    )


def test_a_table_of_the_same_profile_is_compared_with(
    live, small_table, small_table_folder, tmp_path, capsys
):
    measured_with(small_table, small_table_folder)
    assert live("-m", "single-best") == 0
    assert "1 of these cells are in table small" in capsys.readouterr().err
    by_task = {record.task.name: record.reference for record in records(tmp_path)}
    assert by_task["EuroSAT"] is not None
    assert by_task["PacsC"] is None


@pytest.mark.slow
def test_another_profile_of_the_same_name_is_not_compared_with(
    live, small_table, small_table_folder, tmp_path, capsys
):
    measured_with(small_table, small_table_folder, "mini")
    (tmp_path / "tiny.yaml").write_text(PROFILE.replace("name: tiny", "name: mini"))
    assert live("-m", "single-best", "--tasks", "EuroSAT") == 0
    assert "of these cells are in table small" not in capsys.readouterr().err


@pytest.mark.slow
def test_what_was_learnt_from_and_real_images_are_part_of_the_key(
    live, small_table, small_table_folder, tmp_path, capsys
):
    real = ["-m", "single-best", "-m", "imagenet", "--tasks", "EuroSAT"]
    one = ["--real-images", str(tmp_path / "real.parquet")]
    assert live(*real, *one) == 0
    capsys.readouterr()
    assert live(*real, *one, "--dry-run") == 0
    assert "0 cells to do, 2 done" in capsys.readouterr().err
    (before,) = [r for r in records(tmp_path) if r.method.name == "single-best"]
    assert before.method.learnt_table.id == small_table.id
    write_pack(coloured(4, 90, 6), tmp_path / "other.parquet")
    assert live(*real, "--real-images", str(tmp_path / "other.parquet"), "--dry-run") == 0
    assert "1 cells to do, 1 done" in capsys.readouterr().err
    measured_with(replace(small_table, values=100 - small_table.values), small_table_folder)
    assert live(*real, *one, "--dry-run") == 0
    assert "2 cells to do, 0 done" in capsys.readouterr().err


@pytest.mark.parametrize("same", [True, False])
def test_a_table_of_other_data_is_not_compared_with(
    live, same, small_table, small_table_folder, tmp_path, capsys
):
    from benchmark.rewards.card import TableDataEntry
    from benchmark.tasks.card import card_path, read_card

    digest = read_card(card_path("EuroSAT", tmp_path / "data")).digest if same else "0" * 64
    data = {"EuroSAT": TableDataEntry(revision="r", digest=digest, classes=3, n_train=30)}
    measured_with(small_table, small_table_folder, data=data)
    assert live("-m", "single-best", "--tasks", "EuroSAT") == 0
    assert ("of these cells are in table small" in capsys.readouterr().err) is same
    (record,) = records(tmp_path)
    assert (record.reference is not None) is same


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--profile", "mimi"], "Did you mean 'mini'"),
        (["-P", "clases=3"], "Did you mean 'classes'"),
        (["-P", "classes=99"], "from 1 to 8"),
        (["-P", "network=foo", "--dry-run"], "network 'foo'"),
        (["--device", "foo", "--dry-run"], "'foo'"),
        (["-P", "recipe=minni"], "Did you mean 'mini'"),
        (["-P", "simulator=glx"], "simulator 'glx'"),
        (["--device", "cuda:7"], "cuda:7"),
        (["--protocol", "knn"], "Did you mean 'knn5'"),
    ],
)
def test_mistakes_are_sentences(live, tmp_path, words, sentence, capsys):
    assert live("-m", "untrained", *words) in (2, 3)
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "Traceback" not in printed.err


def test_options_of_live_scoring_need_live(capsys):
    assert main(["run", "-m", "random", "--profile", "mini", "--device", "cpu"]) == 2
    assert "--profile, --device" in capsys.readouterr().err


def test_the_request_is_remembered(live, tmp_path):
    assert live("-m", "untrained", "--tasks", "PacsC", "-P", "images_per_class=6") == 0
    (entry,) = json.loads((tmp_path / "out" / "requests.json").read_bytes())
    (one,) = entry["request"]["live"]
    assert json.dumps(one["changes"]) == '{"images_per_class": 6}'
    assert one["profile"] == str(tmp_path / "tiny.yaml:tiny"), "wherever retry is called"


def test_a_file_with_a_series_is_a_series(live, tmp_path, capsys):
    series = (
        "sweeps:\n  - {name: by-images, profile: tiny, points: [{images_per_class: 4}, "
        "{images_per_class: 6}]}\n"
    )
    (tmp_path / "tiny.yaml").write_text(PROFILE + series)
    assert live("-m", "untrained", "--dry-run") == 0
    planned = capsys.readouterr().err
    assert "images_per_class=4" in planned
    assert "images_per_class=6" in planned
    one = f"{tmp_path / 'tiny.yaml'}:by-image"
    assert live("-m", "untrained", "--dry-run", "--profile", one) == 2
    assert "Did you mean 'by-images'" in capsys.readouterr().err
    capsys.readouterr()
    assert live("-m", "untrained", "--dry-run", "--profile", "mini") == 0
    assert "images_per_class=6, mini;" in capsys.readouterr().err, "--profile twice measures both"
    assert main(["table", "build", "-o", "t", "--profile", str(tmp_path / "tiny.yaml")]) == 2
    assert "run --live" in capsys.readouterr().err


def test_one_plan_over_profiles_and_protocols(live, tmp_path, capsys, monkeypatch):
    from benchmark.runs import fits

    fitted = []
    original = fits._fit_here
    monkeypatch.setattr(
        fits, "_fit_here", lambda method, task: fitted.append(method.name) or original(method, task)
    )
    other = PROFILE.partition("profiles:\n")[2].replace("tiny", "other")
    (tmp_path / "tiny.yaml").write_text(PROFILE + other.replace("classes: 3", "classes: 4"))
    words = ["-m", "task2sim", "-O", "task2sim.epochs=3", "-O", "task2sim.hidden=8"]
    words += ["-m", "single-best", "--protocol", "knn5", "--protocol", "linear"]
    words += ["--tasks", "EuroSAT"]
    assert live(*words, "--dry-run") == 0
    printed = capsys.readouterr()
    assert "profiles tiny, other" in printed.err
    assert "8 cells to do" in printed.err, "2 methods, 2 profiles, 2 protocols"
    assert "Fits to come: task2sim[epochs=3,hidden=8], 1 (" in printed.out
    assert "other: backbone: at most 2 cells" in printed.out
    assert "all: at most 16 cells, 0 cached" in printed.out
    assert fitted == ["single-best"]
    assert not (tmp_path / "out").exists()
    assert live(*words) == 0
    assert fitted == ["single-best", "task2sim", "single-best"], "one fit for all profiles"
    found = records(tmp_path)
    places = [(r.source.id, r.method.name, r.protocol.name) for r in found]
    assert places == [
        (profile, method, protocol)
        for profile in ("tiny", "other")
        for method in ("task2sim", "single-best")
        for protocol in ("knn5", "linear")
    ]
    (tmp_path / "out" / "records.jsonl").unlink()
    capsys.readouterr()
    assert live(*words, "--dry-run") == 0
    planned = capsys.readouterr().out
    assert "Fits to come" not in planned, "the fit was kept"
    assert ", 0 cached" not in planned
    assert "about 0 s left" not in planned


def test_a_dry_run_estimates_cells_of_another_profile(live, tmp_path, capsys):
    assert live("-m", "untrained", "-m", "single-best") == 0
    capsys.readouterr()
    assert live("-m", "single-best", "-P", "images_per_class=6", "--dry-run") == 0
    planned = capsys.readouterr().out
    assert "unknown" not in planned
    assert planned.count("left") == 4, "dataset, backbone, scores and all together"


def test_sources_are_rows_that_share_no_cell(live, tmp_path, capsys):
    written(coloured(5, 60, 4), tmp_path / "photos")
    real = f"packed={tmp_path / 'real.parquet'}"
    both = ["--source", f"photos={tmp_path / 'photos'}", "--source", real]
    assert live(*both, "--dry-run") == 0
    assert "backbone: 2 cells" in capsys.readouterr().out
    assert live(*both) == 0
    found = records(tmp_path)
    assert {record.status for record in found} == {"ok"}
    assert {r.method.label for r in found} == {"photos", "packed"}
    assert len({record.pretraining.checkpoint_sha256 for record in found}) == 2
    entry = next(r.pretraining for r in found if r.method.name == "photos")
    assert (entry.simulator, entry.kind, entry.n_images) == ("source:photos", "source", 24)
    before = {r.method.name: r.key for r in found if r.task.name == "PacsC"}
    written(coloured(6, 60, 4), tmp_path / "photos")
    assert live(*both) == 0
    after = {r.method.name: r.key for r in records(tmp_path) if r.task.name == "PacsC"}
    assert after["photos"] != before["photos"], "changed images are measured again"
    assert after["packed"] == before["packed"]
    assert len(records(tmp_path)) == 4, "one record per cell: the later ones replace the others"
    assert build_boards(records(tmp_path))


def test_options_of_a_source_are_part_of_its_row(live, tmp_path, capsys):
    example = Path(__file__).parents[2] / "docs" / "examples" / "my_source.py"
    plugin = ["--plugin", str(example), "--source", "noise"]
    tasks = ["--tasks", "PacsC", "-m", "untrained"]
    assert live(*plugin, *tasks) == 0
    assert live(*plugin, *tasks, "-O", "noise.contrast=60") == 0
    found = {r.method.label: r for r in records(tmp_path)}
    assert set(found) == {"noise", "noise[contrast=60.0]", "untrained"}
    entry = found["noise"].pretraining
    assert (entry.simulator, entry.licence) == ("source:noise", "CC0-1.0")
    assert len({r.pretraining.checkpoint_sha256 for r in found.values()}) == 3
    (requests,) = (tmp_path / "out").glob("requests.json")
    assert "my_source.py" in requests.read_text()
    capsys.readouterr()
    assert main(["status", str(tmp_path / "out")]) == 0


def test_faults_of_sources_are_named_before_any_work(live, tmp_path, capsys):
    for words, fact in (
        (["--source", "fractal"], "fractal"),
        (["--source", f"imagenet={tmp_path / 'real.parquet'}"], "imagenet"),
        (["--source", f"a={tmp_path / 'none'}"], "none"),
        (["--source", f"a={tmp_path / 'real.parquet'}", "-P", "images_per_class=80"], "80"),
        (["--source", "a=x", "--source", "a=y"], "different names"),
        ([], "--source"),
    ):
        assert live(*words) == 2
        assert fact in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["run", "--source", f"a={tmp_path / 'real.parquet'}"]) == 2
    assert "--live" in capsys.readouterr().err


def test_a_failed_source_is_retried(live, tmp_path, monkeypatch, capsys):
    plugin = tmp_path / "moody.py"
    plugin.write_text(
        "import os\n"
        "import numpy as np\n"
        "from benchmark.sources.interface import ImageSource\n"
        "class Moody(ImageSource):\n"
        "    def draw(self, amount, seed, task=None):\n"
        "        if 'MOODY' in os.environ:\n"
        "            raise RuntimeError('not today')\n"
        "        rng = np.random.default_rng(seed)\n"
        "        for _ in range(amount.classes):\n"
        "            shape = amount.images_per_class, amount.size, amount.size, 3\n"
        "            yield rng.integers(0, 256, shape, dtype=np.uint8)\n"
        "SOURCES = {'moody': Moody}\n"
    )
    monkeypatch.setenv("MOODY", "1")
    words = ["--source", "moody", "--plugin", str(plugin), "--tasks", "PacsC"]
    assert live(*words) == 3
    assert "not today" in capsys.readouterr().err
    monkeypatch.delenv("MOODY")
    assert main(["retry", str(tmp_path / "out"), "--plugin", str(plugin)]) == 0
    (record,) = records(tmp_path)
    assert (record.status, record.method.name) == ("ok", "moody")
    assert record.method.code_sha256
