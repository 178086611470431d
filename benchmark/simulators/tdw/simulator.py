"""The simulator of the paper: ThreeDWorld, with a build that runs beside us."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.simulators.interface import AssetCatalog, Capabilities, Rendering
from benchmark.simulators.tdw.build import Build, BuildSettings
from benchmark.simulators.tdw.catalog import make_catalog, what_is_public
from benchmark.simulators.tdw.faults import ObjectFailedError, TdwError
from benchmark.simulators.tdw.profiles import find_profile
from benchmark.simulators.tdw.records import RecordBook
from benchmark.simulators.tdw.studio import Studio, Style
from benchmark.space import PAPER_SPACE

if TYPE_CHECKING:
    from benchmark.simulators.scene import Scene
    from benchmark.simulators.tdw.index import Assets, Objects
    from benchmark.simulators.tdw.studio import LightMode, Ranges

_LOG = logging.getLogger(__name__)

_CHOICES = {
    "assets": ("public", "paper"),
    "objects": ("all", "subset"),
    "ranges": ("corrected", "released"),
    "light": ("absolute", "cumulative"),
}


class TdwSimulator:
    """ThreeDWorld (TDW), the simulator of the paper: photographic objects in a Unity build.

    A build (a program of TDW's releases, which needs an X display) is started and
    supervised: every wait has a limit, a build that crashes, hangs or quits is started anew, and
    rendering goes on at the first missing image. Images are stored as the build encodes them.
    docs/tdw.md tells how to get a build, and what the released generator does differently.

    Args:
        build: Path of the build, or a command with ``{port}`` in it; ``wait``: one that you start;
            empty: ``~/tdw_build/TDW/TDW.x86_64``.
        profile: ``1.13``, or ``1.8.23``, the paper's version; the build has to be of it.
        assets: ``public``: models that everybody can download; ``paper``: all that the paper used,
            most of which need credentials of TDW's private store (or a mirror).
        objects: ``all`` (237 categories), or the released ``subset`` (100).
        without: Models to leave out, with commas.
        mirror: Folder of downloaded bundles; empty: TDW's own stores.
        ranges: ``corrected``, or ``released``: rotations by uniform angles, light from everywhere,
            and intensity added to the sun's instead of multiplied.
        light: ``absolute``, or ``cumulative``: rotations of the sun add up over images.
        port: Where the build connects; 0: any free port (``wait``: 1071).
        display: X display of the build, such as ``:0``; empty: as DISPLAY says.
        start_timeout: Seconds until a build has to speak.
        step_timeout: Seconds until it has to answer; downloads count.
        retries: New starts for one object before it is given up.

    Raises:
        InvalidInputError: For options that make no sense.
    """

    name = "tdw"
    version = "1"
    capabilities = Capabilities(
        PAPER_SPACE,
        max_size=2048,
        max_slots=32,
        encoding="jpeg",
        deterministic="scenes",
        needs="a build of ThreeDWorld 1.13 or 1.8.23 and an X display with OpenGL",
        workers=1,
        technical=("build", "port", "display", "start_timeout", "step_timeout", "retries"),
    )

    def __init__(  # noqa: PLR0913 - every argument is an option, given by name
        self,
        *,
        build: str = "",
        profile: str = "1.13",
        assets: str = "public",
        objects: str = "all",
        without: str = "",
        mirror: str = "",
        ranges: str = "corrected",
        light: str = "absolute",
        port: int = 0,
        display: str = "",
        start_timeout: float = 120.0,
        step_timeout: float = 60.0,
        retries: int = 3,
    ) -> None:
        chosen = {"assets": assets, "objects": objects, "ranges": ranges, "light": light}
        for option, value in chosen.items():
            if value not in _CHOICES[option]:
                raise UnknownNameError(f"value of option tdw.{option}", value, _CHOICES[option])
        self._profile = find_profile(profile)
        _check_numbers(port, start_timeout, step_timeout, retries)
        self._library = cast("Assets", assets), cast("Objects", objects), _names(without)
        environment = {"DISPLAY": display} if display else {}
        self._build = Build(
            BuildSettings(build, port, start_timeout, step_timeout, environment), self._profile
        )
        self._retries, self._is_open = retries, False
        self._failures: dict[str, int] = {}  # new starts by object, since the last reset
        self._studio = Studio(
            self._build,
            self._profile,
            RecordBook(Path(mirror).expanduser() if mirror else None),
            Style(cast("Ranges", ranges), cast("LightMode", light)),
            signed_urls=assets == "paper" and not mirror,
        )

    @classmethod
    def facts(cls) -> list[str]:
        """What can be had without credentials, line by line."""
        return what_is_public()

    def open(self) -> None:
        """Start the build, or wait for it, and see that it has the profile's version.

        Raises:
            TdwError: When there is none, or it is another, or it does not start.
            UnavailableError: When the extra ``tdw`` is not installed.
        """
        if self._is_open:
            return
        require_packages()
        try:
            self._studio.start()
        except BaseException:
            self._build.drop()
            raise
        self._is_open = True

    def assets(self) -> AssetCatalog:
        """Models by category (WordNet id), 141 materials, 43 panoramas."""
        return self._catalog

    @functools.cached_property
    def _catalog(self) -> AssetCatalog:
        return make_catalog(*self._library)

    def driver(self) -> Mapping[str, str]:
        """Versions of build and package."""
        if not self._is_open:
            raise _closed()
        return {
            "engine": f"ThreeDWorld {self._build.version}",
            "profile": self._profile.name,
            "package": f"tdw {metadata.version('tdw')}",
        }

    def render(self, scenes: Sequence[Scene]) -> Iterator[Rendering]:
        """Show scenes one after the other; those of one object best come together.

        Raises:
            ObjectFailedError: When an object's attempts are used up.
            TdwError: When the build fails in a way that does not pass.
            UnknownNameError: For assets that the catalogue does not have.
        """
        for scene in scenes:
            if not self._is_open:
                raise _closed()
            self._check(scene)
            yield Rendering(scene, self._show(scene))

    def _show(self, scene: Scene) -> bytes:
        """One image, with as many new starts of the build as its object has left."""
        while True:
            try:
                if self._build.port is None:
                    self._studio.start()
                return self._studio.show(scene)
            except TdwError as error:
                self._build.drop()
                if not error.passing:
                    self._is_open = False
                    raise
                count = self._failures[scene.object] = self._failures.get(scene.object, 0) + 1
                if count > self._retries:
                    self._is_open = False
                    raise ObjectFailedError(scene.object, count, error) from error
                told = "%s\nThe build is started anew for '%s' (%d of %d times)."
                _LOG.warning(told, error, scene.object, count, self._retries)
            except BaseException:
                # Interrupted between a question and its answer: the socket is of no more use.
                self._build.drop()
                self._is_open = False
                raise

    def reset(self) -> None:
        """Forget everything that earlier scenes left behind."""
        self._studio.reset()
        self._failures.clear()

    def close(self) -> None:
        """End the build and free its port."""
        self._is_open = False
        self._build.stop()

    def _check(self, scene: Scene) -> None:
        catalog = self._catalog
        if scene.background.panorama not in catalog.panoramas:
            raise UnknownNameError("panorama", scene.background.panorama, catalog.panoramas)
        for slot in scene.materials or ():
            if slot.name not in self._known_materials:
                raise UnknownNameError("material", slot.name, catalog.materials)
        if scene.object not in catalog.names(scene.category):
            known = catalog.names(scene.category)
            raise UnknownNameError(f"object of '{scene.category}'", scene.object, known)

    @functools.cached_property
    def _known_materials(self) -> frozenset[str]:
        return frozenset(self._catalog.materials)


def require_packages() -> None:
    """See that the extra is installed, before anything is started.

    Raises:
        UnavailableError: When it is not.
    """
    from importlib.util import find_spec

    from benchmark.simulators.tdw.package import INSTALL

    missing = [name for name in ("tdw", "zmq", "flatbuffers") if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"Expected the extra 'tdw' to be installed, but got no {', '.join(missing)}. {INSTALL}"
        )


def _closed() -> UnavailableError:
    return UnavailableError("Expected an open simulator, but got a closed one. Open it.")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_numbers(port: int, start: float, step: float, retries: int) -> None:
    faults = []
    if not 0 <= port <= 65535:
        faults.append(f"port {port} (0 to 65535)")
    for name, seconds in (("start_timeout", start), ("step_timeout", step)):
        if not 0 < seconds <= 86400:
            faults.append(f"{name} {seconds:g} (more than 0 and up to 86400 seconds)")
    if retries < 0:
        faults.append(f"retries {retries} (0 or more)")
    if faults:
        raise InvalidInputError(
            f"Expected options that make sense of simulator 'tdw', but got {'; '.join(faults)}. "
            "Correct these options."
        )
