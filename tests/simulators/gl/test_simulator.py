from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.simulators.gl.simulator import GlSimulator
from benchmark.simulators.interface import opened
from benchmark.simulators.sampling import SceneSampler
from benchmark.space import PAPER_SPACE
from tests.simulators.meshes.gltf_files import RED, SPELLINGS, UVS, GltfFile, png, spelled

# The store is looked up on every use: each test needs the shared one, not only the simulator.
pytestmark = pytest.mark.usefixtures("simulator_cache")


@pytest.fixture(scope="module")
def gl(simulator_cache_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("T2SBENCH_CACHE", str(simulator_cache_folder))
        with opened(GlSimulator()) as simulator:
            yield simulator


def scenes(simulator, configuration, names, size=64, seed=0, count=1):
    sampler = SceneSampler(
        simulator.capabilities,
        PAPER_SPACE.parse(configuration),
        simulator.assets(),
        seed=seed,
        size=size,
    )
    return [sampler.scene(c, o, i) for c, o in names for i in range(count)]


def coverage(simulator, scene):
    """Part of the frame that the object covers, from the renderer's own target."""
    list(simulator.render([scene]))
    renderer = simulator._renderer
    with renderer._context:
        drawn = np.frombuffer(renderer._target.read(components=4), np.uint8)
    return float((drawn.reshape(-1, 4)[:, 3] > 0).mean())


def test_the_catalogue_is_that_of_the_issue(gl):
    catalog = gl.assets()
    assert len(catalog.categories) == 237
    assert {len(names) for names in catalog.objects.values()} == {10}
    assert len(catalog.materials) == 140
    assert len(catalog.panoramas) >= 40
    assert catalog.panoramas[0] == "beach-day"
    assert catalog.notes == ()


#: Least part of the frame that an object covers.
LEAST = 0.006

#: Every so many categories are rendered: all of them take a minute.
STEPS = [pytest.param(24, id="sample"), pytest.param(1, id="all", marks=pytest.mark.slow)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("configuration", ["00000000", "01000000", "10000000", "11111111"])
def test_every_object_covers_the_stated_part_of_the_frame(gl, configuration, step):
    catalog = gl.assets()
    names = [(c, o) for c in catalog.categories[::step] for o in catalog.names(c)]
    parts = {
        (s.category, s.object): coverage(gl, s) for s in scenes(gl, configuration, names, size=48)
    }
    assert len(parts) == (2370 if step == 1 else 100)
    assert {name: part for name, part in parts.items() if part < LEAST} == {}


@pytest.mark.parametrize("step", STEPS)
def test_no_image_is_black_clipped_or_empty(gl, step):
    catalog = gl.assets()
    names = [(c, catalog.names(c)[0]) for c in catalog.categories[::step]]
    for configuration in ("00000000", "11111111"):
        for rendering in gl.render(scenes(gl, configuration, names)):
            image, scene = rendering.pixels, rendering.scene
            assert image.std() > 6, scene
            assert (image.max(axis=2) < 6).mean() < 0.6, scene
            assert (image.min(axis=2) > 252).mean() < 0.6, scene


def test_nearer_is_larger_until_the_frame_crops_the_object(gl):
    base = scenes(gl, "00000000", [("mug-1", "00")])[0]
    parts = [coverage(gl, replace(base, distance=d)) for d in (1.5, 1.0, 0.7, 0.4, 0.01)]
    assert parts == sorted(parts)
    assert parts[1] > 1.8 * parts[0]
    assert parts[2] > 1.6 * parts[1]
    renderer = gl._renderer
    with renderer._context:
        drawn = np.frombuffer(renderer._target.read(components=4), np.uint8)
    alpha = drawn.reshape(128, 128, 4)[..., 3] > 0
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert border.mean() > 0.1, "the nearest object leaves the frame"
    assert alpha[48:80, 48:80].mean() > 0.9, "its centre stays in view"


def test_all_categories_look_different(gl):
    catalog = gl.assets()
    names = [(c, catalog.names(c)[0]) for c in catalog.categories[::12]]
    images = np.stack([r.pixels for r in gl.render(scenes(gl, "00000000", names, size=32))])
    flat = images.reshape(len(images), -1).astype(float)
    distance = np.abs(flat[:, None] - flat[None]).mean(axis=2) + 99 * np.eye(len(flat))
    assert distance.min() > 1


def test_a_folder_of_meshes_is_rendered(simulator_cache):
    for category, made in [
        ("ball", trimesh.creation.icosphere(3)),
        ("box", trimesh.creation.box()),
    ]:
        path = Path("meshes") / category
        path.mkdir(parents=True)
        made.export(path / "a.ply")
    (Path("meshes") / "box" / "broken.obj").write_text("v 0 0 0\n")
    with opened(GlSimulator(objects="meshes")) as simulator:
        catalog = simulator.assets()
        assert catalog.objects == {"ball": ("a",), "box": ("a",)}
        assert catalog.notes == ("box/broken.obj: left out, no faces",)
        made = scenes(simulator, "11111111", [("ball", "a"), ("box", "a")])
        images = [r.pixels for r in simulator.render(made)]
        assert all(image.std() > 6 for image in images)
        assert coverage(simulator, made[0]) > LEAST


def test_materials_of_meshes_are_seen_in_the_image(simulator_cache):
    folder = Path("meshes") / "box"
    for number, spelling in enumerate(SPELLINGS):
        spelled(spelling).glb(folder / f"{number}.glb")
    for name, red in (("metal", 1.0), ("white", 0.0)):
        file = GltfFile()
        colour = [(c / 255) ** 2.2 for c in RED] if red else [1, 1, 1]
        pbr = {"baseColorFactor": [*colour, 1], "metallicFactor": red, "roughnessFactor": 0.9}
        file.mesh(file.primitive(material=file.material(pbrMetallicRoughness=pbr)))
        file.glb(folder / f"{name}.glb")
    file = GltfFile()
    picture = {"index": file.image(uri="red%20wood.png")}
    pbr = {"baseColorTexture": picture, "metallicFactor": 0, "roughnessFactor": 0.9}
    file.mesh(file.primitive(uvs=UVS, material=file.material(pbrMetallicRoughness=pbr)))
    file.gltf(folder / "named.gltf", "old%20chair.bin")
    (folder / "old chair.bin").write_bytes(file.data)
    (folder / "red wood.png").write_bytes(png(RED))
    with opened(GlSimulator(objects="meshes")) as simulator:
        names = [*map(str, range(len(SPELLINGS))), "named", "metal", "white"]
        assert simulator.assets().names("box") == tuple(sorted(names))
        first = scenes(simulator, "00000000", [("box", "0")])[0]
        made = [replace(first, object=name) for name in names]
        middles = [r.pixels[28:36, 28:36].mean(axis=(0, 1)) for r in simulator.render(made)]
    *alike, metal, white = middles
    for colour in alike:
        assert colour == pytest.approx((160, 60, 61), abs=3)
    assert metal[0] < 0.8 * alike[0][0]
    assert white.min() > 1.8 * alike[0][1]


def test_own_panoramas_and_materials_are_used(gl, simulator_cache):
    for folder, colour in (("around", (255, 0, 0)), ("cloth", (0, 255, 0))):
        Path(folder).mkdir()
        Image.new("RGB", (64, 32), colour).save(Path(folder) / "plain.png")
    with opened(GlSimulator(panoramas="around", materials="cloth")) as simulator:
        assert simulator.assets().panoramas == ("plain.png",)
        assert simulator.assets().materials == ("plain.png",)
        (scene,) = scenes(simulator, "00000001", [("mug-1", "00")])
        image = next(iter(simulator.render([scene]))).pixels
        assert image[0, 0].tolist() == [255, 0, 0]
        middle = image[28:36, 28:36].reshape(-1, 3).mean(axis=0)
        assert middle[1] > middle[2]
    assert simulator.assets().digest != gl.assets().digest


def test_two_open_simulators_do_not_disturb_each_other(gl, simulator_cache):
    (scene,) = scenes(gl, "11111111", [("mug-1", "00")])
    before = next(iter(gl.render([scene]))).pixels
    with opened(GlSimulator(supersampling=1)) as other:
        coarse = next(iter(other.render([scene]))).pixels
        assert np.array_equal(next(iter(gl.render([scene]))).pixels, before)
        assert np.array_equal(next(iter(other.render([scene]))).pixels, coarse)
    assert np.array_equal(next(iter(gl.render([scene]))).pixels, before)
    assert not np.array_equal(before, coarse)


def test_another_seed_is_another_library(gl, simulator_cache):
    assert GlSimulator(object_seed=1).assets().digest != gl.assets().digest


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"supersampling": 0}, "from 1 to 4"),
        ({"supersampling": 9}, "from 1 to 4"),
    ],
)
def test_senseless_options_are_refused(options, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        GlSimulator(**options)


def test_missing_folders_are_refused():
    for option in ("objects", "panoramas", "materials"):
        with pytest.raises(InvalidInputError, match="nowhere"):
            GlSimulator(**{option: "nowhere"}).assets()


def test_a_closed_simulator_has_no_driver():
    with pytest.raises(UnavailableError, match="not open"):
        GlSimulator().driver()
