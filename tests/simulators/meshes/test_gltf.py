import functools
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.simulators.meshes.convert import make_mesh
from benchmark.simulators.meshes.folder import FolderLibrary
from benchmark.simulators.meshes.framing import silhouettes
from benchmark.simulators.meshes.loading import load_parts
from benchmark.simulators.meshes.parts import Sources
from tests.simulators.meshes.gltf_files import (
    INDICES,
    POSITIONS,
    RED,
    SPELLINGS,
    UVS,
    GltfFile,
    box,
    png,
    spelled,
)

ROOT = Path("library")


@pytest.fixture(autouse=True)
def one_silhouette(monkeypatch):
    """Silhouettes take longer than reading a box; they have tests of their own."""
    monkeypatch.setattr("benchmark.simulators.meshes.folder.silhouettes", _silhouettes_of_any)


@functools.cache
def _first_silhouettes():
    box().glb(Path("any/box/box.glb"))
    mesh = make_mesh(load_parts(Path("any/box/box.glb"), Path("any"), Sources()), max_triangles=12)
    return silhouettes(mesh)


def _silhouettes_of_any(_mesh):
    return _first_silhouettes()


def load(*, usable=True):
    """The mesh of ``toy/a`` and the findings about it; a sound object must always load."""
    box().glb(ROOT / "sound" / "sound.glb")
    library = FolderLibrary(ROOT)
    assert library.objects("sound") == ("sound",)
    findings = [f for f in library.report() if f.path.startswith("toy/")]
    if usable:
        assert not [f for f in findings if f.skipped], findings
        return library.mesh("toy", "a"), [f.reason for f in findings]
    assert library.categories == ("sound",)
    (reason,) = {f.reason for f in findings if f.skipped}
    assert "\n" not in reason
    return reason


def sizes(mesh):
    """Edges of the bounding box, the longest one 1."""
    edges = np.ptp(mesh.positions, axis=0)
    return edges / edges.max()


@pytest.mark.parametrize(
    "name",
    [
        "KHR_draco_mesh_compression",
        "EXT_meshopt_compression",
        "VENDOR_not_there_yet",
        "two\nlines",
        "x" * 10_000,
    ],
)
def test_a_file_that_requires_an_unknown_extension_is_left_out(name):
    file = box()
    file.tree["extensionsRequired"] = ["KHR_mesh_quantization", name]
    file.glb(ROOT / "toy/a.glb")
    reason = load(usable=False)
    assert name.split()[0][:100] in reason
    assert len(reason) < 1000
    assert "KHR_mesh_quantization" not in reason


@pytest.mark.parametrize("parts", [1, 2])
def test_compressed_data_without_a_fallback_is_named(parts):
    file = GltfFile()
    primitives = [file.primitive() for _ in range(parts)]
    for number in (primitives[-1]["attributes"]["POSITION"], primitives[-1]["indices"]):
        del file.tree["accessors"][number]["bufferView"]
    primitives[-1]["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    file.mesh(*primitives).glb(ROOT / "toy/a.glb")
    assert "KHR_draco_mesh_compression" in load(usable=False)


def test_a_compressed_view_without_a_fallback_is_named():
    file = box()
    file.tree["buffers"] = [{"byteLength": len(file.data)}, {"byteLength": 999}]
    view = file.tree["bufferViews"][0]
    view |= {"buffer": 1, "extensions": {"EXT_meshopt_compression": {"buffer": 0}}}
    file.glb(ROOT / "toy/a.glb")
    assert "EXT_meshopt_compression" in load(usable=False)


def test_data_that_may_be_compressed_are_read_from_the_fallback():
    file = box()
    file.tree["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {}}
    file.glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert len(mesh.triangles) == 12
    assert not notes


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("old%20chair", "old chair"),
        ("old chair", "old chair"),
        ("caf%C3%A9", "café"),
        ("100%", "100%"),
        ("a%20b", "a%20b"),
        ("deep%2Fer", "deep/er"),
        ("sub/a%23b", "sub/a#b"),
    ],
)
def test_names_of_files_are_decoded(uri, name):
    file = GltfFile()
    texture = file.image(uri=f"{uri}.png")
    material = file.material(pbrMetallicRoughness={"baseColorTexture": {"index": texture}})
    file.mesh(file.primitive(uvs=UVS, material=material)).gltf(ROOT / "toy/a.gltf", f"{uri}.bin")
    for suffix, content in ((".bin", file.data), (".png", png(RED))):
        path = ROOT / "toy" / (name + suffix)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    mesh, notes = load()
    assert not notes
    assert mesh.surfaces[0].texture[0, 0].tolist() == list(RED)


@pytest.mark.parametrize(
    "uri",
    [
        "../x.bin",
        "%2e%2e/x.bin",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "..%5Cx.bin",
        "http://localhost/x.bin",
        "file:///etc/passwd",
    ],
)
def test_files_from_elsewhere_are_not_read(uri):
    file = box()
    file.gltf(ROOT / "toy/a.gltf", uri)
    Path("x.bin").write_bytes(file.data)
    assert "cannot be read" in load(usable=False)


@pytest.mark.parametrize("kind", ["pipe", "folder", "gone"])
def test_a_buffer_that_is_no_file_does_not_wait(kind):
    box().gltf(ROOT / "toy/a.gltf", "a.bin")
    if kind == "pipe":
        os.mkfifo(ROOT / "toy/a.bin")
    elif kind == "folder":
        (ROOT / "toy/a.bin").mkdir()
    assert "a.bin" in load(usable=False)


PLACES = [
    ("meshes",),
    ("meshes", 0),
    ("meshes", 0, "primitives"),
    ("meshes", 0, "primitives", 0),
    ("meshes", 0, "primitives", 0, "attributes"),
    ("meshes", 0, "primitives", 0, "attributes", "POSITION"),
    ("meshes", 0, "primitives", 0, "indices"),
    ("meshes", 0, "primitives", 0, "mode"),
    ("accessors",),
    ("accessors", 0),
    ("accessors", 0, "count"),
    ("accessors", 0, "type"),
    ("accessors", 0, "componentType"),
    ("accessors", 0, "bufferView"),
    ("bufferViews",),
    ("bufferViews", 0, "byteLength"),
    ("bufferViews", 0, "buffer"),
    ("buffers",),
    ("nodes",),
    ("nodes", 0),
    ("nodes", 0, "mesh"),
    ("scenes",),
    ("scenes", 0, "nodes"),
    ("asset",),
    ("extensionsRequired",),
]


def test_values_of_a_wrong_type_end_no_library():
    for number, place in enumerate(PLACES):
        for wrong in ("x", {"x": 1}, [[]], 7.5, -1, 10**12, None, True):
            file = box()
            file.tree["buffers"] = [{"byteLength": len(file.data)}]
            target = file.tree
            for step in place[:-1]:
                target = target[step]
            target[place[-1]] = wrong
            file.glb(ROOT / f"toy/{number}-{type(wrong).__name__}.glb")
    box().glb(ROOT / "toy/sound.glb")
    library = FolderLibrary(ROOT)
    assert "sound" in library.objects("toy")
    left_out = library.report()
    assert len(left_out) > 100
    assert not any("\n" in str(finding) for finding in left_out)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"a":' * 5000, "\x00", "{}"]
)
def test_text_that_is_no_gltf_is_left_out(text):
    path = ROOT / "toy/a.gltf"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    load(usable=False)


def test_too_many_json_values_are_refused_unread():
    path = ROOT / "toy/a.gltf"
    path.parent.mkdir(parents=True)
    path.write_text('{"nodes": [' + "{}," * 600_000 + "{}]}")
    assert "1,000,000 values" in load(usable=False)


def test_a_file_that_ends_early_is_left_out():
    content = box().glb(ROOT / "toy/whole.glb").read_bytes()
    for number, end in enumerate(range(0, len(content) - 4, 37)):
        (ROOT / f"toy/{number}.glb").write_bytes(content[:end])
    library = FolderLibrary(ROOT)
    assert library.objects("toy") == ("whole",)
    assert len(library.report()) == number + 1


@pytest.mark.parametrize("count", [2**31, 10**12, 10**30])
@pytest.mark.parametrize("place", ["positions", "indices", "sparse", "no view"])
def test_huge_counts_are_refused_before_anything_is_allocated(count, place):
    file = box()
    accessor = file.tree["accessors"][1 if place == "indices" else 0]
    if place == "sparse":
        values = {"bufferView": 0, "byteOffset": 0}
        accessor["sparse"] = {"count": count, "indices": {**values, "componentType": 5125}}
        accessor["sparse"]["values"] = values
    else:
        accessor["count"] = count
    if place == "no view":
        accessor |= {"sparse": {"count": 1, "indices": {"bufferView": 0}}}
        accessor["sparse"]["values"] = {"bufferView": 0}
        del accessor["bufferView"]
    file.glb(ROOT / "toy/a.glb")
    load(usable=False)


def test_quantised_positions_and_coordinates():
    file = GltfFile()
    material = file.material(
        pbrMetallicRoughness={"baseColorTexture": {"index": file.image(png(RED))}}
    )
    scaled = (POSITIONS * (32767, 16384, 8192)).round().astype("<i2")
    primitive = file.primitive(scaled, uvs=(UVS * 255).astype("u1"), material=material)
    attributes = primitive["attributes"]
    for name in ("POSITION", "TEXCOORD_0"):
        file.tree["accessors"][attributes[name]]["normalized"] = True
    file.mesh(primitive)
    file.tree["nodes"] = [{"mesh": 0, "translation": [5, 0, 0]}, {"mesh": 0}]
    file.tree["scenes"] = [{"nodes": [0, 1]}]
    file.tree["extensionsRequired"] = ["KHR_mesh_quantization"]
    file.glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert not notes
    assert sizes(mesh) == pytest.approx([1, 1 / 7, 0.5 / 7], abs=1e-3)
    assert mesh.uvs.min() == pytest.approx(0)
    assert mesh.uvs.max() == pytest.approx(1)


def test_rows_of_a_strided_view():
    file = GltfFile()
    rows = np.concatenate([POSITIONS * (1, 2, 3), UVS, UVS], axis=1).astype("<f4")
    primitive = file.primitive()
    file.tree["accessors"][0]["bufferView"] = file.view(rows.tobytes())
    file.tree["bufferViews"][-1]["byteStride"] = 28
    file.mesh(primitive).glb(ROOT / "toy/a.glb")
    assert sizes(load()[0]) == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("with_view", [True, False])
def test_sparse_values_replace_the_others(with_view):
    file = GltfFile()
    start = POSITIONS if with_view else np.zeros_like(POSITIONS)
    primitive = file.primitive(start)
    top = np.flatnonzero(POSITIONS[:, 1] > 0) if with_view else np.arange(len(POSITIONS))
    values = (POSITIONS * (1, 3, 1)).astype("<f4")[top] + (
        np.array([0, 1, 0], "<f4") if not with_view else 0
    )
    accessor = file.tree["accessors"][0]
    accessor["sparse"] = {
        "count": len(top),
        "indices": {"bufferView": file.view(top.astype("u1").tobytes()), "componentType": 5121},
        "values": {"bufferView": file.view(values.astype("<f4").tobytes())},
    }
    if not with_view:
        del accessor["bufferView"]
    file.mesh(primitive).glb(ROOT / "toy/a.glb")
    expected = 4 if with_view else 6
    assert sizes(load()[0]) == pytest.approx([2 / expected, 1, 2 / expected])


def test_instances_are_drawn():
    file = box()
    places = np.array([(0, 0, 0), (10, 0, 0), (0, 5, 0)], dtype="<f4")
    turns = np.tile(np.array([0, 0, 0, 1], "<f4"), (3, 1))
    attributes = {"TRANSLATION": file.array(places), "ROTATION": file.array(turns)}
    file.tree["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": attributes}}
    file.tree["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    file.glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert not notes
    assert len(mesh.triangles) == 36
    assert sizes(mesh) == pytest.approx([1, 7 / 12, 2 / 12])


@pytest.mark.parametrize("attributes", [{"TRANSLATION": 99}, {"TRANSLATION": 1}, [], "x", 7])
def test_instances_that_cannot_be_read_leave_the_file_out(attributes):
    file = box()
    file.tree["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": attributes}}
    file.glb(ROOT / "toy/a.glb")
    load(usable=False)


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("mode", [4, 5, 6])
def test_fans_strips_and_plain_triangles(mode, indexed):
    corners = np.array([(0, 0, 0), (2, 0, 0), (2, 1, 0), (0, 1, 0)], dtype="<f4")
    order = {4: [0, 1, 2, 0, 2, 3], 5: [0, 1, 3, 2], 6: [0, 1, 2, 3]}[mode]
    file = GltfFile()
    if indexed:
        primitive = file.primitive(corners, np.array(order, "u1"), mode=mode)
    else:
        primitive = file.primitive(corners[order], None, mode=mode)
    file.mesh(primitive).glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert not notes
    assert len(mesh.triangles) == 2
    a, b, c = mesh.positions[mesh.triangles].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    assert (normals[:, 2] > 0).all(), "both counter-clockwise"
    assert np.linalg.norm(normals, axis=1).sum() / 2 == pytest.approx(2 / 1.25, rel=1e-3)


def test_points_and_lines_are_noted():
    file = GltfFile()
    file.mesh(file.primitive(), file.primitive(mode=1), file.primitive(mode=0))
    file.glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert len(mesh.triangles) == 12
    assert any("lines" in note for note in notes)


@pytest.mark.parametrize(
    ("nodes", "roots"),
    [
        ([{"mesh": 0, "children": [0]}], [0]),
        ([{"children": [1]}, {"mesh": 0, "children": [0]}], [0]),
        ([{"children": [1, 1]}, {"mesh": 0}], [0]),
        ([{"mesh": 0}], [0, 0]),
        ([{"mesh": 0}], [5]),
        ([{"children": [9]}], [0]),
        ([{"children": [1]}, {"children": [0]}], None),
    ],
)
def test_cycles_and_unknown_nodes_are_left_out(nodes, roots):
    file = box()
    file.tree["nodes"] = nodes
    file.tree["scenes"] = [] if roots is None else [{"nodes": roots}]
    file.glb(ROOT / "toy/a.glb")
    load(usable=False)


def test_a_deep_chain_of_nodes_is_followed():
    file = box()
    depth = 20_000
    file.tree["nodes"] = [{"children": [i + 1]} for i in range(depth)] + [{"mesh": 0}]
    file.glb(ROOT / "toy/a.glb")
    assert len(load()[0].triangles) == 12


def test_too_many_places_are_refused():
    file, count = box(), 20_000
    file.tree["nodes"] = [{"mesh": 0}] * count
    file.tree["scenes"] = [{"nodes": list(range(count))}]
    file.glb(ROOT / "toy/a.glb")
    load(usable=False)


def test_a_node_places_its_mesh():
    file = box()
    file.tree["nodes"] = [
        {"children": [1], "scale": [1, 2, 1]},
        {"mesh": 0, "rotation": [0, 0, np.sin(np.pi / 4), np.cos(np.pi / 4)], "scale": [3, 1, 1]},
    ]
    file.glb(ROOT / "toy/a.glb")
    assert sizes(load()[0]) == pytest.approx([1 / 6, 1, 1 / 6], abs=1e-6)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_one_material_are_alike(spelling):
    spelled(spelling).glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert not notes
    (surface,) = mesh.surfaces
    assert surface.metalness == pytest.approx(0, abs=0.02)
    assert surface.roughness == pytest.approx(0.9, abs=0.02)
    colour = (surface.texture[0, 0] / 255.0) ** 2 * surface.colour
    assert colour == pytest.approx((np.array(RED) / 255) ** 2, abs=0.02)


def test_a_metal_map_makes_metal():
    file = GltfFile()
    pbr = {"metallicRoughnessTexture": {"index": file.image(png((0, 51, 255)))}}
    file.mesh(file.primitive(material=file.material(pbrMetallicRoughness=pbr)))
    file.glb(ROOT / "toy/a.glb")
    (surface,) = load()[0].surfaces
    assert (surface.metalness, surface.roughness) == pytest.approx((1, 0.2))


@pytest.mark.parametrize(
    "extension", [{"diffuseFactor": "x"}, [], {"diffuseTexture": {"index": 7}}]
)
def test_a_wrong_specular_glossiness_ends_no_library(extension):
    file = GltfFile()
    fields = {"extensions": {"KHR_materials_pbrSpecularGlossiness": extension}}
    file.mesh(file.primitive(material=file.material(**fields))).glb(ROOT / "toy/a.glb")
    load(usable=False)


@pytest.mark.parametrize("kind", ["u1", "<u2", "<f4"])
def test_colours_of_vertices_count_by_their_mean(kind):
    top = {"u1": 255, "<u2": 65535, "<f4": 1}[kind]
    colours = np.tile(np.array([1, 0.5, 0]) * top, (24, 1))
    file = GltfFile()
    material = file.material(pbrMetallicRoughness={"baseColorFactor": [0.5, 0.5, 0.5, 1]})
    plain, mixed = file.primitive(), file.primitive(POSITIONS * 0.5, material=material)
    for primitive in (plain, mixed):
        primitive["attributes"]["COLOR_0"] = file.array(colours.astype(kind))
    file.mesh(plain, mixed).glb(ROOT / "toy/a.glb")
    first, second = load()[0].surfaces
    assert first.colour == pytest.approx((1, 0.5, 0), abs=0.01)
    assert second.colour == pytest.approx((0.5, 0.25, 0), abs=0.01)


@pytest.mark.parametrize("mode", ["MASK", "BLEND"])
def test_transparency_is_noted_and_hidden_pixels_do_not_show(mode):
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:4] = (*RED, 255)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    file = GltfFile()
    pbr = {"baseColorTexture": {"index": file.image(stream.getvalue())}}
    material = file.material(pbrMetallicRoughness=pbr, alphaMode=mode)
    file.mesh(file.primitive(uvs=UVS, material=material)).glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert any("transparency" in note for note in notes)
    assert np.abs(mesh.surfaces[0].texture - np.array(RED)).max() <= 1, "no black"


def arrow():
    """A texture whose left half is red and whose upper left quarter is white."""
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:, :4] = RED
    pixels[:4, :4] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ({}, (0.25, 0.75)),
        ({"offset": [0.5, 0]}, (0.75, 0.75)),
        ({"scale": [2, 2]}, (0.5, 0.5)),
        ({"rotation": np.pi / 2}, (0.25, 1.25)),
        ({"offset": [0.1, 0.2], "rotation": np.pi / 2, "scale": [2, 1]}, (0.35, 1.3)),
        ({"texCoord": 1}, (0.25, 0.75)),
    ],
)
def test_texture_transforms(transform, expected):
    file = GltfFile()
    info = {"index": file.image(arrow()), "extensions": {"KHR_texture_transform": transform}}
    material = file.material(pbrMetallicRoughness={"baseColorTexture": info})
    uvs = np.full((24, 2), 0.25, dtype="<f4")
    primitive = file.primitive(uvs=uvs if "texCoord" not in transform else UVS, material=material)
    if "texCoord" in transform:
        primitive["attributes"]["TEXCOORD_1"] = file.array(uvs)
    file.tree["extensionsRequired"] = ["KHR_texture_transform"]
    file.mesh(primitive).glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert not notes
    assert mesh.uvs[0] == pytest.approx(expected, abs=1e-5), "(0, 0) is the lower left corner"


def test_a_texture_without_coordinates_counts_by_its_mean():
    file = GltfFile()
    pbr = {"baseColorTexture": {"index": file.image(png(RED))}}
    file.mesh(file.primitive(material=file.material(pbrMetallicRoughness=pbr)))
    file.glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    assert any("mean colour" in note for note in notes)
    assert mesh.surfaces[0].colour == pytest.approx((np.array(RED) / 255) ** 2)


@pytest.mark.parametrize("form", ["WEBP", "TIFF", "16 bit", "palette", "basisu", "bomb", "cut"])
def test_forms_of_textures(form):
    image = Image.new("RGB", (8, 8), RED)
    stream, file = io.BytesIO(), GltfFile()
    if form == "16 bit":
        Image.fromarray(np.full((8, 8), 32768, dtype=np.uint16)).save(stream, "PNG")
    elif form == "bomb":
        Image.new("1", (13_000, 13_000)).save(stream, "PNG")
    elif form == "palette":
        image.convert("P", palette=Image.Palette.ADAPTIVE).save(stream, "PNG")
    else:
        image.save(stream, form if form in {"WEBP", "TIFF"} else "PNG")
    content = stream.getvalue()[:-40] if form == "cut" else stream.getvalue()
    texture = file.image(content)
    if form in {"WEBP", "basisu"}:
        name = "EXT_texture_webp" if form == "WEBP" else "KHR_texture_basisu"
        file.tree["textures"] = [{"extensions": {name: {"source": 0}}}]
    pbr = {"baseColorTexture": {"index": texture}}
    material = file.material(pbrMetallicRoughness=pbr)
    file.mesh(file.primitive(uvs=UVS, material=material)).glb(ROOT / "toy/a.glb")
    mesh, notes = load()
    (surface,) = mesh.surfaces
    if form in {"basisu", "bomb", "cut"}:
        assert surface.texture is None
        assert len(notes) == 1
        return
    assert not notes
    expected = (128,) * 3 if form == "16 bit" else RED
    assert np.abs(surface.texture - np.array(expected)).max() <= 3


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"emissiveFactor": [1, 0, 0]}, "emission"), ({"alphaMode": "BLEND"}, "transparency")],
)
def test_features_that_are_not_drawn_are_noted(fields, word):
    file = GltfFile()
    material = file.material(pbrMetallicRoughness={"baseColorFactor": [1, 1, 1, 0.5]}, **fields)
    file.mesh(file.primitive(material=material)).glb(ROOT / "toy/a.glb")
    assert any(word in note for note in load()[1])
    assert any(word in note for note in load()[1]), "from the store too"


@pytest.mark.parametrize("what", ["skin", "targets"])
def test_skins_and_morph_targets_are_noted(what):
    file = box()
    if what == "skin":
        file.tree["nodes"][0]["skin"] = 0
    else:
        file.tree["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": 0}]
    file.glb(ROOT / "toy/a.glb")
    assert any(word in load()[1][0] for word in ("skin", "morph"))


@pytest.mark.parametrize(
    "change",
    [
        lambda p, t: p.update(indices=0),
        lambda p, t: p.update(material=3),
        lambda p, t: p["attributes"].update(POSITION=1),
        lambda p, t: p["attributes"].update(POSITION=9),
        lambda p, t: t["accessors"][1].update(byteOffset=10**15),
        lambda p, t: t["accessors"][0].update(byteOffset=3),
        lambda p, t: t["bufferViews"][0].update(byteStride=1),
        lambda p, t: t["bufferViews"][0].update(byteOffset=10**9),
        lambda p, t: t["bufferViews"][0].update(buffer=4),
        lambda p, t: t["accessors"][0].update(count=3),
        lambda p, t: t["asset"].update(version="1.0"),
    ],
)
def test_links_to_nowhere_are_left_out(change):
    file = box()
    change(file.tree["meshes"][0]["primitives"][0], file.tree)
    file.glb(ROOT / "toy/a.glb")
    load(usable=False)


def test_extreme_coordinates_are_left_out():
    box(positions=(POSITIONS * np.float32(3e38))).glb(ROOT / "toy/a.glb")
    load(usable=False)


def test_both_forms_and_foreign_endings_are_recognised():
    file = box()
    content = file.glb(ROOT / "toy/a.gltf").read_bytes()
    assert content[:4] == b"glTF"
    assert len(load()[0].triangles) == 12
    file.gltf(ROOT / "toy/a.gltf")
    assert json.loads((ROOT / "toy/a.gltf").read_text())
    assert len(load()[0].triangles) == len(INDICES) // 3
