"""Rendering of scenes with a running build, and the state that the build keeps between images.

A build keeps aperture, focus, skybox, materials, and the colour, direction and intensity of the sun
until they are changed. The released generator sets only those that vary; here, the commands of
every image set all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from benchmark.simulators.scene import REFERENCE_DISTANCE, Light
from benchmark.simulators.tdw import commands as tell
from benchmark.simulators.tdw.errors import (
    AssetMissingError,
    BuildProtocolError,
    BuildQuitError,
)
from benchmark.simulators.tdw.placement import (
    place,
    released_sun_angles,
    released_turn,
    sun_angles,
)
from benchmark.simulators.tdw.wire import (
    MASK_PASS,
    Reply,
    coverage,
    jpeg_of,
    picture_of,
    read_bounds,
    wrong,
)

if TYPE_CHECKING:
    from benchmark.simulators.scene import Scene
    from benchmark.simulators.tdw.build import BuildSession
    from benchmark.simulators.tdw.dialect import Dialect
    from benchmark.simulators.tdw.placement import Vector
    from benchmark.simulators.tdw.records import Model, RecordBook, Skybox

# The released generator measures a new object on a small mask without effects.
_MASK_SIZE, _MASK_QUALITY = 32, 0
_LEAST_VISIBLE, _LEAST_COMFORTABLE = 0.002, 0.005
_DOUBLINGS = 8

Ranges = Literal["corrected", "released"]
LightMode = Literal["absolute", "cumulative"]


@dataclass(frozen=True)
class Style:
    """Options of the conversion of scenes to commands.

    Attributes:
        ranges: ``corrected``: values of the scene. ``released``: the distributions of the released
            generator, from the same random numbers.
        light: ``absolute``: the sun does not depend on earlier images. ``cumulative``: its
            rotations add up, as in the released generator, until another panorama is shown or
            :meth:`Studio.reset` is called.
    """

    ranges: Ranges = "corrected"
    light: LightMode = "absolute"


@dataclass(frozen=True)
class Stage:
    """The loaded object.

    Attributes:
        model: Record of the model.
        reach: Distance in metres that factor 1 means.
        middle: Middle of its bounds relative to its origin, in metres.
        size: Current size of images, in pixels.
        dressed: True if its own materials were replaced.
    """

    model: Model
    reach: float
    middle: Vector
    size: int
    dressed: bool = False


class Studio:
    """Renderer of scenes to JPEG bytes with a build.

    Args:
        build: Session with the build.
        dialect: Version of the build.
        records: Records of assets.
        style: Options of the conversion of scenes to commands.
        signed_urls: True if bundles come from TDW's private store.
    """

    def __init__(
        self,
        build: BuildSession,
        dialect: Dialect,
        records: RecordBook,
        style: Style,
        *,
        signed_urls: bool,
    ) -> None:
        self._build, self._dialect, self._records = build, dialect, records
        self._style, self._signed_urls = style, signed_urls
        self._turns: list[tuple[float, float]] = []
        self._turned_sky = ""
        self._clear()

    def _clear(self) -> None:
        """Reset the known state to that of a new build."""
        self._stage: Stage | None = None
        self._occupied = False
        self._sky: Skybox | None = None
        self._added = 0.0
        self._materials: set[str] = set()
        self._replayed = 0
        self._strict = True

    def start(self) -> None:
        """Start the build and set up the scene; cumulative rotations are replayed."""
        self._clear()
        self._build.start()
        self._build.send(tell.begin(self._dialect, signed_urls=self._signed_urls))

    def reset(self) -> None:
        """Set everything again for the next image, and load the object again."""
        self._stage, self._sky = None, None
        self._turns, self._turned_sky, self._replayed = [], "", 0

    def show(self, scene: Scene) -> bytes:
        """Render an image.

        Returns:
            JPEG bytes as the build encoded them.

        Raises:
            TdwError: When the build or an asset fails.
        """
        before = self._turned_sky, list(self._turns)
        try:
            return self._show(scene)
        except BaseException:
            self._turned_sky, self._turns = before  # the image will be repeated
            raise

    def _show(self, scene: Scene) -> bytes:
        stage = self._staged(scene)
        if self._style.light == "cumulative":
            self._add_turn(scene)
        for last in (False, True):
            before = self._build.frame
            message = self._message(scene, stage)
            reply = self._send(message)
            try:
                content = jpeg_of(reply, scene.size)
                if not any("url" in command for command in message):
                    self._check_frame(before + 1, reply.frame, last=last)
            except BuildProtocolError:
                if last:
                    raise
            else:
                return content
        raise wrong("an image", "none")

    def _check_frame(self, wanted: int, got: int, *, last: bool) -> None:
        """Check that a message that loads nothing took one frame.

        If it took more, the image is requested once more. A build that does so again merely counts
        differently, and is no longer checked.
        """
        if self._strict and got != wanted:
            if not last:
                raise wrong(f"frame {wanted}", f"frame {got}")
            self._strict = False

    def _send(self, message: tell.Commands) -> Reply:
        """Send commands; if the build quits because of an asset, the error names the asset."""
        try:
            return self._build.send(message)
        except BuildQuitError as error:
            for command in message:
                if "url" in command and {command["url"], command["name"]} & set(error.words):
                    raise AssetMissingError(
                        command["name"],
                        command["url"],
                        f"The build quit: {error.message}. docs/tdw.md lists the public assets.",
                        passing=True,
                    ) from error
            raise

    def _message(self, scene: Scene, stage: Stage) -> tell.Commands:
        """Return all commands of an image, and note the state that they leave."""
        sky = self._skybox(scene.background.panorama)
        own_sky = sky.name != (self._sky.name if self._sky else None)
        if own_sky:
            self._sky, self._added = sky, 0.0
        return [
            *(tell.add_skybox(sky) if own_sky else []),
            *self._sun(scene.light, sky),
            *self._object(scene, stage),
            *self._clothes(scene, stage),
            *tell.send_image(),
        ]

    def _skybox(self, name: str) -> Skybox:
        if self._sky is not None and self._sky.name == name:
            return self._sky
        return self._records.skybox(name)

    def _sun(self, light: Light, sky: Skybox) -> tell.Commands:
        released = self._style.ranges == "released"
        wanted = (light.intensity - 1) * (1.0 if released else sky.sun_intensity)
        change, self._added = wanted - self._added, wanted
        if self._style.light == "cumulative":
            return self._adding_sun(light, change)
        angles = (released_sun_angles if released else sun_angles)(light.direction)
        sun = tell.Sun(change, angles)
        return tell.set_sun(self._dialect, light, sun, None if released else sky)

    def _add_turn(self, scene: Scene) -> None:
        if scene.background.panorama != self._turned_sky:
            self._turned_sky = scene.background.panorama
            self._turns, self._replayed = [], 0
        angles = released_sun_angles(scene.light.direction)
        if angles is not None:
            self._turns.append(angles)

    def _adding_sun(self, light: Light, change: float) -> tell.Commands:
        """Return the rotations that are new to the build: one, or all after a restart."""
        fresh, self._replayed = self._turns[self._replayed :], len(self._turns)
        first = len(fresh) == len(self._turns)
        message = tell.set_sun(self._dialect, light, tell.Sun(change, None, reset=first), None)
        for angles in fresh:
            message += tell.turn_sun(self._dialect, angles, None)
        return message

    def _object(self, scene: Scene, stage: Stage) -> tell.Commands:
        turn = scene.rotation
        if self._style.ranges == "released" and turn[0] != 1.0:
            turn = released_turn(turn)
        where = place(scene, stage.reach, stage.middle, turn)
        if scene.focus is None:
            focus = tell.set_focus(where.distance, tell.IN_FOCUS)
        else:
            nearest = max(where.distance + scene.focus.offset, 0.1)
            focus = tell.set_focus(nearest, scene.focus.aperture)
        return [*tell.put_object(where), *focus]

    def _clothes(self, scene: Scene, stage: Stage) -> tell.Commands:
        if scene.materials is None or not scene.materials:
            return []
        used = dict.fromkeys(scene.materials[: len(stage.model.slots)])
        fresh = [name for name in used if name not in self._materials]
        urls = [(name, self._records.material(name)) for name in fresh]
        self._materials.update(fresh)
        self._stage = replace(stage, dressed=True)
        return [*tell.add_materials(urls), *tell.dress(stage.model, scene.materials)]

    def _staged(self, scene: Scene) -> Stage:
        """Return the loaded object of the scene; its own materials are restored by loading it."""
        stage = self._stage
        undress = stage is not None and stage.dressed and scene.materials is None
        if stage is None or stage.model.name != scene.object or undress:
            stage = self._load(self._records.model(scene.object), scene)
        elif stage.size != scene.size:
            self._build.send(tell.frame(scene.size, tell.QUALITY, "_img"))
            stage = replace(stage, size=scene.size)
        self._stage = stage
        return stage

    def _load(self, model: Model, scene: Scene) -> Stage:
        """Load an object and measure its visible size in a few extra frames."""
        self._stage = None
        message = tell.remove_object() if self._occupied else []
        message += tell.frame(_MASK_SIZE, _MASK_QUALITY, "_mask") + tell.add_object(model)
        self._occupied = True
        reply = self._send(message)
        content = reply.find("boun")
        layout = self._dialect.bounds
        points = read_bounds(content, tell.OBJECT_ID, layout) if content is not None else None
        if points is None:
            remedy = "See the log of the build; docs/tdw.md lists the public assets."
            raise AssetMissingError(model.name, model.url, remedy, passing=True)
        stage = Stage(model, REFERENCE_DISTANCE, (points[18], points[19], points[20]), scene.size)
        stage = self._enlarged(stage, scene)
        self._build.send(tell.frame(scene.size, tell.QUALITY, "_img"))
        return stage

    def _enlarged(self, stage: Stage, scene: Scene) -> Stage:
        """Enlarge and move nearer a hardly visible object, as the released generator does."""
        canonical = _canonical(scene)
        for _ in range(_DOUBLINGS + 1):
            where = place(canonical, stage.reach, stage.middle, canonical.rotation)
            reply = self._build.send([*tell.put_object(where), *tell.send_image()])
            part = coverage(picture_of(reply, _MASK_SIZE, MASK_PASS))
            if part >= _LEAST_VISIBLE:
                near = 0.5 if part < _LEAST_COMFORTABLE else 1.0
                return replace(stage, reach=stage.reach * near)
            self._build.send(tell.scale_object(2.0))
            x, y, z = stage.middle
            stage = replace(stage, middle=(2 * x, 2 * y, 2 * z))
        raise wrong(
            f"object '{stage.model.name}' in the image", f"nothing of it at {2**_DOUBLINGS} m"
        )


def _canonical(scene: Scene) -> Scene:
    """Return a scene with its object in the canonical view."""
    from benchmark.simulators.draws import REFERENCE_ROTATION, reference_view

    yaw, pitch = reference_view()
    background = replace(scene.background, yaw=yaw, pitch=pitch)
    return replace(scene, rotation=REFERENCE_ROTATION, distance=1.0, background=background)
