import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from benchmark.core.errors import UnknownNameError
from benchmark.simulators.meshes.mesh import MAX_SLOTS, ObjectLibrary
from benchmark.simulators.shapes.genes import Genes
from benchmark.simulators.shapes.library import CATEGORIES, FAMILIES, ProceduralLibrary

ALL = tuple(CATEGORIES)
SLOW = pytest.mark.slow  # sweeps over all objects; a sample of them is quick
_BY_CATEGORY = """
import hashlib
from benchmark.simulators.shapes.library import ProceduralLibrary
library = ProceduralLibrary(3)
for category in {names}:
    mesh = library.mesh(category, "04")
    arrays = (mesh.positions, mesh.normals, mesh.uvs, mesh.slots, mesh.triangles)
    print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


def content(mesh):
    arrays = (mesh.positions, mesh.normals, mesh.uvs, mesh.slots, mesh.triangles)
    surfaces = [(s.material, s.colour, s.roughness, s.metalness) for s in mesh.surfaces]
    return b"".join(array.tobytes() for array in arrays), surfaces


def parts(category, name):
    """The watertight pieces of an object of seed 0, before they become a mesh."""
    family, variant = CATEGORIES[category]
    return family.grow(Genes(0, family.name, variant, len(family.categories), name))


def test_it_is_a_library_of_237_categories_of_ten(library):
    catalogue: ObjectLibrary = library
    assert len(set(catalogue.categories)) == len(catalogue.categories) == 237
    for category in catalogue.categories:
        assert catalogue.objects(category) == tuple(f"{i:02d}" for i in range(10))


def test_the_first_categories_are_of_different_families(library):
    families = [CATEGORIES[name][0].name for name in library.categories]
    assert len(FAMILIES) >= 60
    assert len(set(families[: len(FAMILIES)])) == len(FAMILIES)
    assert len(set(families[:100])) == len(FAMILIES)


def test_nothing_is_built_before_it_is_needed(monkeypatch):
    monkeypatch.setattr(ProceduralLibrary, "mesh", lambda *_: pytest.fail("built too early"))
    library = ProceduralLibrary(seed=12345)
    assert len([library.objects(category) for category in library.categories]) == 237


def test_unknown_names_are_refused(library):
    with pytest.raises(UnknownNameError, match="category 'mgu-1'"):
        library.objects("mgu-1")
    with pytest.raises(UnknownNameError, match=r"category 'girafe'.*Did you mean 'giraffe'"):
        library.mesh("girafe", "00")
    with pytest.raises(UnknownNameError, match="object '10'"):
        library.mesh("mug-1", "10")


def test_the_digest_names_the_seed(library):
    assert library.digest == ProceduralLibrary(0).digest != ProceduralLibrary(1).digest
    assert library.mesh("mug-1", "00").positions.tobytes() != (
        ProceduralLibrary(1).mesh("mug-1", "00").positions.tobytes()
    )


def test_meshes_are_the_same_in_any_order(library):
    names = [(c, o) for c in ALL[::40] for o in ("03", "07")]
    forwards = {name: content(library.mesh(*name)) for name in names}
    other = ProceduralLibrary(0)
    assert {name: content(other.mesh(*name)) for name in names[::-1]} == forwards


def test_meshes_are_the_same_in_another_process():
    script = _BY_CATEGORY.format(names=ALL[::30])
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(set(runs[0].stdout.split())) == len(ALL[::30])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_parts_are_closed_and_face_outwards(surface_faults, family):
    for i, category in enumerate(family.categories):
        for part in parts(category, f"{(7 * i) % 10:02d}"):
            faults = surface_faults(part.positions, part.normals, part.triangles)
            assert faults == [], f"{category}, slot {part.slot}"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_objects_are_whole(library, family):
    """Voxels that the surface passes through hang together, at 2/48 of a unit each."""
    for i, category in enumerate(family.categories):
        mesh = library.mesh(category, f"{(3 * i + 1) % 10:02d}")
        voxels = np.zeros((50, 50, 50), dtype=bool)
        voxels[tuple(((surface_points(mesh, 24_000) + 1) * 24 + 1).astype(int).T)] = True
        pieces = ndimage.label(voxels, np.ones((3, 3, 3)))[1]
        assert pieces == 1, category


def surface_points(mesh, count):
    rng = np.random.default_rng(0)
    corners = mesh.positions[mesh.triangles].astype(np.float64)
    areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    chosen = corners[rng.choice(len(corners), count, p=areas / areas.sum())]
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - u) * chosen[:, 0] + u * (1 - v) * chosen[:, 1] + u * v * chosen[:, 2]


def test_a_floating_part_would_be_found(library):
    mesh = library.mesh("mug-1", "00")
    points = surface_points(mesh, 24_000) * 0.4
    both = np.concatenate([points - 0.5, points + 0.5])
    voxels = np.zeros((50, 50, 50), dtype=bool)
    voxels[tuple(((both + 1) * 24 + 1).astype(int).T)] = True
    assert ndimage.label(voxels, np.ones((3, 3, 3)))[1] == 2


@pytest.mark.parametrize("seed", [1, pytest.param(0, marks=SLOW), pytest.param(99, marks=SLOW)])
def test_meshes_keep_their_promises(seed):
    library = ProceduralLibrary(seed)
    counts = []
    for i, category in enumerate(library.categories):
        mesh = library.mesh(category, f"{(i + seed) % 10:02d}")
        assert np.linalg.norm(mesh.positions, axis=1).max() == pytest.approx(1, abs=1e-6)
        middle = (mesh.positions.max(axis=0) + mesh.positions.min(axis=0)) / 2
        np.testing.assert_allclose(middle, 0, atol=1e-6)
        assert np.unique(mesh.triangles).size == mesh.triangles.max() + 1 or mesh.closed
        assert 1 <= len(mesh.surfaces) <= MAX_SLOTS
        assert set(mesh.slots.tolist()) == set(range(len(mesh.surfaces)))
        assert mesh.positions.dtype == mesh.uvs.dtype == np.float32
        assert mesh.triangles.dtype == np.uint32
        counts.append(len(mesh.triangles))
    assert max(counts) <= 2000, library.categories[int(np.argmax(counts))]
    assert 700 <= np.median(counts) <= 1400


def test_surfaces_are_plausible_and_differ_within_an_object(library):
    for category in library.categories:
        surfaces = library.mesh(category, "05").surfaces
        assert len({(s.material, s.colour) for s in surfaces}) == len(surfaces)
        for surface in surfaces:
            assert all(0 <= channel <= 1 for channel in surface.colour)
            assert 0 <= surface.roughness <= 1
            assert surface.metalness in {0, 1}
            assert surface.material is None or 0 <= surface.material < 140


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=SLOW)])
def test_structure_is_the_categorys_and_proportions_are_the_objects(library, step):
    for category in library.categories[::step]:
        meshes = [library.mesh(category, name) for name in library.objects(category)]
        kinds = {(len(m.triangles), tuple(s.material for s in m.surfaces)) for m in meshes}
        assert len(kinds) == 1, category
        sizes = np.log([np.ptp(m.positions, axis=0) for m in meshes])
        assert np.std(sizes - sizes.mean(axis=1, keepdims=True), axis=0).max() > 0.02, category
        assert len({len(parts(category, n)) for n in library.objects(category)}) == 1
