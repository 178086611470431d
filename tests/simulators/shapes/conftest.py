"""Measurements of meshes that several tests share."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.simulators.shapes.library import ProceduralLibrary


@pytest.fixture(scope="session")
def library() -> ProceduralLibrary:
    return ProceduralLibrary(seed=0)


def _faults(positions: np.ndarray, normals: np.ndarray, triangles: np.ndarray) -> list[str]:
    """Why a triangle soup is not a closed surface with outward normals; by brute force."""
    corners = positions[triangles].astype(np.float64)
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume = np.einsum("ij,ij->", corners[:, 0], facing) / 6
    _, welded = np.unique(np.round(positions * 1e5).astype(np.int64), axis=0, return_inverse=True)
    welded = welded.ravel()[triangles]
    edges = np.concatenate([welded[:, [0, 1]], welded[:, [1, 2]], welded[:, [2, 0]]])
    forth, back = edges @ [10**7, 1], edges @ [1, 10**7]
    found = {
        "an open edge": not np.array_equal(np.sort(forth), np.sort(back)),
        "a degenerate triangle": bool((edges[:, 0] == edges[:, 1]).any()),
        "no volume": volume <= 0,
        "an inward normal": bool(
            (np.einsum("ij,ij->i", facing, normals[triangles].sum(axis=1)) < 0).any()
        ),
        "a normal that is not of unit length": not np.allclose(
            np.linalg.norm(normals[np.unique(triangles)], axis=1), 1, atol=1e-5
        ),
    }
    return [name for name, bad in found.items() if bad]


@pytest.fixture(scope="session")
def surface_faults() -> Callable[..., list[str]]:
    return _faults
