"""Commands of TDW that set up a session, an object and an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.simulators.tdw.placement import CAMERA, Place, Quaternion, Vector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.simulators.scene import Light
    from benchmark.simulators.tdw.dialect import Dialect
    from benchmark.simulators.tdw.records import Model, Skybox

Commands = list[dict[str, Any]]

AVATAR = "a"
OBJECT_ID = 1
#: f-number at which everything is in focus (released generator).
IN_FOCUS = 70
QUALITY = 5


@dataclass(frozen=True)
class Sun:
    """Changes to the sun of a skybox.

    Attributes:
        change: Intensity to add to the current one.
        angles: Yaw and pitch in degrees; None: those of the skybox.
        reset: True if the rotations of earlier images are undone first.
    """

    change: float
    angles: tuple[float, float] | None
    reset: bool = True


def vector(value: Vector) -> dict[str, float]:
    """Return x, y and z by name."""
    return {"x": value[0], "y": value[1], "z": value[2]}


def begin(dialect: Dialect, *, signed_urls: bool) -> Commands:
    """Create an empty scene and a camera with the settings of the released ``generator.py``.

    60 degrees of view, clipped at 0.01 and 160 m, JPEG, subpixel antialiasing, exposure 0.6,
    contrast -20, saturation 10, no vignette, no screen-space reflections, no physics.
    """
    return [
        *([{"$type": "use_pre_signed_urls", "value": True}] if signed_urls else []),
        {"$type": "send_log_messages"},
        {"$type": "load_scene", "scene_name": "ProcGenScene"},
        {
            "$type": "create_avatar",
            "type": "A_Img_Caps_Kinematic",
            "id": AVATAR,
            **{name: list(value) for name, value in dialect.avatar},
        },
        {"$type": "simulate_physics", "value": False},
        {"$type": "set_img_pass_encoding", "value": False},
        {"$type": "set_field_of_view", "field_of_view": 60, "avatar_id": AVATAR},
        {"$type": "set_camera_clipping_planes", "near": 0.01, "far": 160, "avatar_id": AVATAR},
        {"$type": "set_anti_aliasing", "mode": "subpixel", "avatar_id": AVATAR},
        {"$type": "set_aperture", "aperture": IN_FOCUS},
        {"$type": "set_vignette", "enabled": False},
        {"$type": "set_post_exposure", "post_exposure": 0.6},
        {"$type": "set_contrast", "contrast": -20},
        {"$type": "set_saturation", "saturation": 10},
        {"$type": "set_screen_space_reflections", "enabled": False},
        {"$type": "set_shadow_strength", "strength": 1.0},
        {"$type": "teleport_avatar_to", "position": vector(CAMERA), "avatar_id": AVATAR},
    ]


def frame(size: int, quality: int, mask: str) -> Commands:
    """Set the size in pixels, the render quality (0 to 5) and the pass to send."""
    return [
        {"$type": "set_screen_size", "width": size, "height": size},
        {"$type": "set_render_quality", "render_quality": quality},
        {"$type": "set_pass_masks", "pass_masks": [mask], "avatar_id": AVATAR},
    ]


def remove_object() -> Commands:
    """Remove the object and free its memory."""
    return [
        {"$type": "destroy_object", "id": OBJECT_ID},
        {"$type": "unload_asset_bundles"},
    ]


def add_object(model: Model) -> Commands:
    """Load a model at the origin, one metre large, and request its bounds."""
    return [
        {
            "$type": "add_object",
            "name": model.name,
            "url": model.url,
            "scale_factor": model.scale_factor,
            "position": vector((0.0, 0.0, 0.0)),
            "rotation": vector((0.0, 0.0, 0.0)),
            "category": model.category,
            "id": OBJECT_ID,
        },
        *scale_object(model.unit_scale),
        {"$type": "send_bounds", "ids": [OBJECT_ID], "frequency": "once"},
    ]


def scale_object(factor: float) -> Commands:
    """Scale the object by a factor."""
    return [
        {
            "$type": "scale_object",
            "id": OBJECT_ID,
            "scale_factor": vector((factor, factor, factor)),
        }
    ]


def add_skybox(sky: Skybox) -> Commands:
    """Show a panorama, which brings its own sun."""
    return [
        {
            "$type": "add_hdri_skybox",
            "name": sky.name,
            "url": sky.url,
            "exposure": sky.exposure,
            "initial_skybox_rotation": sky.rotation,
            "sun_elevation": sky.sun_elevation,
            "sun_initial_angle": sky.sun_angle,
            "sun_intensity": sky.sun_intensity,
        }
    ]


def set_sun(dialect: Dialect, light: Light, sun: Sun, sky: Skybox | None) -> Commands:
    """Intensity, colour and direction of the sun.

    Args:
        dialect: Names of commands and axes of rotations.
        light: Light of the scene, whose colour is used.
        sun: Changes of intensity and direction.
        sky: Skybox whose sun is turned to the angles; None: the angles are added to the current
            ones.
    """
    red, green, blue = light.colour
    colour = {"r": red, "g": green, "b": blue, "a": 1.0}
    return [
        {"$type": "adjust_directional_light_intensity_by", "intensity": sun.change},
        {"$type": dialect.light_colour, "color": colour},
        *([{"$type": "reset_directional_light_rotation"}] if sun.reset else []),
        *([] if sun.angles is None else turn_sun(dialect, sun.angles, sky)),
    ]


def turn_sun(dialect: Dialect, angles: tuple[float, float], sky: Skybox | None) -> Commands:
    """Turn the sun of a skybox to angles, or without one by angles."""
    yaw, pitch = angles
    if sky is None:
        turns = [("yaw", yaw), ("pitch", pitch)]
    elif dialect.light_axes == "local":  # each turn is about the current axes of the light
        turns = [("pitch", -sky.sun_elevation), ("yaw", yaw - sky.sun_angle), ("pitch", pitch)]
    else:
        turns = [("yaw", -sky.sun_angle), ("pitch", pitch - sky.sun_elevation), ("yaw", yaw)]
    return [
        {"$type": "rotate_directional_light_by", "axis": axis, "angle": angle}
        for axis, angle in turns
    ]


def put_object(where: Place) -> Commands:
    """Move and rotate the object, and point the camera at it."""
    return [
        {"$type": "teleport_object", "id": OBJECT_ID, "position": vector(where.pivot)},
        {"$type": "rotate_object_to", "id": OBJECT_ID, "rotation": quaternion(where.rotation)},
        {"$type": "look_at_position", "position": vector(where.centre), "avatar_id": AVATAR},
    ]


def quaternion(value: Quaternion) -> dict[str, float]:
    """Return w, x, y and z by name."""
    return {"w": value[0], "x": value[1], "y": value[2], "z": value[3]}


def set_focus(distance: float, aperture: float) -> Commands:
    """Set the focus distance in metres and the f-number."""
    return [
        {"$type": "set_focus_distance", "focus_distance": distance},
        {"$type": "set_aperture", "aperture": aperture},
    ]


def add_materials(urls: Iterable[tuple[str, str]]) -> Commands:
    """Load materials by name and address."""
    return [{"$type": "add_material", "name": name, "url": url} for name, url in urls]


def dress(model: Model, materials: tuple[str, ...]) -> Commands:
    """Give each slot of an object a material; materials repeat if there are more slots."""
    return [
        {
            "$type": "set_visual_material",
            "id": OBJECT_ID,
            "material_name": materials[i % len(materials)],
            "object_name": slot.part,
            "material_index": slot.number,
        }
        for i, slot in enumerate(model.slots)
    ]


def send_image() -> Commands:
    """Request the image of this frame."""
    return [{"$type": "send_images", "frequency": "once", "ids": [AVATAR]}]
