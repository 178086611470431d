"""The build shows the content of the scenes, in 16 configurations of 10 categories x 40 images.

The test double notes the state of its world at every image: the tests read eight quantities from
that state with scipy's rotations, not from the commands, and compare them with the scenes.
"""

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.rendering.request import DatasetRequest, shard_images
from benchmark.rendering.run import render_dataset
from benchmark.simulators.draws import REFERENCE_LIGHT_DIRECTION, reference_view
from benchmark.simulators.interface import opened
from benchmark.simulators.registry import SimulatorChoice
from benchmark.simulators.sampling import SceneSampler
from benchmark.simulators.scene import REFERENCE_DISTANCE
from benchmark.simulators.tdw.records import RecordBook
from benchmark.simulators.tdw.simulator import TdwSimulator
from benchmark.space import PAPER_SPACE

EIGHT = ["".join("01"[place == i] for i in range(8)) for place in range(8)]
SIXTEEN = [
    "00000000", *EIGHT, "11111111", "11000000", "00111000", "01101101", "10010110", "00000011",
    "11111100",
]  # fmt: skip
CATEGORIES, IMAGES, SIZE = 10, 40, 32
AVATAR = np.array([1.0, 1.5, 1.8])


def turn(quaternion):
    return Rotation.from_quat(quaternion)


def unit(vector):
    return np.asarray(vector) / np.linalg.norm(vector)


def camera(yaw, pitch):
    """Directions of a level camera: columns right, up, backward (as scenes count)."""
    return Rotation.from_euler("YX", [yaw, pitch])


def middle(thing, points):
    """Middle of an object's bounds in the world."""
    local = np.multiply(points["center"], thing["scale"])
    return np.asarray(thing["position"]) + turn(thing["rotation"]).apply(local)


def read(state):
    """The eight quantities of an image, as numbers that can be compared."""
    from tests.simulators.tdw.double.models import find_model

    (thing,) = state["objects"].values()
    centre = middle(thing, find_model(thing["model"]).points)
    away = centre - AVATAR
    avatar = state["avatars"]["a"]
    forward = (turn(avatar["rotation"]) * turn(avatar["sensor"])).apply([0, 0, 1])
    look = unit(away)
    yaw, pitch = np.arctan2(-look[0], -look[2]), np.arcsin(look[1])
    back = camera(*reference_view()) * camera(yaw, pitch).inv()
    own = (back * turn(thing["rotation"])).as_matrix()
    sun, lens = state["sun"], state["lens"]
    shining = turn(sun["rotation"]).apply([0, 0, 1])
    turned = not np.allclose(shining, turn(sun["home"]).apply([0, 0, 1]), atol=1e-9)
    return {
        "object": thing["model"],
        "forward": forward,
        "look": look,
        "object_rotation": own,
        "distance": np.linalg.norm(away),
        "intensity": sun["intensity"],
        "light_colour": sun["colour"],
        "light_direction": -shining if turned else REFERENCE_LIGHT_DIRECTION,
        "focus": (lens["focus_distance"] - np.linalg.norm(away), lens["aperture"]),
        "background": state["sky"]["name"],
        "materials": thing["materials"],
    }


def compare(seen, scene, reach, sky, slots):
    """Every quantity is that of the scene."""
    assert seen["object"] == scene.object
    w, x, y, z = scene.rotation
    assert np.allclose(seen["object_rotation"], turn([x, y, z, w]).as_matrix(), atol=1e-6)
    assert np.isclose(seen["distance"], scene.distance * reach, atol=1e-6)
    assert np.isclose(seen["intensity"], sky.sun_intensity * scene.light.intensity, atol=1e-6)
    assert np.allclose(seen["light_colour"], [*scene.light.colour, 1.0])
    assert np.allclose(seen["light_direction"], scene.light.direction, atol=1e-6)
    offset, aperture = seen["focus"]
    if scene.focus is None:
        assert (round(offset, 6), aperture) == (0, 70)
    else:
        focused = max(seen["distance"] + scene.focus.offset, 0.1)
        assert np.isclose(seen["distance"] + offset, focused)
        assert aperture == scene.focus.aperture
    assert seen["background"] == scene.background.panorama
    wanted = -camera(scene.background.yaw, scene.background.pitch).apply([0, 0, 1])
    assert np.allclose(seen["forward"], wanted, atol=1e-6)
    assert np.allclose(seen["look"], wanted, atol=1e-6)
    names = scene.materials or ()
    reported = {f"{s.part}:{s.number}": names[i % len(names)] for i, s in enumerate(slots) if names}
    assert seen["materials"] == reported


def key(value):
    """A value that can be put into a set."""
    return (np.round(np.asarray(value, dtype=float), 5) + 0.0).tobytes()  # -0.0 is 0.0


#: What a switch lets vary, as parts of what was read.
PARTS = {
    "object_rotation": lambda s: key(s["object_rotation"]),
    "object_distance": lambda s: key(s["distance"]),
    "light_intensity": lambda s: key(s["intensity"]),
    "light_colour": lambda s: key(s["light_colour"]),
    "light_direction": lambda s: key(s["light_direction"]),
    "focus_blur": lambda s: key(s["focus"]),
    "background": lambda s: (s["background"], key(s["look"])),
    "materials": lambda s: tuple(sorted(s["materials"].items())),
}


def check_variation(configuration, rows):
    """Within an object, what is switched on varies, and nothing else does."""
    on = dict(zip(PAPER_SPACE.names, configuration.levels, strict=True))
    for _, group in itertools.groupby(rows, key=lambda row: row["object"]):
        members = list(group)
        for name, part in PARTS.items():
            count = len({part(seen) for seen in members})
            if name == "light_intensity" and on["background"] and not on[name]:
                continue  # a factor of 1 on suns of different strength; compared above
            assert count > 1 if on[name] else count == 1, (name, count)


@pytest.mark.slow
@pytest.mark.parametrize("bits", SIXTEEN)
def test_a_dataset_shows_its_scenes(double, journal, tmp_path, bits):
    profile = "1.8.23" if SIXTEEN.index(bits) % 2 else "1.13"
    choice = SimulatorChoice("tdw", double(profile))
    simulator, configuration = choice.build(), PAPER_SPACE.parse(bits)
    catalog = simulator.assets()
    request = DatasetRequest(
        choice,
        configuration,
        catalog.categories[:CATEGORIES],
        IMAGES,
        objects_per_class=2,
        size=SIZE,
        shard_size=200,
    )
    rendered = render_dataset(request, tmp_path / "set")
    assert rendered.manifest["images"] == CATEGORIES * IMAGES
    sampler = SceneSampler(TdwSimulator.capabilities, configuration, catalog, seed=0, size=SIZE)
    planned = [
        sampler.scene(image.category, image.object, image.index)
        for number in range(request.n_shards)
        for image in shard_images(request, catalog, number)
    ]
    rows = [read(line["state"]) for line in journal.images()]
    assert len(rows) == len(planned) == CATEGORIES * IMAGES
    book = RecordBook(None)
    for seen, scene in zip(rows, planned, strict=True):
        near = 0.5 if seen["distance"] < 0.75 * scene.distance * REFERENCE_DISTANCE else 1.0
        compare(
            seen,
            scene,
            near * REFERENCE_DISTANCE,
            book.skybox(scene.background.panorama),
            book.model(scene.object).slots,
        )
    check_variation(configuration, rows)


def shown(double, journal, bits, count=8, **options):
    """Views of the build in an object's first images."""
    simulator = TdwSimulator(**double("1.13", **options))
    catalog = simulator.assets()
    sampler = SceneSampler(
        simulator.capabilities, PAPER_SPACE.parse(bits), catalog, seed=0, size=SIZE
    )
    category = catalog.categories[0]
    planned = [sampler.scene(category, catalog.names(category)[0], i) for i in range(count)]
    with opened(simulator):
        list(simulator.render(planned))
    return planned, [read(line["state"]) for line in journal.images()], journal.images()


def angles(line):
    """Turns of the sun in one message."""
    return [
        (c["axis"], c["angle"]) for c in line["commands"] if c["$type"].startswith("rotate_dir")
    ]


def test_released_ranges(double, journal):
    planned, rows, lines = shown(double, journal, "10101000", ranges="released")
    own = RecordBook(None).skybox(planned[0].background.panorama).sun_intensity
    for scene, seen, line in zip(planned, rows, lines, strict=True):
        assert np.isclose(seen["intensity"], own + scene.light.intensity - 1, atol=1e-6)
        (one, yaw), (two, pitch) = angles(line)
        assert (one, two) == ("yaw", "pitch")
        assert 0 <= yaw < 360
        assert 0 <= pitch <= 360
        assert {"$type": "reset_directional_light_rotation"} in line["commands"]
        w, x, y, z = scene.rotation
        assert not np.allclose(seen["object_rotation"], turn([x, y, z, w]).as_matrix(), atol=1e-3)


def test_cumulative_light(double, journal):
    _, rows, lines = shown(double, journal, "00001000", light="cumulative")
    resets = [c["$type"] for line in lines for c in line["commands"]]
    assert resets.count("reset_directional_light_rotation") == 1
    rotation = turn(lines[0]["state"]["sun"]["home"])
    for seen, line in zip(rows, lines, strict=True):
        for axis, angle in angles(line):
            step = Rotation.from_euler({"yaw": "y", "pitch": "x"}[axis], angle, degrees=True)
            rotation = rotation * step
        assert np.allclose(seen["light_direction"], -rotation.apply([0, 0, 1]), atol=1e-6)
        assert len(angles(line)) == 2
