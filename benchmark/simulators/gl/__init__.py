"""The embedded simulator on OpenGL."""
