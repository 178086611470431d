"""Fixtures for all tests: small tables, and the released one where it can be had."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from benchmark.core.errors import T2SBenchError
from benchmark.rewards.storage import read_table
from benchmark.rewards.table import RewardTable
from benchmark.runs.record import Record

# A busy machine must not fail a test: speed is measured in tests/benchmarks alone.
settings.register_profile("t2sbench", deadline=None)
settings.load_profile("t2sbench")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-released",
        action="store_true",
        help="fail, rather than skip, tests of the released table when it cannot be had",
    )

    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/data/golden.jsonl anew, after a change that is meant to change results",
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache or folder, and none tries the network by accident."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("T2SBENCH_MIRROR", raising=False)


@pytest.fixture(scope="session")
def released_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A cache folder with the released table prepared, from cache, mirror or network."""
    from benchmark.rewards.catalog import RECIPES

    shared = os.environ.get("T2SBENCH_TEST_CACHE")
    folder = Path(shared) if shared else tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("T2SBENCH_CACHE", str(folder))
        recipe = RECIPES["released"]
        try:
            recipe.build(recipe.folder)
        except T2SBenchError as error:
            if request.config.getoption("--require-released"):
                pytest.fail(f"the released table is required: {error}")
            pytest.skip(f"no released table: {error}")
    return folder


@pytest.fixture
def released_environment(released_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The process sees the prepared released table."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(released_cache))
    return released_cache


@pytest.fixture
def released(released_environment: Path) -> RewardTable:
    """The released table."""
    from benchmark.rewards.catalog import load_table

    return load_table("released")


@pytest.fixture(scope="session")
def small_table() -> RewardTable:
    """Made-up rewards: five seen and three unseen tasks, one seed, 400 test images each."""
    return read_table(Path(__file__).parent / "data" / "small-table")


@pytest.fixture
def small_table_folder(small_table: RewardTable, tmp_path: Path) -> Path:
    """A copy of the small table that a test may damage."""
    return shutil.copytree(Path(__file__).parent / "data" / "small-table", tmp_path / "small-table")


@pytest.fixture(scope="session")
def published_transfers():
    """A table of the published shape: 26 tasks, self rows, orders 1 to 4, about 1,300 edges.

    First-order transfers between all tasks, then all pairs and triples of the 5 best sources and
    all quadruples of the 6 best, as in the paper. Four tasks are sources only: nothing leads to
    them, as in the paper's list of self-supervised tasks.
    """
    import numpy as np

    from taskonomy.affinity import affinities
    from taskonomy.candidates import high_order_candidates
    from taskonomy.tournament import win_rates_of_accuracies
    from taskonomy.transfers import Transfer

    rng = np.random.default_rng(0)
    names = [f"Task {chr(65 + i)}" for i in range(26)]
    skill = rng.beta(4, 3, size=26)
    transfers = []
    for target in names[:22]:
        others = [name for name in names if name != target]
        single = np.clip(0.5 * rng.beta(3, 3, size=25) + 0.4 * skill[:25], 0.02, 0.98)
        merit = dict(zip([(name,) for name in others], single, strict=True))
        worth = {name: merit[name,] for name in others}
        for order in (2, 3, 4):
            for group in high_order_candidates(worth, order):
                merit[group] = min(0.99, max(worth[n] for n in group) + 0.05 * rng.random() * order)
        merit[()] = float(rng.uniform(0.7, 0.99))
        values = affinities(win_rates_of_accuracies(list(merit.values()))).values
        transfers += [Transfer(target, g, float(p)) for g, p in zip(merit, values, strict=True)]
    return transfers


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """Maker of valid records: ``make_record(method, task, seed, value, **changes)``.

    ``value=None`` makes a failed cell. Changes go into the part that has such a field: ``split``,
    ``privileged``, ``digest``, ``random``, ``oracle``, ``source_id``, ``protocol_version`` ...
    """
    return _make_record


def _make_record(method="random", task="CUB", seed=0, value: float | None = 50.0, **changes):
    from benchmark.core.files import digest
    from benchmark.runs.record import seal

    def take(name, default):
        return changes.pop(name, default)

    entry = {
        "name": method,
        "label": take("label", method),
        "version": take("version", "1"),
        "origin": "tests",
        "code_sha256": "1" * 64,
        "options": take("options", {}),
        "privileged": take("privileged", False),
        "learnt_from": ["DTD"],
        "queries": take("queries", 256),
    }
    source = {"kind": take("kind", "table"), "id": take("source_id", "toy")}
    source["digest"] = take("digest", "2" * 64)
    protocol = {"name": take("protocol", "knn5"), "version": take("protocol_version", 1)}
    content = {
        "status": "ok" if value is not None else "failed",
        "error": None if value is not None else {"type": "ValueError", "message": "broke"},
        "suite_version": take("suite_version", 1),
        "package_version": "0",
        "debug": take("debug", False),
        "split": take("split", "unseen"),
        "seed": seed,
        "task": {
            "name": task,
            "side": "unseen",
            "data_revision": "1",
            "task_sha256": "3" * 64,
            "n_train": None,
            "n_test": 400,
            **take("task_facts", {}),
        },
        "method": entry,
        "protocol": {**protocol, "hyperparameters": {}},
        "pretraining": {
            "simulator": "none",
            "simulator_version": "0",
            "profile": "mini",
            "n_images": None,
        },
        "source": source,
        "reference": {
            "random": take("random", 40.0),
            "oracle": take("oracle", 60.0),
            **({} if (error := take("error", None)) is None else {"error": error}),
        },
        "scores": []
        if value is None
        else [{"metric": "accuracy", "value": value, "unit": "percent"}],
        "cost": {"wall_seconds": take("seconds", 0.1)},
        "environment": {"python": "3", "packages": {}, "platform": "any"},
        "supersedes": take("supersedes", None),
    }
    assert not changes, f"unknown changes: {changes}"
    coordinates = [entry["name"], entry["options"], task, seed, content["split"]]
    content["cell"] = digest([coordinates, source["id"], protocol["name"], content["debug"]])
    content["key"] = digest([content["cell"], entry["version"], source["digest"]])
    return seal(content)


@pytest.fixture(scope="session")
def simulator_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests that render: materials, panoramas and meshes are made once."""
    shared = os.environ.get("T2SBENCH_TEST_CACHE")
    return Path(shared) if shared else tmp_path_factory.mktemp("simulator")


@pytest.fixture
def simulator_cache(simulator_cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The process uses that cache."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(simulator_cache_folder))
    return simulator_cache_folder
