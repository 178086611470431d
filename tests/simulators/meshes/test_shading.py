import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from benchmark.simulators.meshes.convert import corner_normals, face_normals


def brute_force(positions, faces, crease):
    weighted = face_normals(positions, faces)
    unit = weighted / np.linalg.norm(weighted, axis=1, keepdims=True)
    found = np.zeros((len(faces), 3, 3))
    for i, face in enumerate(faces):
        for j, vertex in enumerate(face):
            total = np.zeros(3)
            for k, other in enumerate(faces):
                if vertex in other and unit[i] @ unit[k] >= np.cos(crease):
                    total += weighted[k]
            found[i, j] = total / np.linalg.norm(total)
    return found


@given(st.integers(0, 50), st.floats(0.1, 2.0))
def test_against_loops(seed, crease):
    rng = np.random.default_rng(seed)
    hull = trimesh.convex.convex_hull(rng.normal(size=(12, 3)))
    positions, faces = np.asarray(hull.vertices), np.asarray(hull.faces)
    assert np.allclose(
        corner_normals(positions, faces, crease), brute_force(positions, faces, crease), atol=1e-9
    )


def test_a_cube_stays_sharp_and_a_ball_smooth():
    cube = trimesh.creation.box()
    normals = corner_normals(np.asarray(cube.vertices), np.asarray(cube.faces))
    assert np.allclose(np.abs(normals).max(axis=2), 1)
    ball = trimesh.creation.icosphere(3)
    normals = corner_normals(np.asarray(ball.vertices), np.asarray(ball.faces))
    assert np.allclose(normals, np.asarray(ball.vertices)[ball.faces], atol=0.02)


def test_triangles_of_opposite_winding_do_not_cancel():
    positions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.0]])
    faces = np.array([[0, 1, 2], [1, 2, 3]])
    normals = corner_normals(positions, faces)
    assert np.allclose(np.linalg.norm(normals, axis=2), 1)
    assert normals[0, 0, 2] == pytest.approx(1)
    assert normals[1, 0, 2] == pytest.approx(-1)
