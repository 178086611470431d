import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.shapes.curves import (
    arc,
    gear,
    heart,
    helix,
    polar,
    rounded,
    spline,
    star,
)
from benchmark.simulators.shapes.lathes import (
    ball,
    cylinder,
    drum,
    ellipsoid,
    lathe,
    prismatic,
    torus,
    vessel,
)
from benchmark.simulators.shapes.part import merged
from benchmark.simulators.shapes.polygons import triangulate
from benchmark.simulators.shapes.solids import box, faceted, plate, prism
from benchmark.simulators.shapes.sweeps import hull, rod, strap, tube

SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
L_SHAPE = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 3), (0, 3)]


def volume(part):
    a, b, c = (part.positions[part.triangles[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def polygon(n, r):
    """Area of a regular polygon of circumradius r."""
    return n * r * r * math.sin(2 * math.pi / n) / 2


KNOWN = {
    "box": (box(1, 2, 3), 6.0),
    "cylinder": (cylinder(1, 2, 16), 2 * polygon(16, 1)),
    "cone": (cylinder(1, 3, 12, top=0), polygon(12, 1)),
    "pyramid": (prismatic(1, 3, 4, top=0), 4.0),
    "tetragon": (prismatic(1, 1, 4), 4.0),
    "prism": (prism(L_SHAPE, 0.5), 2.0),
    "star": (prism(star(5, 1, 0.4), 2), 2 * 10 * 0.2 * math.sin(math.pi / 5)),
    "plate": (plate(2 * SQUARE, SQUARE, 1), 12.0),
    "rod": (rod((0, 0, 0), (0, 3, 4), 1, sides=8), 5 * polygon(8, 1)),
    "strap": (strap([(0, 0, 0), (2, 0, 0)], SQUARE * [0.5, 1]), 4.0),
    "ring": (
        lathe([(1, 0), (2, 0), (2, 1), (1, 1)], 20, ring=True),
        polygon(20, 2) - polygon(20, 1),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_volumes_are_those_of_the_formulas(name, surface_faults):
    part, expected = KNOWN[name]
    assert volume(part) == pytest.approx(expected, rel=1e-9)
    assert surface_faults(part.positions, part.normals, part.triangles) == []


ROUND = {
    "ball": (ball(1, 40, 30), 4 / 3 * math.pi),
    "ellipsoid": (ellipsoid(1, 2, 3, sides=40, rows=30), 8 * math.pi),
    "torus": (torus(2, 0.5, 60, 30), 2 * math.pi**2 * 2 * 0.25),
    "closed tube": (
        tube([(math.cos(a), 0, math.sin(a)) for a in np.arange(0, 6.28, 0.1047)], 0.2, closed=True,
             sides=30),
        2 * math.pi**2 * 0.04,
    ),
    "cube-like": (ellipsoid(1, 1, 1, square=(0.1, 0.1), sides=80, rows=60), 8.0),
}  # fmt: skip


@pytest.mark.parametrize("name", ROUND)
def test_round_things_are_nearly_as_large_as_their_ideals(name, surface_faults):
    part, expected = ROUND[name]
    assert volume(part) == pytest.approx(expected, rel=0.03)
    assert surface_faults(part.positions, part.normals, part.triangles) == []


RINGS = ((0.5, 0), (1, 1), (0.4, 2))
OTHERS = {
    "drum": drum(1, 1, 0.2),
    "bevelled box": box(2, 1, 3, 0.2),
    "vessel": vessel(spline([(0.4, 0), (1, 0.8), (0.5, 1.6), (0.7, 2)], 12), 0.08),
    "shallow vessel": vessel(spline([(0.4, 0), (1, 0.8), (0.5, 1.6), (0.7, 2)], 12), 0.08, 20, 0.4),
    "faceted vase": lathe([(0.5, 0), (1, 1), (0.4, 2)], 7, facets=True),
    "gear": prism(gear(9, 1, 0.8), 0.3),
    "heart": prism(heart(1), 0.3),
    "rounded": prism(rounded(2, 1, 0.3), 1),
    "polar": prism(polar([1, 0.5, 0.8, 0.6, 0.9, 0.4]), 1),
    "spring": tube(helix(1, 2, 3, 60), 0.1),
    "limb": tube([(0, 0, 0), (0, 1, 0.2), (0, 2, 1)], [0.3, 0.2, 0.1], up=(1, 0, 0)),
    "spike": tube([(0, 0, 0), (1, 0, 0), (2, 0.1, 0)], [0.3, 0.2, 0.0]),
    "hull": hull(np.array([[(r * x, r * y, z) for x, y in polar([1] * 8)] for r, z in RINGS])),
    "tetrahedron": faceted(
        np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]),
        np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_primitives_are_closed_and_face_outwards(name, surface_faults):
    part = OTHERS[name]
    assert surface_faults(part.positions, part.normals, part.triangles) == []
    assert part.uvs.shape == (len(part.positions), 2)


@given(
    factors=st.tuples(*[st.floats(0.2, 5)] * 3),
    shift=st.tuples(*[st.floats(-5, 5)] * 3),
    axis=st.sampled_from("xyz"),
    degrees=st.floats(-360, 360),
    mirror=st.booleans(),
)
def test_moves_keep_parts_closed_and_scale_volumes(
    surface_faults, factors, shift, axis, degrees, mirror
):
    part = torus(1, 0.3, 12, 8)
    moved = part.scaled(*factors).turned(axis, degrees).moved(*shift)
    moved = moved.mirrored() if mirror else moved
    assert volume(moved) == pytest.approx(volume(part) * math.prod(factors), rel=1e-6)
    assert surface_faults(moved.positions, moved.normals, moved.triangles) == []


def test_copies_are_as_large_as_their_sum(surface_faults):
    part = box(1, 1, 1, 0.1)
    copies = [
        part.copies([(0, 0, 0), (3, 0, 0)]),
        part.moved(z=4).around(3),
        part.moved(x=2).both(),
    ]
    for copy, count in zip(copies, (2, 3, 2), strict=True):
        assert volume(copy) == pytest.approx(count * volume(part))
    whole = merged(copies)
    assert surface_faults(whole.positions, whole.normals, whole.triangles) == []
    assert whole.on(3).slot == 3


def test_turning_about_y_takes_the_front_to_the_right():
    point = box(0.1, 0.1, 0.1).moved(z=1).turned("y", 90).positions.mean(axis=0)
    np.testing.assert_allclose(point, [1, 0.05, 0], atol=1e-12)


def test_sharp_edges_have_several_normals_and_round_ones_one():
    assert len(cylinder(1, 1, 12).positions) == 4 * 13 + 2 * 13
    seam = ball(1, 12, 8)
    np.testing.assert_allclose(seam.normals, seam.positions, atol=1e-12)


def test_textures_are_as_long_as_the_surface():
    part = cylinder(0.5, 3, 64)
    assert np.ptp(part.uvs[:, 0]) == pytest.approx(math.pi)
    assert np.ptp(tube([(0, 0, 0), (4, 0, 0)], 0.1, blunt=True).uvs[:, 1]) == pytest.approx(4)


@given(st.lists(st.floats(0.3, 1), min_size=3, max_size=24))
def test_triangles_of_a_polygon_cover_its_area(radii):
    outline = polar(radii)
    corners = outline[triangulate(outline)]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    x, y = outline.T
    shoelace = (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2
    assert areas.sum() == pytest.approx(shoelace)
    assert len(areas) == len(radii) - 2
    assert (areas > 0).all()


@pytest.mark.parametrize(
    "outline", [[(0, 0), (1, 1), (1, 0), (0, 1)], [(0, 0), (0, 1), (1, 1), (1, 0)]]
)
def test_polygons_that_cross_themselves_or_run_clockwise_are_refused(outline):
    with pytest.raises(InvalidInputError, match=r"simple.*counter-clockwise"):
        triangulate(np.array(outline, dtype=float))


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=9))
def test_splines_pass_through_their_points(points):
    closed = spline(points, 4 * len(points), closed=True)[::4]
    np.testing.assert_allclose(closed, points, atol=1e-9)
    opened = spline(points, 4 * (len(points) - 1) + 1)[::4]
    np.testing.assert_allclose(opened, points, atol=1e-9)


def test_arcs_have_their_radius():
    points = arc(2, 30, 200, 9, (1, -1))
    np.testing.assert_allclose(np.hypot(*(points - (1, -1)).T), 2)
