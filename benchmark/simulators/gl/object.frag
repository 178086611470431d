#version 330 core
// Cook-Torrance with GGX, Schlick's Fresnel term and Hammon's visibility term; hemisphere ambient
// light; reflections of the panorama at the mip level that the roughness asks for (Karis 2014).

#include "scene.glsl"
#include "panorama.glsl"

uniform sampler2DArray materials;
uniform sampler2DArray own_textures;

in vec3 position;
in vec3 normal;
in vec2 uv;
flat in int slot;

out vec4 colour;

vec3 base_colour(vec4 material, vec4 tint) {
    vec3 texel = vec3(1.0);
    if (tint.w > 0.5) {
        texel = texture(own_textures, vec3(uv, float(slot))).rgb;
    } else if (material.x >= 0.0) {
        texel = texture(materials, vec3(uv * material.y, material.x)).rgb;
    }
    return texel * texel * tint.rgb;
}

void main() {
    vec4 material = slot_material[slot];
    vec3 albedo = base_colour(material, slot_colour[slot]);
    float roughness = material.z;
    float metalness = material.w;

    vec3 n = normalize(normal);
    vec3 v = normalize(-position);
    float facing = dot(n, v);
    // Two-sided meshes show their back faces; interpolated normals can turn away at silhouettes.
    n = gl_FrontFacing ? n : -n;
    float n_v = max(abs(facing), 1e-3);
    vec3 l = light_direction.xyz;
    vec3 h = normalize(l + v);
    float n_l = max(dot(n, l), 0.0);
    float n_h = max(dot(n, h), 0.0);

    float a = roughness * roughness;
    float a2 = a * a;
    float d = n_h * n_h * (a2 - 1.0) + 1.0;
    float visibility = 0.5 / mix(2.0 * n_l * n_v, n_l + n_v, a);
    float specular = a2 * INVERSE_PI / (d * d) * visibility;

    vec3 f0 = mix(vec3(0.04), albedo, metalness);
    vec3 diffuse = albedo * (1.0 - metalness);
    float h_v = 1.0 - max(dot(h, v), 0.0);
    float h_v2 = h_v * h_v;
    vec3 fresnel = f0 + (1.0 - f0) * (h_v2 * h_v2 * h_v);
    // The light's reference intensity holds the factor pi of a Lambertian surface.
    vec3 direct = light_colour.rgb * n_l * (diffuse + fresnel * min(specular, 8.0));

    vec3 ambient = mix(ground.rgb, sky.rgb, 0.5 + 0.5 * dot(n, up.xyz)) * diffuse;
    vec3 reflected = mat3(view_to_world) * reflect(-v, n);
    vec3 mirrored = panorama(reflected, 1.0 + roughness * (background.w - 2.0));
    // Analytic fit of the split-sum environment term (Karis, "PBR on mobile", 2014).
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a004 = min(r.x * r.x, exp2(-9.28 * n_v)) * r.x + r.y;
    vec2 split = vec2(-1.04, 1.04) * a004 + r.zw;
    vec3 indirect = ambient + mirrored * (f0 * split.x + split.y);

    vec3 radiance = direct + indirect;
    // Reinhard's curve with white at 2.5: highlights keep their hue and do not clip.
    vec3 mapped = radiance * (1.0 + radiance * 0.16) / (1.0 + radiance * 0.55);
    float confusion = min(lens.x * abs(-position.z - lens.y) / -position.z, lens.z);
    // Alpha: 0 is no object, else the radius of the circle of confusion as a part of its limit.
    colour = vec4(sqrt(min(mapped, 1.0)), 0.25 + 0.75 * confusion / max(lens.z, 1e-6));
}
