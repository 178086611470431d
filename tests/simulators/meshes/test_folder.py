import re
import socket
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.simulators.meshes import convert, loading, parts
from benchmark.simulators.meshes.folder import FolderLibrary
from benchmark.simulators.meshes.layout import find_meshes
from benchmark.simulators.meshes.loading import count_contents
from benchmark.simulators.meshes.mesh import MAX_SLOTS
from tests.simulators.meshes.sweethome3d import unpack_sh3f

ROOT = Path("library")
FURNITURE = Path("/usr/share/sweethome3d/furniture/KatorLegaz.sh3f")


def put(name, made, **options):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    made.export(path, **options)
    return path


def write(name, content):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reasons(library):
    return {finding.path: finding.reason for finding in library.report()}


@pytest.fixture
def good():
    put("box/plain.stl", trimesh.creation.box((1, 2, 3)))


@pytest.mark.parametrize("suffix", ["glb", "gltf", "obj", "ply", "stl"])
def test_every_format_loads(suffix):
    ball = trimesh.creation.icosphere(2)
    ball.apply_translation([5, -3, 2])
    ball.apply_scale(7)
    if suffix == "gltf":
        path = ROOT / "ball" / "a" / "a.gltf"
        path.parent.mkdir(parents=True)
        for name, content in trimesh.exchange.gltf.export_gltf(trimesh.Scene(ball)).items():
            (path.parent / (path.name if name.endswith(".gltf") else name)).write_bytes(content)
    else:
        put(f"ball/a.{suffix}", ball)
    library = FolderLibrary(ROOT)
    assert library.categories == ("ball",)
    assert library.objects("ball") == ("a",)
    mesh = library.mesh("ball", "a")
    assert len(mesh.triangles) == 320
    assert np.linalg.norm(mesh.positions, axis=1).max() == pytest.approx(1, abs=1e-5)
    assert np.allclose(mesh.normals, mesh.positions, atol=0.1), "outward, smooth"
    assert not mesh.closed, "drawn two-sided"
    assert library.report() == ()
    assert library.framing("ball", "a").area == pytest.approx(np.pi, rel=0.06)


def test_the_same_again_from_the_cache(good, monkeypatch):
    first = FolderLibrary(ROOT)
    mesh, digest = first.mesh("box", "plain"), first.digest
    monkeypatch.setattr(
        "benchmark.simulators.meshes.folder.load_parts",
        lambda *_: pytest.fail("loaded again"),
    )
    again = FolderLibrary(ROOT)
    assert again.digest == digest
    assert np.array_equal(again.mesh("box", "plain").positions, mesh.positions)


def test_content_enters_the_digest(good):
    digest = FolderLibrary(ROOT).digest
    put("box/plain.stl", trimesh.creation.box((1, 2, 3.1)))
    assert FolderLibrary(ROOT).digest != digest


def test_a_damaged_cache_is_made_anew(good):
    mesh = FolderLibrary(ROOT).mesh("box", "plain")
    for path in Path("cache").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-9])
    assert np.array_equal(FolderLibrary(ROOT).mesh("box", "plain").positions, mesh.positions)


def test_without_a_cache_it_still_works(good, monkeypatch):
    Path("file").write_text("in the way")
    monkeypatch.setenv("T2SBENCH_CACHE", str(Path("file").absolute()))
    library = FolderLibrary(ROOT)
    assert len(library.mesh("box", "plain").triangles) == 12


def test_edges_of_a_box_stay_sharp(good):
    mesh = FolderLibrary(ROOT).mesh("box", "plain")
    assert np.allclose(np.abs(mesh.normals).max(axis=1), 1)


def test_large_meshes_are_decimated():
    ball = trimesh.creation.icosphere(6)
    put("ball/a.ply", ball)
    put("ball/b.ply", trimesh.util.concatenate([ball, trimesh.creation.box((3, 3, 0.1))]))
    library = FolderLibrary(ROOT, max_triangles=500)
    for name in ("a", "b"):
        mesh = library.mesh("ball", name)
        assert 300 <= len(mesh.triangles) <= 500
    radii = np.linalg.norm(library.mesh("ball", "a").positions, axis=1)
    assert radii.min() > 0.97, "still a ball"


def test_loose_triangles_are_reduced_too():
    rng = np.random.default_rng(0)
    corners = rng.normal(size=(3000, 1, 3)) + 0.05 * rng.normal(size=(3000, 3, 3))
    leaves = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(9000).reshape(-1, 3), process=False)
    put("tree/a.stl", leaves)
    assert len(FolderLibrary(ROOT).mesh("tree", "a").triangles) == 2000


def textured_quad(folder, image="wood.png", mtl="a.mtl"):
    write(f"{folder}/a.obj", f"mtllib {mtl}\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\n"
          "vt 1 1\nvt 0 1\nusemtl m\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n")  # fmt: skip
    write(f"{folder}/a.mtl", f"newmtl m\nKd 0.5 0.5 0.5\nmap_Kd {image}\n")


def picture(path, size=(300, 600)):
    image = Image.new("RGB", size, (10, 20, 200))
    image.paste((200, 20, 10), (0, 0, size[0], size[1] // 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def test_textures_and_their_coordinates_are_kept():
    textured_quad("sign/a")
    picture(ROOT / "sign/a/wood.png")
    mesh = FolderLibrary(ROOT).mesh("sign", "a")
    (surface,) = mesh.surfaces
    assert surface.texture.shape == (256, 128, 3)
    assert surface.texture[10, 10, 0] > 150, "the upper half is red"
    assert surface.colour == (1, 1, 1)
    top = mesh.positions[:, 1] > 0
    assert np.allclose(mesh.uvs[top, 1], 1)
    assert np.allclose(mesh.uvs[~top, 1], 0)


def test_another_texture_is_another_digest():
    textured_quad("sign/a")
    picture(ROOT / "sign/a/wood.png")
    digest = FolderLibrary(ROOT).digest
    picture(ROOT / "sign/a/wood.png", (300, 500))
    assert FolderLibrary(ROOT).digest != digest


def test_a_texture_that_comes_later_is_found():
    textured_quad("sign/a")
    assert "cannot be used (missing)" in reasons(FolderLibrary(ROOT))["sign/a/a.obj"]
    picture(ROOT / "sign/a/wood.png")
    library = FolderLibrary(ROOT)
    assert library.report() == ()
    assert library.mesh("sign", "a").surfaces[0].texture is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no image", "is not an image"),
        (b"", "is not an image"),
        (b"\x89PNG\r\n\x1a\n", "not an im"),
    ],
)
def test_a_texture_that_is_no_image_is_left_out(content, reason):
    textured_quad("sign/a")
    write("sign/a/wood.png", content)
    library = FolderLibrary(ROOT)
    assert reason in reasons(library)["sign/a/a.obj"]
    (finding,) = library.report()
    assert not finding.skipped
    assert library.mesh("sign", "a").surfaces[0].texture is None


@pytest.mark.parametrize("image", ["../../secret.png", "/etc/hostname", "http://localhost/a.png"])
def test_textures_from_elsewhere_are_never_read(image, monkeypatch, tmp_path):
    picture(tmp_path / "secret.png")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    textured_quad("a", image)
    (ROOT / "a" / "a.obj").rename(ROOT / "a" / "sign.obj")
    library = FolderLibrary(ROOT)
    assert "cannot be used" in reasons(library)["a/sign.obj"]
    assert library.mesh("a", "sign").surfaces[0].texture is None


def test_gltf_with_remote_buffers_is_left_out(good, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    tree = trimesh.exchange.gltf.export_gltf(trimesh.Scene(trimesh.creation.box()))["model.gltf"]
    write("box/remote.gltf", tree.replace(b"gltf_buffer_0.bin", b"http://localhost/0.bin"))
    assert "cannot be read" in reasons(FolderLibrary(ROOT))["box/remote.gltf"]


def test_slots_of_an_object_with_many_materials():
    scene = trimesh.Scene()
    for i, (size, colour) in enumerate(
        [
            (4, (200, 0, 0)),
            (3, (0, 200, 0)),
            (2, (0, 0, 200)),
            (1.5, (200, 200, 0)),
            (0.3, (190, 10, 5)),
            (0.2, (10, 190, 5)),
        ]
    ):
        box = trimesh.creation.box((size, size, size))
        box.apply_translation([5 * i, 0, 0])
        box.visual = trimesh.visual.TextureVisuals(
            material=trimesh.visual.material.PBRMaterial(
                baseColorFactor=(*colour, 255), metallicFactor=0.25, roughnessFactor=0.75
            )
        )
        scene.add_geometry(box)
    put("toy/a.glb", scene)
    mesh = FolderLibrary(ROOT).mesh("toy", "a")
    assert len(mesh.surfaces) == MAX_SLOTS
    assert {s.metalness for s in mesh.surfaces} == {0.25}
    assert {s.roughness for s in mesh.surfaces} == {0.75}
    right = mesh.slots[mesh.positions[:, 0].argmax()]
    assert mesh.surfaces[right].colour[1] > mesh.surfaces[right].colour[0], "the nearest: green"


def test_colours_per_vertex_become_one():
    ball = trimesh.creation.icosphere(1)
    ball.visual.vertex_colors = (255, 0, 0, 255)
    put("ball/a.ply", ball)
    (surface,) = FolderLibrary(ROOT).mesh("ball", "a").surfaces
    assert surface.colour == pytest.approx((1, 0, 0))


def test_a_scene_graph_is_applied():
    scene = trimesh.Scene()
    matrix = np.eye(4)
    matrix[:3, 3] = (10, 0, 0)
    box = trimesh.creation.box()
    scene.add_geometry(box, node_name="here")
    scene.add_geometry(box, node_name="there", transform=matrix)
    put("pair/a.glb", scene)
    mesh = FolderLibrary(ROOT).mesh("pair", "a")
    assert len(mesh.triangles) == 24
    assert np.ptp(mesh.positions[:, 0]) > 8 * np.ptp(mesh.positions[:, 1])


def stl(count, coordinate=1.0):
    triangle = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, coordinate, 0, 0, 0, 1, 0, 0)
    return bytes(80) + struct.pack("<I", count) + triangle * count


OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.obj", OBJ, "no faces"),
        ("a.stl", stl(0), "no faces"),
        ("a.obj", "v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not a finite number"),
        ("a.obj", "v inf 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not a finite number"),
        ("a.stl", stl(4, float("nan")), "not a finite number"),
        ("a.obj", OBJ + "f 1 2 9\n", "cannot be read|a face with vertex"),
        ("a.obj", "this is not a mesh\n", "cannot be read|no faces"),
        ("a.glb", b"glTF" + bytes(50), "version 0"),
        ("a.gltf", "{}", "cannot be read|no faces"),
        ("a.gltf", "{", "cannot be read"),
        ("a.ply", "ply\nformat ascii 1.0\n", "cannot be read"),
        ("a.stl", b"", "an empty file"),
        ("a.glb", b"", "an empty file"),
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "without area"),
        ("a.obj", "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "without area"),
        ("a.stl", stl(1)[:100], "cannot be read|no faces"),
    ],
)
def test_broken_files_are_left_out_and_reported(good, name, content, reason):
    write(f"box/{name}", content)
    library = FolderLibrary(ROOT)
    assert library.objects("box") == ("plain",)
    (finding,) = library.report()
    assert finding.skipped
    assert finding.path == f"box/{name}"
    assert any(part in finding.reason for part in reason.split("|")), finding.reason
    assert "\n" not in str(finding)
    again = FolderLibrary(ROOT)
    assert again.report() == library.report(), "the cache remembers why"


def test_a_nan_that_no_face_uses_does_no_harm():
    write("box/a.obj", "v nan 0 0\n" + OBJ + "v 0 0 1\nf 2 3 4\nf 2 4 5\n")
    assert len(FolderLibrary(ROOT).mesh("box", "a").triangles) == 2


@pytest.mark.parametrize("suffix", ["stl", "ply", "glb", "obj"])
def test_meshes_that_are_too_large_are_left_out_unread(good, monkeypatch, suffix):
    monkeypatch.setattr(parts, "MAX_TRIANGLES_READ", 1000)
    put(f"box/huge.{suffix}", trimesh.creation.icosphere(4))
    library = FolderLibrary(ROOT)
    assert "5,120 triangles, more than the limit of 1,000" in reasons(library)[f"box/huge.{suffix}"]


@pytest.mark.slow
def test_five_million_triangles_are_reported_at_once(good):
    path = write("box/huge.stl", b"")
    with path.open("wb") as stream:
        stream.write(bytes(80) + struct.pack("<I", 5_000_000))
        stream.write(bytes(50 * 5_000_000))
    assert "5,000,000 triangles" in reasons(FolderLibrary(ROOT))["box/huge.stl"]


def test_files_that_are_too_large_are_left_out(good, monkeypatch):
    monkeypatch.setattr(loading, "MAX_FILE_BYTES", 1000)
    put("box/huge.stl", trimesh.creation.icosphere(2))
    assert "bytes (at most 1,000)" in reasons(FolderLibrary(ROOT))["box/huge.stl"]


def test_counts_agree_with_what_is_loaded():
    ball = trimesh.creation.icosphere(2)
    for suffix in ("obj", "ply", "stl"):
        assert count_contents(put(f"ball/{suffix}.{suffix}", ball))[0] == 320
    ascii_stl = write("ball/text.stl", trimesh.exchange.stl.export_stl_ascii(ball))
    assert count_contents(ascii_stl) == (320, 0, 1)
    assert count_contents(write("ball/x.gltf", "{}")) == (0, 0, 0)


def test_files_of_too_many_vertices_or_parts_are_left_out_unread(good, monkeypatch):
    monkeypatch.setattr(parts, "MAX_VERTICES_READ", 100)
    monkeypatch.setattr(parts, "MAX_PARTS", 3)
    write("box/points.obj", "v 0 0 0\n" * 200 + OBJ)
    materials = "".join(f"usemtl m{i}\nf 1 2 3\n" for i in range(5))
    write("box/parts.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\n" + materials)
    head = "ply\nformat ascii 1.0\nelement vertex 4000000000\nproperty float x\n"
    write("box/cloud.ply", head + "element face 1\nproperty list uchar int a\nend_header\n")
    found = reasons(FolderLibrary(ROOT))
    assert "203 vertices, more than the limit of 100" in found["box/points.obj"]
    assert "5 parts, more than the limit of 3" in found["box/parts.obj"]
    assert "4,000,000,000 vertices" in found["box/cloud.ply"]


def test_a_polygon_of_many_corners_counts_as_its_triangles(good, monkeypatch):
    monkeypatch.setattr(parts, "MAX_TRIANGLES_READ", 50)
    corners = "".join(f"v {np.cos(i)} {np.sin(i)} 0\n" for i in range(60))
    write("box/disc.obj", corners + "f " + " ".join(map(str, range(1, 61))) + "\n")
    assert "58 triangles" in reasons(FolderLibrary(ROOT))["box/disc.obj"]


def test_a_mesh_beyond_quadric_decimation_is_thinned_first(good, monkeypatch):
    monkeypatch.setattr(convert, "_MOST_FOR_QUADRICS", 1000)
    put("ball/surface.stl", trimesh.creation.icosphere(5))
    rng = np.random.default_rng(0)
    loose = rng.random((5000, 1, 3)) + rng.normal(0, 0.001, (5000, 3, 3))
    put("ball/loose.stl", trimesh.Trimesh(loose.reshape(-1, 3), np.arange(15000).reshape(-1, 3)))
    library = FolderLibrary(ROOT)
    surface = library.mesh("ball", "surface")
    assert 1500 < len(surface.triangles) <= 2000
    assert np.linalg.norm(surface.positions, axis=1).min() > 0.95
    assert len(library.mesh("ball", "loose").triangles) == 2000


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl m\nf 1/1 2/2 3/3\n"


@pytest.mark.parametrize(
    ("material", "note"),
    [
        ("Kd 1 0 0\nd 0.5", "transparency"),
        ("Kd 1 0 0\nTr 0.5", "transparency"),
        ("Kd 1 0 0\nmap_d mask.png", "transparency"),
        ("map_Kd clear.png", "transparency"),
        ("Kd 1 0 0\nKe 1 1 0", "emission"),
        ("map_Kd -s 2 2 1 plain.png", "-s 2 2 1"),
        ("Kd 1 0 0\nd 1\nTr 0\nKe 0 0 0.0", ""),
        ("map_Kd my%20red.png", ""),
        ("map_Kd PLAIN.PNG", ""),
    ],
)
def test_features_of_obj_materials_are_drawn_or_noted(material, note):
    write("box/a.obj", f"mtllib a.mtl\n{TRIANGLE}")
    write("box/a.mtl", f"newmtl m\n{material}\n")
    Image.new("RGB", (4, 4), (255, 0, 0)).save(ROOT / "box/plain.png")
    Image.new("RGB", (4, 4), (255, 0, 0)).save(ROOT / "box/my red.png")
    Image.new("RGBA", (4, 4), (255, 0, 0, 100)).save(ROOT / "box/clear.png")
    library = FolderLibrary(ROOT)
    (surface,) = library.mesh("box", "a").surfaces
    seen = surface.colour if surface.texture is None else surface.texture[0, 0] / 255
    assert np.allclose(seen, (1, 0, 0), atol=0.02)
    found = [finding.reason for finding in library.report()]
    assert [note in reason for reason in found] == ([True] if note else [])


def test_colours_and_textures_that_are_not_drawn_are_noted():
    write("box/a.obj", "mtllib a.mtl\n" + re.sub(r"(?m)^(v .*)", r"\1 1 0 0", TRIANGLE))
    write("box/a.mtl", "newmtl m\nKd 0 1 0\n")
    write("box/bare.obj", "mtllib b.mtl\n" + re.sub(r"/\d", "", TRIANGLE))
    write("box/b.mtl", "newmtl m\nmap_Kd red.png\n")
    Image.new("RGB", (4, 4), (255, 0, 0)).save(ROOT / "box/red.png")
    solid = trimesh.creation.box().export(file_type="stl")
    write("box/painted.stl", solid[:132] + b"\xff\x83" + solid[134:])
    ghost = trimesh.creation.box()
    ghost.visual.vertex_colors = [255, 0, 0, 100]
    put("box/ghost.ply", ghost)
    library = FolderLibrary(ROOT)
    found = reasons(library)
    assert "colours" in found["box/a.obj"]
    assert "mean colour" in found["box/bare.obj"]
    assert library.mesh("box", "bare").surfaces[0].colour == (1, 0, 0)
    assert "colours" in found["box/painted.stl"]
    assert "transparency" in found["box/ghost.ply"]


def test_a_texture_is_not_decoded_by_other_programs():
    write("box/a.obj", f"mtllib a.mtl\n{TRIANGLE}")
    write("box/a.mtl", "newmtl m\nKd 0 1 0\nmap_Kd red.png\n")
    Image.new("RGB", (4, 4)).save(ROOT / "box/red.eps")
    (ROOT / "box/red.eps").rename(ROOT / "box/red.png")
    assert "red.png" in reasons(FolderLibrary(ROOT))["box/a.obj"]


def test_categories_without_objects_are_left_out(good):
    write("empty/readme.txt", "nothing")
    write("broken/a.obj", OBJ)
    library = FolderLibrary(ROOT)
    assert library.categories == ("box",)
    assert set(reasons(library)) == {"broken/a.obj", "empty"}


def test_of_two_files_of_one_name_the_first_counts(good):
    put("box/plain.glb", trimesh.creation.icosphere(1))
    library = FolderLibrary(ROOT)
    assert library.objects("box") == ("plain",)
    assert list(reasons(library)) == ["box/plain.stl"]


def test_links_that_lead_out_are_left_out(good, tmp_path):
    put("../outside.stl", trimesh.creation.box())
    (ROOT / "box" / "link.stl").symlink_to(tmp_path / "outside.stl")
    assert reasons(FolderLibrary(ROOT)) == {"box/link.stl": "a link that leads out of the folder"}


def test_a_folder_per_object():
    put("box/first/model.obj", trimesh.creation.box())
    put("box/second/second.obj", trimesh.creation.box())
    put("box/second/other.obj", trimesh.creation.icosphere(1))
    files, _ = find_meshes(ROOT)
    assert [(f.name, f.path.name) for f in files] == [
        ("first", "model.obj"),
        ("second", "second.obj"),
    ]


def test_places_that_are_no_library():
    with pytest.raises(InvalidInputError, match=r"nowhere.*category/object"):
        FolderLibrary(Path("nowhere"))
    Path("file").write_text("")
    with pytest.raises(InvalidInputError, match="file is a file"):
        FolderLibrary(Path("file"))
    Path("empty").mkdir()
    with pytest.raises(InvalidInputError, match=r"empty.*category/object"):
        FolderLibrary(Path("empty"))
    write("box/a.obj", OBJ)
    with pytest.raises(InvalidInputError, match=r"usable meshes.*box/a\.obj: left out, no faces"):
        _ = FolderLibrary(ROOT).categories


def test_unknown_names(good):
    library = FolderLibrary(ROOT)
    with pytest.raises(UnknownNameError, match="Did you mean 'plain'"):
        library.mesh("box", "plane")
    with pytest.raises(UnknownNameError, match="Did you mean 'box'"):
        library.objects("boxx")


def test_missing_packages_are_named(good, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(UnavailableError, match=r"pip install 't2sbench\[live\]'"):
        FolderLibrary(ROOT)


def test_a_missing_decimation_package_is_named(monkeypatch):
    put("ball/a.ply", trimesh.creation.icosphere(5))
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    with pytest.raises(UnavailableError, match=r"pip install 't2sbench\[live\]'"):
        _ = FolderLibrary(ROOT).categories


@pytest.mark.slow
@pytest.mark.skipif(not FURNITURE.exists(), reason="Debian's sweethome3d-furniture is not here")
def test_a_real_collection(monkeypatch):
    assert unpack_sh3f(FURNITURE, ROOT) == 90
    library = FolderLibrary(ROOT)
    assert sum(len(library.objects(c)) for c in library.categories) >= 88
    for category in library.categories:
        for name in library.objects(category):
            mesh = library.mesh(category, name)
            assert 1 <= len(mesh.triangles) <= 2000
            assert np.abs(np.linalg.norm(mesh.normals, axis=1) - 1).max() < 1e-3


@pytest.mark.parametrize("suffix", ["glb", "obj", "ply", "stl"])
def test_large_files_are_left_out_unread(good, suffix):
    with write(f"box/vast.{suffix}", b"v 0 0 0").open("ab") as stream:
        stream.truncate(2**40)
    found = FolderLibrary(ROOT)
    assert found.categories == ("box",)
    assert "1,099,511,627,776 bytes" in reasons(found)[f"box/vast.{suffix}"]
