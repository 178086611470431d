import itertools

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures.materials import N_MATERIALS, material, material_recipes

SIZE = 64


@pytest.fixture(scope="module")
def made():
    return [material(number, SIZE) for number in range(N_MATERIALS)]


def test_there_are_140_with_names_of_their_own(made):
    assert N_MATERIALS == len({m.name for m in made}) == 140
    groups = ["wood", "stone", "metal", "fabric", "plastic", "organic"]
    sizes = [len(list(g)) for _, g in itertools.groupby(made, lambda m: m.name.split("-")[0])]
    assert [n for n, _ in itertools.groupby(m.name.split("-")[0] for m in made)] == groups
    assert sizes == [24, 24, 24, 24, 22, 22], "objects name their own materials by these numbers"


def test_they_are_images_with_plausible_numbers(made):
    for m in made:
        assert m.albedo.shape == (SIZE, SIZE, 3)
        assert m.albedo.dtype == np.uint8
        assert 0 <= m.roughness <= 1
        assert 0 <= m.metalness <= 1
        assert 0.3 <= m.scale <= 3


@pytest.mark.parametrize("number", range(N_MATERIALS))
def test_they_repeat_without_a_seam(made, number):
    """Across the seam neighbours differ no more than neighbours do elsewhere."""
    image = material(number, 128).albedo.astype(float)
    for axis in (0, 1):
        steps = np.abs(np.diff(image, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
        assert seam <= 1.1 * steps.max() + 2


def test_the_same_every_time_in_any_order(made):
    for number in (139, 0, 71, 100):
        assert np.array_equal(material(number, SIZE).albedo, made[number].albedo)


def test_they_are_well_exposed(made):
    for m in made:
        mean = m.albedo.mean()
        assert 20 < mean < 245, m.name
        assert m.albedo.std() > 1.5, m.name


def describe(image):
    small = image.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) / 255
    edges = [np.abs(np.diff(image.astype(float), axis=axis)).mean() / 64 for axis in (0, 1)]
    return np.concatenate([image.reshape(-1, 3).mean(0) / 255, small.std((0, 1)), edges])


def test_no_two_are_alike(made):
    found = np.stack([describe(m.albedo) for m in made])
    distance = np.linalg.norm(found[:, None] - found[None], axis=2) + 9 * np.eye(N_MATERIALS)
    first, second = divmod(int(distance.argmin()), N_MATERIALS)
    assert distance.min() > 0.02, (made[first].name, made[second].name)


def test_a_larger_one_shows_the_same():
    """Frequencies count periods over the tile: a material looks the same at any size."""
    for number in (1, 30, 80, 120):
        small, large = material(number, 64).albedo, material(number, 256).albedo
        shrunk = large.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
        coarse = [i.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) for i in (small, shrunk)]
        assert np.abs(coarse[0] - coarse[1]).mean() < 25


def test_wrong_numbers_are_refused():
    for wrong in [(140, 64), (-1, 64), (0, 15), (0, 63)]:
        with pytest.raises(InvalidInputError, match="Expected a material from 0 to 139"):
            material(*wrong)
    assert len(material_recipes()) == 140
