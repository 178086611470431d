"""The table of the published shape is one of tests/taskonomy."""

from tests.taskonomy.conftest import published_transfers

__all__ = ["published_transfers"]

# The reference renderer needs VTK: only its benchmark imports it.
collect_ignore = ["vtk_renderer.py"]
