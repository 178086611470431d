"""Simulators: the interface, and the simulators of the package."""
