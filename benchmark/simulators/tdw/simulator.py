"""ThreeDWorld, the simulator of the paper, run as a separate process."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.simulators.interface import AssetCatalog, Capabilities, Rendering
from benchmark.simulators.tdw.build import BuildSession, BuildSettings
from benchmark.simulators.tdw.catalog import make_catalog, what_is_public
from benchmark.simulators.tdw.dialect import find_dialect
from benchmark.simulators.tdw.errors import ObjectFailedError, TdwError
from benchmark.simulators.tdw.process import USUAL_PLACE
from benchmark.simulators.tdw.records import RecordBook
from benchmark.simulators.tdw.studio import Studio, Style
from benchmark.space import PAPER_SPACE

if TYPE_CHECKING:
    from benchmark.simulators.scene import Scene
    from benchmark.simulators.tdw.catalog import Assets, Objects
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

    A build (a program of TDW's releases, which needs an X display) is started and supervised: every
    wait has a limit; a build that crashes, hangs or quits is restarted, and rendering resumes at
    the first missing image. Images are stored as the build encodes them. docs/tdw.md explains how
    to get a build, and the differences from the released generator.

    Args:
        build: Path of the build, or a command that contains ``{port}``; ``wait``: a build that you
            start; empty: ``~/tdw_build/TDW/TDW.x86_64``.
        profile: Version of the build: ``1.13``, or ``1.8.23``, the version of the paper.
        assets: ``public``: models that need no credentials; ``paper``: all of the paper, most of
            which need credentials of TDW's private store, or a mirror.
        objects: ``all`` (237 categories), or the released ``subset`` (100).
        without: Models to leave out, separated by commas.
        mirror: Folder of downloaded bundles; empty: TDW's stores.
        ranges: ``corrected``, or ``released``: rotations by uniform angles, light from everywhere,
            and intensity added to the sun's instead of multiplied.
        light: ``absolute``, or ``cumulative``: rotations of the sun add up over images.
        port: Port that the build connects to; 0: any free port (``wait``: 1071).
        display: X display of the build, such as ``:0``; empty: value of DISPLAY.
        start_timeout: Seconds within which a build must connect.
        step_timeout: Seconds within which it must answer, downloads included.
        retries: Restarts for one object before rendering stops.

    Raises:
        InvalidInputError: For options out of range.
        UnknownNameError: For unknown choices of options.
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
        self._dialect = find_dialect(profile)
        _check_numbers(port, start_timeout, step_timeout, retries)
        self._library = cast("Assets", assets), cast("Objects", objects), _names(without)
        environment = {"DISPLAY": display} if display else {}
        self._build = BuildSession(
            BuildSettings(build, port, start_timeout, step_timeout, environment), self._dialect
        )
        self._retries, self._is_open = retries, False
        self._failures: dict[str, int] = {}  # restarts by object since the last reset
        self._studio = Studio(
            self._build,
            self._dialect,
            RecordBook(Path(mirror).expanduser() if mirror else None),
            Style(cast("Ranges", ranges), cast("LightMode", light)),
            signed_urls=assets == "paper" and not mirror,
        )

    @classmethod
    def missing(cls) -> str:
        """Return a hint if no build is in its usual place; empty otherwise."""
        found = Path(USUAL_PLACE).expanduser().is_file()
        return "" if found else f"no build in {USUAL_PLACE}; name one with -O build=PATH"

    @classmethod
    def facts(cls) -> list[str]:
        """Return lines on the assets that need no credentials."""
        return what_is_public()

    def open(self) -> None:
        """Start the build, or wait for it, and check its version.

        Raises:
            TdwError: When the build is missing, does not start, or has another version.
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
        """Return models by category (WordNet id), 141 materials, 43 panoramas."""
        return self._catalog

    @functools.cached_property
    def _catalog(self) -> AssetCatalog:
        return make_catalog(*self._library)

    def driver(self) -> Mapping[str, str]:
        """Return the versions of build and package."""
        if not self._is_open:
            raise _closed()
        return {
            "engine": f"ThreeDWorld {self._build.version}",
            "profile": self._dialect.name,
            "package": f"tdw {metadata.version('tdw')}",
        }

    def render(self, scenes: Sequence[Scene]) -> Iterator[Rendering]:
        """Render scenes in order; group those of one object for speed.

        Raises:
            ObjectFailedError: When an object fails in all attempts.
            TdwError: When the build fails in a way that a restart does not cure.
            UnknownNameError: For assets that the catalogue does not have.
        """
        for scene in scenes:
            if not self._is_open:
                raise _closed()
            self._check(scene)
            yield Rendering(scene, self._show(scene))

    def _show(self, scene: Scene) -> bytes:
        """Render an image, with up to ``retries`` restarts of the build for its object."""
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
                message = "%s\nThe build restarts for '%s' (restart %d of %d)."
                _LOG.warning(message, error, scene.object, count, self._retries)
            except BaseException:
                # Interrupted between request and answer: the socket cannot be used again.
                self._build.drop()
                self._is_open = False
                raise

    def reset(self) -> None:
        """Discard all state of earlier scenes."""
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
        for material in scene.materials or ():
            if material not in self._known_materials:
                raise UnknownNameError("material", material, catalog.materials)
        if scene.object not in catalog.names(scene.category):
            known = catalog.names(scene.category)
            raise UnknownNameError(f"object of '{scene.category}'", scene.object, known)

    @functools.cached_property
    def _known_materials(self) -> frozenset[str]:
        return frozenset(self._catalog.materials)


def require_packages() -> None:
    """Check that the extra ``tdw`` is installed.

    Raises:
        UnavailableError: When a package is missing.
    """
    from importlib.util import find_spec

    from benchmark.simulators.tdw.package import INSTALL

    missing = [name for name in ("tdw", "zmq", "flatbuffers") if find_spec(name) is None]
    if missing:
        raise UnavailableError(f"Extra 'tdw' is not installed: no {', '.join(missing)}. {INSTALL}")


def _closed() -> UnavailableError:
    return UnavailableError("Simulator 'tdw' is closed. Open it before rendering.")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_numbers(port: int, start: float, step: float, retries: int) -> None:
    faults = []
    if not 0 <= port <= 65535:
        faults.append(f"port must be 0 to 65535 (got {port})")
    for name, seconds in (("start_timeout", start), ("step_timeout", step)):
        if not 0 < seconds <= 86400:
            faults.append(f"{name} must be more than 0 and at most 86400 seconds (got {seconds:g})")
    if retries < 0:
        faults.append(f"retries must be at least 0 (got {retries})")
    if faults:
        raise InvalidInputError(f"Options of simulator 'tdw': {'; '.join(faults)}.")
