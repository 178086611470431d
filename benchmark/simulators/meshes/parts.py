"""Parts of a mesh file, the further files that it refers to, and the limits of reading."""

from __future__ import annotations

import functools
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import inside, sha256_bytes
from benchmark.simulators.meshes.mesh import Surface, UnusableMeshError
from benchmark.tasks.images import is_deep, open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

#: Larger files are left out: reading them needs gigabytes, and only 2,000 triangles are kept.
MAX_TRIANGLES_READ = 1_000_000
MAX_VERTICES_READ = 3 * MAX_TRIANGLES_READ
MAX_PARTS = 10_000
MAX_FILE_BYTES = 256 * 2**20
_MAX_PIXELS_OF_FILE = 256_000_000  # of all textures of a mesh
_TEXTURE_SIZE = 256
_MAX_COORDINATE = 1e30  # its square is finite
# Options of a texture in a material file, each with its values.
_MAP_OPTIONS = re.compile(r"(?:-[a-z]+\s+(?:[-+.\d]+\s+|on\s+|off\s+|[rgbmlz]\s+)+)*")
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tga", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, eq=False)
class Part:
    """Triangles of one material.

    Attributes:
        positions: float64 ``(n, 3)``.
        faces: int64 ``(m, 3)``.
        uvs: float64 ``(n, 2)`` or ``None``; (0, 0) is the lower left corner of the texture.
        surface: Its appearance.
    """

    positions: NDArray[np.float64]
    faces: NDArray[np.int64]
    uvs: NDArray[np.float64] | None
    surface: Surface

    def __post_init__(self) -> None:
        if self.faces.min() < 0 or self.faces.max() >= len(self.positions):
            raise UnusableMeshError(
                f"a face with vertex {self.faces.max()} of {len(self.positions)}"
            )
        used = self.positions[self.used]
        if not np.isfinite(used).all():
            raise UnusableMeshError("a vertex that is not a finite number")
        if np.abs(used).max() > _MAX_COORDINATE:
            raise UnusableMeshError(f"a coordinate beyond {_MAX_COORDINATE:g}")

    @functools.cached_property
    def used(self) -> NDArray[np.bool_]:
        """True for the vertices of a face, bool ``(n,)``."""
        used = np.zeros(len(self.positions), dtype=bool)
        used[self.faces] = True
        return used


@dataclass
class Sources:
    """Further files that a mesh file refers to.

    Attributes:
        files: SHA-256 of each file by its path below the library's folder; ``None`` if it is
            missing.
        warnings: Faults of these files, and features that are not drawn.
        pixels: Number of pixels of all textures so far.
    """

    files: dict[str, str | None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    pixels: int = 0

    def warn(self, text: str) -> None:
        """Add a warning, once; names in it come from the file and may be of any length."""
        text = " ".join(text.split())[:300]
        if text not in self.warnings:
            self.warnings.append(text)

    def texture(self, content: bytes, name: str) -> Image | None:
        """Decode a texture and reduce it; ``None``, with a warning, if it cannot be used.

        Args:
            content: The image file.
            name: Name of the texture for the warning, or empty.
        """
        label = f"texture '{name}'" if name else "a texture"
        try:
            image = open_image(content, "TGA")
        except ValueError as error:
            self.warn(f"{label} is too large ({error})")
            return None
        except Exception:  # image files fail in many ways
            self.warn(f"{label} is not an image that can be read")
            return None
        self.pixels += image.width * image.height
        if self.pixels > _MAX_PIXELS_OF_FILE:
            limit = f"{_MAX_PIXELS_OF_FILE // 10**6} million pixels"
            self.warn(f"{label} is too large (all textures have more than {limit})")
            return None
        try:
            return reduced_image(image)
        except Exception:
            self.warn(f"{label} is not an image that can be read")
            return None


def reduced_image(image: Image) -> Image:
    """Convert an image to 8-bit RGB or RGBA of at most 256 pixels in each direction."""
    from PIL import Image as Images

    small = (_TEXTURE_SIZE, _TEXTURE_SIZE)
    if is_deep(image):  # Pillow would clip such values, not scale them
        top = 1 if image.mode == "F" else 65535
        image = image.convert("F")
        image.thumbnail(small)
        image = Images.fromarray((np.clip(np.asarray(image) / top, 0, 1) * 255).astype(np.uint8))
    image.draft("RGB", small)
    if image.mode not in ("RGB", "L"):
        transparent = "A" in image.getbands() or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
    image.thumbnail(small)
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def opaque(image: Image) -> NDArray[np.uint8]:
    """Colours of a reduced texture, uint8 ``(height, width, 3)``.

    Transparent pixels, whose colours are arbitrary, take the mean colour of the others.
    """
    pixels = np.asarray(image, dtype=np.uint8)
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:] / 255
    mean = (pixels[..., :3] * alpha).sum(axis=(0, 1)) / max(float(alpha.sum()), 1e-9)
    mixed: NDArray[np.uint8] = (
        (pixels[..., :3] * alpha + mean * (1 - alpha)).round().astype(np.uint8)
    )
    return mixed


class FolderResolver:
    """Material and texture files of a mesh file; nothing from outside the library.

    trimesh requests every name that a file mentions. Absolute paths, ``..`` and addresses are
    refused; nothing is downloaded.

    Args:
        root: The library's folder.
        base: Folder of the mesh file.
        sources: Receives digests and warnings.
    """

    def __init__(self, root: Path, base: Path, sources: Sources) -> None:
        self._root, self._base, self._sources = root, base, sources

    def get(self, name: str) -> bytes:
        """Content of a file next to the mesh; images are reduced, each decoded once.

        Options before the name, as material files have them, are left out.

        Raises:
            FileNotFoundError: If it is missing, not allowed, or an image that cannot be used;
                trimesh continues without it.
        """
        plain = str(name).strip()
        options = _MAP_OPTIONS.match(plain)
        if options and options[0]:
            self._sources.warn(f"options of a texture are not applied: {options[0]}")
            plain = plain[options.end() :]
        content = self.read(plain)
        if Path(plain).suffix.casefold() not in _IMAGES:
            return content
        image = self._sources.texture(content, plain)
        if image is None:
            raise FileNotFoundError(plain)
        stream = io.BytesIO()
        image.save(stream, format="PNG")
        return stream.getvalue()

    def read(self, name: str) -> bytes:
        """Content of a file next to the mesh.

        Names may be percent-encoded, or differ in letter case: not all systems tell these apart.

        Raises:
            FileNotFoundError: If it is missing or not allowed.
        """
        plain = str(name).strip().replace("\\", "/").removeprefix("./")
        try:
            path = inside(self._base, self._written(plain))
            relative = path.relative_to(self._root.resolve()).as_posix()
            self._sources.files[relative] = None
            content = _read(path)
        except (InvalidInputError, ValueError, OSError) as error:
            self._sources.warn(f"'{plain}' cannot be used ({_why(error)})")
            raise FileNotFoundError(plain) from error
        self._sources.files[relative] = sha256_bytes(content)
        return content

    def _written(self, name: str) -> str:
        """The name as the folder has it; the given one if it has none."""
        candidates = [name, unquote(name)]
        present = next((given for given in candidates if self.has(given)), None)
        if present is not None:
            return present
        folder = self._base / Path(name).parent
        if not inside(self._base, str(Path(name).parent)).is_dir():
            return name
        wanted = {Path(given).name.casefold() for given in candidates}
        alike = [path for path in sorted(folder.iterdir()) if path.name.casefold() in wanted]
        return alike[0].relative_to(self._base).as_posix() if alike else name

    def has(self, name: str) -> bool:
        """True if the file is there and allowed."""
        try:
            return inside(self._base, name).is_file()
        except (InvalidInputError, ValueError, OSError):
            return False

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


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise OSError("not a file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise OSError("too large")
    return path.read_bytes()


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, ValueError):
        return "it leads out of the library"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def check_counts(triangles: int, vertices: int = 0, parts: int = 0) -> None:
    """Refuse meshes of too many triangles, vertices or parts.

    Raises:
        UnusableMeshError: Above a limit.
    """
    for name, count, limit in (
        ("triangles", triangles, MAX_TRIANGLES_READ),
        ("vertices", vertices, MAX_VERTICES_READ),
        ("parts", parts, MAX_PARTS),
    ):
        if count > limit:
            raise UnusableMeshError(
                f"{count:,} {name}, more than the limit of {limit:,}; reduce it, such as with "
                "Blender's modifier Decimate"
            )
