// What changes from image to image, in std140 layout; scene_block.py packs it.
layout(std140) uniform SceneBlock {
    mat4 object_to_view;   // rotation and distance; view space: camera at the origin, looks along -z
    mat4 view_to_world;    // orientation of the camera in the panorama
    vec4 projection;       // scale of x and y; scale and offset of depth
    vec4 light_direction;  // view space, to the light
    vec4 light_colour;     // linear, times intensity
    vec4 sky;              // ambient light from above, linear
    vec4 ground;           // ambient light from below, linear
    vec4 up;               // up of the panorama in view space
    vec4 lens;             // circle of confusion in pixels: scale, focus distance, limit, object's own
    vec4 background;       // layer, mip level, blur radius in pixels, highest mip level
    vec4 slot_material[4]; // layer (below 0: none), UV scale, roughness, metalness
    vec4 slot_colour[4];   // linear tint; w is 1 for a texture of the object's own
};
