"""Materials of a glTF file as surfaces: textures reduced, further maps by their mean."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from benchmark.simulators.meshes.gltf_format import (
    Gltf,
    Material,
    Pbr,
    SpecularGlossiness,
    TextureInfo,
    entry,
    first_fault,
)
from benchmark.simulators.meshes.mesh import Surface, UnusableMeshError
from benchmark.simulators.meshes.parts import Sources, opaque

if TYPE_CHECKING:
    from PIL.Image import Image

_GLOSS = "KHR_materials_pbrSpecularGlossiness"
_TEXTURE_SOURCES = ("EXT_texture_webp", "EXT_texture_avif")


@dataclass(frozen=True, eq=False)
class Appearance:
    """A material.

    Attributes:
        surface: Its surface, with the texture.
        coordinates: Coordinates of the texture, or ``None`` without a texture.
    """

    surface: Surface
    coordinates: TextureInfo | None


@dataclass(frozen=True, eq=False)
class _Maps:
    """A material of either model: maps and their linear factors."""

    colour: tuple[float, ...]
    texture: Image | None
    coordinates: TextureInfo | None
    roughness: float
    metalness: float


class Materials:
    """Materials of a file, each converted once.

    Args:
        tree: The file.
        image: Returns the content of an image by its number; FileNotFoundError if it is missing.
        sources: Receives warnings.
    """

    def __init__(self, tree: Gltf, image: Callable[[int], bytes], sources: Sources) -> None:
        self._tree, self._content, self._sources = tree, image, sources
        self.appearance = functools.cache(self._appearance)
        self._image = functools.cache(self._decoded)

    def _appearance(self, number: int) -> Appearance:
        """Appearance of a material."""
        material = entry(self._tree.materials, number, "material")
        gloss = material.extensions.get(_GLOSS)
        maps = (
            self._metallic(material.pbrMetallicRoughness) if gloss is None else self._gloss(gloss)
        )
        if "KHR_materials_unlit" in material.extensions:
            maps = _Maps(maps.colour, maps.texture, maps.coordinates, 1.0, 0.0)
        self._note(material, maps)
        colour = np.clip(np.nan_to_num(maps.colour[:3]), 0, 1).tolist()
        texture = None if maps.texture is None else opaque(maps.texture)
        surface = Surface(None, tuple(colour), maps.roughness, maps.metalness, texture)
        return Appearance(surface, maps.coordinates if texture is not None else None)

    def _note(self, material: Material, maps: _Maps) -> None:
        """Name what is not drawn."""
        clear = len(maps.colour) > 3 and maps.colour[3] < 1
        if maps.texture is not None and maps.texture.mode == "RGBA":
            clear = clear or bool(np.asarray(maps.texture)[..., 3].min() < 255)
        transmits = "KHR_materials_transmission" in material.extensions
        if transmits or (clear and material.alphaMode != "OPAQUE"):
            self._sources.warn("transparency is drawn opaque")
        if any(material.emissiveFactor):
            self._sources.warn("emission is not drawn")

    def _metallic(self, pbr: Pbr) -> _Maps:
        roughness, metalness = pbr.roughnessFactor, pbr.metallicFactor
        image = self._texture(pbr.metallicRoughnessTexture)
        if image is not None:
            roughness, metalness = _scaled(image, roughness, metalness)
        return _Maps(
            pbr.baseColorFactor,
            self._texture(pbr.baseColorTexture),
            pbr.baseColorTexture,
            _unit(roughness),
            _unit(metalness),
        )

    def _gloss(self, extension: object) -> _Maps:
        """Convert specular-glossiness to metallic-roughness with trimesh."""
        from trimesh.visual.gloss import specular_to_pbr

        try:
            gloss = SpecularGlossiness.model_validate(extension)
        except ValidationError as error:
            raise UnusableMeshError(f"cannot be read ({_GLOSS}: {first_fault(error)})") from error
        texture = self._texture(gloss.diffuseTexture)
        try:
            found = specular_to_pbr(
                specularFactor=gloss.specularFactor,
                glossinessFactor=gloss.glossinessFactor,
                specularGlossinessTexture=self._texture(gloss.specularGlossinessTexture),
                diffuseTexture=texture,
                diffuseFactor=gloss.diffuseFactor,
            )
        except Exception:  # maps of unusual forms
            self._sources.warn(f"{_GLOSS} cannot be converted: drawn as a rough dielectric")
            return _Maps(gloss.diffuseFactor, texture, gloss.diffuseTexture, 1.0, 0.0)
        roughness, metalness = found["roughnessFactor"], found["metallicFactor"]
        if "metallicRoughnessTexture" in found:
            roughness, metalness = _scaled(found["metallicRoughnessTexture"], roughness, metalness)
        return _Maps(
            tuple(found.get("baseColorFactor", (1.0, 1.0, 1.0))),
            found.get("baseColorTexture"),
            gloss.diffuseTexture or gloss.specularGlossinessTexture,
            _unit(float(roughness)),
            _unit(float(metalness)),
        )

    def _texture(self, info: TextureInfo | None) -> Image | None:
        if info is None:
            return None
        texture = entry(self._tree.textures, info.index, "texture")
        for name in _TEXTURE_SOURCES:
            source = texture.extensions.get(name)
            if isinstance(source, dict) and isinstance(source.get("source"), int):
                return self._image(source["source"])
        if texture.source is None:
            self._sources.warn(f"textures need {', '.join(texture.extensions) or 'a source'}")
            return None
        return self._image(texture.source)

    def _decoded(self, number: int) -> Image | None:
        try:
            content = self._content(number)
        except FileNotFoundError:  # the resolver has warned
            return None
        uri = self._tree.images[number].uri or ""
        return self._sources.texture(content, "" if uri.startswith("data:") else uri)


def _scaled(image: Image, roughness: float, metalness: float) -> tuple[float, float]:
    """Factors times the means of the green channel (roughness) and of the blue one (metalness)."""
    _, green, blue = np.asarray(image.convert("RGB")).mean(axis=(0, 1)) / 255
    return roughness * float(green), metalness * float(blue)


def _unit(value: float) -> float:
    return float(np.clip(np.nan_to_num(value), 0, 1))
