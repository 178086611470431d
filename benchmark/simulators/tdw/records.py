"""Records of assets in the package ``tdw``: address of the bundle, size, parts."""

from __future__ import annotations

import contextlib
import functools
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import inside
from benchmark.simulators.tdw.errors import AssetMissingError
from benchmark.simulators.tdw.package import load

#: Folders of a mirror, as ``TDWUtils.download_asset_bundles`` makes them.
MODELS, MATERIALS, SKYBOXES = "models", "materials", "hdri_skyboxes"

_LIBRARIES = {
    MODELS: ("ModelLibrarian", "models_full.json"),
    MATERIALS: ("MaterialLibrarian", "materials_low.json"),
    SKYBOXES: ("HDRISkyboxLibrarian", "hdri_skyboxes.json"),
}


@dataclass(frozen=True)
class Slot:
    """A slot of a model that takes a material.

    Attributes:
        part: Name of the sub-object.
        number: Index of the material in the sub-object.
    """

    part: str
    number: int


@dataclass(frozen=True)
class Model:
    """Record of a model.

    Attributes:
        name: Name of the model.
        url: Address of its bundle.
        category: Common name of its category.
        scale_factor: Scale that the build applies when it loads the model.
        unit_scale: Factor that makes its longest side one metre.
        slots: Slots that take materials.
    """

    name: str
    url: str
    category: str
    scale_factor: float
    unit_scale: float
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Skybox:
    """Record of a panorama and its sun.

    Attributes:
        name: Name of the panorama.
        url: Address of its bundle.
        exposure: Exposure of the panorama.
        rotation: Rotation of the panorama about the vertical axis, in degrees.
        sun_elevation: Pitch of the sun, in degrees.
        sun_angle: Yaw of the sun, in degrees.
        sun_intensity: Intensity of the sun.
    """

    name: str
    url: str
    exposure: float
    rotation: float
    sun_elevation: float
    sun_angle: float
    sun_intensity: float


class RecordBook:
    """Records of the package ``tdw``, read on first use.

    Args:
        mirror: Folder of bundles: ``models/NAME``, ``materials/NAME``, ``hdri_skyboxes/NAME``.
            None: bundles come from TDW's public and private stores.

    Raises:
        InvalidInputError: When the folder does not exist.
    """

    def __init__(self, mirror: Path | None) -> None:
        if mirror is not None and not mirror.is_dir():
            raise InvalidInputError(
                f"-O mirror: '{mirror}' is not a folder of asset bundles. "
                "docs/tdw.md explains how to make one."
            )
        self._mirror = mirror

    def model(self, name: str) -> Model:
        """Return the record of a model.

        Raises:
            AssetMissingError: When the package or the mirror does not have it.
            UnavailableError: When the package is not installed.
        """
        record = self._record(MODELS, name)
        slots = tuple(
            Slot(part["name"], number)
            for part in record.substructure
            for number in range(len(part["materials"]))
        )
        scale = _unit_scale(record.bounds)
        url = self._url(MODELS, name, record)
        return Model(name, url, record.wcategory, float(record.scale_factor), scale, slots)

    def material(self, name: str) -> str:
        """Return the address of the bundle of a material.

        Raises:
            AssetMissingError: When the package or the mirror does not have it.
        """
        return self._url(MATERIALS, name, self._record(MATERIALS, name))

    def skybox(self, name: str) -> Skybox:
        """Return the record of a panorama.

        Raises:
            AssetMissingError: When the package or the mirror does not have it.
        """
        record = self._record(SKYBOXES, name)
        return Skybox(
            name,
            self._url(SKYBOXES, name, record),
            float(record.exposure),
            float(record.initial_skybox_rotation),
            float(record.sun_elevation),
            float(record.sun_initial_angle),
            float(record.sun_intensity),
        )

    def _url(self, kind: str, name: str, record: Any) -> str:  # noqa: ANN401 - untyped package
        if self._mirror is None:
            return str(record.get_url())
        path = inside(self._mirror, f"{kind}/{name}")
        if not path.is_file():
            raise AssetMissingError(
                name, path.as_uri(), "Download it into the mirror, or leave -O mirror out."
            )
        return path.as_uri()

    @staticmethod
    def _record(kind: str, name: str) -> Any:  # noqa: ANN401 - as above
        records = _library(kind)
        if name not in records:
            raise AssetMissingError(
                name, f"{_LIBRARIES[kind][1]} in the package tdw", "Install tdw==1.13.0.0."
            )
        return records[name]


@functools.cache
def _library(kind: str) -> dict[str, Any]:
    librarian, file = _LIBRARIES[kind]
    # The package prints warnings about its own data to standard output.
    with contextlib.redirect_stdout(io.StringIO()):
        library = getattr(load("tdw.librarian"), librarian)(file)
    return {record.name: record for record in library.records}


def _unit_scale(bounds: dict[str, dict[str, float]]) -> float:
    longest = max(
        bounds[high][axis] - bounds[low][axis]
        for high, low, axis in (
            ("right", "left", "x"),
            ("top", "bottom", "y"),
            ("front", "back", "z"),
        )
    )
    return 1 / longest if longest > 0 else 1.0
