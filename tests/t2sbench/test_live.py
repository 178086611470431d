"""Live scores, datasets and vectors of tasks from Python."""

import numpy as np
import pytest

import t2sbench as t2s
from benchmark.tasks.task_data import load_task_data
from tests.pipeline.conftest import coloured, write_tasks

CHANGES = {
    "simulator": "toy",
    "classes": 3,
    "images_per_class": 8,
    "encoding": "png",
    "cpu_threads": 1,
}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Two small tasks are prepared."""
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    write_tasks(tmp_path / "data")


@pytest.mark.slow
def test_a_run_and_a_score_measure_the_same(prepared):
    live = {"profile": "mini", "changes": CHANGES, "device": "cpu"}
    results = t2s.run("single-best", tasks=["PacsC"], **live)
    (row,) = results.to_frame().to_dict("records")
    assert row["status"] == "ok"
    assert row["seed"] == 0
    assert t2s.score(row["configuration"], "PacsC", **live) == row["accuracy"]


def test_vectors_of_a_task_and_of_its_folder(prepared, tmp_path):
    quick = {"draws": 64, "max_images": 30}
    one = t2s.embed("EuroSAT", **quick)
    assert one.shape == (2240,)
    assert (one == t2s.embed("EuroSAT", **quick)).all()
    images, task = coloured(0, 45, 3), load_task_data("EuroSAT")
    for part, rows in (("train", task.train), ("test", task.test)):
        for row in rows.tolist():
            name = images.class_names[images.labels[row]]
            path = tmp_path / "folder" / part / name / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(images.read(row))
    other = t2s.embed(tmp_path / "folder", **quick)
    assert np.corrcoef(one, other)[0, 1] > 0.8  # the same images, other draws


def test_a_dataset_is_resumed(tmp_path):
    small = {"simulator": "toy", "classes": ["burr", "clover"], "images_per_class": 3, "size": 8}
    first = t2s.render("10000000", tmp_path / "set", layout="imagefolder", encoding="png", **small)
    assert first.fresh == 6
    again = t2s.render("10000000", tmp_path / "set", layout="imagefolder", encoding="png", **small)
    assert again.fresh == 0
    assert again.manifest["digest"] == first.manifest["digest"]
    with pytest.raises(t2s.T2SBenchError, match="quality"):
        t2s.render("10000000", tmp_path / "other", quality=101, **small)
    with pytest.raises(t2s.T2SBenchError, match="object_rotation"):
        t2s.render("1", tmp_path / "other", **small)
