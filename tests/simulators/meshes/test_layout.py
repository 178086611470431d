import os
from pathlib import Path

import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.meshes.layout import find_meshes

ROOT = Path("library")
OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
TEXTURED = b"mtllib m.mtl\n" + OBJ


def write(*names, content=OBJ):
    for name in names:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found():
    """Objects as ``category: name -> file``, and the findings by path."""
    files, findings = find_meshes(ROOT)
    objects = {f"{f.category}: {f.name}": f.path.relative_to(ROOT).as_posix() for f in files}
    assert len(objects) == len(files), "names are unique"
    return objects, {finding.path: finding for finding in findings}


def test_several_meshes_of_a_folder_are_several_objects():
    write(*[f"chair/{part}/{i}.obj" for part in ("train", "test") for i in range(5)])
    objects, findings = found()
    assert len(objects) == 10
    assert objects["chair: test/3"] == "chair/test/3.obj"
    assert not findings


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("chair/a.obj", "a"),
        ("chair/a/model.obj", "a"),
        ("chair/a/models/model_normalized.obj", "a"),
        ("chair/a/b/c/d.glb", "a"),
    ],
)
def test_a_folder_with_one_mesh_names_the_object(file, name):
    write(file, "chair/other.obj")
    objects, _ = found()
    assert objects[f"chair: {name}"] == file


@pytest.mark.parametrize(
    ("textured", "plain"),
    [
        ("textured", "nontextured"),
        ("model", "model"),
        ("a_textured", "a"),
        ("scan-textured", "scan-collision"),
        ("mesh.visual", "mesh.convex"),
    ],
)
@pytest.mark.parametrize("place", ["box/google_16k", "box/a", "box/a/b"])
def test_the_textured_form_is_preferred_and_the_other_named(textured, plain, place):
    write(f"{place}/{textured}.obj", content=TEXTURED)
    write(f"{place}/m.mtl", content=b"newmtl m\nmap_Kd wood.png\n")
    write(f"{place}/{plain}.glb", f"{place}/{plain}.ply", f"{place}/{plain}.stl")
    objects, findings = found()
    assert list(objects.values()) == [f"{place}/{textured}.obj"]
    assert set(findings) == {f"{place}/{plain}.{suffix}" for suffix in ("glb", "ply", "stl")}
    assert all(finding.skipped for finding in findings.values())


def test_textures_are_recognised_in_every_format():
    write("box/a/a.stl", "box/a/a.obj", "box/b/b.obj", "box/c/c.stl")
    write("box/a/a.ply", content=b"ply\ncomment TextureFile wood.png\n")
    write("box/b/b.glb", content=b'glTF....{"images": []}')
    write("box/c/c.ply", content=b"ply\nproperty uchar red\n")
    objects, _ = found()
    assert list(objects.values()) == ["box/a/a.ply", "box/b/b.glb", "box/c/c.ply"]


def test_files_of_a_category_are_objects_by_their_names():
    write("chair/chair.obj", "chair/stool.obj", "chair/stool_lod1.obj", "chair/textured.ply")
    objects, findings = found()
    assert len(objects) == 4
    assert not findings


def test_a_mesh_of_the_folder_s_name_stands_for_the_folder():
    write("chair/second/second.obj", "chair/second/other.obj")
    objects, findings = found()
    assert objects == {"chair: second": "chair/second/second.obj"}
    assert list(findings) == ["chair/second/other.obj"]


@pytest.mark.parametrize("parts", [("train", "test"), ("Train", "VAL"), ("valid",)])
def test_parts_are_no_categories(parts):
    write(*[f"{part}/{c}/{part}-1.obj" for part in parts for c in ("chair", "cup")])
    objects, findings = found()
    assert {name.split(":")[0] for name in objects} == {"chair", "cup"}
    assert len(objects) == 2 * len(parts)
    (note,) = findings.values()
    assert not note.skipped
    assert all(part in note.reason for part in parts)


def test_equal_names_in_two_parts_stay_apart():
    write("train/chair/1.obj", "test/chair/1.obj")
    objects, _ = found()
    assert len(objects) == 2


def test_hidden_files_do_not_count():
    write("chair/a.obj", "chair/._a.obj", "chair/.git/b.obj", "chair/x/.DS_Store.obj", ".x/c.obj")
    objects, _ = found()
    assert list(objects.values()) == ["chair/a.obj"]


def test_everything_else_is_counted_or_named():
    write("chair/a.obj", "chair/b.fbx", "chair/x/c.FBX", "chair/d.off", "loose.obj", "chair/a.mtl")
    write("empty/readme.txt")
    os.mkfifo(ROOT / "chair/pipe.obj")
    (ROOT / "chair/gone.obj").symlink_to("nowhere.obj")
    objects, findings = found()
    assert list(objects.values()) == ["chair/a.obj"]
    assert set(findings) == {"", "loose.obj", "empty", "chair/pipe.obj", "chair/gone.obj"}
    assert ".fbx: 2, .off: 1" in findings[""].reason


def test_links_are_followed_once(tmp_path):
    write("chair/a/x.obj", "chair/b/y.obj", "cup/z.obj")
    (tmp_path / "elsewhere").mkdir()
    for link, target in [
        ("chair/a/loop", ".."),
        ("chair/again", "a"),
        ("chair/up", ".."),
        ("chair/self.obj", "self.obj"),
        ("chair/out", tmp_path / "elsewhere"),
    ]:
        (ROOT / link).symlink_to(target)
    objects, findings = found()
    assert sorted(objects.values()) == ["chair/a/x.obj", "chair/b/y.obj", "cup/z.obj"]
    assert set(findings) == {
        "chair/a/loop",
        "chair/again",
        "chair/up",
        "chair/self.obj",
        "chair/out",
    }


def test_names_that_are_no_text_end_no_library():
    write("chair/a.obj")
    (ROOT / os.fsdecode(b"chair/b\xff.obj")).write_bytes(OBJ)
    objects, findings = found()
    assert list(objects.values()) == ["chair/a.obj"]
    assert [str(finding).encode() for finding in findings.values()]


def test_a_very_deep_folder_ends_no_library():
    write("chair/a.obj")
    deep = ROOT / "chair" / "/".join(["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "b.obj").write_bytes(OBJ)
    objects, _ = found()
    assert "chair/a.obj" in objects.values()
    assert len(objects) == 2


def test_a_library_without_meshes_says_what_it_holds():
    write("chair/a.fbx")
    with pytest.raises(InvalidInputError, match=r"\.fbx: 1"):
        find_meshes(ROOT)
