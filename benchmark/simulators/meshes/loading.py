"""Reading of a mesh file with trimesh: parts with their materials, and warnings."""

from __future__ import annotations

import io
import json
import logging
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.core.files import inside, sha256_bytes
from benchmark.simulators.meshes.mesh import Surface, UnusableMeshError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Larger files are left out: reading them needs gigabytes, and only 2,000 triangles are kept.
MAX_TRIANGLES_READ = 2_000_000
MAX_FILE_BYTES = 512 * 2**20
_TEXTURE_SIZE = 256
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tga", ".tif", ".tiff", ".webp")
_MAX_PIXELS = 64_000_000
_CHUNK = 2**22


@dataclass(frozen=True, eq=False)
class Part:
    """Triangles of one material.

    Attributes:
        positions: float64 ``(n, 3)``.
        faces: int64 ``(m, 3)``.
        uvs: float64 ``(n, 2)`` or ``None``.
        surface: Its appearance.
    """

    positions: NDArray[np.float64]
    faces: NDArray[np.int64]
    uvs: NDArray[np.float64] | None
    surface: Surface


@dataclass
class Sources:
    """Further files that a mesh file refers to.

    Attributes:
        files: SHA-256 of each file, by its path below the library's folder.
        warnings: Faults of these files.
    """

    files: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Add a warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)


class FolderResolver:
    """Material and texture files of a mesh file; nothing from outside the library.

    trimesh requests every name that a file mentions. Absolute paths, ``..`` and addresses are
    refused; nothing is downloaded.
    """

    def __init__(self, root: Path, base: Path, sources: Sources) -> None:
        self._root, self._base, self._sources = root, base, sources

    def get(self, name: str) -> bytes:
        """Content of a file next to the mesh.

        Raises:
            FileNotFoundError: If it is missing or not allowed; trimesh continues without it.
        """
        plain = str(name).strip().replace("\\", "/").removeprefix("./")
        try:
            path = inside(self._base, plain)
            relative = path.relative_to(self._root.resolve()).as_posix()
            content = path.read_bytes()
        except (InvalidInputError, ValueError, OSError) as error:
            self._sources.warn(f"'{plain}' cannot be used ({_why(error)})")
            raise FileNotFoundError(plain) from error
        self._sources.files[relative] = sha256_bytes(content)
        if path.suffix.casefold() in _IMAGES:
            self._check_image(plain, content)
        return content

    def _check_image(self, name: str, content: bytes) -> None:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise ValueError(f"{image.width} x {image.height} pixels")  # noqa: TRY301
                image.load()
        except Exception as error:  # image files fail in many ways
            self._sources.warn(f"texture '{name}' is not an image that can be read")
            raise FileNotFoundError(name) from error

    def keys(self) -> list[str]:
        """Names of the files next to the mesh."""
        return sorted(path.name for path in self._base.iterdir() if path.is_file())

    def namespaced(self, namespace: str) -> FolderResolver:
        """Resolver of a folder below."""
        return FolderResolver(self._root, inside(self._base, namespace), self._sources)

    def __getitem__(self, name: str) -> bytes:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing"
    return "it leads out of the library" if isinstance(error, ValueError) else "unreadable"


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
    """
    trimesh = import_trimesh()
    _check_size(path)
    resolver = FolderResolver(root, path.parent, sources)
    try:
        with path.open("rb") as stream, _listening(sources):
            scene = trimesh.load_scene(
                stream, file_type=path.suffix[1:].casefold(), resolver=resolver, process=False
            )
            meshes = [g for g in scene.dump() if isinstance(g, trimesh.Trimesh) and len(g.faces)]
    except MemoryError as error:
        raise UnusableMeshError("too large for the memory") from error
    except Exception as error:  # its readers raise errors of many types
        reason = (str(error).splitlines() or [""])[0][:120]
        raise UnusableMeshError(f"cannot be read ({type(error).__name__}: {reason})") from error
    if not meshes:
        raise UnusableMeshError("no faces")
    return [_part(mesh, sources) for mesh in meshes]


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise UnusableMeshError("an empty file")
    if size > MAX_FILE_BYTES:
        raise UnusableMeshError(f"{size:,} bytes (at most {MAX_FILE_BYTES:,})")
    count = count_triangles(path)
    if count is not None and count > MAX_TRIANGLES_READ:
        raise UnusableMeshError(
            f"{count:,} triangles (at most {MAX_TRIANGLES_READ:,} are read; reduce it first)"
        )


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
    if faces.min() < 0 or faces.max() >= len(positions):
        raise UnusableMeshError(f"a face with vertex {faces.max()} of {len(positions)}")
    if not np.isfinite(positions[faces]).all():
        raise UnusableMeshError("a vertex that is not a finite number")
    uvs = getattr(mesh.visual, "uv", None)
    usable = uvs is not None and len(uvs) == len(positions) and np.isfinite(uvs).all()
    surface = _surface(mesh.visual, sources, textured=usable)
    coordinates = np.asarray(uvs, dtype=np.float64)[:, :2] if usable else None
    return Part(positions, faces, coordinates, surface)


def _surface(visual: Any, sources: Sources, *, textured: bool) -> Surface:  # noqa: ANN401
    material = getattr(visual, "material", None)
    if material is None:
        return Surface(None, _mean_colour(visual), 0.6, 0.0)
    if hasattr(material, "baseColorFactor"):
        image, factor = material.baseColorTexture, material.baseColorFactor
        texture = _texture(image, sources) if textured else None
        roughness = 1.0 if material.roughnessFactor is None else float(material.roughnessFactor)
        metalness = 0.0 if material.metallicFactor is None else float(material.metallicFactor)
        return Surface(None, _colour(factor, squared=False), roughness, metalness, texture)
    texture = _texture(getattr(material, "image", None), sources) if textured else None
    # Many exporters write a black diffuse colour next to a texture; then the texture alone counts.
    colour = (1.0, 1.0, 1.0) if texture is not None else _colour(material.diffuse, squared=True)
    return Surface(None, colour, 0.6, 0.0, texture)


def _colour(value: Any, *, squared: bool) -> tuple[float, float, float]:  # noqa: ANN401
    """Linear colour of a factor; OBJ files hold screen colours, glTF files linear ones."""
    if value is None:
        return (1.0, 1.0, 1.0)
    given = np.asarray(value)
    numbers = given[:3] / 255 if given.dtype.kind in "ui" else given[:3].astype(np.float64)
    numbers = np.clip(np.nan_to_num(numbers), 0, 1)
    red, green, blue = (numbers**2 if squared else numbers).tolist()
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
    if image is None:
        return None
    try:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError("too many pixels")  # noqa: TRY301
        small = image.convert("RGB")
        small.thumbnail((_TEXTURE_SIZE, _TEXTURE_SIZE))
        return np.asarray(small, dtype=np.uint8)
    except Exception:
        sources.warn("a texture is not an image that can be read")
        return None


def count_triangles(path: Path) -> int | None:
    """Count triangles (or polygons) from a file's header or text; ``None`` if it is unreadable."""
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
    tree = json.loads(text)
    accessors = tree["accessors"]
    total = 0
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            number = primitive.get("indices", primitive["attributes"]["POSITION"])
            total += accessors[number]["count"] // 3
    return total
