import io

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.pipeline.datasets import (
    RealImages,
    open_real_images,
    read_training_set,
    write_rendered,
)
from benchmark.pipeline.settings import build_simulator, dataset_request
from benchmark.rendering.run import render_dataset
from benchmark.tasks.pack import open_pack, write_pack
from tests.pipeline.conftest import coloured


@pytest.fixture
def real(tmp_path):
    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")
    return open_real_images(str(tmp_path / "real.parquet"))


def test_arrays_hold_the_rendered_pixels(tiny_profile, tmp_path):
    simulator = build_simulator(tiny_profile)
    request = dataset_request(tiny_profile, simulator, simulator.capabilities.space.at(5), seed=2)
    render_dataset(request, tmp_path / "data")
    (tmp_path / "cell").mkdir()
    write_rendered(tmp_path / "data", tmp_path / "cell", 3, 32)
    found = read_training_set(tmp_path / "cell")
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "data" / "data")
    assert np.array_equal(found.labels, table["label"].to_numpy())
    for row in (0, 20, 35):
        content = table["image"][row].as_py()["bytes"]
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        assert np.array_equal(found.images[row].transpose(1, 2, 0), pixels)


def test_real_images_are_as_many_and_drawn_by_seed(real, tiny_profile, tmp_path):
    sets = []
    for number, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        real.write(tiny_profile, seed, folder)
        sets.append(read_training_set(folder))
    first, again, other = sets
    assert first.images.shape == (36, 3, 32, 32)
    assert np.array_equal(np.bincount(first.labels), [12, 12, 12])
    assert first.sha256 == again.sha256 != other.sha256


def test_too_few_real_images_are_refused(real, tiny_profile):
    with pytest.raises(InvalidInputError, match="3 classes of 40 real images"):
        real.check(tiny_profile.changed({"images_per_class": 40}))


def test_a_folder_of_real_images_is_packed_once(tmp_path, tiny_profile):
    images = coloured(1, 60, 3)
    for row in range(60):
        path = tmp_path / "photos" / images.class_names[images.labels[row]] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.read(row))
    first = open_real_images(str(tmp_path / "photos"))
    assert (first.name, len(first.pack), first.pack.n_classes) == ("photos", 60, 3)
    assert open_real_images(str(tmp_path / "photos")).pack.digest == first.pack.digest
    first.check(tiny_profile)


def test_nothing_there_is_a_sentence(tmp_path):
    with pytest.raises(UnavailableError, match="--real-images"):
        open_real_images(str(tmp_path / "none"))


def test_an_image_that_does_not_decode_is_named(tmp_path, tiny_profile):
    images = coloured(3, 60, 3)
    write_pack(images, tmp_path / "real.parquet")
    pack = open_pack(tmp_path / "real.parquet")

    class Broken:
        digest, labels, n_classes = pack.digest, pack.labels, pack.n_classes

        @staticmethod
        def image_bytes(row):
            return pack.image_bytes(row)[:40]

    (tmp_path / "cell").mkdir()
    with pytest.raises(InvalidFileError, match=r"row \d+: the image does not decode"):
        RealImages("real", Broken()).write(tiny_profile, 0, tmp_path / "cell")


def test_a_damaged_cell_is_a_sentence(tmp_path):
    (tmp_path / "images.json").write_text("{}")
    with pytest.raises(InvalidFileError, match="not a dataset cell"):
        read_training_set(tmp_path)
