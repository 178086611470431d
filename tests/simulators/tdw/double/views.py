"""Commands about cameras, images, the light and the panorama."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulators.tdw.double.grammar import CommandError
from tests.simulators.tdw.double.objects import fetch, follow, quaternion, vector
from tests.simulators.tdw.double.replies import MASKS
from tests.simulators.tdw.double.rotations import (
    AXES,
    IDENTITY,
    about,
    add,
    conjugate,
    from_euler,
    looking_along,
    multiply,
    normalised,
)
from tests.simulators.tdw.double.state import Avatar, Sky, Sun, World

Command = Mapping[str, Any]
Handler = Callable[[World, Command], None]

_MODES = ("fast", "none", "subpixel", "temporal")


def avatar_of(world: World, command: Command) -> Avatar:
    """The avatar that a command is about."""
    name = command.get("avatar_id", "a")
    if name not in world.avatars:
        raise CommandError(f"{command['$type']}: avatar {name} doesn't exist")
    return world.avatars[name]


def load_scene(world: World, command: Command) -> None:
    """A new scene: objects, avatars and sky are gone, post-processing is as it was."""
    world.scene = command["scene_name"]
    world.objects.clear()
    world.avatars.clear()
    world.sun, world.sky = Sun(), None


def create_avatar(world: World, command: Command) -> None:
    name = command.get("id", "a")
    if name in world.avatars:
        raise CommandError(f"create_avatar: avatar {name} already exists")
    world.avatars[name] = Avatar(command["type"])


def destroy_avatar(world: World, command: Command) -> None:
    avatar_of(world, command)
    del world.avatars[command.get("avatar_id", "a")]


def teleport_avatar_to(world: World, command: Command) -> None:
    avatar_of(world, command).position = vector(command["position"])
    follow(world, command.get("avatar_id", "a"))


def rotate_avatar_to(world: World, command: Command) -> None:
    avatar_of(world, command).rotation = quaternion(command["rotation"])
    follow(world, command.get("avatar_id", "a"))


def look_at_position(world: World, command: Command) -> None:
    avatar = avatar_of(world, command)
    wanted = looking_along(add(vector(command["position"]), avatar.position, -1.0))
    avatar.sensor = normalised(multiply(conjugate(avatar.rotation), wanted))
    follow(world, command.get("avatar_id", "a"))


def look_at(world: World, command: Command) -> None:
    if command["object_id"] not in world.objects:
        raise CommandError(f"look_at: object {command['object_id']} doesn't exist")
    thing = world.objects[command["object_id"]]
    target = thing.bounds()["center"] if command.get("use_centroid") else thing.position
    position = dict(zip("xyz", target, strict=True))
    look_at_position(world, {**command, "position": position})


def rotate_sensor_container_by(world: World, command: Command) -> None:
    avatar = avatar_of(world, command)
    turn = about(AXES[command["axis"]], command["angle"])
    avatar.sensor = normalised(multiply(avatar.sensor, turn))
    follow(world, command.get("avatar_id", "a"))


def reset_sensor_container_rotation(world: World, command: Command) -> None:
    avatar_of(world, command).sensor = IDENTITY
    follow(world, command.get("avatar_id", "a"))


def set_camera_clipping_planes(world: World, command: Command) -> None:
    avatar = avatar_of(world, command)
    avatar.near, avatar.far = command.get("near", 0.1), command.get("far", 100.0)


def set_field_of_view(world: World, command: Command) -> None:
    avatar_of(world, command).field_of_view = command.get("field_of_view", 54.43222)


def set_anti_aliasing(world: World, command: Command) -> None:
    mode = command.get("mode", "subpixel")
    if mode not in _MODES:
        raise CommandError(f"set_anti_aliasing: no mode {mode}")
    avatar_of(world, command).anti_aliasing = mode


def set_pass_masks(world: World, command: Command) -> None:
    masks = command["pass_masks"]
    unknown = [mask for mask in masks if mask not in MASKS]
    if unknown:
        raise CommandError(f"set_pass_masks: no pass {unknown[0]}")
    avatar_of(world, command).masks = list(masks)


def set_screen_size(world: World, command: Command) -> None:
    width, height = command.get("width", 0), command.get("height", 0)
    if min(width, height) < 1:
        raise CommandError(f"set_screen_size: {width} x {height}")
    world.width, world.height = width, height


def add_hdri_skybox(world: World, command: Command) -> None:
    """The sun gets the panorama's intensity and direction; its colour stays."""
    fetch(command)
    world.sky = Sky(command["name"], command["exposure"], command["initial_skybox_rotation"])
    angles = (command["sun_elevation"], command["sun_initial_angle"], 0.0)
    world.sun.rotation = world.sun.home = from_euler(angles)
    world.sun.intensity = command["sun_intensity"]


def _sky(world: World, command: Command) -> Sky:
    if world.sky is None:
        raise CommandError(f"{command['$type']}: there is no skybox")
    return world.sky


def rotate_hdri_skybox_by(world: World, command: Command) -> None:
    """The sun is turned the other way."""
    _sky(world, command).rotation += command["angle"]
    turn = about(AXES["yaw"], -command["angle"])
    world.sun.rotation = normalised(multiply(turn, world.sun.rotation))


def set_hdri_skybox_exposure(world: World, command: Command) -> None:
    _sky(world, command).exposure = command["exposure"]


def adjust_directional_light_intensity_by(world: World, command: Command) -> None:
    world.sun.intensity += command["intensity"]


def set_light_colour(world: World, command: Command) -> None:
    red, green, blue, alpha = (command["color"][part] for part in "rgba")
    world.sun.colour = (red, green, blue, alpha)


def rotate_about_own_axes(world: World, command: Command) -> None:
    """Since 1.9."""
    turn = about(AXES[command.get("axis", "yaw")], command["angle"])
    world.sun.rotation = normalised(multiply(world.sun.rotation, turn))


def rotate_about_the_worlds_axes(world: World, command: Command) -> None:
    """Before 1.9."""
    turn = about(AXES[command.get("axis", "yaw")], command["angle"])
    world.sun.rotation = normalised(multiply(turn, world.sun.rotation))


def reset_directional_light_rotation(world: World, command: Command) -> None:
    world.sun.rotation = world.sun.home


def _setter(part: str, key: str, attribute: str, default: object) -> Handler:
    """A command that sets one value of the world, or of a part of it."""

    def set_value(world: World, command: Command) -> None:
        setattr(getattr(world, part) if part else world, attribute, command.get(key, default))

    return set_value


HANDLERS: dict[str, Handler] = {
    **{
        handler.__name__: handler
        for handler in (
            load_scene,
            create_avatar,
            destroy_avatar,
            teleport_avatar_to,
            rotate_avatar_to,
            look_at_position,
            look_at,
            rotate_sensor_container_by,
            reset_sensor_container_rotation,
            set_camera_clipping_planes,
            set_field_of_view,
            set_anti_aliasing,
            set_pass_masks,
            set_screen_size,
            add_hdri_skybox,
            rotate_hdri_skybox_by,
            set_hdri_skybox_exposure,
            adjust_directional_light_intensity_by,
            reset_directional_light_rotation,
        )
    },
    "simulate_physics": _setter("", "value", "physics", True),
    "set_img_pass_encoding": lambda world, command: setattr(world, "jpeg", not command["value"]),
    "set_render_quality": _setter("", "render_quality", "quality", 5),
    "set_shadow_strength": _setter("", "strength", "shadow_strength", 0.582),
    "use_pre_signed_urls": _setter("", "value", "signed_urls", False),
    "set_aperture": _setter("lens", "aperture", "aperture", 4.0),
    "set_focus_distance": _setter("lens", "focus_distance", "focus_distance", 2.0),
    "set_vignette": _setter("lens", "enabled", "vignette", True),
    "set_post_exposure": _setter("lens", "post_exposure", "post_exposure", 0.0),
    "set_contrast": _setter("lens", "contrast", "contrast", 0.0),
    "set_saturation": _setter("lens", "saturation", "saturation", 0.0),
    "set_screen_space_reflections": _setter("lens", "enabled", "screen_space_reflections", True),
}

#: What differs between versions.
VERSIONED: dict[str, dict[str, Handler]] = {
    "1.13.0": {
        "rotate_directional_light_by": rotate_about_own_axes,
        "set_directional_light_color": set_light_colour,
    },
    "1.8.23": {
        "rotate_directional_light_by": rotate_about_the_worlds_axes,
        "set_directionial_light_color": set_light_colour,
    },
}
