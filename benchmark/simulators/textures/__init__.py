"""Procedural materials and panoramas."""
