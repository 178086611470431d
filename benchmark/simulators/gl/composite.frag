#version 330 core
// Resolves the supersampled object over the panorama. FOCUS_BLUR is defined for scenes with an
// open aperture: the taps of a Vogel spiral (SPIRAL: x, y, radius) gather the object, and the
// panorama's mip level blurs it.

#include "scene.glsl"
#include "panorama.glsl"

uniform sampler2D drawn;

in vec2 place;
out vec4 colour;

vec3 behind(vec2 offset, float level) {
    vec3 ray = vec3((place + offset) / projection.xy, -1.0);
    return panorama(normalize(mat3(view_to_world) * ray), level);
}

#ifdef FOCUS_BLUR

// Circle of confusion of a tap in pixels of the image; negative where there is no object.
float confusion(float alpha) {
    return alpha > 0.0 ? max((alpha - 0.25) / 0.75, 0.0) * lens.z : -1.0;
}

void main() {
    ivec2 limit = textureSize(drawn, 0) - 1;
    vec2 centre = gl_FragCoord.xy * float(SAMPLES);
    float own = confusion(texelFetch(drawn, ivec2(centre), 0).a);
    float radius = max(own < 0.0 ? lens.w : own, 0.5);
    vec4 sum = vec4(0.0);
    for (int i = 0; i < TAPS; ++i) {
        float r = radius * SPIRAL[i].z;
        vec2 tap = centre + float(SAMPLES) * radius * SPIRAL[i].xy;
        vec4 texel = texelFetch(drawn, clamp(ivec2(tap), ivec2(0), limit), 0);
        // A tap reaches this pixel when its own circle does.
        float reaches = clamp(confusion(texel.a) + 1.0 - r, 0.0, 1.0) * step(0.1, texel.a);
        sum += reaches * vec4(texel.rgb * texel.rgb, 1.0);
    }
    sum /= float(TAPS);
    // Four taps hide the steps between the coarse texels of a high mip level.
    vec2 reach = background.z * 2.0 * float(SAMPLES) / vec2(textureSize(drawn, 0));
    vec3 open_part = 0.25 * (
        behind(reach * vec2(0.35, 0.15), background.y)
        + behind(reach * vec2(-0.15, 0.35), background.y)
        + behind(reach * vec2(-0.35, -0.15), background.y)
        + behind(reach * vec2(0.15, -0.35), background.y));
    colour = vec4(sqrt(sum.rgb + open_part * (1.0 - sum.a)), 1.0);
}

#else

void main() {
    ivec2 corner = ivec2(gl_FragCoord.xy) * SAMPLES;
    vec3 sum = vec3(0.0);
    float covered = 0.0;
    for (int y = 0; y < SAMPLES; ++y) {
        for (int x = 0; x < SAMPLES; ++x) {
            vec4 texel = texelFetch(drawn, corner + ivec2(x, y), 0);
            sum += texel.rgb * texel.rgb;
            covered += step(0.1, texel.a);
        }
    }
    const float SHARE = 1.0 / float(SAMPLES * SAMPLES);
    float open_part = 1.0 - covered * SHARE;
    vec3 linear = sum * SHARE;
    if (open_part > 0.0) {
        linear += behind(vec2(0.0), background.y) * open_part;
    }
    colour = vec4(sqrt(linear), 1.0);
}

#endif
