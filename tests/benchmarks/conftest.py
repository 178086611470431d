"""The reference renderer needs the extra ``bench``: it is imported by its benchmark alone."""

collect_ignore = ["vtk_renderer.py"]
