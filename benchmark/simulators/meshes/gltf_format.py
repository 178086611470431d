"""The JSON part of a glTF 2.0 file: its fields that are read, with their types and limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from benchmark.core.errors import validation_faults
from benchmark.simulators.meshes.mesh import UnusableMeshError

#: Extensions that a file may require; docs/rendering.md has the table.
SUPPORTED = frozenset(
    {
        "EXT_mesh_gpu_instancing",
        "EXT_texture_avif",
        "EXT_texture_webp",
        "KHR_lights_punctual",
        "KHR_materials_pbrSpecularGlossiness",
        "KHR_materials_unlit",
        "KHR_materials_variants",
        "KHR_mesh_quantization",
        "KHR_texture_transform",
    }
)
_MAX_VALUES = 1_000_000  # of the JSON text; scenes of 20,000 nodes stay below

_T = TypeVar("_T")
_Index = Annotated[int, Field(ge=0)]
_Size = Annotated[int, Field(ge=1, le=2**40)]
_Many = Annotated[tuple[_T, ...], FailFast()]
_Extensions = dict[str, Any]
Numbers2 = tuple[float, float]
Numbers3 = tuple[float, float, float]
Numbers4 = tuple[float, float, float, float]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    extensions: _Extensions = {}


class SparsePart(_Entry):
    """Where the indices or the values of a sparse accessor are."""

    bufferView: _Index  # noqa: N815 - the format's names
    byteOffset: _Index = 0  # noqa: N815
    componentType: Literal[5121, 5123, 5125] = 5125  # noqa: N815


class Sparse(_Entry):
    """Values that differ from those of the buffer view."""

    count: _Size
    indices: SparsePart
    values: SparsePart


class Accessor(_Entry):
    """A typed array in a buffer view."""

    bufferView: _Index | None = None  # noqa: N815
    byteOffset: _Index = 0  # noqa: N815
    componentType: Literal[5120, 5121, 5122, 5123, 5125, 5126]  # noqa: N815
    count: _Size
    type: Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]
    normalized: bool = False
    sparse: Sparse | None = None


class View(_Entry):
    """A range of bytes of a buffer."""

    buffer: _Index
    byteOffset: _Index = 0  # noqa: N815
    byteLength: _Size  # noqa: N815
    byteStride: Annotated[int, Field(ge=1, le=252)] | None = None  # noqa: N815


class Buffer(_Entry):
    """Bytes in a file, in the address itself, or in the GLB file."""

    uri: str | None = None
    byteLength: _Size  # noqa: N815


class Primitive(_Entry):
    """Triangles of one material."""

    attributes: dict[str, _Index]
    indices: _Index | None = None
    material: _Index | None = None
    mode: Annotated[int, Field(ge=0, le=6)] = 4
    targets: _Many[Any] = ()


class MeshEntry(_Entry):
    """A list of primitives."""

    primitives: _Many[Primitive]


class Node(_Entry):
    """A place in the scene."""

    children: _Many[_Index] = ()
    mesh: _Index | None = None
    skin: _Index | None = None
    matrix: Annotated[tuple[float, ...], Field(min_length=16, max_length=16)] | None = None
    translation: Numbers3 = (0, 0, 0)
    rotation: Numbers4 = (0, 0, 0, 1)
    scale: Numbers3 = (1, 1, 1)


class SceneEntry(_Entry):
    """The roots of a scene."""

    nodes: _Many[_Index] = ()


class TextureInfo(_Entry):
    """Use of a texture by a material."""

    index: _Index
    texCoord: _Index = 0  # noqa: N815


class TextureTransform(BaseModel):
    """``KHR_texture_transform``."""

    offset: Numbers2 = (0, 0)
    rotation: float = 0
    scale: Numbers2 = (1, 1)
    texCoord: _Index | None = None  # noqa: N815


class Pbr(_Entry):
    """Metallic-roughness model; the defaults are the format's."""

    baseColorFactor: Numbers4 = (1, 1, 1, 1)  # noqa: N815
    baseColorTexture: TextureInfo | None = None  # noqa: N815
    metallicFactor: float = 1  # noqa: N815
    roughnessFactor: float = 1  # noqa: N815
    metallicRoughnessTexture: TextureInfo | None = None  # noqa: N815


class SpecularGlossiness(BaseModel):
    """``KHR_materials_pbrSpecularGlossiness``."""

    diffuseFactor: Numbers4 = (1, 1, 1, 1)  # noqa: N815
    diffuseTexture: TextureInfo | None = None  # noqa: N815
    specularFactor: Numbers3 = (1, 1, 1)  # noqa: N815
    glossinessFactor: float = 1  # noqa: N815
    specularGlossinessTexture: TextureInfo | None = None  # noqa: N815


class Material(_Entry):
    """Appearance of a primitive."""

    pbrMetallicRoughness: Pbr = Pbr()  # noqa: N815
    alphaMode: str = "OPAQUE"  # noqa: N815
    emissiveFactor: Numbers3 = (0, 0, 0)  # noqa: N815


class Texture(_Entry):
    """Link from a material to an image."""

    source: _Index | None = None


class ImageEntry(_Entry):
    """An image file or a buffer view."""

    uri: str | None = None
    bufferView: _Index | None = None  # noqa: N815
    name: Any = None


class _Asset(BaseModel):
    version: str = "2.0"


class Gltf(_Entry):
    """A glTF 2.0 file without its binary data."""

    asset: _Asset = _Asset()
    extensionsRequired: _Many[str] = ()  # noqa: N815
    scene: _Index | None = None
    scenes: _Many[SceneEntry] = ()
    nodes: _Many[Node] = ()
    meshes: _Many[MeshEntry] = ()
    accessors: _Many[Accessor] = ()
    bufferViews: _Many[View] = ()  # noqa: N815
    buffers: _Many[Buffer] = ()
    materials: _Many[Material] = ()
    textures: _Many[Texture] = ()
    images: _Many[ImageEntry] = ()


def parse_gltf(text: bytes) -> Gltf:
    """Parse the JSON text of a glTF file.

    Raises:
        UnusableMeshError: If it is not valid, not of version 2, or requires an extension that is
            not supported.
    """
    if sum(map(text.count, (b"{", b"[", b","))) > _MAX_VALUES:
        raise UnusableMeshError(f"a JSON text of more than {_MAX_VALUES:,} values")
    try:
        tree = Gltf.model_validate_json(text.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        raise UnusableMeshError(f"cannot be read ({first_fault(error)})") from error
    if not tree.asset.version.startswith("2."):
        raise UnusableMeshError(f"glTF {tree.asset.version[:20]} instead of 2.0")
    missing = sorted(set(tree.extensionsRequired) - SUPPORTED)
    if missing:
        raise UnusableMeshError(f"requires {', '.join(missing)[:200]}, which is not supported")
    return tree


def first_fault(error: ValidationError) -> str:
    """First fault of a model, shortened."""
    return " ".join(validation_faults(error)[0].split())[:160]


def entry(items: tuple[_T, ...], index: int, name: str) -> _T:
    """Return the entry of a list.

    Raises:
        UnusableMeshError: If the list is shorter.
    """
    if index >= len(items):
        raise UnusableMeshError(f"{name} {index} of {len(items)}")
    return items[index]
