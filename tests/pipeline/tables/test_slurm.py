import json
import threading
import time

import pytest

from benchmark.executors import slurm
from benchmark.executors.interface import Placement, Workers
from benchmark.pipeline.table_builder import TableBuilder
from tests.pipeline.tables.conftest import LABELS, files


@pytest.mark.slow
@pytest.mark.slurm
def test_a_cluster_that_loses_all_workers_gives_the_same_table(
    request_of, tmp_path, slurm_cluster, monkeypatch
):
    monkeypatch.setattr(slurm, "_LONGEST_LOOK", 1.0)
    request = request_of(seeds=(0,))
    alone, spread = (TableBuilder(request, tmp_path / name) for name in ("alone", "spread"))
    alone.measure(Workers(tmp_path / "cells"))
    alone.write(LABELS, with_gaps=True)
    seen = []

    def after_one(result):
        seen.append(result.job)
        if len(seen) == 1:
            slurm_cluster.clear()

    workers = Workers(tmp_path / "other", 2, placement=Placement("slurm", time_limit=5))
    assert spread.measure(workers, after_one) == []
    assert sorted(seen) == sorted(spread.jobs)
    spread.write(LABELS, with_gaps=True)
    assert files(tmp_path / "spread") == files(tmp_path / "alone")
    assert sorted(path.name for path in (tmp_path / "spread.measured").iterdir()) == sorted(
        path.name for path in (tmp_path / "alone.measured").iterdir()
    )


@pytest.mark.slow
@pytest.mark.slurm
def test_training_resumes_from_its_checkpoint_in_a_requeued_worker(
    request_of, tmp_path, slurm_cluster, monkeypatch
):
    monkeypatch.setattr(slurm, "_LONGEST_LOOK", 1.0)
    changes = {"images_per_class": 200}
    build = TableBuilder(
        request_of(seeds=(0,), configurations=(3,), changes=changes), tmp_path / "table"
    )

    def events():
        path = build.journal.folder / "trace.jsonl"
        return list(map(json.loads, path.read_text().splitlines())) if path.exists() else []

    def epochs(events):
        beats = [event["beat"] for event in events if event["kind"] == "beat"]
        return [b["done"] for b in beats if (b["stage"], b["kind"]) == ("pre-train", "point")]

    def warn():  # as Slurm does before the time limit
        while len(epochs(events())) < 2:
            time.sleep(0.1)
        slurm_cluster.run("scancel", "--signal=USR2", events()[0]["worker"])

    warning = threading.Thread(target=warn, daemon=True)
    warning.start()
    workers = Workers(tmp_path / "cells", placement=Placement("slurm", time_limit=5))
    assert build.measure(workers) == []
    seen = events()
    kinds = [event["kind"] for event in seen if event["kind"] != "beat"]
    assert kinds == ["began", "lost", "began", "ended"]
    again = [event["kind"] for event in seen].index("lost")
    assert epochs(seen[again:])[0] > 1
