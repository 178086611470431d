#version 330 core
// Object to clip space; everything else in view space (the camera at the origin looks along -z).

#include "scene.glsl"

in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
in float in_slot;

out vec3 position;
out vec3 normal;
out vec2 uv;
flat out int slot;

void main() {
    vec4 view = object_to_view * vec4(in_position, 1.0);
    position = view.xyz;
    normal = mat3(object_to_view) * in_normal;
    uv = in_uv;
    slot = int(in_slot);
    gl_Position = vec4(
        view.xy * projection.xy, view.z * projection.z + projection.w, -view.z);
}
