"""The commands that the test double knows: names and parameters in each version of TDW.

They are the commands of rendering single objects, a part of all that TDW has; a parameter that
ends in ``?`` may be left out. A build passes over parameters that it does not know, so that one
which is misspelt has no effect; the test double refuses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

VERSIONS = ("1.13.0", "1.8.23")

_BOTH = """
add_hdri_skybox: name:str url:str exposure:num initial_skybox_rotation:num sun_elevation:num \
 sun_initial_angle:num sun_intensity:num
add_material: name:str url:str
create_empty_environment: center?:vector bounds?:vector
create_exterior_walls: walls:list
destroy_all_objects:
destroy_avatar: avatar_id?:str
destroy_object: id:int
do_nothing:
load_scene: scene_name:str
look_at: object_id:int use_centroid?:bool sensor_name?:str avatar_id?:str
look_at_position: position:vector sensor_name?:str avatar_id?:str
parent_object_to_avatar: id:int avatar_id?:str sensor?:bool
reset_sensor_container_rotation: sensor_name?:str avatar_id?:str
rotate_avatar_to: rotation:quaternion avatar_id?:str
rotate_hdri_skybox_by: angle:num
rotate_object_by: id:int axis?:axis angle:num is_world?:bool use_centroid?:bool
rotate_sensor_container_by: axis:axis angle:num sensor_name?:str avatar_id?:str
scale_object: id:int scale_factor?:vector
send_bounds: ids?:list frequency?:frequency
send_images: ids?:list frequency?:frequency
send_log_messages:
send_transforms: ids?:list frequency?:frequency
send_version: frequency?:frequency
set_anti_aliasing: mode?:str sensor_name?:str avatar_id?:str
set_aperture: aperture?:num
set_camera_clipping_planes: near?:num far?:num avatar_id?:str
set_contrast: contrast?:num
set_error_handling: error?:bool warning?:bool
set_field_of_view: field_of_view?:num sensor_name?:str avatar_id?:str
set_focus_distance: focus_distance?:num
set_hdri_skybox_exposure: exposure:num
set_img_pass_encoding: value:bool
set_kinematic_state: id:int is_kinematic?:bool use_gravity?:bool
set_pass_masks: pass_masks:list avatar_id?:str
set_post_exposure: post_exposure?:num
set_render_quality: render_quality?:int
set_saturation: saturation?:num
set_screen_size: width?:int height?:int
set_screen_space_reflections: enabled?:bool
set_shadow_strength: strength?:num
set_target_framerate: framerate:int
set_vignette: enabled?:bool
set_visual_material: id:int material_index?:int material_name:str object_name:str quality?:str
simulate_physics: value:bool
teleport_avatar_to: position:vector avatar_id?:str
terminate:
unparent_object: id:int
unload_asset_bundles: bundle_type?:bundle
use_pre_signed_urls: value?:bool
"""

_ONLY = {
    "1.13.0": """
add_object: id:int name:str url:str scale_factor?:num position?:vector rotation?:vector \
 category?:str affordance_points?:list
adjust_directional_light_intensity_by: intensity:num index?:int
create_avatar: type:str id?:str
reset_directional_light_rotation: index?:int
rotate_directional_light_by: axis?:axis angle:num index?:int
rotate_object_to: id:int rotation:quaternion physics?:bool use_centroid?:bool
rotate_object_to_euler_angles: id:int euler_angles:vector use_centroid?:bool
send_scene_regions: frequency?:frequency
set_directional_light_color: color:colour index?:int
teleport_object: id:int position:vector physics?:bool absolute?:bool use_centroid?:bool
""",
    "1.8.23": """
add_object: id:int name:str url:str scale_factor?:num position?:vector rotation?:vector \
 category?:str
adjust_directional_light_intensity_by: intensity:num
create_avatar: type:str id?:str envs?:list
reset_directional_light_rotation:
rotate_directional_light_by: axis?:axis angle:num
rotate_object_to: id:int rotation:quaternion physics?:bool
rotate_object_to_euler_angles: id:int euler_angles:vector
send_environments: frequency?:frequency
set_directionial_light_color: color:colour
teleport_object: id:int position:vector physics?:bool
""",
}

_PARTS = {"vector": "xyz", "quaternion": "xyzw", "colour": "rgba"}
_CHOICES = {
    "axis": ("pitch", "yaw", "roll"),
    "frequency": ("once", "always", "never"),
    "bundle": ("models", "materials", "scenes", "skyboxes", "humanoids", "humanoid_animations"),
}


class CommandError(Exception):
    """A build would log this and, by default, quit."""


Grammar = Mapping[str, Mapping[str, tuple[str, bool]]]


def grammar(version: str) -> Grammar:
    """Kind of each parameter, and whether it must be there, by command."""
    found = {}
    for line in (_BOTH + _ONLY[version]).replace("\\\n", "").strip().splitlines():
        name, _, text = line.partition(":")
        parameters = {}
        for word in text.split():
            key, _, kind = word.partition(":")
            parameters[key.removesuffix("?")] = (kind, not key.endswith("?"))
        found[name.strip()] = parameters
    return found


def check(command: object, known: Grammar) -> None:
    """Refuse what is no command.

    Raises:
        CommandError: Saying what is wrong with it.
    """
    if not isinstance(command, dict) or not isinstance(command.get("$type"), str):
        raise CommandError(f"Not a command: {command!r}")
    name = command["$type"]
    if name not in known:
        raise CommandError(f"Class not found: {name}")
    parameters = known[name]
    for key in command.keys() - {"$type"} - parameters.keys():
        raise CommandError(f"Unknown parameter: {name}.{key}")
    for key, (kind, required) in parameters.items():
        if key in command and not _fits(command[key], kind):
            raise CommandError(f"Not a {kind}: {name}.{key} = {command[key]!r}")
        if required and key not in command:
            raise CommandError(f"Missing parameter: {name}.{key}")


def _fits(value: Any, kind: str) -> bool:
    if kind in _PARTS:
        whole = isinstance(value, dict) and set(value) == set(_PARTS[kind])
        return whole and all(_fits(part, "num") for part in value.values())
    if kind in _CHOICES:
        return value in _CHOICES[kind]
    if kind == "num":
        return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {"str": str, "bool": bool, "list": list}[kind])


def _finite(value: float) -> bool:
    return math.isfinite(value)
