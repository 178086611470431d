"""The two versions of TDW that are spoken: names of commands, forms of answers, the sun's axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.core.errors import UnknownNameError
from benchmark.simulators.tdw.faults import VersionMismatchError


@dataclass(frozen=True)
class Profile:
    """What differs between versions.

    Attributes:
        name: As users type it.
        version: Versions of builds begin with this.
        light_colour: Command that sets the sun's colour.
        bounds: Form of the answer to ``send_bounds``.
        light_axes: What ``rotate_directional_light_by`` turns about.
        avatar: Fields that ``create_avatar`` needs besides the usual ones.
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
            VersionMismatchError: When it is one.
        """
        if self.covers(version):
            return
        fitting = next((p.name for p in PROFILES.values() if p.covers(version)), None)
        remedy = f"Say -O profile={fitting}, or start" if fitting else "Start"
        raise VersionMismatchError(
            f"Expected a TDW build of version {self.version} for profile '{self.name}', but got "
            f"one of version {version}. {remedy} a build of version {self.version}."
        )

    def covers(self, version: str) -> bool:
        """Whether builds of a version fit.

        Example:
            >>> find_profile("1.13").covers("1.13.0"), find_profile("1.13").covers("1.8.23")
            (True, False)
        """
        return version == self.version or version.startswith(self.version + ".")


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("1.13", "1.13", "set_directional_light_color", "arrays", "local"),
        # The paper's version; the name of its colour command is misspelt in the build itself.
        Profile(
            "1.8.23",
            "1.8.23",
            "set_directionial_light_color",
            "records",
            "world",
            (("envs", (0,)),),
        ),
    )
}


def find_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        UnknownNameError: When there is none.
    """
    if name not in PROFILES:
        raise UnknownNameError("TDW profile", name, PROFILES)
    return PROFILES[name]
