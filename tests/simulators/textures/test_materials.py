import itertools

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures.materials import N_MATERIALS, material, material_recipes

SIZE = 64


@pytest.fixture(scope="module")
def made():
    return [material(number, SIZE) for number in range(N_MATERIALS)]


def test_there_are_140_in_groups():
    names = [recipe.name for recipe in material_recipes()]
    assert N_MATERIALS == len(set(names)) == len(names) == 140
    groups = [(group, len(list(rows))) for group, rows in itertools.groupby(map(group_of, names))]
    assert groups == [
        ("wood", 24),
        ("stone", 24),
        ("metal", 24),
        ("fabric", 24),
        ("plastic", 22),
        ("organic", 22),
    ], "objects refer to materials by these numbers"


def group_of(name):
    return name.split("-")[0]


def test_they_are_images_with_plausible_numbers(made):
    for image, recipe in zip(made, material_recipes(), strict=True):
        assert image.shape == (SIZE, SIZE, 3)
        assert image.dtype == np.uint8
        assert 0 <= recipe.roughness <= 1
        assert 0 <= recipe.metalness <= 1
        assert 0.3 <= recipe.scale <= 3


def test_they_repeat_without_a_seam():
    """Across the seam neighbours differ no more than neighbours do elsewhere."""
    for number, recipe in enumerate(material_recipes()):
        image = material(number, 128).astype(float)
        for axis in (0, 1):
            steps = np.abs(np.diff(image, axis=axis)).mean(axis=(1 - axis, 2))
            seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
            assert seam <= 1.1 * steps.max() + 2, recipe.name


def test_the_same_every_time_in_any_order(made):
    for number in (139, 0, 71, 100):
        assert np.array_equal(material(number, SIZE), made[number])


def test_they_are_well_exposed(made):
    for image, recipe in zip(made, material_recipes(), strict=True):
        assert 20 < image.mean() < 245, recipe.name
        assert image.std() > 1.5, recipe.name


def describe(image):
    small = image.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) / 255
    edges = [np.abs(np.diff(image.astype(float), axis=axis)).mean() / 64 for axis in (0, 1)]
    return np.concatenate([image.reshape(-1, 3).mean(0) / 255, small.std((0, 1)), edges])


def test_no_two_are_alike(made):
    found = np.stack([describe(image) for image in made])
    distance = np.linalg.norm(found[:, None] - found[None], axis=2) + 9 * np.eye(N_MATERIALS)
    first, second = divmod(int(distance.argmin()), N_MATERIALS)
    assert distance.min() > 0.02, (first, second)


def test_a_larger_one_shows_the_same():
    """Frequencies count periods over the tile: a material looks the same at any size."""
    for number in (1, 30, 80, 120):
        small, large = material(number, 64), material(number, 256)
        shrunk = large.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
        coarse = [i.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) for i in (small, shrunk)]
        assert np.abs(coarse[0] - coarse[1]).mean() < 25


def test_wrong_numbers_are_refused():
    for wrong in [(140, 64), (-1, 64), (0, 15), (0, 63)]:
        with pytest.raises(InvalidInputError, match=f"{wrong[0]} of size {wrong[1]}"):
            material(*wrong)
