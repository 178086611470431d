"""Differences between the two supported versions of TDW: commands, answers, axes of the sun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.core.errors import UnknownNameError
from benchmark.simulators.tdw.errors import VersionMismatchError


@dataclass(frozen=True)
class Dialect:
    """Commands and answers of one version of TDW.

    Attributes:
        name: Value of option ``profile``.
        version: Prefix of the versions of builds that it fits.
        light_colour: Command that sets the sun's colour.
        bounds: Layout of the answer to ``send_bounds``.
        light_axes: Axes that ``rotate_directional_light_by`` turns about.
        avatar: Additional fields of ``create_avatar``.
    """

    name: str
    version: str
    light_colour: str
    bounds: Literal["arrays", "records"]
    light_axes: Literal["local", "world"]
    avatar: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def check(self, version: str) -> None:
        """Refuse a build of another version.

        Raises:
            VersionMismatchError: When the version does not fit.
        """
        if self.covers(version):
            return
        fitting = next((p.name for p in DIALECTS.values() if p.covers(version)), None)
        remedy = f"Use -O profile={fitting}, or start" if fitting else "Start"
        raise VersionMismatchError(
            f"The TDW build has version {version}, which does not fit -O profile={self.name}. "
            f"{remedy} a build of version {self.version}."
        )

    def covers(self, version: str) -> bool:
        """True if builds of a version fit.

        Example:
            >>> find_dialect("1.13").covers("1.13.0"), find_dialect("1.13").covers("1.8.23")
            (True, False)
        """
        return version == self.version or version.startswith(self.version + ".")


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("1.13", "1.13", "set_directional_light_color", "arrays", "local"),
        # The paper's version; the name of its colour command is misspelt in the build itself.
        Dialect(
            "1.8.23",
            "1.8.23",
            "set_directionial_light_color",
            "records",
            "world",
            (("envs", (0,)),),
        ),
    )
}


def find_dialect(name: str) -> Dialect:
    """Return the dialect that option ``profile`` names.

    Raises:
        UnknownNameError: When the name is unknown.
    """
    if name not in DIALECTS:
        raise UnknownNameError("TDW profile", name, DIALECTS)
    return DIALECTS[name]
