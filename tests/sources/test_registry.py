import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.sources.arrays import read_training_set, write_source
from benchmark.sources.interface import Amount, ImageSource
from benchmark.sources.registry import SourceSpec

PLUGIN = """
import numpy as np
from benchmark.sources.interface import ImageSource

class Stripes(ImageSource):
    version = "3"
    licence = "CC0-1.0"

    def __init__(self, width: int = 2) -> None:
        self.width = width

    def draw(self, amount, seed, task=None):
        rng = np.random.default_rng(seed)
        for category in range(amount.classes):
            shape = amount.images_per_class, amount.size, amount.size, 3
            yield rng.integers(0, 256, shape, dtype=np.uint8)

SOURCES = {"stripes": Stripes}
"""
AMOUNT = Amount(3, 4, 16)


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "stripes.py"
    path.write_text(PLUGIN)
    return path


def test_a_source_of_a_file_with_its_options(plugin, tmp_path):
    source = SourceSpec.parse("stripes", {"width": "3"}, [plugin]).open()
    assert source.options == {"width": 3}
    (tmp_path / "cell").mkdir()
    source.write(AMOUNT, 1, tmp_path / "cell")
    found = read_training_set(tmp_path / "cell")
    assert found.images.shape == (12, 3, 16, 16)
    assert np.bincount(found.labels).tolist() == [4, 4, 4]


def test_options_and_code_are_part_of_the_digest(plugin):
    plain = SourceSpec.parse("stripes", {}, [plugin]).open()
    same = SourceSpec.parse("stripes", {"width": "2"}, [plugin]).open()
    wide = SourceSpec.parse("stripes", {"width": "3"}, [plugin]).open()
    assert plain.digest == same.digest != wide.digest
    plugin.write_text(PLUGIN + "\n# edited\n")
    assert SourceSpec.parse("stripes", {}, [plugin]).open().digest != plain.digest
    assert plain.identity(AMOUNT, 0) != plain.identity(AMOUNT, 1)


@pytest.mark.parametrize("text", ["", "=x", "a b", "none", "real-images=x", "mine=", "a" * 61])
def test_texts_that_name_no_source(text):
    with pytest.raises(InvalidInputError, match="NAME=PATH"):
        SourceSpec.parse(text)


def test_names_and_options_are_checked(plugin):
    with pytest.raises(UnknownNameError, match="Did you mean 'stripes'"):
        SourceSpec.parse("stripe", {}, [plugin]).check()
    with pytest.raises(UnknownNameError, match="width"):
        SourceSpec.parse("stripes", {"widht": "1"}, [plugin]).check()
    with pytest.raises(InvalidInputError, match="stripes"):
        SourceSpec.parse("stripes=photos", {}, [plugin]).check()
    with pytest.raises(InvalidInputError, match="mine"):
        SourceSpec.parse("mine=photos", {"width": "1"})
    with pytest.raises(UnavailableError, match="photos"):
        SourceSpec.parse("mine=photos").open()


def test_a_source_that_breaks_the_interface_is_named(tmp_path):
    class Short(ImageSource):
        def draw(self, amount, seed, task=None):
            yield np.zeros((amount.images_per_class, amount.size, amount.size, 3), np.uint8)

    class Wide(ImageSource):
        def draw(self, amount, seed, task=None):
            yield np.zeros((amount.images_per_class, 8, 8, 3))

    for source in (Short(), Wide()):
        with pytest.raises(InvalidInputError, match=rf"{type(source).__name__}\.draw"):
            write_source(source, AMOUNT, 0, tmp_path)
    with pytest.raises(InvalidInputError, match="GiB"):
        write_source(Short(), Amount(2, 100_000, 512), 0, tmp_path)
