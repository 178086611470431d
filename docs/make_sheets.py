"""Render the contact sheets of ``leaderboards/sheets``: one small picture per configuration.

Usage: ``python docs/make_sheets.py [SIMULATOR]`` (minutes on one core). Each sheet shows the same
six objects in the scenes of the same random numbers, so that sheets differ by the settings alone.
The folder carries the simulator's version; pages show sheets of this version only.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.files import digest, indented_json, write_bytes
from benchmark.rendering.sheets import Shot, shoot
from benchmark.simulators.interface import opened
from benchmark.simulators.registry import find_simulator

SHEETS = Path(__file__).parents[1] / "leaderboards" / "sheets"
SIZE, COLUMNS, ROWS, SEED = 96, 3, 2, 0
ENCODING = {"format": "WEBP", "quality": 32, "method": 6}


def main(name: str) -> None:
    """Render the sheets of every configuration of a simulator."""
    with opened(find_simulator(name).build()) as simulator:
        space, catalog = simulator.capabilities.space, simulator.assets()
        version = simulator.version
        folder = SHEETS / f"{name}-{version}"
        step = len(catalog.categories) / (COLUMNS * ROWS)
        chosen = [catalog.categories[int(step * i)] for i in range(COLUMNS * ROWS)]
        objects = [(category, catalog.names(category)[0]) for category in chosen]
        for configuration in space:
            shots = [Shot(configuration, *one, 0) for one in objects]
            images = np.array(shoot(simulator, shots, size=SIZE, seed=SEED))
            grid = images.reshape(ROWS, COLUMNS, SIZE, SIZE, 3).transpose(0, 2, 1, 3, 4)
            stream = io.BytesIO()
            sheet = Image.fromarray(grid.reshape(ROWS * SIZE, COLUMNS * SIZE, 3))
            sheet.save(stream, **ENCODING)
            write_bytes(folder / f"{configuration}.webp", stream.getvalue())
    about = {
        "simulator": name,
        "simulator_version": version,
        "assets": digest(catalog.content),
        "objects": objects,
        "size": SIZE,
        "columns": COLUMNS,
        "rows": ROWS,
        "seed": SEED,
        "space": space.to_json(),
    }
    write_bytes(folder / "sheets.json", indented_json(about))


if __name__ == "__main__":
    main(*sys.argv[1:] or ["gl"])
