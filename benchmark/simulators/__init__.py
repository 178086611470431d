"""Simulators: the interface, and those that ship with the suite."""
