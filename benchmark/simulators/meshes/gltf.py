"""Reading of glTF 2.0 and GLB files: every size is checked before anything is decoded.

trimesh reads such files too, but not sparse or normalised accessors, instances, triangle fans,
texture transforms and further sets of coordinates, and it returns zeros for compressed data.
"""

from __future__ import annotations

import base64
import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
from pydantic import BaseModel, NonNegativeInt, ValidationError

from benchmark.simulators.meshes.gltf_format import (
    Accessor,
    Gltf,
    Node,
    Primitive,
    Sparse,
    TextureInfo,
    TextureTransform,
    entry,
    first_fault,
    parse_gltf,
)
from benchmark.simulators.meshes.gltf_materials import Materials
from benchmark.simulators.meshes.mesh import Surface, UnusableMeshError
from benchmark.simulators.meshes.parts import (
    MAX_FILE_BYTES,
    MAX_PARTS,
    MAX_VERTICES_READ,
    FolderResolver,
    Part,
    Sources,
    check_counts,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_PLAIN = Surface(None, (0.6, 0.6, 0.6), 0.6, 0.0)


def read_gltf(path: Path, resolver: FolderResolver, sources: Sources) -> list[Part]:
    """Read the triangles of a glTF or GLB file, in the coordinates of its scene.

    Args:
        path: The file.
        resolver: Reads further files.
        sources: Receives warnings.

    Raises:
        UnusableMeshError: If the file is damaged, too large, or needs what is not supported.
        FileNotFoundError: If a buffer is missing.
    """
    text, chunk = _split(path.read_bytes())
    return list(_Reader(parse_gltf(text), chunk, resolver, sources).parts())


def _split(content: bytes) -> tuple[bytes, bytes]:
    """JSON text and binary chunk of a file in either form."""
    if content[:4] != b"glTF":
        return content, b""
    if len(content) < 20:
        raise UnusableMeshError("ends early")
    version, _, length = struct.unpack_from("<III", content, 4)
    if version != 2:
        raise UnusableMeshError(f"GLB of version {version} instead of 2")
    text, rest = content[20 : 20 + length], content[20 + length :]
    if len(text) < length:
        raise UnusableMeshError("ends early")
    if len(rest) < 8 or rest[4:8] != b"BIN\0":
        return text, b""
    (length,) = struct.unpack_from("<I", rest)
    return text, rest[8 : 8 + length]


class _Instancing(BaseModel):
    """``EXT_mesh_gpu_instancing``."""

    attributes: dict[str, NonNegativeInt]


@dataclass(frozen=True, eq=False)
class _Draw:
    """A mesh at a place in the scene.

    Attributes:
        mesh: Number of the mesh.
        matrix: float64 ``(4, 4)``.
        instances: Accessors of the translation, rotation and scale of each instance.
    """

    mesh: int
    matrix: NDArray[np.float64]
    instances: dict[str, int]


class _Reader:
    def __init__(
        self, tree: Gltf, chunk: bytes, resolver: FolderResolver, sources: Sources
    ) -> None:
        self._tree, self._sources = tree, sources
        self._data = _Data(tree, chunk, resolver)
        self._materials = Materials(tree, self._data.image, sources)
        self._part = functools.cache(self._read)

    def parts(self) -> Iterator[Part]:
        draws = list(islice(self._draws(), MAX_PARTS + 1))
        self._check_sizes(draws)
        for draw in draws:
            matrices = draw.matrix @ self._instances(draw)
            for number in range(len(self._tree.meshes[draw.mesh].primitives)):
                part = self._part(draw.mesh, number)
                if part is not None:
                    yield _placed(part, matrices)

    def _draws(self) -> Iterator[_Draw]:
        """Visit the nodes of the scene; a node has one parent at most."""
        nodes, visited = self._tree.nodes, set()
        own = _node_matrices(nodes)
        stack = [(root, np.eye(4)) for root in reversed(self._roots())]
        while stack:
            number, above = stack.pop()
            if number in visited:
                raise UnusableMeshError(f"node {number} has two parents, or is below itself")
            visited.add(number)
            node = entry(nodes, number, "node")
            matrix = above @ own[number]
            stack += [(child, matrix) for child in reversed(node.children)]
            if node.skin is not None:
                self._sources.warn("skins are not applied")
            if node.mesh is not None:
                entry(self._tree.meshes, node.mesh, "mesh")
                yield _Draw(node.mesh, matrix, _instancing(node))

    def _roots(self) -> list[int]:
        if self._tree.scenes:
            return list(entry(self._tree.scenes, self._tree.scene or 0, "scene").nodes)
        below = {child for node in self._tree.nodes for child in node.children}
        return [number for number in range(len(self._tree.nodes)) if number not in below]

    def _check_sizes(self, draws: list[_Draw]) -> None:
        """Refuse too many triangles, vertices or parts, from the counts of the accessors alone."""
        parts = triangles = vertices = 0
        for draw in draws:
            primitives = self._tree.meshes[draw.mesh].primitives
            parts += len(primitives)
            check_counts(0, parts=parts)
            copies = max((self._data.accessor(i).count for i in draw.instances.values()), default=1)
            triangles += copies * sum(self._count(primitive) for primitive in primitives)
            points = (primitive.attributes.get("POSITION") for primitive in primitives)
            vertices += copies * sum(self._data.accessor(i).count for i in points if i is not None)
        check_counts(triangles, vertices)

    def _count(self, primitive: Primitive) -> int:
        number = primitive.indices
        if number is None:
            number = primitive.attributes.get("POSITION")
        if number is None or primitive.mode < _TRIANGLES:
            return 0
        count = self._data.accessor(number).count
        return count // 3 if primitive.mode == _TRIANGLES else max(count - 2, 0)

    def _instances(self, draw: _Draw) -> NDArray[np.float64]:
        """Matrices of the instances, float64 ``(n, 4, 4)``."""
        found = {name: self._data.array(i) for name, i in draw.instances.items()}
        count = len(next(iter(found.values()), [0]))
        if any(len(values) != count for values in found.values()):
            raise UnusableMeshError("EXT_mesh_gpu_instancing: attributes of different lengths")
        defaults = {"TRANSLATION": (0, 0, 0), "ROTATION": (0, 0, 0, 1), "SCALE": (1, 1, 1)}
        parts = []
        for name, default in defaults.items():
            values = found.get(name, np.tile(np.array(default, dtype=np.float64), (count, 1)))
            if values.shape[1] != len(default):
                raise UnusableMeshError(f"EXT_mesh_gpu_instancing: {name} of another type")
            parts.append(values)
        return _matrices(*parts)

    def _read(self, mesh: int, number: int) -> Part | None:
        """A primitive in its own coordinates; ``None`` if it has no triangles."""
        primitive = self._tree.meshes[mesh].primitives[number]
        if primitive.mode < _TRIANGLES:
            self._sources.warn("points and lines are not drawn")
            return None
        if primitive.targets:
            self._sources.warn("morph targets are not applied")
        positions = self._attribute(primitive, "POSITION", (3,))
        if positions is None:
            self._sources.warn("a part has no positions")
            return None
        faces = self._faces(primitive, len(positions))
        if not len(faces):
            return None
        surface, uvs = self._surface(primitive, len(positions))
        colours = self._attribute(primitive, "COLOR_0", (3, 4))
        if colours is not None and len(colours) == len(positions):
            mean = np.clip(np.nan_to_num(colours[np.unique(faces)][:, :3].mean(axis=0)), 0, 1)
            base = np.array((1, 1, 1) if primitive.material is None else surface.colour)
            surface = replace(surface, colour=tuple((base * mean).tolist()))
        return Part(positions, faces, uvs, surface)

    def _faces(self, primitive: Primitive, n_vertices: int) -> NDArray[np.int64]:
        if primitive.indices is None:
            order = np.arange(n_vertices)
        else:
            self._require_data(primitive, primitive.indices)
            order = self._data.array(primitive.indices)[:, 0].astype(np.int64)
        if primitive.mode == _TRIANGLES:
            if len(order) % 3:
                self._sources.warn("indices that form no whole triangle are left out")
            return order[: len(order) // 3 * 3].reshape(-1, 3)
        if len(order) < 3:
            return np.empty((0, 3), dtype=np.int64)
        first = np.full(len(order) - 2, order[0]) if primitive.mode == _FAN else order[:-2]
        faces = np.stack([first, order[1:-1], order[2:]], axis=1)
        if primitive.mode == _STRIP:
            faces[1::2] = faces[1::2, [1, 0, 2]]  # every other triangle runs clockwise
        return faces

    def _surface(
        self, primitive: Primitive, n_vertices: int
    ) -> tuple[Surface, NDArray[np.float64] | None]:
        """Surface of a primitive, and its coordinates if it has a texture."""
        if primitive.material is None:
            return _PLAIN, None
        found = self._materials.appearance(primitive.material)
        if found.coordinates is None or found.surface.texture is None:
            return found.surface, None
        transform = _transform(found.coordinates)
        number = found.coordinates.texCoord if transform.texCoord is None else transform.texCoord
        uvs = self._attribute(primitive, f"TEXCOORD_{number}", (2,))
        if uvs is not None and len(uvs) == n_vertices and np.isfinite(uvs).all():
            return found.surface, _transformed(uvs, transform)
        self._sources.warn("a texture has no usable coordinates: drawn in its mean colour")
        mean = ((found.surface.texture / 255.0) ** 2).mean(axis=(0, 1))
        colour = tuple((np.array(found.surface.colour) * mean).tolist())
        return replace(found.surface, texture=None, colour=colour), None

    def _attribute(
        self, primitive: Primitive, name: str, widths: tuple[int, ...]
    ) -> NDArray[np.float64] | None:
        number = primitive.attributes.get(name)
        if number is None:
            return None
        self._require_data(primitive, number)
        # Colours are between 0 and 1 in every file, whether it says so or not.
        values = self._data.array(number, normalised=name.startswith("COLOR"))
        if values.shape[1] not in widths:
            raise UnusableMeshError(f"{name} of type {self._tree.accessors[number].type}")
        return values

    def _require_data(self, primitive: Primitive, number: int) -> None:
        accessor = self._data.accessor(number)
        if accessor.bufferView is None and accessor.sparse is None:
            raise _without_data(f"accessor {number}", primitive.extensions)


def _without_data(what: str, extensions: dict[str, Any]) -> UnusableMeshError:
    names = ", ".join(sorted(extensions))[:200]
    return UnusableMeshError(
        f"{what} needs {names}, which is not supported" if names else f"{what} has no data"
    )


def _instancing(node: Node) -> dict[str, int]:
    extension = node.extensions.get("EXT_mesh_gpu_instancing")
    if extension is None:
        return {}
    try:
        attributes = _Instancing.model_validate(extension).attributes
    except ValidationError as error:
        raise UnusableMeshError(f"EXT_mesh_gpu_instancing: {first_fault(error)}") from error
    return {n: i for n, i in attributes.items() if n in {"TRANSLATION", "ROTATION", "SCALE"}}


def _node_matrices(nodes: Sequence[Node]) -> NDArray[np.float64]:
    """Matrices of all nodes relative to their parents, float64 ``(n, 4, 4)``."""
    if not nodes:
        return np.empty((0, 4, 4))
    matrices = _matrices(
        np.array([node.translation for node in nodes], dtype=np.float64),
        np.array([node.rotation for node in nodes], dtype=np.float64),
        np.array([node.scale for node in nodes], dtype=np.float64),
    )
    for number, node in enumerate(nodes):
        if node.matrix is not None:
            matrices[number] = np.array(node.matrix).reshape(4, 4).T
    return matrices


def _matrices(
    translation: NDArray[np.float64], rotation: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Matrices ``T R S``, float64 ``(n, 4, 4)``; rotations are quaternions ``(x, y, z, w)``."""
    from scipy.spatial.transform import Rotation

    usable = np.isfinite(rotation).all(axis=1) & (np.abs(rotation).max(axis=1) > 1e-12)
    rotation = np.where(usable[:, None], rotation, (0.0, 0.0, 0.0, 1.0))
    matrices = np.tile(np.eye(4), (len(rotation), 1, 1))
    matrices[:, :3, :3] = Rotation.from_quat(rotation).as_matrix() * scale[:, None, :]
    matrices[:, :3, 3] = translation
    return matrices


def _placed(part: Part, matrices: NDArray[np.float64]) -> Part:
    """The part at each of the places."""
    turned, moved = matrices[:, :3, :3], matrices[:, :3, 3]
    positions = np.einsum("kij,nj->kni", turned, part.positions) + moved[:, None, :]
    mirrored = np.linalg.det(turned) < 0
    faces = np.where(mirrored[:, None, None], part.faces[None, :, ::-1], part.faces[None])
    faces = faces + len(part.positions) * np.arange(len(matrices))[:, None, None]
    uvs = None if part.uvs is None else np.tile(part.uvs, (len(matrices), 1))
    return Part(positions.reshape(-1, 3), faces.reshape(-1, 3), uvs, part.surface)


def _transform(info: TextureInfo) -> TextureTransform:
    extension = info.extensions.get("KHR_texture_transform", {})
    try:
        return TextureTransform.model_validate(extension)
    except ValidationError as error:
        raise UnusableMeshError(f"KHR_texture_transform: {first_fault(error)}") from error


def _transformed(uvs: NDArray[np.float64], transform: TextureTransform) -> NDArray[np.float64]:
    """Scale, turn counter-clockwise and move coordinates; then move their origin to the bottom."""
    u, v = (uvs * transform.scale).T
    cos, sin = np.cos(transform.rotation), np.sin(transform.rotation)
    turned = np.stack([cos * u + sin * v, cos * v - sin * u], axis=1) + transform.offset
    turned[:, 1] = 1 - turned[:, 1]
    return turned


class _Data:
    """Binary data of a file: buffers, and arrays in them."""

    def __init__(self, tree: Gltf, chunk: bytes, resolver: FolderResolver) -> None:
        self._tree, self._chunk, self._resolver = tree, chunk, resolver
        self._total = 0
        self._buffer = functools.cache(self._read_buffer)

    def accessor(self, number: int) -> Accessor:
        return entry(self._tree.accessors, number, "accessor")

    def image(self, number: int) -> bytes:
        """Content of an image file."""
        image = entry(self._tree.images, number, "image")
        if image.uri is not None:
            return self._content(image.uri)
        if image.bufferView is None:
            raise UnusableMeshError(f"image {number} has no data")
        return self._view(image.bufferView)

    def array(self, number: int, *, normalised: bool = False) -> NDArray[np.float64]:
        """Values of an accessor, float64 ``(count, components)``.

        Args:
            number: The accessor.
            normalised: Integers stand for fractions, even if the file does not say so.
        """
        accessor = self.accessor(number)
        if accessor.count > MAX_VERTICES_READ:
            raise UnusableMeshError(f"accessor {number} of {accessor.count:,} values")
        kind, width = np.dtype(_COMPONENTS[accessor.componentType]), _WIDTHS[accessor.type]
        values = np.zeros((accessor.count, width), dtype=kind)
        if accessor.bufferView is not None:
            values[:] = self._rows(
                accessor.bufferView, accessor.byteOffset, kind, (accessor.count, width)
            )
        if accessor.sparse is not None:
            self._replace(values, accessor.sparse)
        numbers = values.astype(np.float64)
        if kind.kind in "ui" and (normalised or accessor.normalized):
            numbers = np.maximum(numbers / np.iinfo(kind).max, -1)
        return numbers

    def _replace(self, values: NDArray[Any], sparse: Sparse) -> None:
        if sparse.count > len(values):
            raise UnusableMeshError(f"{sparse.count:,} sparse values for {len(values):,}")
        place, new = sparse.indices, sparse.values
        kind = np.dtype(_COMPONENTS[place.componentType])
        indices = self._rows(place.bufferView, place.byteOffset, kind, (sparse.count, 1))[:, 0]
        if indices.max() >= len(values):
            raise UnusableMeshError(f"sparse value {indices.max()} of {len(values)}")
        shape = (sparse.count, values.shape[1])
        values[indices] = self._rows(new.bufferView, new.byteOffset, values.dtype, shape)

    def _rows(
        self, number: int, offset: int, kind: np.dtype[Any], shape: tuple[int, int]
    ) -> NDArray[Any]:
        """Rows of a buffer view, not copied."""
        view, content = entry(self._tree.bufferViews, number, "bufferView"), self._view(number)
        row = kind.itemsize * shape[1]
        stride = view.byteStride or row
        if stride < row:
            raise UnusableMeshError(f"bufferView {number}: byteStride {stride} for {row} bytes")
        if offset + stride * (shape[0] - 1) + row > len(content):
            raise UnusableMeshError(f"bufferView {number} ends early")
        return np.ndarray(shape, kind, content, offset, (stride, kind.itemsize))

    def _view(self, number: int) -> bytes:
        view = entry(self._tree.bufferViews, number, "bufferView")
        buffer = entry(self._tree.buffers, view.buffer, "buffer")
        if buffer.uri is None and (view.buffer or not self._chunk):
            raise _without_data(f"bufferView {number}", view.extensions)
        content = self._buffer(view.buffer)[view.byteOffset : view.byteOffset + view.byteLength]
        if len(content) < view.byteLength:
            raise UnusableMeshError(f"buffer {view.buffer} ends early")
        return content

    def _read_buffer(self, number: int) -> bytes:
        uri = self._tree.buffers[number].uri
        content = self._chunk if uri is None else self._content(uri)
        self._total += len(content)
        if self._total > MAX_FILE_BYTES:
            raise UnusableMeshError(f"buffers of more than {MAX_FILE_BYTES:,} bytes")
        return content

    def _content(self, uri: str) -> bytes:
        """Data of an address: in itself, or in a file whose name may be percent-encoded."""
        if uri.startswith("data:"):
            head, _, payload = uri.partition(",")
            return base64.b64decode(payload) if ";base64" in head else unquote_to_bytes(payload)
        name = unquote(uri)
        if not self._resolver.has(name) and self._resolver.has(uri):
            name = uri
        return self._resolver.read(name)
