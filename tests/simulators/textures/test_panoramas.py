import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures import scenery
from benchmark.simulators.textures.colours import generator
from benchmark.simulators.textures.panoramas import N_PANORAMAS, PANORAMA_NAMES, panorama
from benchmark.simulators.textures.scenery import Box
from benchmark.simulators.textures.sphere import Sphere

HEIGHT = 64


@pytest.fixture(scope="module")
def made():
    return [panorama(number, HEIGHT) for number in range(N_PANORAMAS)]


def test_there_are_at_least_forty(made):
    assert N_PANORAMAS == len(set(PANORAMA_NAMES)) == len(made) >= 40
    assert PANORAMA_NAMES[0] == "beach-day"
    for image in made:
        assert image.shape == (HEIGHT, 2 * HEIGHT, 3)
        assert image.dtype == np.uint8


def test_there_is_no_seam(made):
    for name, pixels in zip(PANORAMA_NAMES, made, strict=True):
        image = pixels.astype(float)
        steps = np.abs(np.diff(image, axis=1)).mean(axis=(0, 2))
        seam = np.abs(image[:, 0] - image[:, -1]).mean()
        # Straight structures, such as the gap between two boards, may run along it.
        assert seam <= 1.5 * steps.max() + 2, name


def test_there_are_no_poles():
    """All columns of the first and last row show nearly the same place."""
    for number, name in enumerate(PANORAMA_NAMES):
        if "mosaic" in name or "night" in name:
            continue  # tiles and stars are finer than a pixel there
        image = panorama(number, 128).astype(float)
        # Boards below the camera have gaps, which may cross the last row.
        for row, most in ((image[0], 32), (image[-1], 45)):
            assert np.abs(row - np.median(row, axis=0)).mean() < most, name


def test_the_same_every_time_in_any_order(made):
    for number in (47, 0, 20):
        assert np.array_equal(panorama(number, HEIGHT), made[number])


def test_they_are_well_exposed_and_structured(made):
    for name, image in zip(PANORAMA_NAMES, made, strict=True):
        assert 25 < image.mean() < 230, name
        assert image.std() > 12, name
        # Either half has structure of its own.
        assert image[: HEIGHT // 2].std() > 3, name
        assert image[HEIGHT // 2 :].std() > 3, name


def test_no_two_are_alike(made):
    small = np.stack([image.reshape(8, 8, 16, 8, 3).mean(axis=(1, 3)) for image in made])
    flat = small.reshape(N_PANORAMAS, -1) / 255
    distance = np.sqrt(((flat[:, None] - flat[None]) ** 2).mean(2)) + 9 * np.eye(N_PANORAMAS)
    first, second = divmod(int(distance.argmin()), N_PANORAMAS)
    assert distance.min() > 0.03, (PANORAMA_NAMES[first], PANORAMA_NAMES[second])


def test_wrong_numbers_are_refused():
    for wrong in [(N_PANORAMAS, 64), (-1, 64), (0, 8)]:
        with pytest.raises(InvalidInputError, match=f"{wrong[0]} of {wrong[1]} rows"):
            panorama(*wrong)


def test_directions_are_those_of_the_shader():
    sphere = Sphere(64, generator("test", 0))
    assert np.allclose(sphere.x**2 + sphere.y**2 + sphere.z**2, 1, atol=1e-5)
    assert sphere.y[0].min() > 0.99, "row 0 looks up"
    middle = sphere.z[32, 63:65]
    assert (middle < -0.99).all(), "the middle column looks along -z"
    assert sphere.x[32, 96] > 0.99, "a quarter to the right is +x"


def test_boxes_are_where_they_should_be():
    sphere = Sphere(64, generator("test", 0))
    image = np.zeros((64, 128, 3), np.float32)
    near = Box((-0.5, -0.5, -3.0), (0.5, 0.5, -2.0), "#ffffff")
    shown = scenery.boxes(sphere, image, [near])
    hit = shown.max(axis=2) > 0
    # Against ray marching along each direction.
    expected = np.zeros_like(hit)
    for reach in np.linspace(1.5, 4, 600):
        x, y, z = sphere.x * reach, sphere.y * reach, sphere.z * reach
        expected |= (np.abs(x) < 0.5) & (np.abs(y) < 0.5) & (z > -3) & (z < -2)
    assert (hit != expected).mean() < 0.002
    hidden = Box((-0.2, -0.2, -6.0), (0.2, 0.2, -5.0), "#ff0000")
    assert np.array_equal(scenery.boxes(sphere, image, [near, hidden])[32, 64] > 0.3, [True] * 3)
    assert np.array_equal(scenery.boxes(sphere, image, [hidden, near])[32, 64] > 0.3, [True] * 3)
