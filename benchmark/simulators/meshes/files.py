"""Finds mesh files in a folder, and counts their triangles before anything is loaded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmark.core.errors import InvalidInputError

SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
_LAYOUT = f"category/object{{{','.join(SUFFIXES)}}} or category/object/model.obj with its textures"
_CHUNK = 2**22


@dataclass(frozen=True)
class MeshFile:
    """One object's file.

    Attributes:
        category: Name of its folder.
        name: Name of the object.
        path: The file.
    """

    category: str
    name: str
    path: Path


@dataclass(frozen=True)
class Finding:
    """Something to tell about a file.

    Attributes:
        path: The file, relative to the library's folder.
        reason: What is wrong, in a few words.
        skipped: Whether the object is left out.
    """

    path: str
    reason: str
    skipped: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {'left out, ' if self.skipped else ''}{self.reason}"


def find_meshes(folder: Path) -> tuple[list[MeshFile], list[Finding]]:
    """All mesh files of a library's folder, in a fixed order.

    Args:
        folder: Holds a folder per category.

    Raises:
        InvalidInputError: When there is no such folder, or no mesh in it.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        raise InvalidInputError(
            f"Expected a folder of meshes at {folder}, but got {what}. Lay it out as {_LAYOUT}."
        )
    found: list[MeshFile] = []
    findings: list[Finding] = []
    for category in sorted(path for path in folder.iterdir() if path.is_dir()):
        if not category.name.startswith("."):
            _find_in_category(folder, category, found, findings)
    if not found:
        raise InvalidInputError(
            f"Expected meshes in {folder}, but got none. Lay it out as {_LAYOUT}."
        )
    return found, findings


def _find_in_category(
    folder: Path, category: Path, found: list[MeshFile], findings: list[Finding]
) -> None:
    names: dict[str, Path] = {}
    for path in sorted(category.iterdir()):
        for mesh in _candidates(path):
            relative = mesh.relative_to(folder).as_posix()
            name = path.stem if path.is_file() else path.name
            if not mesh.resolve().is_relative_to(folder.resolve()):
                findings.append(Finding(relative, "a link that leads out of the folder"))
            elif name in names:
                findings.append(Finding(relative, f"the same name as {names[name].name}"))
            else:
                names[name] = mesh
                found.append(MeshFile(category.name, name, mesh))


def _candidates(path: Path) -> list[Path]:
    """Mesh files that stand for one object: the file itself, or the only one in its folder."""
    if path.is_file():
        return [path] if path.suffix.casefold() in SUFFIXES else []
    if not path.is_dir() or path.name.startswith("."):
        return []
    inner = sorted(p for p in path.iterdir() if p.suffix.casefold() in SUFFIXES and p.is_file())
    return inner if len(inner) <= 1 else [p for p in inner if p.stem == path.name] or inner[:1]


def count_triangles(path: Path) -> int | None:
    """Triangles (polygons, at least) that a file announces; ``None`` when it does not say."""
    counters = {".stl": _count_stl, ".ply": _count_ply, ".obj": _count_obj}
    try:
        counter = counters.get(path.suffix.casefold(), _count_gltf)
        return counter(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error):
        return None


def _count_stl(path: Path) -> int | None:
    with path.open("rb") as stream:
        head = stream.read(84)
    (count,) = struct.unpack("<I", head[80:84])
    if path.stat().st_size == 84 + 50 * count:
        return int(count)
    return _count_lines(path, rb"(?m)^\s*endfacet")


def _count_ply(path: Path) -> int | None:
    with path.open("rb") as stream:
        match = re.search(rb"element\s+face\s+(\d+)", stream.read(65536))
    return int(match[1]) if match else None


def _count_obj(path: Path) -> int:
    return _count_lines(path, rb"(?m)^f\s")


def _count_lines(path: Path, pattern: bytes) -> int:
    return sum(len(re.findall(pattern, block)) for block in _blocks_of_lines(path))


def _blocks_of_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            block, newline, tail = (rest + chunk).rpartition(b"\n")
            rest = tail if newline else block + tail
            if newline:
                yield block
        yield rest


def _count_gltf(path: Path) -> int:
    with path.open("rb") as stream:
        head = stream.read(20)
        if head[:4] == b"glTF":
            (length,) = struct.unpack("<I", head[12:16])
            text = stream.read(min(length, 2**28))
        else:
            text = head + stream.read()
    tree = orjson.loads(text)
    accessors = tree["accessors"]
    total = 0
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            number = primitive.get("indices", primitive["attributes"]["POSITION"])
            total += accessors[number]["count"] // 3
    return total
