import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.errors import UnavailableError
from benchmark.executors.interface import Placement, Workers
from benchmark.pipeline.table_builder import TableBuilder
from tests.pipeline.tables.conftest import LABELS, PROFILE, files

ROOT = Path(__file__).parents[3]


@pytest.fixture
def build(tiny_data, tmp_path, monkeypatch):
    from benchmark.pipeline.settings import LiveSettings
    from benchmark.pipeline.table_jobs import TableRequest

    (tmp_path / "tiny.yaml").write_text(PROFILE)
    monkeypatch.setenv("T2SBENCH_DATA", str(tiny_data))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

    def make(name):
        profile, numbers = str(tmp_path / "tiny.yaml"), tuple(range(4))
        settings = LiveSettings(profile=profile, device="cpu")
        request = TableRequest(("EuroSAT", "PacsC"), (0,), settings, numbers)
        monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / f"cache-{name}"))
        return TableBuilder(request, tmp_path / name)

    return make


@pytest.mark.slow
def test_two_nodes_one_of_them_killed_give_the_same_table(build, tmp_path):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    alone = build("alone")
    alone.measure(Workers(tmp_path / "cache-alone" / "cells"))
    alone.write(LABELS, with_gaps=True)

    spread = build("spread")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        seen = []

        def after_one(result):
            seen.append(result.job)
            if len(seen) == 1:
                cluster.remove_node(second, allow_graceful=False)

        execution = Workers(
            tmp_path / "cache-spread" / "cells",
            placement=Placement("ray", address=cluster.address),
        )
        assert spread.measure(execution, after_one) == []
    finally:
        cluster.shutdown()
    assert len(set(seen)) == 4
    spread.write(LABELS, with_gaps=True)
    assert files(tmp_path / "spread") == files(tmp_path / "alone")


def test_no_cluster_at_the_address_is_a_sentence(build, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_gcs_rpc_server_connect_timeout_s", "1")
    with pytest.raises(UnavailableError, match="nowhere"):
        build("none").measure(
            Workers(tmp_path / "cells", placement=Placement("ray", address="nowhere"))
        )


def test_without_ray_the_extra_is_named(build, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UnavailableError, match=r"t2sbench\[ray\]"):
        build("none").measure(Workers(tmp_path / "cells", placement=Placement("ray")))


def test_jobs_that_fit_on_no_machine_are_refused():
    from benchmark.executors.ray_cluster import _check_size

    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    _check_size(nodes, 2, 0)
    with pytest.raises(UnavailableError, match=r"1 CPUs and 1 GPUs.*2 CPUs and 0 GPUs"):
        _check_size(nodes, 1, 1)
    with pytest.raises(UnavailableError, match="4 CPUs"):
        _check_size(nodes, 4, 0)


@pytest.mark.slow  # starts a cluster
def test_what_a_worker_refuses_is_said_in_its_words(build, tmp_path):
    pytest.importorskip("ray")
    made = build("one")
    settings = replace(made.settings, device="cuda:7")
    made.request = replace(made.request, settings=settings)
    with pytest.raises(UnavailableError, match="cuda:7"):
        made.measure(Workers(tmp_path / "cells", placement=Placement("ray")))
