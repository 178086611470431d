import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from benchmark.simulators.meshes.framing import hemisphere, silhouettes, surface_points
from benchmark.simulators.meshes.mesh import Mesh, Surface


def as_mesh(made):
    positions = np.asarray(made.vertices, dtype=np.float32)
    positions /= np.linalg.norm(positions, axis=1).max()
    n = len(positions)
    return Mesh(
        positions,
        np.asarray(made.vertex_normals, np.float32),
        np.zeros((n, 2), np.float32),
        np.zeros(n, np.uint8),
        np.asarray(made.faces, np.uint32),
        (Surface(),),
    )


def convex_areas(mesh, directions):
    """Exact areas of a convex body's outlines, by the hull of its projected vertices."""
    found = []
    for direction in directions:
        right = np.cross(direction, [0.3, 0.5, 0.81])
        right /= np.linalg.norm(right)
        plane = mesh.positions @ np.stack([right, np.cross(right, direction)], axis=1)
        found.append(ConvexHull(plane).volume)
    return np.array(found)


@pytest.mark.parametrize(
    "made",
    [
        trimesh.creation.icosphere(3),
        trimesh.creation.box((1, 1, 1)),
        trimesh.creation.box((2, 0.4, 1)),
        trimesh.creation.cylinder(0.3, 2),
        trimesh.creation.cone(0.8, 1.0),
    ],
    ids=["sphere", "cube", "slab", "rod", "cone"],
)
def test_areas_of_convex_bodies(made):
    mesh = as_mesh(made)
    found = silhouettes(mesh)
    exact = convex_areas(mesh, found.directions)
    assert np.abs(found.area / exact - 1).mean() < 0.06
    assert np.abs(found.area / exact - 1).max() < 0.25, "a thin outline may be off by a cell"


def test_holes_are_not_filled():
    ring = as_mesh(trimesh.creation.torus(1.0, 0.15))
    found = silhouettes(ring)
    along = found.nearest(np.array([0.0, 0.0, 1.0]))
    inner, outer = 0.85 / 1.15, 1.0
    axis = abs(found.directions[along, 2])
    assert axis > 0.95
    assert found.area[along] == pytest.approx(np.pi * (outer**2 - inner**2), rel=0.25)


def test_extents_and_depths_are_exact():
    mesh = as_mesh(trimesh.creation.box((2, 0.4, 1)))
    found = silhouettes(mesh)
    for i, direction in enumerate(found.directions):
        along = mesh.positions @ direction
        beside = np.linalg.norm(mesh.positions - along[:, None] * direction, axis=1)
        assert found.depth[i] == pytest.approx(np.abs(along).max(), rel=1e-5)
        assert found.extent[i] == pytest.approx(beside.max(), rel=1e-3)


def test_opposite_directions_share_an_outline():
    found = silhouettes(as_mesh(trimesh.creation.cone(0.8, 1.0)))
    for direction in found.directions[::7]:
        assert found.nearest(direction) == found.nearest(-direction)


def test_directions_cover_the_hemisphere():
    directions = hemisphere()
    assert np.allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    rng = np.random.default_rng(0)
    anywhere = rng.normal(size=(2000, 3))
    anywhere /= np.linalg.norm(anywhere, axis=1, keepdims=True)
    nearest = np.abs(anywhere @ directions.T).max(axis=1)
    assert np.degrees(np.arccos(nearest.min())) < 16


def test_points_lie_on_the_surface_evenly():
    mesh = as_mesh(trimesh.creation.box((2, 2, 2)))
    points = surface_points(mesh, 6000)
    side = np.abs(mesh.positions).max()
    assert np.allclose(np.abs(points).max(axis=1), side, atol=1e-5)
    faces = np.abs(points).argmax(axis=1) * 2 + (
        points[range(6000), np.abs(points).argmax(axis=1)] > 0
    )
    assert np.abs(np.bincount(faces) / 1000 - 1).max() < 0.05


def test_the_same_every_time():
    mesh = as_mesh(trimesh.creation.cone(0.8, 1.0))
    assert np.array_equal(silhouettes(mesh).area, silhouettes(mesh).area)
