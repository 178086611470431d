import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.core.errors import InvalidInputError
from benchmark.simulators.textures import images
from benchmark.simulators.textures.images import (
    UnreadableImageError,
    folder_materials,
    folder_panoramas,
    read_radiance,
    tone_mapped,
)

FOLDER = Path("pictures")
HEAD = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n"


def put(name, colour=(200, 30, 30), size=(40, 20)):
    FOLDER.mkdir(exist_ok=True)
    Image.new("RGB", size, colour).save(FOLDER / name)
    return FOLDER / name


def rgbe(pixels):
    """Radiance's four bytes of linear colours, by its definition."""
    largest = pixels.max(axis=-1)
    mantissa, exponent = np.frexp(largest)
    scale = np.where(largest > 1e-30, mantissa * 256 / np.maximum(largest, 1e-30), 0)
    coded = np.concatenate([pixels * scale[..., None], (exponent + 128)[..., None]], axis=-1)
    coded[largest <= 1e-30] = 0
    return coded.astype(np.uint8)


def flat(pixels):
    height, width = pixels.shape[:2]
    return HEAD + b"-Y %d +X %d\n" % (height, width) + rgbe(pixels).tobytes()


def run_lengths(pixels):
    height, width = pixels.shape[:2]
    content = HEAD + b"-Y %d +X %d\n" % (height, width)
    for row in rgbe(pixels):
        content += bytes([2, 2, width // 256, width % 256])
        for component in row.T:
            x = 0
            while x < width:
                same = x
                while same < width and component[same] == component[x] and same - x < 127:
                    same += 1
                if same - x > 2:
                    content += bytes([128 + same - x, component[x]])
                    x = same
                else:
                    count = min(5, width - x)
                    content += bytes([count]) + component[x : x + count].tobytes()
                    x += count
    return content


@given(
    st.integers(0, 10_000),
    st.integers(1, 6),
    st.integers(8, 40),
    st.sampled_from([flat, run_lengths]),
)
def test_radiance_pictures_are_read(seed, height, width, encode):
    rng = np.random.default_rng(seed)
    pixels = np.exp(rng.normal(0, 3, (height, width, 3)))
    pixels[rng.random((height, width)) < 0.4] = 0.5
    pixels[0, 0] = 0
    found = read_radiance(encode(pixels))
    assert found.shape == pixels.shape
    largest = pixels.max(axis=-1, keepdims=True)
    assert (np.abs(found - pixels) <= largest / 128 + 1e-9).all()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        HEAD + b"+Y 4 +X 4\n" + bytes(64),
        HEAD + b"-Y 0 +X 4\n",
        HEAD + b"-Y 99999 +X 99999\n",
        flat(np.ones((4, 4, 3)))[:-5],
        run_lengths(np.ones((4, 20, 3)))[:-3],
        HEAD + b"-Y 1 +X 8\n" + bytes([2, 2, 0, 8, 255, 1]),
        HEAD + b"-Y 1 +X 8\n" + bytes([2, 2, 0, 8, 0, 0, 0, 0]),
    ],
)
def test_broken_radiance_pictures_are_refused(content):
    with pytest.raises(UnreadableImageError):
        read_radiance(content)


def test_large_pictures_are_refused_unread():
    for sides in (b"-Y 4097 +X 8192\n", b"-Y 999999999 +X 999999999\n", b"-Y 0 +X 8\n"):
        with pytest.raises(UnreadableImageError, match="34 million"):
            read_radiance(HEAD + sides)
    with pytest.raises(UnreadableImageError, match="usual orientation"):
        read_radiance(HEAD + b"-Y " + b"9" * 5000 + b" +X 8\n")
    path = put("large.png")
    head = bytearray(path.read_bytes())
    head[16:24] = struct.pack(">II", 8001, 8000)
    head[29:33] = struct.pack(">I", zlib.crc32(head[12:29]))
    path.write_bytes(head)
    put("good.png")
    assert folder_panoramas(FOLDER, 16).notes == (
        "large.png: left out, 8,001 x 8,000 pixels, not 1 to 64 million",
    )


BOMB = """
import re
from pathlib import Path
from benchmark.simulators.textures.images import folder_panoramas
row = bytes([2, 2, 32, 0]) + (bytes([255, 128]) * 64 + bytes([192, 128])) * 4
Path("bomb.hdr").write_bytes(b"#?RADIANCE\\nA=1\\n\\n-Y 4096 +X 8192\\n" + row * 4096)
print(folder_panoramas(Path(), 16).pixels.mean())
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def test_the_largest_picture_stays_within_memory():
    done = subprocess.run(  # a few megabytes of runs
        [sys.executable, "-c", BOMB], capture_output=True, text=True, check=True
    )
    mean, peak = map(float, done.stdout.split())
    assert mean == 144  # the median of equal values is exposed to 0.4
    assert peak < 1536


def test_tone_mapping_keeps_order_and_never_clips_hard():
    mapped = tone_mapped(np.array([[[0.0, 0.1, 1.0], [5.0, 50.0, 500.0]]], np.float32))
    values = mapped.ravel().astype(int)
    assert (np.diff(values) > 0).all()
    assert values[0] == 0
    assert values[-1] <= 255


def test_panoramas_of_a_folder():
    put("b.png", (0, 0, 250))
    put("a.jpg", (250, 0, 0), (30, 30))
    (FOLDER / "c.hdr").write_bytes(run_lengths(np.full((8, 16, 3), 2.0)))
    (FOLDER / "notes.txt").write_text("ignored")
    found = folder_panoramas(FOLDER, 16)
    assert found.names == ("a.jpg", "b.png", "c.hdr")
    assert found.pixels.shape == (3, 16, 32, 3)
    assert found.pixels[0, 8, 8, 0] > 230
    assert found.pixels[1, 8, 8, 2] > 230
    assert found.notes == ()


def test_materials_of_a_folder():
    put("a.png")
    found = folder_materials(FOLDER, 32)
    assert found.pixels.shape == (1, 32, 32, 3)
    assert (found.roughness[0], found.metalness[0], found.scale[0]) == pytest.approx((0.6, 0, 1))


def test_content_enters_the_digest():
    put("a.png")
    first = folder_materials(FOLDER, 32).digest
    assert folder_materials(FOLDER, 32).digest == first
    assert folder_materials(FOLDER, 64).digest != first
    put("a.png", (1, 2, 3))
    assert folder_materials(FOLDER, 32).digest != first


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n0000", None])
def test_broken_images_are_left_out_and_reported(content, monkeypatch):
    path = put("bad.png")
    if content is None:
        monkeypatch.setattr(images, "_MAX_PIXELS", 500)
        put("good.png", size=(20, 10))
    else:
        path.write_bytes(content)
        put("good.png")
    found = folder_panoramas(FOLDER, 16)
    assert found.names == ("good.png",)
    (note,) = found.notes
    assert note.startswith("bad.png: left out, ")
    assert "\n" not in note


def test_places_without_images_are_refused():
    with pytest.raises(InvalidInputError, match="panoramas at nowhere"):
        folder_panoramas(Path("nowhere"), 16)
    FOLDER.mkdir()
    with pytest.raises(InvalidInputError, match="no images"):
        folder_panoramas(FOLDER, 16)
    (FOLDER / "a.png").write_bytes(b"x")
    with pytest.raises(InvalidInputError, match=r"a\.png: left out"):
        folder_materials(FOLDER, 16)


@pytest.mark.parametrize("suffix", [".png", ".hdr"])
def test_large_files_are_refused_unread(suffix):
    path = Path(f"a{suffix}")
    with path.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(UnreadableImageError, match="larger than"):
        images.read_image(path, (8, 8))
