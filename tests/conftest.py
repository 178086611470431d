"""Fixtures for all tests: small tables, and the released one where it can be had."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmark.embeddings import TaskEmbeddings
from benchmark.errors import T2SBenchError
from benchmark.parameters import PAPER_SPACE
from benchmark.rewards.storage import Description, write_table
from benchmark.rewards.table import RewardTable

SEEN = ("CropDisease", "EuroSAT", "SVHN", "ChestX", "DTD")
UNSEEN = ("CUB", "AID", "USPS")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-released",
        action="store_true",
        help="fail, rather than skip, tests of the released table when it cannot be had",
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache, and none tries the network by accident."""
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


@pytest.fixture
def small_table() -> RewardTable:
    """Five seen and three unseen tasks, one seed, whole numbers of correct images."""
    rng = np.random.default_rng(7)
    tasks = SEEN + UNSEEN
    n_test = np.full(len(tasks), 400)
    switches = PAPER_SPACE.level_matrix()
    effects = rng.normal(0, 4, (len(tasks), switches.shape[1])) + rng.normal(
        0, 4, switches.shape[1]
    )
    means = 50 + effects @ switches.T + rng.normal(0, 1, (len(tasks), PAPER_SPACE.size))
    values = np.round(np.clip(means, 1, 99) * 4) / 4
    vectors = np.abs(rng.normal(0, 1, (len(tasks), 40))) + np.eye(len(tasks), 40)
    return RewardTable(
        id="small",
        space=PAPER_SPACE,
        tasks=tasks,
        seeds=(0,),
        values=values[:, :, None],
        n_test=n_test,
        protocol="knn5",
        profile="mini",
        embeddings=TaskEmbeddings(tasks, vectors),
    )


@pytest.fixture
def small_table_folder(small_table: RewardTable, tmp_path: Path) -> Path:
    """The small table on disk."""
    folder = tmp_path / "small-table"
    write_table(small_table, folder, Description("Small", "toy", "1"))
    return folder
