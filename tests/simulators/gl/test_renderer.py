"""The renderer against hand-made scenes whose pixels can be computed."""

import math
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from benchmark.simulators.draws import REFERENCE_LIGHT_DIRECTION
from benchmark.simulators.gl import camera
from benchmark.simulators.gl.camera import VIEW_ROTATION, Framing, panorama_rotation
from benchmark.simulators.gl.context import create_context
from benchmark.simulators.gl.renderer import (
    _AMBIENT_SCALE,
    _LIGHT_SCALE,
    Renderer,
    ambient_light,
)
from benchmark.simulators.meshes.framing import silhouettes
from benchmark.simulators.meshes.mesh import Mesh, Surface
from benchmark.simulators.scene import Background, Focus, Light, Scene
from benchmark.simulators.textures.cache import ImageSet, MaterialSet

SIZE = 64
FRONT = tuple(VIEW_ROTATION[2])
LIT = Light(1.0, (1, 1, 1), FRONT)
TAN = math.tan(camera.FIELD_OF_VIEW / 2)


def as_mesh(made, *surfaces, slots=None, uvs=None, smooth=True):
    if not smooth:
        made = trimesh.Trimesh(
            made.triangles.reshape(-1, 3),
            np.arange(len(made.faces) * 3).reshape(-1, 3),
            process=False,
        )
    positions = np.asarray(made.vertices, dtype=np.float32)
    positions /= np.linalg.norm(positions, axis=1).max()
    n = len(positions)
    return Mesh(
        positions,
        np.asarray(made.vertex_normals, np.float32),
        np.zeros((n, 2), np.float32) if uvs is None else uvs(positions).astype(np.float32),
        np.zeros(n, np.uint8) if slots is None else slots(positions).astype(np.uint8),
        np.asarray(made.faces, np.uint32),
        surfaces or (Surface(None, (1.0, 1.0, 1.0), 1.0, 0.0),),
    )


HEIGHT = 256
HALF = (HEIGHT // 2, 2 * HEIGHT, 3)


def compass(h=HEIGHT):
    """A panorama whose colours tell directions: red by yaw, green by height."""
    image = np.zeros((h, 2 * h, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, 2 * h)[None, :]
    image[..., 1] = np.linspace(255, 0, h)[:, None]
    return image


PANORAMAS = {
    "black": np.zeros((HEIGHT, 2 * HEIGHT, 3), np.uint8),
    "grey": np.full((HEIGHT, 2 * HEIGHT, 3), 128, np.uint8),
    "compass": compass(),
    "split": np.concatenate([np.full(HALF, 250, np.uint8), np.full(HALF, 10, np.uint8)]),
}
MATERIALS = {
    "red": np.full((16, 16, 3), (200, 0, 0), np.uint8),
    "green": np.full((16, 16, 3), (0, 200, 0), np.uint8),
    "white": np.full((16, 16, 3), 255, np.uint8),
}


def textured():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:4] = (255, 0, 0)  # the upper half is red
    image[4:] = (0, 0, 255)
    return image


def front_uvs(positions):
    view = positions @ VIEW_ROTATION.T
    return 0.5 + 0.5 * view[:, :2]


MESHES = {
    "ball": as_mesh(trimesh.creation.icosphere(4)),
    "cube": as_mesh(trimesh.creation.box((1, 1, 1)), smooth=False),
    "halves": as_mesh(
        trimesh.creation.icosphere(4),
        Surface(0, (1, 1, 1), 1.0, 0.0),
        Surface(1, (1, 1, 1), 1.0, 0.0),
        slots=lambda p: p @ VIEW_ROTATION[0] > 0,
    ),
    "painted": as_mesh(
        trimesh.creation.icosphere(4), Surface(None, (1, 1, 1), 1.0, 0.0, textured()), uvs=front_uvs
    ),
    "mirror": as_mesh(trimesh.creation.icosphere(4), Surface(None, (1, 1, 1), 0.0, 1.0)),
}


def make_renderer(context, supersampling=2):
    materials = MaterialSet(
        tuple(MATERIALS),
        list(MATERIALS.values()).__getitem__,
        "",
        roughness=np.full(3, 1.0, np.float32),
        metalness=np.zeros(3, np.float32),
        scale=np.ones(3, np.float32),
    )
    panoramas = ImageSet(tuple(PANORAMAS), list(PANORAMAS.values()).__getitem__, "")

    def source(_category, name):
        return MESHES[name], Framing.of(MESHES[name], silhouettes(MESHES[name]))

    return Renderer(context, materials, panoramas, source, supersampling)


@pytest.fixture(scope="module")
def context():
    made = create_context()
    yield made
    made.release()


@pytest.fixture(scope="module")
def renderer(context):
    return make_renderer(context)


def scene(name="ball", panorama="black", **changes):
    plain = Scene(
        "any", name, 0, SIZE, (1.0, 0.0, 0.0, 0.0), 1.0,
        Light(1.0, (1.0, 1.0, 1.0), REFERENCE_LIGHT_DIRECTION), None,
        Background(panorama, 0.0, 0.0), None,
    )  # fmt: skip
    return replace(plain, **changes)


def linear(image):
    return (image / 255.0) ** 2


def distance_of(name, factor=1.0):
    return Framing.of(MESHES[name], silhouettes(MESHES[name])).distance(factor, np.eye(3))


def covered(image):
    return (image.max(axis=2) > 0).mean()


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_a_ball_covers_what_perspective_says(renderer, factor):
    image = renderer.draw(scene("ball", light=LIT, distance=factor))
    radius = math.tan(math.asin(1 / distance_of("ball", factor))) / TAN
    assert covered(image) == pytest.approx(math.pi * radius**2 / 4, rel=0.08)


def test_light_from_the_camera_is_brightest_in_the_middle(renderer):
    image = linear(renderer.draw(scene(light=LIT)))
    row = image[SIZE // 2, :, 0]
    assert row.argmax() in range(SIZE // 2 - 6, SIZE // 2 + 6)
    assert np.allclose(row[: SIZE // 2], row[SIZE // 2 :][::-1], atol=0.05)


def test_light_comes_from_where_it_is_said_to(renderer):
    right, up = VIEW_ROTATION[0], VIEW_ROTATION[1]
    for direction, brighter, darker in [
        (right, np.s_[:, SIZE // 2 :], np.s_[:, : SIZE // 2]),
        (-right, np.s_[:, : SIZE // 2], np.s_[:, SIZE // 2 :]),
        (up, np.s_[: SIZE // 2], np.s_[SIZE // 2 :]),
    ]:
        image = linear(renderer.draw(scene(light=Light(1.0, (1, 1, 1), tuple(direction)))))
        assert image[brighter].sum() > 5 * image[darker].sum()


def test_lambert(renderer):
    """A rough white ball lit from the camera: radiance falls with the cosine (before the curve)."""
    shown = linear(renderer.draw(scene(light=LIT)))
    distance = distance_of("ball")
    expected = np.zeros((SIZE, SIZE))
    for y in range(SIZE):
        for x in range(SIZE):
            ray = np.array([(2 * x + 1) / SIZE - 1, 1 - (2 * y + 1) / SIZE, -1 / TAN]) * TAN
            ray /= np.linalg.norm(ray)
            half = -ray[2] * distance
            root = half**2 - (distance**2 - 1)
            if root > 0.05:
                hit = ray * (half - math.sqrt(root))
                expected[y, x] = _LIGHT_SCALE * (hit[2] + distance)
    inside = expected > 0.3
    radiance = expected[inside]
    curve = radiance * (1 + 0.16 * radiance) / (1 + 0.55 * radiance)
    # The dielectric's specular part adds up to some per cent.
    assert np.abs(shown[inside].mean(axis=1) - curve).max() < 0.06


def test_intensity_and_colour_act(renderer):
    direction = FRONT
    dim, bright = (renderer.draw(scene(light=Light(i, (1, 1, 1), direction))) for i in (0.4, 1.6))
    assert linear(bright).sum() > 2 * linear(dim).sum()
    red = renderer.draw(scene(light=Light(1, (1.0, 0.05, 0.05), direction)))
    assert linear(red)[..., 0].sum() > 5 * linear(red)[..., 1].sum()


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (1.0, 0.4), (-2.5, -0.9), (3.0, 1.2)])
def test_the_background_is_the_panorama_in_that_direction(renderer, yaw, pitch):
    view = Background("compass", yaw, pitch)
    image = renderer.draw(scene("cube", background=view))
    world = panorama_rotation(view)
    height, width = PANORAMAS["compass"].shape[:2]
    for x, y in [(2, 2), (60, 3), (4, 58), (61, 61), (32, 2)]:
        ray = np.array([((2 * x + 1) / SIZE - 1) * TAN, (1 - (2 * y + 1) / SIZE) * TAN, -1.0])
        direction = world @ (ray / np.linalg.norm(ray))
        column = (0.5 + math.atan2(direction[0], -direction[2]) / (2 * math.pi)) * width
        row = math.acos(direction[1]) / math.pi * height
        if 2 < column < width - 2:
            expected = PANORAMAS["compass"][min(int(row), height - 1), int(column)]
            assert np.abs(image[y, x].astype(int) - expected).max() <= 6


def test_the_panorama_lights_the_object_from_above(renderer):
    image = linear(renderer.draw(scene("ball", "split", light=Light(0.0, (1, 1, 1), (0, 1, 0)))))
    middle = image[:, SIZE // 2 - 4 : SIZE // 2 + 4, 0]
    assert middle[SIZE // 2 - 8].mean() > 1.5 * middle[SIZE // 2 + 8].mean()


def test_a_mirror_shows_what_is_behind_the_camera(renderer):
    view = Background("compass", 0.0, 0.0)
    image = renderer.draw(scene("mirror", background=view, light=Light(0, (1, 1, 1), (0, 1, 0))))
    centre = image[SIZE // 2, SIZE // 2].astype(int)
    # Yaw 180 degrees is the seam of the compass: red is 0 or 255 there, never the middle.
    assert centre[0] < 60 or centre[0] > 170
    ahead = renderer.draw(scene("cube", background=view))[2, SIZE // 2].astype(int)
    assert abs(ahead[0] - 127) < 30


def test_slots_have_their_own_materials(renderer):
    image = renderer.draw(scene("halves", light=LIT))
    left, right = image[SIZE // 2, SIZE // 2 - 8], image[SIZE // 2, SIZE // 2 + 8]
    assert left[0] > 2 * left[1]
    assert right[1] > 2 * right[0]
    image = renderer.draw(scene("halves", materials=("green", "red"), light=LIT))
    assert image[SIZE // 2, SIZE // 2 - 8][1] > 2 * image[SIZE // 2, SIZE // 2 - 8][0]


def test_more_materials_than_slots_do_no_harm(renderer):
    image = renderer.draw(scene("ball", materials=("red",) * 4))
    assert linear(image)[..., 0].sum() > 5 * linear(image)[..., 1].sum()


def test_own_textures_are_the_right_way_up(renderer):
    image = renderer.draw(scene("painted", light=LIT))
    upper, lower = image[SIZE // 2 - 8, SIZE // 2], image[SIZE // 2 + 8, SIZE // 2]
    assert upper[0] > 100 > upper[2]
    assert lower[2] > 100 > lower[0]


def test_random_materials_replace_own_textures(renderer):
    image = renderer.draw(scene("painted", materials=("green",)))
    assert linear(image)[..., 1].sum() > 5 * linear(image)[..., 0].sum()


def test_edges_are_antialiased(context):
    """More samples per pixel: more levels along an edge, and nearer to the exact picture."""
    shown = {n: make_renderer(context, n).draw(scene("cube", light=LIT)) for n in (1, 2, 4)}
    levels = {n: len(np.unique(image[..., 0])) for n, image in shown.items()}
    assert levels[1] < levels[2] < levels[4]
    errors = [np.abs(linear(shown[n]) - linear(shown[4])).mean() for n in (1, 2)]
    assert errors[1] < 0.7 * errors[0]


def blurred(name, offset, aperture=0.5, panorama="black"):
    return scene(name, panorama, focus=Focus(offset, aperture), light=LIT)


def test_focus_blur_spreads_the_light_and_keeps_it(renderer):
    sharp = linear(renderer.draw(scene("cube", light=LIT)))
    soft = linear(renderer.draw(blurred("cube", -0.9)))
    assert soft.sum() == pytest.approx(sharp.sum(), rel=0.06)
    assert covered(soft) > 1.1 * covered(sharp)
    gradient = [np.abs(np.diff(image[..., 0], axis=1)).max() for image in (sharp, soft)]
    assert gradient[1] < 0.6 * gradient[0]


def test_an_object_in_focus_stays_sharp_before_a_blurred_background(renderer):
    view = Background("split", 0.0, 0.0)
    sharp = renderer.draw(scene("cube", background=view, light=LIT)).astype(int)
    focused = renderer.draw(replace(blurred("cube", 0.0), background=view)).astype(int)
    centre = np.s_[SIZE // 2 - 4 : SIZE // 2 + 4, SIZE // 2 - 4 : SIZE // 2 + 4]
    assert np.abs(sharp[centre] - focused[centre]).max() <= 12
    steps = [np.abs(np.diff(image[:, 2, 0])).max() for image in (sharp, focused)]
    assert steps[1] < 0.7 * steps[0]


def test_blur_grows_with_the_offset(renderer):
    spread = [covered(renderer.draw(blurred("cube", offset))) for offset in (0.0, -0.4, -0.9)]
    assert spread == sorted(spread)
    assert spread[2] > spread[0]


def test_no_scene_depends_on_the_one_before(renderer):
    plain = renderer.draw(scene("cube", "compass"))
    for other in (
        blurred("ball", -1.0),
        scene("painted", "split"),
        scene("halves", "grey", materials=("white",)),
        replace(scene("mirror", "split"), size=32),
    ):
        renderer.draw(other)
        assert np.array_equal(renderer.draw(scene("cube", "compass")), plain)
    renderer.forget()
    assert np.array_equal(renderer.draw(scene("cube", "compass")), plain)


def test_a_panorama_is_loaded_with_the_first_scene_that_shows_it(context):
    renderer, loaded = make_renderer(context), []
    load = renderer._images.load

    def counted(number):
        loaded.append(renderer._images.names[number])
        return load(number)

    renderer._images = replace(renderer._images, load=counted)
    for name in ("grey", "split", "grey"):
        renderer.draw(scene("ball", name))
    assert loaded == ["grey", "split"]


def test_ambient_light_is_the_mean_over_the_sphere():
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16] = 255
    light = ambient_light(image)
    assert light[0] == pytest.approx([_AMBIENT_SCALE] * 3)
    assert light[1] == pytest.approx([0.0] * 3)
    image[:] = 0
    image[0] = 255  # one row at the zenith is a small cap
    assert light[0, 0] > 20 * ambient_light(image)[0, 0]
