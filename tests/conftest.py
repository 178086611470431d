"""Fixtures of all tests: reward tables, records and caches."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# One thread per test process: the processes already share the cores. Set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from benchmark.core.errors import T2SBenchError
from benchmark.rewards.storage import read_table
from benchmark.rewards.table import RewardTable
from benchmark.runs.record import Record

# No deadlines: a busy machine must not fail a test. Speed is measured in tests/benchmarks only.
settings.register_profile("quick", deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")

MIRROR = os.environ.get("T2SBENCH_MIRROR")
#: Home of datasets and matplotlib, which read its place when a test module imports them.
LIBRARY_HOME = Path(tempfile.mkdtemp(prefix="t2sbench-tests-"))
atexit.register(shutil.rmtree, LIBRARY_HOME, ignore_errors=True)
os.environ.update(
    HF_HOME=str(LIBRARY_HOME / "hf"), HF_HUB_OFFLINE="1", MPLCONFIGDIR=str(LIBRARY_HOME)
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-released",
        action="store_true",
        help="fail, rather than skip, tests of the released table if it is not available",
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/data/golden.jsonl after a change that is meant to change results",
    )


def common_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Folder that all worker processes of a test run share; T2SBENCH_TEST_CACHE keeps it."""
    base = factory.getbasetemp()
    parent = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = Path(os.environ.get("T2SBENCH_TEST_CACHE", parent / name))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time prepare a folder."""
    with (folder / ".test-lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's cache, the working folder and the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("T2SBENCH_MIRROR", raising=False)


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Function that hides installed distributions: ``without_packages("torch")``."""
    from importlib import metadata

    find = metadata.distribution

    def forget(*names: str) -> None:
        def distribution(name: str) -> metadata.Distribution:
            if name in names:
                raise metadata.PackageNotFoundError(name)
            return find(name)

        monkeypatch.setattr(metadata, "distribution", distribution)

    return forget


@pytest.fixture(scope="session")
def released_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Cache folder with the released table, prepared once from a mirror or the network."""
    from benchmark.rewards.catalog import KNOWN_TABLES

    folder = common_folder(tmp_path_factory, "released")
    with locked(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("T2SBENCH_CACHE", str(folder))
        if MIRROR:  # a test that asks for the table while it runs has lost the variable
            patch.setenv("T2SBENCH_MIRROR", MIRROR)
        recipe = KNOWN_TABLES["released"]
        try:
            if not recipe.is_prepared:
                recipe.build(recipe.folder)
        except T2SBenchError as error:
            if request.config.getoption("--require-released"):
                pytest.fail(f"the released table is required: {error}")
            pytest.skip(f"no released table: {error}")
    return folder


@pytest.fixture
def released_environment(released_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the prepared released table the one of this process."""
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
def make_record() -> Callable[..., Record]:
    """Return :func:`build_record`."""
    return build_record


def build_record(
    method: str = "random",
    task: str = "CUB",
    seed: int = 0,
    value: float | None = 50.0,
    *,
    split: str = "unseen",
    label: str | None = None,
    version: str = "1",
    options: dict[str, Any] | None = None,
    privileged: bool = False,
    task_facts: dict[str, Any] | None = None,
    suite_version: int = 1,
    protocol: str = "knn5",
    protocol_version: int = 1,
    source_kind: str = "table",
    source_id: str = "toy",
    source_digest: str = "2" * 64,
    random: float = 40.0,
    oracle: float = 60.0,
    reference_error: str | None = None,
    seconds: float = 0.1,
    debug: bool = False,
    supersedes: str | None = None,
) -> Record:
    """Build a valid, sealed record of one cell of a reward table.

    Args:
        method: Name of the method.
        task: Name of the task, which is judged as an unseen one.
        seed: Seed of the cell.
        value: Accuracy in percent; None for a cell that failed.
        split: Split that the run judged.
        label: Label of the method on boards; its name by default.
        version: Version of the method.
        options: Options of the method.
        privileged: True if the method may see the answers.
        task_facts: Changes to the description of the task, such as ``n_test``.
        suite_version: Version of the registry of tasks.
        protocol: Name of the protocol.
        protocol_version: Version of the protocol.
        source_kind: Kind of the rewards: "table" or "live".
        source_id: Name of the reward table.
        source_digest: Digest of the reward table.
        random: Accuracy of the random reference, in percent.
        oracle: Accuracy of the oracle, in percent.
        reference_error: Reason why the references are missing.
        seconds: Wall time of the cell.
        debug: True for a record of a run that is not for boards.
        supersedes: Digest of the record that this one replaces.
    """
    from benchmark.core.files import digest
    from benchmark.methods import suite_methods
    from benchmark.runs.record import MethodEntry, SourceEntry, cell_digest, seal

    failed = value is None
    options = options or {}
    content = {
        "status": "failed" if failed else "ok",
        "error": {"type": "ValueError", "message": "broke"} if failed else None,
        "suite_version": suite_version,
        "package_version": "0",
        "debug": debug,
        "split": split,
        "seed": seed,
        "task": {
            "name": task,
            "side": "unseen",
            "data_revision": "1",
            "task_sha256": "3" * 64,
            "n_train": None,
            "n_test": 400,
            **(task_facts or {}),
        },
        "method": {
            "name": method,
            "label": label or method,
            "version": version,
            "origin": "t2sbench 0" if method in suite_methods() else "tests 0",
            "code_sha256": "1" * 64,
            "options": options,
            "privileged": privileged,
            "learnt_from": ["DTD"],
            "queries": 256,
        },
        "protocol": {"name": protocol, "version": protocol_version, "hyperparameters": {}},
        "pretraining": {
            "simulator": "none",
            "simulator_version": "0",
            "profile": "mini",
            "n_images": None,
        },
        "source": {"kind": source_kind, "id": source_id, "digest": source_digest},
        "reference": {"random": random, "oracle": oracle},
        "scores": [] if failed else [{"metric": "accuracy", "value": value, "unit": "percent"}],
        "cost": {"wall_seconds": seconds},
        "environment": {"python": "3", "packages": {}, "platform": "any"},
        "supersedes": supersedes,
    }
    content["cell"] = cell_digest(
        method=MethodEntry.model_validate(content["method"]),
        task=task,
        split=split,
        seed=seed,
        protocol=protocol,
        source=SourceEntry.model_validate(content["source"]),
        debug=debug,
    )
    content["key"] = digest([content["cell"], version, source_digest])
    if reference_error is not None:
        content["reference"]["error"] = reference_error
    return seal(content)


@pytest.fixture(scope="session")
def faults_of() -> Callable[..., list[str]]:
    """Function that checks records against a table: ``faults_of(records, table)``."""
    from benchmark.leaderboard.audit import Audit
    from benchmark.tasks.registry import load_data_tasks

    def check(records: Any, *tables: RewardTable) -> list[str]:
        audit, faults = Audit(load_data_tasks(), tables), []
        for number, record in enumerate(records):
            try:
                audit.check(record, f"file:{number}")
            except ValueError as error:
                faults.append(str(error))
        return faults

    return check


@pytest.fixture(scope="session")
def simulator_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of all tests that render: textures and meshes are made once."""
    return common_folder(tmp_path_factory, "simulator")


@pytest.fixture
def simulator_cache(simulator_cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make that cache the one of this process."""
    monkeypatch.setenv("T2SBENCH_CACHE", str(simulator_cache_folder))
    return simulator_cache_folder


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Any]:
    """A Slurm cluster of its own, in the environment of the tests."""
    from tests.executors.slurm_cluster import SlurmCluster, missing_programs

    if missing := missing_programs():
        pytest.skip(f"Slurm is not installed ({', '.join(missing)}): run 'make test-slurm'")
    pytest.importorskip("submitit")
    root = str(Path(__file__).parents[1])
    with SlurmCluster() as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
        yield cluster
