// The panorama is equirectangular: columns from yaw -180 to 180 degrees, rows from zenith to nadir.

const float INVERSE_PI = 0.31830989;

uniform sampler2DArray panoramas;

vec3 panorama(vec3 direction, float level) {
    vec2 place = vec2(
        0.5 + 0.5 * INVERSE_PI * atan(direction.x, -direction.z),
        acos(clamp(direction.y, -1.0, 1.0)) * INVERSE_PI);
    vec3 texel = textureLod(panoramas, vec3(place, background.x), level).rgb;
    return texel * texel;
}
