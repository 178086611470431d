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
