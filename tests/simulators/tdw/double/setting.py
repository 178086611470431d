"""A scene to begin with, for tests of the test double."""

from __future__ import annotations

from tests.simulators.tdw.double.controller import command, point

SKY = {
    "url": "https://somewhere/sky",
    "exposure": 1.0,
    "initial_skybox_rotation": 0.0,
    "sun_elevation": 30.0,
    "sun_initial_angle": 90.0,
    "sun_intensity": 0.8,
}
SETTING = [
    command("load_scene", scene_name="ProcGenScene"),
    command("create_avatar", type="A_Img_Caps_Kinematic", id="a"),
    command("teleport_avatar_to", position=point(1, 1.5, 1.8)),
    command("set_img_pass_encoding", value=False),
    command("set_pass_masks", pass_masks=["_img"]),
    command("set_screen_size", width=64, height=64),
    command("set_aperture", aperture=70),
    command("set_vignette", enabled=False),
    command("add_hdri_skybox", name="somewhere", **SKY),
    command("add_object", id=1, name="no such model", url="https://x/y", position=point(0, 0.5, 0)),
    command("look_at_position", position=point(0, 1, 0)),
]
SHOW = command("send_images")
