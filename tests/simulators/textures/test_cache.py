import logging
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulators.textures import cache
from benchmark.simulators.textures.cache import load_pixels

IMAGES = np.arange(3 * 4 * 8 * 3, dtype=np.uint8).reshape(3, 4, 8, 3)


def painter(calls=None):
    def paint():
        if calls is not None:
            calls.append(1)
        return IMAGES

    return paint


def files():
    return sorted(Path("cache/cells").glob("texture/*/*/pixels.npy"))


def test_pixels_are_painted_once():
    calls = []
    first = load_pixels("small", painter(calls))
    again = load_pixels("small", painter(calls))
    assert len(calls) == 1
    assert np.array_equal(first, IMAGES)
    assert np.array_equal(again, IMAGES)
    assert isinstance(again, np.memmap), "mapped, not copied into every worker"


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text"])
def test_damaged_cells_are_made_again(damage, caplog):
    load_pixels("small", painter())
    (path,) = files()
    whole = path.read_bytes()
    content = {
        "empty": b"",
        "cut": whole[:-40],
        "flipped": whole[:150] + bytes([whole[150] ^ 255]) + whole[151:],
        "text": b"no images",
    }[damage]
    path.write_bytes(content)
    calls = []
    with caplog.at_level(logging.INFO):
        found = load_pixels("small", painter(calls))
    assert len(calls) == 1
    assert "damaged" in caplog.text
    assert np.array_equal(found, IMAGES)
    assert path.read_bytes() == whole


def test_without_a_place_to_write_they_are_made_in_memory(monkeypatch, caplog):
    Path("file").write_text("")
    monkeypatch.setenv("T2SBENCH_CACHE", str(Path("file").absolute()))
    with caplog.at_level(logging.INFO):
        found = load_pixels("small", painter())
    assert "not kept" in caplog.text
    assert np.array_equal(found, IMAGES)


def test_another_painter_is_another_file(monkeypatch):
    load_pixels("small", painter())
    monkeypatch.setattr(cache, "TEXTURES_VERSION", cache.TEXTURES_VERSION + 1)
    calls = []
    load_pixels("small", painter(calls))
    assert len(calls) == 1
    assert len(files()) == 2


def test_one_panorama_is_painted_without_the_others():
    panoramas = cache.load_panoramas(16)
    assert panoramas.load(5).shape == (16, 32, 3)
    assert len(files()) == 1


def test_the_sets_have_all_their_parts(simulator_cache):
    materials, panoramas = cache.load_materials(16), cache.load_panoramas(16)
    assert materials.pixels.shape == (140, 16, 16, 3)
    assert len(materials.names) == len(materials.roughness) == len(materials.scale) == 140
    assert materials.metalness[50] == 1.0
    assert panoramas.pixels.shape[1:] == (16, 32, 3)
    assert len(panoramas.names) == len(panoramas.pixels)
    assert materials.digest != panoramas.digest
    assert cache.load_materials(32).digest != materials.digest
