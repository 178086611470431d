"""Reading of a mesh file, of OBJ, PLY and STL files with trimesh: parts with their materials."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterator
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
    check_triangles,
    opaque,
    reduced_image,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GLTF = (".glb", ".gltf")
_CHUNK = 2**22


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
    _check_size(path)
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
        return [_part(mesh, sources) for mesh in meshes]


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise UnusableMeshError("an empty file")
    if size > MAX_FILE_BYTES:
        raise UnusableMeshError(f"{size:,} bytes (at most {MAX_FILE_BYTES:,})")
    check_triangles(count_triangles(path) or 0)


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
        return Surface(None, _mean_colour(visual), 0.6, 0.0)
    texture = _texture(getattr(material, "image", None), sources) if textured else None
    # Many exporters write a black diffuse colour next to a texture; then the texture alone counts.
    colour = (1.0, 1.0, 1.0) if texture is not None else _colour(material.diffuse)
    return Surface(None, colour, 0.6, 0.0, texture)


def _colour(value: Any) -> tuple[float, float, float]:  # noqa: ANN401
    """Linear colour of the screen colour in a material file."""
    if value is None:
        return (1.0, 1.0, 1.0)
    given = np.asarray(value)
    numbers = given[:3] / 255 if given.dtype.kind in "ui" else given[:3].astype(np.float64)
    red, green, blue = (np.clip(np.nan_to_num(numbers), 0, 1) ** 2).tolist()
    return (red, green, blue)


def _mean_colour(visual: Any) -> tuple[float, float, float]:  # noqa: ANN401
    """One colour for a part with colours per vertex or face."""
    if getattr(visual, "kind", None) not in {"vertex", "face"}:
        return (0.6, 0.6, 0.6)
    colours = visual.vertex_colors if visual.kind == "vertex" else visual.face_colors
    mean = (np.asarray(colours)[:, :3].astype(np.float64) / 255).mean(axis=0) ** 2
    red, green, blue = mean.tolist()
    return (red, green, blue)


def _texture(image: Any, sources: Sources) -> NDArray[np.uint8] | None:  # noqa: ANN401
    """Colours of an image that trimesh opened; the resolver has checked it."""
    if image is None:
        return None
    try:
        return opaque(reduced_image(image))
    except Exception:  # image files fail in many ways
        sources.warn("a texture is not an image that can be read")
        return None


def count_triangles(path: Path) -> int | None:
    """Count triangles (or polygons) from a file's header or text; ``None`` for others."""
    counters = {".stl": _count_stl, ".ply": _count_ply, ".obj": _count_obj}
    counter = counters.get(path.suffix.casefold())
    try:
        return counter(path) if counter is not None else None
    except (OSError, ValueError, struct.error):
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
