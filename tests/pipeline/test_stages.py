import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    T2SBenchError,
    UnavailableError,
)
from benchmark.core.store import CellStore
from benchmark.pipeline.settings import Source
from benchmark.pipeline.stages import Pipeline
from benchmark.pipeline.subprocesses import Renderer
from benchmark.pipeline.task_images import evaluation_settings
from benchmark.pretraining.backbone_io import load_backbone
from benchmark.protocols.data import EvaluationData
from benchmark.protocols.evaluate import evaluate
from benchmark.protocols.registry import PROTOCOLS
from benchmark.sources.collection import open_collection
from benchmark.sources.registry import REAL_IMAGES, NamedSource
from benchmark.tasks.decoding import decode_images
from benchmark.tasks.images import ImageFacts, LabelledImages
from benchmark.tasks.registry import Hyperparameters, load_data_tasks
from benchmark.tasks.task_data import Description, load_task_data, write_task_data
from tests.pipeline.conftest import coloured

ROOT = Path(__file__).parents[2]


class Stages(list):
    """Names of the stages that begin, and of repairs."""

    def __call__(self, beat):
        if beat.kind in ("began", "repair"):
            self.append(beat.stage)


@pytest.fixture
def stages():
    return Stages()


@pytest.fixture
def pipeline(tiny_profile, store, stages):
    made = Pipeline(tiny_profile, store, device="cpu", on_beat=stages)
    yield made
    made.close()


def rendered(pipeline, number):
    return Source("rendered", pipeline.simulator().capabilities.space.at(number))


def test_cells_are_shared_between_tasks_and_protocols(pipeline, tiny_data, stages):
    source = rendered(pipeline, 3)
    tasks = [load_task_data(name, tiny_data) for name in ("EuroSAT", "PacsC")]
    first = [pipeline.score(source, 0, task, "knn5") for task in tasks]
    assert stages == ["render", "pre-train", "knn5", "knn5"]
    pipeline.score(source, 0, tasks[0], "linear")
    assert stages[4:] == ["linear"]
    again = [pipeline.score(source, 0, task, "knn5") for task in tasks]
    assert again == first
    assert len(stages) == 5
    assert {entry.kind for entry in pipeline.store.entries()} == {
        "dataset",
        "backbone",
        "features",
        "score",
    }


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_a_score_is_that_of_the_stored_backbone(protocol, pipeline, tiny_profile, task):
    if protocol == "knn5-released":
        pytest.skip("needs a batch of 128 training images; tests/protocols has it")
    source = rendered(pipeline, 3)
    cell = pipeline.score(source, 0, task, protocol)
    found = pipeline.backbone(source, 0)
    folder = pipeline.store.folder("backbone", found.key)
    backbone = load_backbone(folder / "backbone.safetensors").backbone
    pixels = decode_images(task.pack, 32)
    data = EvaluationData(
        task.name,
        pixels[task.train],
        task.labels[task.train],
        pixels[task.test],
        task.labels[task.test],
        3,
    )
    settings = evaluation_settings(tiny_profile.evaluation, task, pipeline.device, 32)
    wanted = evaluate(protocol, backbone, data, settings, seed=0)
    assert cell.accuracy == wanted.accuracy
    assert np.array_equal(cell.predictions(), wanted.predictions)
    assert cell.n_correct == int((wanted.predictions == task.labels[task.test]).sum())
    assert cell.weights_sha256 == found.pretrained.card.weights_sha256


def test_the_same_seed_gives_the_same_cell_anywhere(tiny_profile, task, tmp_path):
    scores = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        pipeline = Pipeline(tiny_profile, CellStore(tmp_path / name), device="cpu")
        scores.append(pipeline.score(rendered(pipeline, 3), seed, task, "knn5"))
        pipeline.close()
    assert scores[0].weights_sha256 == scores[1].weights_sha256 != scores[2].weights_sha256
    assert scores[0].backbone == scores[1].backbone != scores[2].backbone


def test_references(tiny_profile, store, task, tmp_path):
    from benchmark.tasks.pack import write_pack

    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")
    real = NamedSource(REAL_IMAGES, open_collection(str(tmp_path / "real.parquet")))
    pipeline = Pipeline(tiny_profile, store, device="cpu", sources={REAL_IMAGES: real})
    scratch = pipeline.score(Source("none"), 0, task, "finetune")
    subset = pipeline.score(Source("real-images"), 0, task, "knn5")
    assert (scratch.n_images, subset.n_images) == (0, 36)
    assert {entry.kind for entry in store.entries()} >= {"dataset", "backbone"}
    with pytest.raises(UnavailableError, match="--real-images PATH"):
        Pipeline(tiny_profile, store).score(Source("real-images"), 0, task, "knn5")


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("score", "score.json"),
        pytest.param("score", "predictions.npy", marks=pytest.mark.slow),
        pytest.param("backbone", "backbone.safetensors", marks=pytest.mark.slow),
        ("dataset", "pixels.npy"),
        pytest.param("features", "test.npy", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_cell_is_made_again(kind, file, tiny_profile, tmp_path, task, stages):
    def once():
        pipeline = Pipeline(tiny_profile, store, device="cpu", on_beat=stages)
        try:
            return pipeline.score(rendered(pipeline, 3), 0, task, "knn5")
        finally:
            pipeline.close()

    store = CellStore(tmp_path / "cells")
    first = once()
    kinds = ["dataset", "backbone", "features", "score"]
    for entry in store.entries():
        if entry.kind == kind:
            (entry.folder / file).write_bytes(b"broken")
        elif kinds.index(entry.kind) > kinds.index(kind):
            import shutil

            shutil.rmtree(entry.folder)  # so that the damaged one is needed
    stages.clear()
    again = once()
    assert (again.accuracy, again.weights_sha256) == (first.accuracy, first.weights_sha256)
    if kind in ("score", "backbone"):
        assert "repair" in stages


def test_pixels_that_changed_on_disk_are_noticed(tiny_profile, tmp_path, task, stages):
    store = CellStore(tmp_path / "cells")
    pipeline = Pipeline(tiny_profile, store, device="cpu", on_beat=stages)
    source = rendered(pipeline, 3)
    first = pipeline.dataset(source, 0).sha256
    (entry,) = [one for one in store.entries() if one.kind == "dataset"]
    path = entry.folder / "pixels.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-500] + bytes(500))
    stages.clear()
    assert pipeline.dataset(source, 0).sha256 == first
    pipeline.close()
    assert "repair" in stages
    assert path.read_bytes() == content


def test_a_cell_that_is_pruned_before_it_is_read_is_made_again(tiny_profile, tmp_path, monkeypatch):
    store = CellStore(tmp_path / "cells")
    pipeline = Pipeline(tiny_profile, store, device="cpu")
    get, calls = store.get, []

    def pruned(*arguments, **options):
        folder = get(*arguments, **options)
        calls.append(folder)
        if len(calls) == 1:
            store.prune(0)
        return folder

    monkeypatch.setattr(store, "get", pruned)
    assert len(pipeline.dataset(rendered(pipeline, 3), 0)) == 36
    pipeline.close()
    assert len(calls) == 2


@pytest.fixture
def failing(tmp_path):
    """A user's file with a network that cannot be built."""
    path = tmp_path / "failing.py"
    path.write_text("""\
from benchmark.core.errors import InvalidInputError
from benchmark.pretraining.networks import Network


def build(drop_path):
    raise InvalidInputError("no weights today")


NETWORKS = {"failing": Network("failing", build, 8)}
""")
    return path


def test_a_failed_backbone_is_not_tried_for_every_task(
    tiny_profile, store, tiny_data, stages, failing
):
    profile = tiny_profile.changed({"network": "failing"})
    pipeline = Pipeline(profile, store, device="cpu", plugin_files=(failing,), on_beat=stages)
    for name in ("EuroSAT", "PacsC"):
        with pytest.raises(InvalidInputError, match="no weights today"):
            pipeline.score(rendered(pipeline, 3), 0, load_task_data(name, tiny_data), "knn5")
    pipeline.close()
    assert stages == ["render", "pre-train"]


def test_an_image_of_a_task_that_does_not_decode_is_named(pipeline, tmp_path):
    images = coloured(0, 45, 3)
    broken = LabelledImages(
        images.class_names,
        images.labels,
        images.is_train,
        lambda row: images.read(row)[:60] if row == 7 else images.read(row),
    )
    folder = tmp_path / "broken"
    entry = load_data_tasks()["EuroSAT"]
    write_task_data(
        entry, broken, Description(source="test"), folder, known=[ImageFacts()] * len(broken)
    )
    task = load_task_data("EuroSAT", folder)
    with pytest.raises(InvalidFileError, match="row 7: the image does not decode"):
        pipeline.score(Source("none"), 0, task, "knn5")


def test_two_threads_share_the_work(tiny_profile, tmp_path, task):
    def once(_):
        pipeline = Pipeline(tiny_profile, CellStore(tmp_path / "cells"), device="cpu")
        try:
            return pipeline.score(rendered(pipeline, 3), 0, task, "knn5")
        finally:
            pipeline.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(once, range(2))
    assert first == second
    assert sum(entry.kind == "backbone" for entry in CellStore(tmp_path / "cells").entries()) == 1


SCRIPT = """
import sys
from pathlib import Path
from benchmark.tasks.task_data import load_task_data
from benchmark.pipeline.stages import Pipeline
from benchmark.pipeline.subprocesses import Renderer
from benchmark.pipeline.settings import Source
from benchmark.pipeline.profiles import find_profile
from benchmark.core.store import CellStore

changes = {"simulator": "toy", "classes": 4, "images_per_class": 40, "size": 32, "cpu_threads": 1}

if __name__ == "__main__":
    pipeline = Pipeline(find_profile("mini", changes), CellStore(Path(sys.argv[1])), device="cpu")
    space = pipeline.simulator().capabilities.space
    task = load_task_data("EuroSAT", Path(sys.argv[2]))
    for number in range(2):
        cell = pipeline.score(Source("rendered", space.at(number)), 0, task, "knn5")
        print(number, cell.accuracy, cell.weights_sha256, flush=True)
    pipeline.close()
"""


@pytest.mark.slow
def test_killed_at_every_stage_and_run_again_it_ends_the_same(tiny_data, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)

    def command(store):
        return [sys.executable, str(script), str(tmp_path / store), str(tiny_data)]

    def finish(store):
        done = subprocess.run(command(store), cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout

    # Killed while it trains (its workspace is there), between two stages, and after a score.
    store = CellStore(tmp_path / "killed")
    for event in (".work/backbone-*", "features/*/*/cell.json", "score/*/*/cell.json"):
        process = subprocess.Popen(command("killed"), cwd=ROOT, stdout=subprocess.DEVNULL)
        while not list(store.root.glob(event)):
            assert process.poll() is None, f"it ended before {event} was there"
            time.sleep(0.005)
        process.kill()
        process.wait()
    before = {entry.key for entry in store.entries()}
    assert len(before) >= 4
    assert finish("killed") == finish("whole")
    assert before <= {entry.key for entry in store.entries()}
    assert not list((store.root / ".work").glob("*"))


def test_beats_report_stages_and_curves(tiny_profile, store, task):
    beats = []
    pipeline = Pipeline(tiny_profile, store, device="cpu", on_beat=beats.append)
    source = rendered(pipeline, 3)
    for protocol in ("knn5", "linear"):
        pipeline.score(source, 0, task, protocol)
    pipeline.close()
    subject = source.subject(tiny_profile.name, 0)
    assert {beat.subject for beat in beats} == {subject}
    ended = [beat for beat in beats if beat.kind == "ended"]
    assert [beat.stage for beat in ended] == ["render", "pre-train", "knn5", "linear"]
    assert all(beat.seconds > 0 and not beat.error for beat in ended)
    assert [beat.task for beat in ended] == ["", "", task.name, task.name]
    epochs = pipeline.recipe.epochs
    curve = [beat for beat in beats if (beat.stage, beat.kind) == ("pre-train", "point")]
    assert [(beat.done, beat.total) for beat in curve] == [(n + 1, epochs) for n in range(epochs)]
    assert {"loss", "accuracy", "learning_rate"} <= curve[0].values.keys()
    linear = [beat for beat in beats if (beat.stage, beat.kind) == ("linear", "point")]
    assert linear[-1].done == linear[-1].total == len(linear)
    assert linear[-1].values["loss"] < linear[0].values["loss"]


def test_a_failed_stage_ends_with_its_error(tiny_profile, store, failing, task):
    beats = []
    profile = tiny_profile.changed({"network": "failing"})
    pipeline = Pipeline(profile, store, device="cpu", plugin_files=(failing,), on_beat=beats.append)
    with pytest.raises(T2SBenchError):
        pipeline.score(rendered(pipeline, 3), 0, task, "knn5")
    pipeline.close()
    assert beats[-1].stage == "pre-train"
    assert beats[-1].error


def test_rendering_reports_finished_shards(tiny_profile, store, monkeypatch):
    monkeypatch.setattr("benchmark.pipeline.subprocesses._POLL_SECONDS", 0.001)
    pipeline = Pipeline(tiny_profile, store, device="cpu")
    request = pipeline._request(rendered(pipeline, 3), 0).model_copy(update={"shard_size": 1})
    points, renderer = [], Renderer()
    renderer.render(request, store.root / "data", curve=lambda *point: points.append(point))
    renderer.close()
    images = [done for done, total, _ in points if total == len(request)]
    assert 0 < len(images) == len(points)
    assert images == sorted(set(images))


@pytest.mark.slow
def test_two_processes_train_one_backbone(tiny_profile, tmp_path, task):
    keys, beats = set(), []
    for name in ("a", "b"):
        pipeline = Pipeline(
            tiny_profile,
            CellStore(tmp_path / name),
            device="cpu",
            processes=2,
            on_beat=beats.append,
        )
        cell = pipeline.score(rendered(pipeline, 3), 0, task, "knn5")
        pipeline.close()
        keys.add((cell.backbone, cell.weights_sha256))
    alone = Pipeline(tiny_profile, CellStore(tmp_path / "c"), device="cpu")
    one = alone.score(rendered(alone, 3), 0, task, "knn5")
    alone.close()
    assert len(keys) == 1
    assert (one.backbone, one.weights_sha256) not in keys
    epochs = [beat.done for beat in beats if (beat.stage, beat.kind) == ("pre-train", "point")]
    assert epochs == 2 * list(range(1, pipeline.recipe.epochs + 1))


@pytest.mark.slow
def test_a_failure_of_one_of_several_processes_is_a_sentence(tiny_profile, tmp_path, task, failing):
    profile = tiny_profile.changed({"network": "failing"})
    store = CellStore(tmp_path / "a")
    pipeline = Pipeline(profile, store, device="cpu", plugin_files=(failing,), processes=2)
    with pytest.raises(T2SBenchError, match="no weights today"):
        pipeline.score(rendered(pipeline, 3), 0, task, "knn5")
    pipeline.close()


def test_a_stand_in_is_trained_like_the_original_unless_it_says_how(tiny_profile, task):
    from benchmark.protocols.settings import hyperparameters_of

    def settings_of(hyperparameters, stands_in_for):
        entry = task.task.model_copy(update={"hyperparameters": hyperparameters})
        card = task.card.model_copy(update={"stands_in_for": stands_in_for})
        mine = replace(task, task=entry, card=card)
        return evaluation_settings(
            tiny_profile.evaluation, mine, torch.device("cpu"), 32
        ).hyperparameters

    own = hyperparameters_of("Omniglot")
    assert settings_of(Hyperparameters(), "FMD") == hyperparameters_of("FMD") != Hyperparameters()
    assert settings_of(own, "FMD") == own
    assert settings_of(Hyperparameters(), None) == Hyperparameters()


@pytest.mark.parametrize(
    ("epochs", "schedule"),
    [(1, "constant"), (2, "x0.1 at epochs 1"), (4, "x0.1 at epochs 2 and 3")],
)
def test_short_schedules_state_their_drops(tiny_profile, store, task, epochs, schedule):
    evaluation = tiny_profile.evaluation.model_copy(update={"finetune_epochs": epochs})
    profile = tiny_profile.model_copy(update={"evaluation": evaluation})
    pipeline = Pipeline(profile, store, device="cpu")
    found = pipeline.score(Source("none"), 0, task, "finetune")
    assert found.hyperparameters["schedule"] == schedule
