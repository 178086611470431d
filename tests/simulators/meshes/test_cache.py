import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import UnknownNameError
from benchmark.simulators.meshes.cache import (
    CachedLibrary,
    PackedMeshes,
    mesh_from_arrays,
    mesh_to_arrays,
    pack,
)
from benchmark.simulators.meshes.framing import silhouettes
from benchmark.simulators.meshes.mesh import Mesh, Surface

PLAIN = (Surface(),)


def tetrahedron(scale=1.0, surfaces=PLAIN, closed=True):
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)
    positions = (scale * corners / np.sqrt(3)).astype(np.float32)
    return Mesh(
        positions,
        (corners / np.sqrt(3)).astype(np.float32),
        positions[:, :2].copy(),
        np.arange(4, dtype=np.uint8) % len(surfaces),
        np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.uint32),
        tuple(surfaces),
        closed=closed,
    )


class Library:
    """Two categories; counts how many meshes it makes."""

    name = "small"
    digest = "d" * 64
    categories = ("a", "b")
    made = 0

    def objects(self, category):
        if category not in self.categories:
            raise UnknownNameError("category", category, self.categories)
        return ("0", "1")

    def mesh(self, category, name):
        self.made += 1
        return tetrahedron(1.0 if name == "0" else 0.5)


def cells():
    return sorted(Path("cache/cells").glob("mesh/*/*/meshes.npz"))


def equal(first, second):
    arrays, others = mesh_to_arrays(first), mesh_to_arrays(second)
    return arrays.keys() == others.keys() and all(
        np.array_equal(arrays[k], others[k]) and arrays[k].dtype == others[k].dtype for k in arrays
    )


unit = st.floats(0, 1)
surfaces = st.builds(
    Surface,
    st.none() | st.integers(0, 500),
    st.tuples(unit, unit, unit),
    st.none() | unit,
    st.none() | unit,
    st.none() | st.just(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)),
)


@given(st.lists(surfaces, min_size=1, max_size=4), st.booleans())
def test_round_trip(made, closed):
    mesh = tetrahedron(1.0, made, closed)
    outline = silhouettes(mesh)
    content = pack({"0": (mesh, outline), "x y": (mesh, outline)})
    read = PackedMeshes(content)
    assert list(read) == ["0", "x y"]
    assert equal(read["x y"][0], mesh)
    assert np.array_equal(read["0"][1].area, outline.area)
    assert content == pack(read), "the same bytes every time"
    assert equal(mesh_from_arrays(mesh_to_arrays(mesh)), mesh)


def test_meshes_are_made_once():
    inner = Library()
    first = CachedLibrary(inner)
    assert (first.name, first.digest, first.categories) == ("small", "d" * 64, ("a", "b"))
    assert equal(first.mesh("a", "1"), tetrahedron(0.5))
    assert first.framing("a", "1").extent.max() < 0.51
    assert inner.made == 2
    again = CachedLibrary(inner)
    assert equal(again.mesh("a", "0"), tetrahedron(1.0))
    assert inner.made == 2


@pytest.mark.parametrize("damage", ["empty", "flipped", "cut", "text"])
def test_damaged_cells_are_made_again(damage, caplog):
    inner = Library()
    CachedLibrary(inner).mesh("a", "0")
    (path,) = cells()
    whole = path.read_bytes()
    content = {
        "empty": b"",
        "flipped": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
        "cut": whole[:-7],
        "text": b"not a mesh",
    }[damage]
    path.write_bytes(content)
    with caplog.at_level(logging.INFO):
        assert equal(CachedLibrary(inner).mesh("a", "0"), tetrahedron())
    assert "damaged" in caplog.text
    assert path.read_bytes() == whole


def test_digest_and_category_name_the_cell():
    inner = Library()
    CachedLibrary(inner).mesh("a", "0")
    CachedLibrary(inner).mesh("b", "0")
    inner.digest = "e" * 64
    CachedLibrary(inner).mesh("a", "0")
    assert len(cells()) == 3


def test_an_unwritable_store_is_no_obstacle(monkeypatch, caplog):
    Path("file").write_text("in the way")
    monkeypatch.setenv("T2SBENCH_CACHE", str(Path("file").absolute()))
    inner = Library()
    library = CachedLibrary(inner)
    with caplog.at_level(logging.INFO):
        assert equal(library.mesh("a", "0"), tetrahedron())
    assert "not kept" in caplog.text
    library.mesh("a", "1")
    assert inner.made == 2, "the process keeps the meshes in memory"


def test_two_writers_at_once():
    results = []

    def work():
        results.append(CachedLibrary(Library()).mesh("b", "0"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(equal(mesh, tetrahedron()) for mesh in results)
    assert len(cells()) == 1


def test_unknown_names():
    library = CachedLibrary(Library())
    with pytest.raises(UnknownNameError, match="object of 'a'"):
        library.mesh("a", "9")
    with pytest.raises(UnknownNameError, match="category"):
        library.mesh("z", "0")
