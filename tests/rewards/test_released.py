"""The released table: what was measured on it independently (figures typed from the analysis)."""

import numpy as np
import pytest

from benchmark.rewards.checks import table_faults
from benchmark.rewards.released import N_TEST
from benchmark.space import PAPER_SPACE, tuple_key
from benchmark.tasks.registry import load_tasks

pytestmark = pytest.mark.released


def test_is_complete_and_whole(released):
    assert released.values.shape == (20, 256, 1)
    assert table_faults(released) == []


def test_means_extremes_and_best_configurations(released):
    seen, unseen = released.means[:12], released.means[12:]
    assert seen.mean() == pytest.approx(25.118, abs=5e-4)
    assert unseen.mean() == pytest.approx(51.752, abs=5e-4)
    assert seen.max(axis=1).mean() == pytest.approx(32.602, abs=5e-4)
    assert unseen.max(axis=1).mean() == pytest.approx(61.618, abs=5e-4)
    best = PAPER_SPACE.at(int(seen.mean(axis=0).argmax()))
    assert tuple_key(best) == "1_1_1_1_1_1_0_0_1"


def test_main_effects(released):
    # Mean with a switch on minus mean with it off, seen tasks, from the independent analysis.
    levels = PAPER_SPACE.level_matrix()
    seen = released.means[:12].mean(axis=0)
    expected = {
        "object_distance": 2.42,
        "background": -1.78,
        "object_rotation": -1.75,
        "materials": -0.74,
    }
    for name, effect in expected.items():
        on = levels[:, PAPER_SPACE.names.index(name)] == 1
        assert seen[on].mean() - seen[~on].mean() == pytest.approx(effect, abs=0.01)


def test_configurations_without_blur_vary_more_around_the_model_of_pairs(released):
    # docs/rendering.md, "Compared with the released generator".
    signs = 2.0 * PAPER_SPACE.level_matrix() - 1
    means = released.means - released.means.mean(axis=1, keepdims=True)
    means /= means.std(axis=1, keepdims=True)

    def variance(place: int, sign: int) -> float:
        rows = signs[:, place] == sign
        x = np.delete(signs[rows], place, axis=1)
        pairs = [x[:, i] * x[:, j] for i in range(7) for j in range(i)]
        model = np.column_stack([np.ones(len(x)), x, *pairs])
        y = means[:, rows].mean(axis=0)
        residual = y - model @ np.linalg.lstsq(model, y, rcond=None)[0]
        return float(residual @ residual)

    ratios = {name: variance(i, -1) / variance(i, 1) for i, name in enumerate(PAPER_SPACE.names)}
    assert ratios.pop("focus_blur") == pytest.approx(1.94, abs=0.01)
    assert 0.49 < min(ratios.values()) < max(ratios.values()) < 1.28


def test_embeddings_have_the_known_geometry(released):
    vectors = released.embeddings.vectors.astype(float)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def distance(a: str, b: str) -> float:
        return 1 - float(unit[released.row(a)] @ unit[released.row(b)])

    assert released.embeddings.dimension == 9600
    assert distance("CropDisease", "Flowers102") == pytest.approx(0.062827, abs=1e-6)
    assert distance("ChestX", "ChestXPneumonia") == pytest.approx(0.017329, abs=1e-6)
    assert distance("FMD", "DTD") == pytest.approx(0.308681, abs=1e-6)


def test_test_sizes_are_those_of_the_registry():
    assert {task.name: task.split.test for task in load_tasks()} == dict(N_TEST)


def test_a_damaged_cache_is_rebuilt(released_cache, released):
    from benchmark.rewards.catalog import KNOWN_TABLES, load_table

    path = KNOWN_TABLES["released"].folder / "rewards.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert load_table("released").digest == released.digest
