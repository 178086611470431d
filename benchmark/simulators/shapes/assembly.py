"""From the parts that a shape program lists to a mesh in its unit sphere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from benchmark.simulators.meshes.mesh import Mesh, Surface
from benchmark.simulators.shapes.part import Part, merged


def assemble(
    parts: Sequence[Part],
    surfaces: Sequence[Surface],
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Mesh:
    """Join parts, centre their bounding box on the origin and scale the farthest vertex to 1.

    Args:
        parts: At least one.
        surfaces: By slot; those that no part uses are left out.
        stretch: Factors on x, y and z, applied first.
    """
    used = sorted({part.slot for part in parts})
    parts = [dataclasses.replace(part, slot=used.index(part.slot)) for part in parts]
    whole = merged(parts).scaled(*stretch)
    centre = (whole.positions.min(axis=0) + whole.positions.max(axis=0)) / 2
    positions = whole.positions - centre
    radius = float(np.sqrt(np.einsum("ij,ij->i", positions, positions).max()))
    slots = np.repeat([part.slot for part in parts], [len(part.positions) for part in parts])
    return Mesh(
        (positions / radius).astype(np.float32),
        whole.normals.astype(np.float32),
        (whole.uvs / radius).astype(np.float32),
        slots.astype(np.uint8),
        whole.triangles.astype(np.uint32),
        tuple(surfaces[slot] for slot in used),
    )
