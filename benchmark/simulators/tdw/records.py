"""What the package knows of an asset: where its bundle is, how large it is, which parts it has."""

from __future__ import annotations

import contextlib
import functools
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import inside
from benchmark.simulators.tdw.faults import AssetMissingError
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
    """A place for a material.

    Attributes:
        part: Name of the sub-object.
        number: Which of its materials.
    """

    part: str
    number: int


@dataclass(frozen=True)
class Model:
    """A model.

    Attributes:
        name: Its name.
        url: Where its bundle is.
        category: Word for what it is.
        scale_factor: What the build shall scale it with while it loads it.
        unit_scale: Factor that makes its longest side one metre.
        slots: Where materials go.
    """

    name: str
    url: str
    category: str
    scale_factor: float
    unit_scale: float
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Skybox:
    """A panorama and its sun.

    Attributes:
        name: Its name.
        url: Where its bundle is.
        exposure: Of the panorama.
        rotation: Of the panorama about the vertical, degrees.
        sun_elevation: Pitch of the sun, degrees.
        sun_angle: Yaw of the sun, degrees.
        sun_intensity: Of the sun.
    """

    name: str
    url: str
    exposure: float
    rotation: float
    sun_elevation: float
    sun_angle: float
    sun_intensity: float


class RecordBook:
    """Records of the package ``tdw``, read once when first asked for.

    Args:
        mirror: Folder with ``models/NAME``, ``materials/NAME`` and ``hdri_skyboxes/NAME``; bundles
            are taken from there. ``None``: from TDW's public and private stores.

    Raises:
        InvalidInputError: When the folder is none.
    """

    def __init__(self, mirror: Path | None) -> None:
        if mirror is not None and not mirror.is_dir():
            raise InvalidInputError(
                f"Expected a folder of asset bundles, but got {mirror}. "
                "Correct -O mirror; docs/tdw.md says how to make one."
            )
        self._mirror = mirror

    def model(self, name: str) -> Model:
        """A model.

        Raises:
            AssetMissingError: When package or mirror do not have it.
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
        """Where a material's bundle is.

        Raises:
            AssetMissingError: When package or mirror do not have it.
        """
        return self._url(MATERIALS, name, self._record(MATERIALS, name))

    def skybox(self, name: str) -> Skybox:
        """A panorama.

        Raises:
            AssetMissingError: When package or mirror do not have it.
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
                name, f"{_LIBRARIES[kind][1]} of the package tdw", "Install tdw==1.13.0.0."
            )
        return records[name]


@functools.cache
def _library(kind: str) -> dict[str, Any]:
    librarian, file = _LIBRARIES[kind]
    # The package talks to standard output where it finds its own data wanting.
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
