"""Commands about objects and materials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.simulators.tdw.double.grammar import CommandError
from tests.simulators.tdw.double.models import find_model
from tests.simulators.tdw.double.rotations import (
    AXES,
    Quaternion,
    Vector,
    about,
    add,
    conjugate,
    from_euler,
    multiply,
    normalised,
    rotate,
)
from tests.simulators.tdw.double.state import Thing, World

Command = Mapping[str, Any]


class AssetError(CommandError):
    """An asset bundle cannot be had."""


def vector(value: Mapping[str, float]) -> Vector:
    """x, y and z of a JSON object."""
    return float(value["x"]), float(value["y"]), float(value["z"])


def quaternion(value: Mapping[str, float]) -> Quaternion:
    """x, y, z and w of a JSON object, of length one."""
    return normalised((*vector(value), float(value["w"])))


def fetch(command: Command) -> None:
    """Load an asset bundle, as far as this can be done: a file has to be there.

    Raises:
        AssetError: When it cannot be had.
    """
    parts = urlsplit(command["url"])
    local = parts.scheme == "file" and not parts.netloc
    if local and Path(unquote(parts.path)).is_file():
        return
    if parts.scheme == "https" and parts.netloc:
        return
    raise AssetError(f"Failed to download the asset bundle {command['name']}: {command['url']}")


def find(world: World, command: Command) -> Thing:
    """The object that a command is about."""
    if command["id"] not in world.objects:
        raise CommandError(f"{command['$type']}: object {command['id']} doesn't exist")
    return world.objects[command["id"]]


def add_object(world: World, command: Command) -> None:
    if world.scene is None:
        raise CommandError("add_object: there is no scene")
    if command["id"] in world.objects:
        raise CommandError(f"add_object: object {command['id']} already exists")
    fetch(command)
    zero = {"x": 0, "y": 0, "z": 0}
    world.objects[command["id"]] = Thing(
        find_model(command["name"]),
        command.get("category", ""),
        vector(command.get("position", zero)),
        from_euler(vector(command.get("rotation", zero))),
        (1.0, 1.0, 1.0),
    )


def destroy_object(world: World, command: Command) -> None:
    find(world, command)
    del world.objects[command["id"]]


def destroy_all_objects(world: World, command: Command) -> None:
    world.objects.clear()
    world.avatars.clear()


def scale_object(world: World, command: Command) -> None:
    thing = find(world, command)
    x, y, z = vector(command.get("scale_factor", {"x": 1, "y": 1, "z": 1}))
    thing.scale = (thing.scale[0] * x, thing.scale[1] * y, thing.scale[2] * z)


def set_kinematic_state(world: World, command: Command) -> None:
    find(world, command).kinematic = command.get("is_kinematic", False)


def teleport_object(world: World, command: Command) -> None:
    thing = find(world, command)
    thing.position = vector(command["position"])
    if command.get("use_centroid"):
        centre = thing.bounds()["center"]
        thing.position = add(thing.position, add(thing.position, centre, -1.0))


def turn(thing: Thing, command: Command, rotation: Quaternion) -> None:
    """Turn an object about its origin, or its middle."""
    before = thing.bounds()["center"]
    thing.rotation = normalised(rotation)
    if command.get("use_centroid"):
        thing.position = add(thing.position, add(before, thing.bounds()["center"], -1.0))


def rotate_object_by(world: World, command: Command) -> None:
    """About the world's axes, or the object's own."""
    thing = find(world, command)
    step = about(AXES[command.get("axis", "yaw")], command["angle"])
    first = multiply(step, thing.rotation)
    turn(thing, command, first if command.get("is_world", True) else multiply(thing.rotation, step))


def rotate_object_to(world: World, command: Command) -> None:
    turn(find(world, command), command, quaternion(command["rotation"]))


def rotate_object_to_euler_angles(world: World, command: Command) -> None:
    turn(find(world, command), command, from_euler(vector(command["euler_angles"])))


def parent_object_to_avatar(world: World, command: Command) -> None:
    """From now on the object moves with the avatar."""
    thing, name = find(world, command), command.get("avatar_id", "a")
    if name not in world.avatars:
        raise CommandError(f"parent_object_to_avatar: avatar {name} doesn't exist")
    avatar = world.avatars[name]
    thing.sensor = command.get("sensor", True)
    back = conjugate(avatar.frame(sensor=thing.sensor))
    offset = rotate(back, add(thing.position, avatar.position, -1.0))
    thing.parent, thing.place = name, (offset, multiply(back, thing.rotation))


def follow(world: World, name: str) -> None:
    """Move what is fixed to an avatar."""
    avatar = world.avatars[name]
    for thing in world.objects.values():
        if thing.parent == name and thing.place is not None:
            (offset, own), frame = thing.place, avatar.frame(sensor=thing.sensor)
            thing.position = add(avatar.position, rotate(frame, offset))
            thing.rotation = normalised(multiply(frame, own))


def unparent_object(world: World, command: Command) -> None:
    thing = find(world, command)
    thing.parent = thing.place = None


def add_material(world: World, command: Command) -> None:
    fetch(command)
    world.loaded_materials.add(command["name"])


def set_visual_material(world: World, command: Command) -> None:
    thing, name = find(world, command), command["material_name"]
    part, index = command["object_name"], command.get("material_index", 0)
    if name not in world.loaded_materials:
        raise CommandError(f"set_visual_material: {name} isn't loaded")
    if thing.model.parts is not None and not 0 <= index < thing.model.parts.get(part, 0):
        raise CommandError(f"set_visual_material: {thing.model.name} has no {part}, {index}")
    thing.materials[f"{part}:{index}"] = name


def unload_asset_bundles(world: World, command: Command) -> None:
    """Models must not be in use; materials have to be loaded again."""
    kind = command.get("bundle_type", "models")
    if kind == "models" and world.objects:
        raise CommandError("unload_asset_bundles: there are objects in the scene")
    if kind == "materials":
        world.loaded_materials.clear()


HANDLERS = {
    handler.__name__: handler
    for handler in (
        add_object,
        destroy_object,
        destroy_all_objects,
        scale_object,
        set_kinematic_state,
        teleport_object,
        rotate_object_by,
        rotate_object_to,
        rotate_object_to_euler_angles,
        parent_object_to_avatar,
        unparent_object,
        add_material,
        set_visual_material,
        unload_asset_bundles,
    )
}
