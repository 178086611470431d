import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.core.errors import InvalidInputError
from benchmark.simulators import sampling
from benchmark.simulators.draws import AnyBackground, AnyRotation, Blur, Fixed, OneOf, Uniform
from benchmark.simulators.interface import AssetCatalog, Capabilities
from benchmark.simulators.sampling import SceneSampler
from benchmark.space import PAPER_SPACE, Configuration, Parameter, ParameterSpace

CATALOG = AssetCatalog(
    {"mug": ("0", "1"), "chair": ("0", "1")},
    tuple(f"material-{i}" for i in range(140)),
    tuple(f"panorama-{i}" for i in range(48)),
)

#: What each switch lets vary, as parts of a scene.
PARTS = {
    "object_rotation": lambda scene: scene.rotation,
    "object_distance": lambda scene: scene.distance,
    "light_intensity": lambda scene: scene.light.intensity,
    "light_colour": lambda scene: scene.light.colour,
    "light_direction": lambda scene: scene.light.direction,
    "focus_blur": lambda scene: scene.focus,
    "background": lambda scene: scene.background,
    "materials": lambda scene: scene.materials,
}


def sampler(configuration, seed=0, **options):
    return SceneSampler(
        Capabilities(PAPER_SPACE, **options), configuration, CATALOG, seed=seed, size=64
    )


def many(configuration, count=12, name="0"):
    made = sampler(configuration)
    return [made.scene("mug", name, i) for i in range(count)]


def test_the_parts_are_the_whole_scene():
    (scene,) = many(PAPER_SPACE.at(255), 1)
    fixed = {"category", "object", "index", "size"}
    light = {f.name for f in fields(scene.light)}
    assert {f.name for f in fields(scene)} - fixed == {
        "rotation", "distance", "light", "focus", "background", "materials", "extras",
    }  # fmt: skip
    assert light == {"intensity", "colour", "direction"}


@pytest.mark.parametrize("configuration", list(PAPER_SPACE), ids=str)
def test_exactly_the_switched_on_quantities_vary(configuration):
    scenes = many(configuration)
    on = dict(zip(PAPER_SPACE.names, configuration.levels, strict=True))
    for name, part in PARTS.items():
        values = {part(scene) for scene in scenes}
        if on[name]:
            assert len(values) > 6, name
        else:
            assert len(values) == 1, name
    # What is off has the same value in every configuration: the reference.
    reference = many(Configuration((0,) * 8), 1)[0]
    for name, part in PARTS.items():
        if not on[name]:
            assert part(scenes[0]) == part(reference)


def test_configurations_share_the_draws_of_what_both_vary():
    everything = many(PAPER_SPACE.at(255))
    for place, (_, part) in enumerate(PARTS.items()):
        levels = [0] * 8
        levels[place] = 1
        assert [part(s) for s in many(Configuration(tuple(levels)))] == [
            part(s) for s in everything
        ]


@given(st.permutations(range(12)))
def test_an_image_is_the_same_in_any_order_and_alone(order):
    made = sampler(PAPER_SPACE.at(255))
    assert [made.scene("mug", "0", i) for i in order] == [
        many(PAPER_SPACE.at(255))[i] for i in order
    ]


@pytest.mark.parametrize(
    "other",
    [
        lambda: sampler(PAPER_SPACE.at(255), seed=1).scene("mug", "0", 0),
        lambda: sampler(PAPER_SPACE.at(255)).scene("chair", "0", 0),
        lambda: sampler(PAPER_SPACE.at(255)).scene("mug", "1", 0),
        lambda: sampler(PAPER_SPACE.at(255)).scene("mug", "0", 1),
    ],
    ids=["seed", "category", "object", "index"],
)
def test_every_coordinate_enters_the_draws(other):
    first, second = many(PAPER_SPACE.at(255), 1)[0], other()
    for part in (PARTS["object_rotation"], PARTS["object_distance"], PARTS["light_direction"]):
        assert part(first) != part(second)


def test_more_slots_leave_the_other_draws_alone():
    few, more = (sampler(PAPER_SPACE.at(255), max_slots=n).scene("mug", "0", 5) for n in (2, 9))
    assert more.materials[:2] == few.materials
    assert few.rotation == more.rotation
    assert few.background == more.background


def uniform(values, low, high):
    return stats.kstest((np.asarray(values) - low) / (high - low), "uniform").pvalue > 1e-3


@pytest.fixture(scope="module")
def crowd():
    return many(PAPER_SPACE.at(255), 3000)


def test_ranges_are_those_of_the_released_generator(crowd):
    assert uniform([s.distance for s in crowd], 0.4, 1.5)
    assert uniform([s.light.intensity for s in crowd], 0.4, 1.6)
    for channel in range(3):
        assert uniform([s.light.colour[channel] for s in crowd], 0.05, 1.0)
    blurred = [s.focus for s in crowd if s.focus]
    assert stats.binomtest(len(blurred), len(crowd), 0.75).pvalue > 1e-3
    assert uniform([f.offset for f in blurred], -1, 1)
    assert uniform([f.aperture for f in blurred], 0.5, 1.2)


def test_directions_are_uniform(crowd):
    quaternions = np.array([s.rotation for s in crowd])
    assert np.allclose(np.linalg.norm(quaternions, axis=1), 1)
    # The mean rotation of a uniform sample has no preferred axis: eigenvalues of E[q q^T] are 1/4.
    assert np.abs(np.linalg.eigvalsh(quaternions.T @ quaternions / len(crowd)) - 0.25).max() < 0.02
    light = np.array([s.light.direction for s in crowd])
    assert np.allclose(np.linalg.norm(light, axis=1), 1)
    assert uniform(light[:, 1], 0, 1)  # Archimedes: heights on a sphere are uniform
    assert uniform(np.arctan2(light[:, 2], light[:, 0]), -math.pi, math.pi)
    assert uniform([math.sin(s.background.pitch) for s in crowd], -1, 1)
    assert uniform([s.background.yaw for s in crowd], -math.pi, math.pi)


def test_every_asset_is_drawn(crowd):
    assert {s.background.panorama for s in crowd} == set(CATALOG.panoramas)
    assert {name for s in crowd for name in s.materials} == set(CATALOG.materials)


def test_references():
    scene = many(PAPER_SPACE.at(0), 1)[0]
    assert scene.rotation == (1, 0, 0, 0)
    assert scene.distance == 1
    assert scene.light.intensity == 1
    assert scene.light.colour == (1, 1, 1)
    assert math.isclose(math.hypot(*scene.light.direction), 1)
    assert scene.focus is None
    assert scene.background.panorama == "panorama-0"
    assert scene.materials is None


def test_scenes_are_pinned():
    """A change of the draws changes every dataset: raise SAMPLING_VERSION with it."""
    scene = many(PAPER_SPACE.at(255), 1)[0]
    assert sampling.SAMPLING_VERSION == "2"
    assert scene.distance == pytest.approx(PINNED_DISTANCE, abs=1e-12)
    assert scene.background.panorama == PINNED_PANORAMA


FOG = Parameter("fog", ("none", "random", "thick"), most_varied="random")
BLUR = Parameter("focus_blur", ("none", "weak", "strong"))
DRAWS = {
    "focus_blur": (Fixed(None), Blur(aperture=(2.0, 4.0)), Blur()),
    "fog": (Fixed(0.0), Uniform(0.0, 0.8), Fixed(0.6)),
}
REST = tuple(p for p in PAPER_SPACE.parameters if p.name != "focus_blur")


def own_scenes(text, parameters=(*REST, BLUR, FOG), draws=DRAWS, count=12):
    abilities = Capabilities(ParameterSpace(tuple(parameters)), draws=draws)
    point = abilities.space.parse(text)
    made = SceneSampler(abilities, point, CATALOG, seed=0, size=64)
    return [made.scene("mug", "0", i) for i in range(count)]


def test_levels_of_a_parameter_share_their_numbers():
    strong, weak = (own_scenes(f"focus_blur={level}") for level in ("strong", "weak"))
    blurred = [i for i, scene in enumerate(strong) if scene.focus]
    assert 0 < len(blurred) < 12
    assert blurred == [i for i, scene in enumerate(weak) if scene.focus]
    for i in blurred:
        assert strong[i].focus.offset == weak[i].focus.offset
        share = (strong[i].focus.aperture - 0.5) / 0.7
        assert weak[i].focus.aperture == pytest.approx(2 + 2 * share)


def test_a_new_parameter_changes_no_other_quantity():
    paper = [replace(scene, extras={}) for scene in own_scenes("111111121")]
    assert paper == many(PAPER_SPACE.at(255))
    assert [scene.extras for scene in many(PAPER_SPACE.at(255))] == [{}] * 12
    fog = [scene.extras["fog"] for scene in own_scenes("fog=random")]
    assert len(set(fog)) == 12
    assert all(0 <= value < 0.8 for value in fog)
    dust = Parameter("dust", ("none", "random"))
    more = {**DRAWS, "dust": (Fixed(0.0), Uniform(0.0, 0.8))}
    both = own_scenes("fog=random,dust=random", (dust, *REST, BLUR, FOG), more)
    assert [scene.extras["fog"] for scene in both] == fog
    assert [scene.extras["dust"] for scene in both] != fog
    assert {scene.extras["fog"] for scene in own_scenes("fog=thick")} == {0.6}


def test_a_parameter_may_drive_several_quantities_and_a_quantity_none():
    pose = Parameter("pose", ("fixed", "random"))
    draws = {
        "pose": (
            {"zoom": Fixed(1.0)},
            {"object_rotation": AnyRotation(), "zoom": Uniform(1.0, 2.0)},
        ),
        "background": (AnyBackground(),),
        "weather": (OneOf(("rain", "snow")),),
    }
    fixed, varied = (own_scenes(f"pose={level}", (pose,), draws) for level in pose.levels)
    assert {(scene.rotation, scene.extras["zoom"]) for scene in fixed} == {((1, 0, 0, 0), 1.0)}
    assert [scene.rotation for scene in varied] == [s.rotation for s in many(PAPER_SPACE.at(255))]
    assert [s.background for s in fixed] == [s.background for s in many(PAPER_SPACE.at(255))]
    assert {scene.extras["weather"] for scene in fixed} == {"rain", "snow"}
    assert {scene.distance for scene in varied} == {1.0}


@pytest.mark.parametrize(
    ("draws", "facts"),
    [
        ({}, ("'focus_blur' has 3 levels", "'fog' has 3 levels, but 0 draws")),
        ({**DRAWS, "fgo": DRAWS["fog"]}, ("'fgo'", "Did you mean 'fog'?")),
        ({**DRAWS, "fog": (0.0, Uniform(0, 1), lambda *_: 1.0)}, ("0.0", "Level 2", "dataclass")),
        ({**DRAWS, "fog": ({}, {"mist": Fixed(1.0)}, {})}, ("Level 0", "Level 2", "'mist'")),
        (
            {**DRAWS, "fog": ({}, {"focus_blur": Blur()}, {})},
            ("'focus_blur' and 'fog' both draw 'focus_blur'",),
        ),
    ],
)
def test_draws_that_do_not_fit_are_named_all_at_once(draws, facts):
    with pytest.raises(InvalidInputError) as caught:
        own_scenes("fog=1", draws=draws)
    for fact in facts:
        assert fact in str(caught.value)


PINNED_DISTANCE, PINNED_PANORAMA = 1.0177293310402464, "panorama-33"


def test_foreign_configurations_and_sizes_are_refused():
    with pytest.raises(InvalidInputError, match="2x2x2x2x2x2x2x2 space"):
        sampler(Configuration((0, 1)))
    with pytest.raises(InvalidInputError, match="got 0"):
        SceneSampler(Capabilities(PAPER_SPACE), PAPER_SPACE.at(0), CATALOG, seed=0, size=0)
