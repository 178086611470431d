"""Procedural shapes: seeded shape programs, 237 categories of 10 objects."""
