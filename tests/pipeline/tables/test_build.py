import shutil

import numpy as np
import pytest

from benchmark.core.errors import (
    InvalidInputError,
    StorageError,
)
from benchmark.core.store import CellStore
from benchmark.pipeline.settings import Source
from benchmark.pipeline.stages import Pipeline
from benchmark.pipeline.table_builder import TableBuilder
from benchmark.pipeline.table_jobs import make_jobs
from benchmark.rewards.checks import table_faults
from benchmark.rewards.storage import read_table
from benchmark.space import PAPER_SPACE
from benchmark.tasks.pack import write_pack
from tests.pipeline.conftest import coloured
from tests.pipeline.tables.conftest import LABELS, files


def test_jobs_are_whole_seeds_in_a_mixed_order(request_of):
    jobs = list(make_jobs(request_of(configurations=None, references=("untrained",)), PAPER_SPACE))
    assert len(jobs) == 2 * 257
    assert [job.seed for job in jobs] == [0] * 257 + [1] * 257
    assert jobs[0].row == "untrained"
    rows = [job.row for job in jobs[1:257]]
    assert sorted(rows) == [str(configuration) for configuration in PAPER_SPACE]
    assert rows != sorted(rows)


def test_a_table_holds_the_pipelines_scores(request_of, execution, tmp_path):
    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")
    request = request_of(
        references=("untrained", "real-images"), real_images=str(tmp_path / "real.parquet")
    )
    build = TableBuilder(request, tmp_path / "table")
    reported = []
    assert build.measure(execution, on_job=reported.append) == []
    assert len(reported) == 2 * (3 + 2)
    table = build.write(LABELS, with_gaps=True)
    pipeline = Pipeline(build.profile, CellStore(execution.store), device="cpu")
    space = pipeline.simulator().capabilities.space
    for number in (0, 3, 255):
        for seed in (0, 1):
            wanted = pipeline.score(
                Source("rendered", space.at(number)), seed, build.data["PacsC"], "knn5"
            )
            assert table.values[1, number, seed] == wanted.accuracy
    scratch = pipeline.score(Source("none"), 1, build.data["EuroSAT"], "knn5").accuracy
    pipeline.close()
    assert table.card.references["untrained"]["EuroSAT"][1] == scratch
    assert set(table.card.references) == {"untrained", "real-images"}
    assert table.card.real_images.startswith("real-")
    assert table.card.tasks[0].data.partial.startswith("3 classes")
    assert table.card.cost.backbones == 10
    assert int(np.isnan(table.values).sum()) == 2 * 253 * 2
    assert [fault for fault in table_faults(table) if "coverage" not in fault] == []


def test_cost_is_that_of_making_the_cells_whoever_made_them(request_of, execution, tmp_path):
    request = request_of(seeds=(0,), configurations=(0, 3))
    measured = []
    TableBuilder(request, tmp_path / "first").measure(execution, on_job=measured.append)
    again = []
    TableBuilder(request, tmp_path / "second").measure(execution, on_job=again.append)
    assert [result.cost for result in again] == [result.cost for result in measured]
    assert all(result.seconds > 0 and result.cost > result.seconds for result in measured)


@pytest.mark.slow
def test_more_can_be_added_later(request_of, execution, tmp_path):
    first = TableBuilder(request_of(tasks=("EuroSAT",), seeds=(0,)), tmp_path / "table")
    first.measure(execution)
    more = TableBuilder(request_of(), tmp_path / "table")
    assert len(more.left()) == 6
    more.measure(execution, limit=2)
    assert len(more.left()) == 4
    more.measure(execution)
    added = more.write(LABELS, with_gaps=True)
    whole = TableBuilder(request_of(), tmp_path / "whole")
    whole.measure(execution)
    whole.write(LABELS, with_gaps=True)
    assert files(tmp_path / "table") == files(tmp_path / "whole")
    assert np.isnan(added.values).sum() == np.isnan(read_table(tmp_path / "whole").values).sum()


@pytest.mark.slow
def test_a_finished_table_grows(request_of, execution, tmp_path):
    first = TableBuilder(
        request_of(tasks=("EuroSAT",), seeds=(0,), configurations=(0, 3)), tmp_path / "t"
    )
    first.measure(execution)
    old = first.write(LABELS, with_gaps=True)
    reported = []
    more = TableBuilder(request_of(seeds=(1, 0)), tmp_path / "t")
    more.measure(execution, on_job=reported.append)
    assert len(reported) == 6  # of the two that are there a task is missing
    new = more.write(LABELS, with_gaps=True)
    assert (new.tasks, new.seeds) == (("EuroSAT", "PacsC"), (1, 0))
    np.testing.assert_array_equal(new.values[0, [0, 3], 1], old.values[0, [0, 3], 0])
    assert np.isfinite(new.values[:, [0, 3, 255]]).all()
    with pytest.raises(InvalidInputError, match="Tables only grow"):
        TableBuilder(request_of(tasks=("EuroSAT",)), tmp_path / "t").write(LABELS, with_gaps=True)
    assert read_table(tmp_path / "t").digest == new.digest
    shutil.rmtree(tmp_path / "t.measured")
    with pytest.raises(InvalidInputError, match="without its measurements"):
        TableBuilder(request_of(), tmp_path / "t")


def test_two_builds_do_not_write_to_one_folder(request_of, execution, tmp_path):
    first, second = (TableBuilder(request_of(), tmp_path / "table") for _ in range(2))
    with (
        first.journal.begun(),
        pytest.raises(StorageError, match="another build writes its measurements there"),
    ):
        second.measure(execution)
    assert TableBuilder(request_of(), tmp_path / "table").measure(execution, limit=1) == []


def test_references_of_another_collection_are_measured_again(request_of, execution, tmp_path):
    for seed, name in enumerate(("one", "two")):
        write_pack(coloured(seed, 90, 6), tmp_path / f"{name}.parquet")
    wanted = {"references": ("real-images",), "configurations": (0,), "seeds": (0,)}
    one = request_of(**wanted, real_images=str(tmp_path / "one.parquet"))
    TableBuilder(one, tmp_path / "table").measure(execution)
    assert TableBuilder(one, tmp_path / "table").left() == []
    two = TableBuilder(
        request_of(**wanted, real_images=str(tmp_path / "two.parquet")), tmp_path / "table"
    )
    assert [job.row for job in two.left()] == ["real-images"]


def test_a_folder_of_other_measurements_is_refused(request_of, tmp_path):
    with TableBuilder(request_of(seeds=(0,)), tmp_path / "table").journal.begun():
        pass
    with pytest.raises(InvalidInputError, match="measurements of another profile"):
        TableBuilder(request_of(changes={"classes": 4}), tmp_path / "table")


@pytest.mark.slow
def test_half_a_line_of_a_killed_process_is_skipped(request_of, execution, tmp_path):
    build = TableBuilder(request_of(seeds=(0,)), tmp_path / "table")
    build.measure(execution, limit=2)
    path = tmp_path / "table.measured" / "measured.jsonl"
    with path.open("ab") as stream:
        stream.write(path.read_bytes()[:50])
    assert len(build.left()) == 1
    build.measure(execution)
    assert build.left() == []
