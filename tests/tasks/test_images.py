"""Images as strangers have them: of many bits, of one value, too large, and of other formats."""

import io
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import InvalidFileError
from benchmark.tasks import images
from benchmark.tasks.decoding import examine_all, read_rgb
from benchmark.tasks.images import LabelledImages, encode_png, examine, flat_note
from benchmark.tasks.loaders.own import own_images
from benchmark.tasks.pack import open_pack, write_pack

GIB = 2**30


def folder_of(root: Path, arrays: list[np.ndarray], ending: str) -> Path:
    """Two classes, with an image of each array in both."""
    for name in ("bright", "dark"):
        (root / name).mkdir(parents=True)
        for number, pixels in enumerate(arrays):
            Image.fromarray(pixels).save(root / name / f"{number}.{ending}")
    return root


def decoded(root: Path) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Grey values of all images after they are packed, and the remarks."""
    _, notes = write_pack(own_images(str(root)), root / "a.parquet")
    pack = open_pack(root / "a.parquet")
    return [np.asarray(read_rgb(image))[..., 0] for image in pack.images()], notes


def ramp(kind: str, top: float, low: float = 0) -> np.ndarray:
    return np.linspace(low, top, 256).reshape(16, 16).astype(kind)


EIGHT = np.arange(256).reshape(16, 16)


@pytest.mark.parametrize(
    ("arrays", "ending", "expected"),
    [
        ([ramp("f4", 1), ramp("f4", 0.5)], "tif", [EIGHT, EIGHT / 2]),
        ([ramp("f4", 255), ramp("f4", 51)], "tif", [EIGHT, EIGHT / 5]),
        ([ramp("f4", 1, -1)], "tif", [EIGHT]),
        ([ramp("f4", 1e-4)], "tif", [EIGHT]),
        ([ramp("f4", 4e5)], "tif", [EIGHT]),
        ([ramp("u2", 255)], "png", [EIGHT]),
        ([ramp("u2", 1023)], "png", [EIGHT]),
        ([ramp("u2", 4095), ramp("u2", 2047)], "png", [EIGHT, EIGHT / 2]),
        ([ramp("u2", 65535)], "png", [EIGHT]),
        ([ramp(">u2", 4095)], "tif", [EIGHT]),
        ([ramp("i4", 70000)], "tif", [EIGHT * 70000 / 2**17]),
        ([ramp("i4", 127, -128)], "tif", [EIGHT]),
    ],
)
def test_images_of_many_bits_keep_their_range(tmp_path, arrays, ending, expected):
    found, notes = decoded(folder_of(tmp_path / "d", arrays * 2, ending))
    for image, values in zip(found, expected * 4, strict=True):
        assert np.abs(image.astype(float) - values).max() <= 1
    assert len(notes) == 1
    assert f"{4 * len(arrays)} images" in notes[0]


def test_16_bits_keep_their_high_byte_and_8_bits_their_file(tmp_path):
    wide = np.random.default_rng(0).integers(0, 2**16, (9, 9), dtype=np.uint16)
    wide[0, 0] = 65535
    root = folder_of(tmp_path / "d", [wide, (wide >> 8).astype(np.uint8)], "png")
    found, notes = decoded(root)
    assert all((image == wide >> 8).all() for image in found)
    assert "2 images" in notes[0]
    kept = list(open_pack(root / "a.parquet").images())
    assert kept[1] == (root / "bright" / "1.png").read_bytes()


def test_values_that_are_not_finite_are_faults(tmp_path):
    pixels = ramp("f4", 1)
    pixels[3, 3] = np.nan
    root = folder_of(tmp_path / "d", [pixels], "tif")
    with pytest.raises(InvalidFileError, match=r"bright/0.tif.*finite"):
        write_pack(own_images(str(root)), tmp_path / "a.parquet")


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file of filtered rows."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_pack_of_nearly_one_value_warns(tmp_path):
    values = np.random.default_rng(0).integers(0, 4096, (8, 8, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)  # 12 bits of colour, stored in 16
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "d" / name / f"{number}.png").write_bytes(png(8, 8, 16, 2, rows))
    _, notes = write_pack(own_images(str(tmp_path / "d")), tmp_path / "a.parquet")
    assert "Warning: 6 of 6 images" in notes[0]
    assert examine_all(open_pack(tmp_path / "a.parquet")) == ([], 6)
    assert flat_note(2, 5) == ()


def test_fine_grain_is_not_one_value():
    pixels = np.indices((64, 64)).sum(0) % 2 * 255  # its averages of 8 x 8 pixels are equal
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, format="JPEG", quality=95)
    assert not examine(stream.getvalue()).flat


def test_a_strip_is_refused_before_its_rows_are_made():
    for width, height in ((1, 60_000_000), (60_000_000, 1), (65_537, 2)):
        fault = examine(png(width, height, 1, 0, b"\0" * 100)).fault
        assert "65,536 on a side" in fault


def test_large_images_are_refused_before_they_are_decoded():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for side in (8001, 13000, 60000):
        fault = examine(png(side, side, 1, 0, b"\0" * 100)).fault
        assert "pixels" in fault
        assert "64 million" in fault
        with pytest.raises(ValueError, match="pixels"):
            read_rgb(png(side, side, 1, 0, b"\0" * 100))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB


def test_other_formats_are_no_images():
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    assert "not an image" in examine(eps).fault
    assert examine(b"").fault == "no bytes"


def test_large_and_unreadable_files_are_named(tmp_path):
    root = folder_of(tmp_path / "d", [EIGHT.astype(np.uint8)] * 3, "png")
    with (root / "bright" / "1.png").open("r+b") as stream:
        stream.truncate(2**40)
    for number in range(40):
        (root / "dark" / f"bad{number}.png").write_bytes(b"x")
    images = own_images(str(root))
    (root / "bright" / "2.png").unlink()
    with pytest.raises(InvalidFileError) as caught:
        write_pack(images, tmp_path / "a.parquet")
    assert len(caught.value.faults) == 42
    assert "limit" in caught.value.faults[0]
    assert "bright/2.png" in caught.value.faults[1]


def saved(style: str, images: list[Image.Image], **options: object) -> bytes:
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if len(images) > 1 else {}
    images[0].save(stream, format=style, **more, **options)
    return stream.getvalue()


FRAMES = [Image.new("RGB", (8, 8), colour) for colour in ((200, 40, 40), (40, 40, 200))]


@pytest.mark.parametrize("style", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_counts_and_animations_are_said(tmp_path, style):
    lossless = {"lossless": True} if style == "WEBP" else {}
    encoded = saved(style, FRAMES, **lossless)
    assert np.abs(np.subtract(read_rgb(encoded).getpixel((4, 4)), (200, 40, 40))).max() <= 2
    assert "2 images have several frames" in notes_of(tmp_path, encoded)
    assert notes_of(tmp_path, saved(style, FRAMES[:1], **lossless)) == ""


def notes_of(folder: Path, encoded: bytes) -> str:
    """Remarks on a pack of four images, two of which are given; without that on flat ones."""
    other = saved("PNG", [Image.fromarray(EIGHT.astype(np.uint8))])
    images = LabelledImages(
        ("a", "b"),
        np.array([0, 1, 0, 1]),
        np.array([True, True, False, False]),
        [encoded, other, encoded, other].__getitem__,
    )
    notes = write_pack(images, folder / "a.parquet")[1]
    return " ".join(note for note in notes if "one value" not in note)


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_turned_photographs_are_read_as_stored_and_said(tmp_path, turn):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = turn
    encoded = saved("JPEG", [Image.fromarray(pixels)], exif=exif)
    found = np.asarray(read_rgb(encoded))
    assert found.shape == (16, 32, 3)
    assert found[:, :12].min() > 240
    assert ("2 images have an EXIF orientation" in notes_of(tmp_path, encoded)) == (turn != 1)


def test_damaged_metadata_are_no_fault():
    encoded = saved("JPEG", FRAMES[:1], exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert examine(encoded).fault == ""
    assert examine(saved("GIF", FRAMES)[:-20]).fault == ""


def test_printers_colours_and_palettes_with_transparency():
    red = Image.new("RGB", (16, 16), (220, 20, 30))
    for style in ("JPEG", "TIFF"):
        found = read_rgb(saved(style, [red.convert("CMYK")])).getpixel((8, 8))
        assert np.abs(np.subtract(found, (220, 20, 30))).max() <= 4
    for options in ({"transparency": 1}, {"transparency": bytes([255, 0])}):
        palette = Image.new("P", (4, 4), 1)
        palette.putpalette([0, 0, 0, 220, 20, 30])
        for style in ("PNG", "GIF") if options["transparency"] == 1 else ("PNG",):
            assert read_rgb(saved(style, [palette], **options)).getpixel((1, 1)) == (220, 20, 30)


def test_an_image_that_many_rows_repeat_is_decoded_once(monkeypatch):
    opened = []

    def counting(encoded, *others):
        opened.append(len(encoded))
        return whole(encoded, *others)

    whole = images.open_image
    monkeypatch.setattr(images, "open_image", counting)
    small, large = (
        encode_png(np.random.default_rng(7).integers(0, 256, (side, side, 3), dtype=np.uint8))
        for side in (9, 200)
    )
    facts = [examine(bytes(bytearray(one))) for one in (small, large, small, large, small)]
    assert facts == [facts[0]] * 5
    assert opened == [len(small), len(large), len(large)]
