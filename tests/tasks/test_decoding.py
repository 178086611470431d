import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.tasks.decoding import (
    decode_images,
    examine_all,
    read_rgb,
    resized_square,
)
from benchmark.tasks.images import ImageFacts, LabelledImages
from benchmark.tasks.pack import open_pack, write_pack


def encoded(image: Image.Image, style: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=style)
    return stream.getvalue()


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@given(st.integers(5, 90), st.integers(5, 90), st.sampled_from([7, 14, 56, 112, 224]))
def test_equals_torchvision_where_the_margin_is_whole(width, height, size):
    transforms = pytest.importorskip("torchvision.transforms")
    image = noise(width, height)
    steps = transforms.Compose(
        [
            transforms.Resize(size * 8 // 7, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(size),
        ]
    )
    assert np.array_equal(np.asarray(resized_square(image, size)), np.asarray(steps(image)))


@pytest.mark.parametrize(("size", "margin"), [(32, 1.0), (17, 1.5), (1, 1.0)])
def test_other_margins(size, margin):
    assert resized_square(noise(31, 77), size, margin).size == (size, size)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_becomes_rgb(mode):
    grey = np.linspace(0, 255, 48, dtype=np.uint8).reshape(6, 8)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert(mode)
    data = encoded(image, "TIFF" if mode in ("CMYK", "F") else "PNG")
    decoded = read_rgb(data)
    assert decoded.mode == "RGB"
    if mode in ("L", "P", "RGBA", "I;16", "LA"):
        assert np.array_equal(np.asarray(decoded)[..., 0], grey)


def test_a_palette_with_transparency(tmp_path):
    image = Image.new("P", (3, 3), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    stream = io.BytesIO()
    image.save(stream, format="PNG", transparency=bytes([255, 0]))
    assert read_rgb(stream.getvalue()).getpixel((0, 0)) == (10, 20, 30)


@pytest.fixture
def pack(tmp_path, make_images):
    write_pack(make_images([0, 1] * 80, [True] * 90 + [False] * 70), tmp_path / "a.parquet")
    return open_pack(tmp_path / "a.parquet")


def test_arrays_hold_every_image_in_order(pack):
    pixels = decode_images(pack, 6)
    assert pixels.shape == (160, 3, 6, 6)
    assert pixels.dtype == np.uint8
    for row in (0, 63, 64, 159):
        square = resized_square(Image.open(io.BytesIO(pack.image_bytes(row))), 6)
        assert np.array_equal(pixels[row], np.asarray(square).transpose(2, 0, 1))
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def decoded():
    return sorted(Path("cache/cells").glob("images/*/*/pixels.npy"))


def test_workers_change_nothing(pack, monkeypatch):
    first = np.array(decode_images(pack, 6))
    monkeypatch.setenv("T2SBENCH_CACHE", "other")
    assert np.array_equal(decode_images(pack, 6, workers=3), first)


def test_decoded_once_and_again_when_damaged(pack):
    first = np.array(decode_images(pack, 6))
    (path,) = decoded()
    before = path.stat().st_mtime_ns
    decode_images(pack, 6)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:1000])
    assert np.array_equal(decode_images(pack, 6), first)
    np.save(path, np.zeros((2, 3, 6, 6), dtype=np.uint8))
    assert np.array_equal(decode_images(pack, 6), first)


def test_sizes_margins_and_contents_are_cells_of_their_own(pack, tmp_path, small):
    write_pack(small, tmp_path / "b.parquet")
    other = open_pack(tmp_path / "b.parquet")
    for data, size, margin in ((pack, 6, 1.1), (pack, 7, 1.1), (pack, 6, 1.0), (other, 6, 1.1)):
        decode_images(data, size, margin=margin)
    assert len(decoded()) == 4


def test_images_that_do_not_decode_are_named(tmp_path, small, monkeypatch):
    monkeypatch.setattr(
        "benchmark.tasks.pack.examine", lambda _: ImageFacts()
    )  # damaged afterwards
    cut = LabelledImages(
        small.class_names,
        small.labels,
        small.is_train,
        lambda row: small.read(row)[:60] if row in (3, 8) else small.read(row),
    )
    write_pack(cut, tmp_path / "a.parquet")
    pack = open_pack(tmp_path / "a.parquet")
    for workers in (1, 2):
        assert [fault[:6] for fault in examine_all(pack, workers)[0]] == ["row 3:", "row 8:"]
        with pytest.raises(InvalidFileError, match="row 3: the image does not decode") as caught:
            decode_images(pack, 6, workers=workers)
        assert len(caught.value.faults) == 2
    assert decoded() == []


@pytest.mark.parametrize("wrong", [{"size": 0}, {"workers": 0}, {"margin": 0.5}])
def test_arguments_out_of_range(pack, wrong):
    with pytest.raises(InvalidInputError, match="at least 1"):
        decode_images(pack, **{"size": 6, **wrong})


def test_of_a_strip_the_middle_alone_is_resized():
    strip = np.zeros((2, 60_000, 3), dtype=np.uint8)
    strip[:, 29_990:30_010] = 200
    found = np.asarray(resized_square(Image.fromarray(strip), 224))
    assert found.shape == (224, 224, 3)
    assert (found == 200).all()
