"""Objects: meshes, and libraries of them."""
