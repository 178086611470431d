import logging
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulators.textures import cache
from benchmark.simulators.textures.cache import ImageSet, load_stack

SHAPE = (3, 4, 8, 3)


def images(calls=None):
    def make():
        if calls is not None:
            calls.append(1)
        return (np.full(SHAPE[1:], number, np.uint8) for number in range(SHAPE[0]))

    return make


def files():
    return sorted(Path("cache/cells").glob("texture/*/*/pixels.npy"))


def test_images_are_made_once():
    calls = []
    first = load_stack("small", SHAPE, images(calls))
    again = load_stack("small", SHAPE, images(calls))
    assert len(calls) == 1
    assert np.array_equal(first, again)
    assert [int(image[0, 0, 0]) for image in again] == [0, 1, 2]
    assert isinstance(again, np.memmap), "mapped, not copied into every worker"
    ImageSet((), lambda: again, "").release_pages()
    assert again.sum() == first.sum(), "read again when needed"


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text"])
def test_damaged_cells_are_made_again(damage, caplog):
    load_stack("small", SHAPE, images())
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
        found = load_stack("small", SHAPE, images(calls))
    assert len(calls) == 1
    assert "damaged" in caplog.text
    assert int(found[2, 0, 0, 0]) == 2
    assert path.read_bytes() == whole


def test_without_a_place_to_write_they_are_made_in_memory(monkeypatch, caplog):
    Path("file").write_text("")
    monkeypatch.setenv("T2SBENCH_CACHE", str(Path("file").absolute()))
    with caplog.at_level(logging.INFO):
        found = load_stack("small", SHAPE, images())
    assert "not kept" in caplog.text
    assert int(found[1].max()) == 1
    ImageSet((), lambda: found, "").release_pages()
    assert int(found[1].max()) == 1


def test_another_painter_is_another_file(monkeypatch):
    load_stack("small", SHAPE, images())
    monkeypatch.setattr(cache, "TEXTURES_VERSION", cache.TEXTURES_VERSION + 1)
    calls = []
    load_stack("small", SHAPE, images(calls))
    assert len(calls) == 1
    assert len(files()) == 2


def test_the_sets_have_all_their_parts(simulator_cache):
    materials, panoramas = cache.load_materials(16), cache.load_panoramas(16)
    assert materials.pixels.shape == (140, 16, 16, 3)
    assert len(materials.names) == len(materials.roughness) == len(materials.scale) == 140
    assert materials.metalness[50] == 1.0
    assert panoramas.pixels.shape[1:] == (16, 32, 3)
    assert len(panoramas.names) == len(panoramas.pixels)
    assert materials.digest != panoramas.digest
    assert cache.load_materials(32).digest != materials.digest
