"""Reading of a mesh file, of OBJ, PLY and STL files with trimesh: parts with their materials."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import UnavailableError
from benchmark.simulators.meshes.gltf import read_gltf
from benchmark.simulators.meshes.mesh import Surface, UnusableMeshError
from benchmark.simulators.meshes.parts import (
    MAX_FILE_BYTES,
    FolderResolver,
    Part,
    Sources,
    check_counts,
    opaque,
    reduced_image,
)

if TYPE_CHECKING:
    from PIL.Image import Image

_GLTF = (".glb", ".gltf")
_CHUNK = 2**22
_HEAD_BYTES = 2**16


def import_trimesh() -> Any:  # noqa: ANN401 - a module
    """Import the package trimesh.

    Raises:
        UnavailableError: If it is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise UnavailableError(
            f"Folders of meshes need the package trimesh ({error}). "
            "Run: pip install 't2sbench[live]'."
        ) from error
    return trimesh


def load_parts(path: Path, root: Path, sources: Sources) -> list[Part]:
    """Read the triangles of a file, in the coordinates of its scene.

    Args:
        path: The file.
        root: The library's folder; nothing outside it is read.
        sources: Receives the further files and warnings.

    Raises:
        UnusableMeshError: If the file has no usable triangles.
        UnavailableError: If trimesh is not installed.
        Exception: Whatever trimesh raises for a damaged file.
    """
    check_size(path)
    check_counts(*count_contents(path))
    resolver = FolderResolver(root, path.parent, sources)
    if path.suffix.casefold() in _GLTF:
        parts = read_gltf(path, resolver, sources)
    else:
        parts = _read_with_trimesh(path, resolver, sources)
    if not parts:
        raise UnusableMeshError("no faces")
    return parts


def _read_with_trimesh(path: Path, resolver: FolderResolver, sources: Sources) -> list[Part]:
    trimesh = import_trimesh()
    with path.open("rb") as stream, _listening(sources):
        scene = trimesh.load_scene(
            stream, file_type=path.suffix[1:].casefold(), resolver=resolver, process=False
        )
        meshes = [g for g in scene.dump() if isinstance(g, trimesh.Trimesh) and len(g.faces)]
        check_counts(sum(len(mesh.faces) for mesh in meshes), parts=len(meshes))
        _note_colours(path, meshes, sources)
        return [_part(mesh, sources) for mesh in meshes]


def check_size(path: Path) -> None:
    """Check the size of a file.

    Raises:
        UnusableMeshError: If it is empty or too large.
    """
    size = path.stat().st_size
    if size == 0:
        raise UnusableMeshError("an empty file")
    if size > MAX_FILE_BYTES:
        raise UnusableMeshError(f"{size:,} bytes (at most {MAX_FILE_BYTES:,})")


@contextmanager
def _listening(sources: Sources) -> Iterator[None]:
    """Turn the log of trimesh about images into warnings, and keep it off the terminal."""
    logger = logging.getLogger("trimesh")

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING and "image" in record.getMessage().lower():
                sources.warn("a texture is not an image that can be read")

    listener, propagate = Listener(), logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate


def _part(mesh: Any, sources: Sources) -> Part:  # noqa: ANN401 - trimesh has no types
    positions = np.asarray(mesh.vertices, dtype=np.float64)
    faces = np.asarray(mesh.faces, dtype=np.int64)
    uvs = getattr(mesh.visual, "uv", None)
    usable = uvs is not None and len(uvs) == len(positions) and np.isfinite(uvs).all()
    surface = _surface(mesh.visual, sources, textured=usable)
    coordinates = np.asarray(uvs, dtype=np.float64)[:, :2] if usable else None
    return Part(positions, faces, coordinates, surface)


def _surface(visual: Any, sources: Sources, *, textured: bool) -> Surface:  # noqa: ANN401
    material = getattr(visual, "material", None)
    if material is None:
        return Surface(None, _mean_colour(visual, sources), 0.6, 0.0)
    image = getattr(material, "image", None)
    texture = _texture(image, sources)
    _note(material, texture, sources)
    if texture is not None and not textured:
        sources.warn("a texture has no usable coordinates: drawn in its mean colour")
        red, green, blue = ((opaque(texture) / 255.0) ** 2).mean(axis=(0, 1)).tolist()
        return Surface(None, (red, green, blue), 0.6, 0.0)
    # Many exporters write a black diffuse colour next to a texture; then the texture alone counts.
    colour = (1.0, 1.0, 1.0) if texture is not None else _colour(material.diffuse)
    return Surface(None, colour, 0.6, 0.0, None if texture is None else opaque(texture))


def _note(material: Any, texture: Image | None, sources: Sources) -> None:  # noqa: ANN401
    """Name what is not drawn of a material of an OBJ file."""
    given = getattr(material, "kwargs", None) or {}

    def first(key: str, default: float) -> float:
        try:
            return float(given[key][0])
        except (LookupError, TypeError, ValueError):
            return default

    masked = (
        texture is not None
        and texture.mode == "RGBA"
        and bool(np.asarray(texture)[..., 3].min() < 255)
    )
    if masked or "map_d" in given or first("d", 1) < 1 or first("tr", 0) > 0:
        sources.warn("transparency is drawn opaque")
    if "map_ke" in given or any(value.strip("0.") for value in given.get("ke", ())):
        sources.warn("emission is not drawn")


def _colour(value: Any) -> tuple[float, float, float]:  # noqa: ANN401
    """Linear colour of the screen colour in a material file."""
    if value is None:
        return (1.0, 1.0, 1.0)
    given = np.asarray(value)
    numbers = given[:3] / 255 if given.dtype.kind in "ui" else given[:3].astype(np.float64)
    red, green, blue = (np.clip(np.nan_to_num(numbers), 0, 1) ** 2).tolist()
    return (red, green, blue)


def _mean_colour(visual: Any, sources: Sources) -> tuple[float, float, float]:  # noqa: ANN401
    """One colour for a part with colours per vertex or face."""
    if getattr(visual, "kind", None) not in {"vertex", "face"}:
        return (0.6, 0.6, 0.6)
    given = visual.vertex_colors if visual.kind == "vertex" else visual.face_colors
    colours = np.asarray(given)
    if colours.shape[1] > 3 and colours[:, 3].min() < 255:
        sources.warn("transparency is drawn opaque")
    mean = (colours[:, :3].astype(np.float64) / 255).mean(axis=0) ** 2
    red, green, blue = mean.tolist()
    return (red, green, blue)


def _texture(image: Any, sources: Sources) -> Image | None:  # noqa: ANN401
    """Image that trimesh opened; the resolver has reduced it."""
    if image is None:
        return None
    try:
        return reduced_image(image)
    except Exception:  # image files fail in many ways
        sources.warn("a texture is not an image that can be read")
        return None


def _note_colours(path: Path, meshes: Sequence[Any], sources: Sources) -> None:
    """Name colours of vertices or faces that trimesh leaves out, as next to a texture."""
    if all(getattr(mesh.visual, "kind", None) in {"vertex", "face"} for mesh in meshes):
        return
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    patterns = {".obj": rb"(?m)^v(?:[ \t]+\S+){6}", ".ply": rb"property\s+\w+\s+(?:diffuse_)?red\b"}
    pattern = patterns.get(path.suffix.casefold())
    if pattern is None:  # STL
        coloured = any(np.any(mesh.face_attributes.get("stl", 0)) for mesh in meshes)
    else:
        coloured = re.search(pattern, head) is not None
    if coloured:
        sources.warn("colours of vertices or faces are not drawn")


def count_contents(path: Path) -> tuple[int, int, int]:
    """Count triangles, vertices and parts from a file's header or text; zeros for other files."""
    counters = {".stl": _count_stl, ".ply": _count_ply, ".obj": _count_obj}
    counter = counters.get(path.suffix.casefold())
    try:
        return counter(path) if counter is not None else (0, 0, 0)
    except (OSError, ValueError, struct.error):
        return 0, 0, 0


def _count_stl(path: Path) -> tuple[int, int, int]:
    with path.open("rb") as stream:
        head = stream.read(84)
    (count,) = struct.unpack("<I", head[80:84])
    if path.stat().st_size == 84 + 50 * count:
        return int(count), 0, 0
    found = _counts(path, {rb"endfacet": len, rb"solid": len}, re.IGNORECASE)
    return found[0], 0, found[1]


def _count_ply(path: Path) -> tuple[int, int, int]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    faces, vertices = (
        re.search(rb"element\s+" + name + rb"\s+(\d+)", head) for name in (b"face", b"vertex")
    )
    return int(faces[1]) if faces else 0, int(vertices[1]) if vertices else 0, 0


def _count_obj(path: Path) -> tuple[int, int, int]:
    def triangles(faces: list[bytes]) -> int:
        return sum(max(len(face.split()) - 3, 0) for face in faces)

    def distinct(names: list[bytes]) -> int:
        return len(set(names))

    kinds = {rb"f\s.*": triangles, rb"v\s": len, rb"usemtl\s.*": distinct}
    faces, vertices, parts = _counts(path, kinds)
    return faces, vertices, parts


def _counts(
    path: Path, kinds: Mapping[bytes, Callable[[list[bytes]], int]], flags: int = 0
) -> list[int]:
    """Sums over the lines of each kind, which begin with a pattern."""
    patterns = [re.compile(rb"(?m)^[ \t]*" + kind, flags) for kind in kinds]
    sums = [0] * len(kinds)
    for block in _blocks_of_lines(path):
        for place, (pattern, count) in enumerate(zip(patterns, kinds.values(), strict=True)):
            sums[place] += count(pattern.findall(block))
    return sums


def _blocks_of_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            block, newline, tail = (rest + chunk).rpartition(b"\n")
            rest = tail if newline else block + tail
            if newline:
                yield block
        yield rest
