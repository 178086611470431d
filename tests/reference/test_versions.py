"""Explicit versions: a result that changes fails here until its authors raise its version.

Keys of datasets, backbones and scores are made of these versions, not of source text. After an
intended change: raise the version named by the failure, then
``pytest tests/reference/test_versions.py --update-golden``. Decisions of methods are held by
``test_golden.py`` in the same way.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulators.gl.simulator import GlSimulator
from benchmark.simulators.interface import opened
from benchmark.simulators.sampling import SAMPLING_VERSION, SceneSampler
from benchmark.simulators.shapes.genes import SHAPES_VERSION
from benchmark.simulators.shapes.library import ProceduralLibrary
from benchmark.simulators.textures import cache
from benchmark.simulators.textures.cache import TEXTURES_VERSION
from benchmark.simulators.toy import ToySimulator
from benchmark.space import PAPER_SPACE

GOLDEN = Path(__file__).parent.parent / "data" / "versions.json"
CONFIGURATIONS = ("00000000", "01101101", "11111111")


def grid(pixels: np.ndarray, parts: int = 4) -> list[int]:
    """Mean colours of ``parts x parts`` blocks of an image, rounded."""
    h, w = pixels.shape[0] // parts, pixels.shape[1] // parts
    blocks = pixels[: h * parts, : w * parts].reshape(parts, h, parts, w, 3).mean(axis=(1, 3))
    return [round(value) for value in blocks.ravel().tolist()]


def scenes(simulator, configuration: str, size: int) -> list:
    catalog = simulator.assets()
    sampler = SceneSampler(
        simulator.capabilities,
        simulator.capabilities.space.parse(configuration),
        catalog,
        seed=0,
        size=size,
    )
    chosen = catalog.categories[:: max(1, len(catalog.categories) // 4)]
    return [sampler.scene(category, catalog.names(category)[0], 0) for category in chosen]


def images(simulator) -> dict[str, list[list[int]]]:
    with opened(simulator):
        return {
            text: [grid(r.pixels) for r in simulator.render(scenes(simulator, text, 48))]
            for text in CONFIGURATIONS
        }


def numbers(value) -> list[float]:
    """All numbers of a scene, depth first."""
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, list | tuple):
        return [number for one in value for number in numbers(one)]
    return [round(float(value), 5)] if isinstance(value, int | float) else []


def textures() -> dict[str, list]:
    materials, panoramas = cache.load_materials(16), cache.load_panoramas(16)
    return {
        "materials": [grid(pixels, 2) for pixels in materials.pixels],
        "surfaces": np.stack([materials.roughness, materials.metalness, materials.scale]).tolist(),
        "panoramas": [grid(pixels, 2) for pixels in panoramas.pixels],
    }


def shapes() -> dict[str, list[float]]:
    library = ProceduralLibrary()
    found = {}
    for category in library.categories:
        mesh = library.mesh(category, "00")
        extent = np.ptp(mesh.positions, axis=0).round(4).tolist()
        found[category] = [len(mesh.positions), len(mesh.triangles), *extent]
    return found


def sampling() -> dict[str, list]:
    simulator = GlSimulator()
    assert simulator.capabilities.space == PAPER_SPACE
    return {text: [numbers(s) for s in scenes(simulator, text, 64)] for text in CONFIGURATIONS}


#: What is compared: its version, how it is made, and by how much a number may differ on another
#: processor or driver.
VERSIONED = {
    "textures": (TEXTURES_VERSION, textures, 2),
    "shapes": (SHAPES_VERSION, shapes, 1e-3),
    "sampling": (SAMPLING_VERSION, sampling, 1e-4),
    "gl": (GlSimulator.version, lambda: images(GlSimulator()), 4),
    "toy": (ToySimulator.version, lambda: images(ToySimulator()), 1),
}


def differences(old, new, tolerance: float, where: str = "") -> list[str]:
    """Places where two nested results differ."""
    if isinstance(old, dict | list) and isinstance(new, dict | list):
        pairs = old.items() if isinstance(old, dict) else enumerate(old)
        other = new if isinstance(new, dict) else dict(enumerate(new))
        if len(old) != len(new) or any(key not in other for key, _ in pairs):
            return [f"{where or 'result'}: other parts"]
        pairs = old.items() if isinstance(old, dict) else enumerate(old)
        return [d for k, v in pairs for d in differences(v, other[k], tolerance, f"{where}/{k}")]
    return [] if abs(old - new) <= tolerance else [f"{where}: {old} became {new}"]


@pytest.mark.parametrize("name", VERSIONED)
def test_what_changes_has_another_version(name, simulator_cache, request):
    version, make, tolerance = VERSIONED[name]
    found = json.loads(json.dumps(make()))
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if request.config.getoption("--update-golden"):
        golden[name] = {"version": version, "result": found}
        GOLDEN.write_text(json.dumps(golden, separators=(",", ":"), sort_keys=True) + "\n")
    known = golden[name]
    assert known["version"] == version, f"update the golden result of {name}: --update-golden"
    changed = differences(known["result"], found, tolerance)
    assert not changed, f"{name} changed: raise its version ({version}). {changed[:5]}"


def test_a_change_is_noticed():
    assert differences({"a": [1, 2]}, {"a": [1, 5]}, 2) == ["/a/1: 2 became 5"]
    assert differences({"a": [1, 2]}, {"a": [1]}, 2) == ["/a: other parts"]
    assert differences([1.0], [1.5], 1) == []
