import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.rendering import sheets
from benchmark.simulators.interface import opened
from benchmark.simulators.toy import ToySimulator
from benchmark.space import PAPER_SPACE

SIZE, GAP, TEXT, LABEL = 16, sheets._GAP, sheets._TEXT_HEIGHT, sheets._LABEL_WIDTH


@pytest.fixture
def toy():
    with opened(ToySimulator()) as simulator:
        yield simulator


def cell(sheet, row, column, *, captions=False, label=True):
    """Pixels of one image of a sheet."""
    top = TEXT + GAP + row * (SIZE + GAP + (TEXT if captions else 0))
    left = (LABEL if label else GAP) + column * (SIZE + GAP)
    return np.asarray(sheet)[top : top + SIZE, left : left + SIZE]


def test_switches_are_shown_one_by_one(toy):
    sheet = sheets.switches_sheet(toy, "star", columns=5, size=SIZE)
    first = cell(sheet, 0, 0)
    assert all((cell(sheet, 0, column) == first).all() for column in range(5))
    for row in range(1, 10):
        assert any((cell(sheet, row, column) != first).any() for column in range(5)), row
    names = toy.assets().names("star")
    shot = sheets.Shot(PAPER_SPACE.parse("light_colour=1"), "star", names[0], 3)
    (expected,) = sheets.shoot(toy, [shot], size=SIZE, seed=0)
    assert (cell(sheet, 4, 3) == expected).all()


def test_a_configuration_shows_several_categories(toy):
    sheet = sheets.configuration_sheet(toy, PAPER_SPACE.at(0), rows=4, columns=6, size=SIZE)
    assert sheet.width == LABEL + 6 * (SIZE + GAP)
    assert (cell(sheet, 0, 0) == cell(sheet, 0, 4)).all(), "four objects, then the next image"
    assert (cell(sheet, 0, 0) != cell(sheet, 0, 1)).any()
    assert (cell(sheet, 0, 0) != cell(sheet, 3, 0)).any()


def test_a_category_shows_all_its_objects(toy):
    sheet = sheets.category_sheet(toy, "star", PAPER_SPACE.at(255), columns=3, size=SIZE)
    plain = [cell(sheet, 0, i, captions=True) for i in range(3)]
    assert all((plain[0] != other).any() for other in plain[1:])
    assert (cell(sheet, 2, 0, captions=True) != 255).any(), "the fourth object has a row"
    with pytest.raises(UnknownNameError, match="Did you mean 'star'"):
        sheets.category_sheet(toy, "stare", PAPER_SPACE.at(0))


def test_the_library_shows_every_category(toy):
    sheet = sheets.library_sheet(toy, columns=5, size=SIZE)
    shown = {cell(sheet, i // 5, i % 5, captions=True, label=False).tobytes() for i in range(8)}
    assert len(shown) == 8
    assert sheets.library_sheet(toy, limit=2, size=SIZE).height < sheet.height


def test_encoded_images_are_shown_too(tmp_path):
    file = tmp_path / "image.jpg"
    Image.new("RGB", (8, 8), (200, 10, 10)).save(file, quality=100)
    assert sheets.decoded(file.read_bytes())[4, 4, 0] > 190


def test_an_empty_sheet_is_refused():
    with pytest.raises(InvalidInputError, match="at least one"):
        sheets.compose("nothing", [], SIZE)


def test_long_labels_stay_in_their_column():
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    sheet = sheets.compose("t" * 400, [sheets.Row("label " * 40, [image])], SIZE)
    assert (cell(sheet, 0, 0) == 0).all()
