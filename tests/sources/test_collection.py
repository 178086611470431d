import io
import os

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.pipeline.settings import build_simulator, dataset_request
from benchmark.rendering.run import render_dataset
from benchmark.sources.arrays import read_training_set, write_rendered, write_source
from benchmark.sources.collection import Collection, open_collection
from benchmark.sources.interface import Amount
from benchmark.sources.registry import REAL_IMAGES, NamedSource
from benchmark.tasks.pack import open_pack, write_pack
from benchmark.tasks.task_data import load_task_data
from tests.pipeline.conftest import coloured, write_tasks, written


@pytest.fixture
def real(tmp_path):
    write_pack(coloured(3, 90, 6), tmp_path / "real.parquet")
    return open_collection(str(tmp_path / "real.parquet"))


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
        write_source(real, tiny_profile.amount, seed, folder)
        sets.append(read_training_set(folder))
    first, again, other = sets
    assert first.images.shape == (36, 3, 32, 32)
    assert np.array_equal(np.bincount(first.labels), [12, 12, 12])
    assert first.sha256 == again.sha256 != other.sha256


def test_too_few_real_images_are_refused(real, tiny_profile):
    with pytest.raises(InvalidInputError, match="3 classes of 40 images; 'real' has 0"):
        real.check(tiny_profile.changed({"images_per_class": 40}).amount)


def test_a_folder_of_real_images_is_packed_once(tmp_path, tiny_profile):
    written(coloured(1, 60, 3), tmp_path / "photos")
    first = open_collection(str(tmp_path / "photos"))
    assert (first.name, len(first.pack), first.pack.n_classes) == ("photos", 60, 3)
    assert open_collection(str(tmp_path / "photos")).pack.digest == first.pack.digest
    first.check(tiny_profile.amount)


def test_the_identity_of_real_images_is_that_of_earlier_versions(real):
    # Backbones in users' stores depend on it.
    named = NamedSource(REAL_IMAGES, real)
    assert named.identity(Amount(3, 12, 32), 5) == {
        "version": 1,
        "real_images": real.pack.digest,
        "classes": 3,
        "images_per_class": 12,
        "size": 32,
        "seed": 5,
    }


def test_a_changed_image_changes_the_digest(tmp_path):
    paths = written(coloured(1, 60, 3), tmp_path / "photos")
    before = open_collection(str(tmp_path / "photos")).pack.digest
    content = bytearray(coloured(2, 1, 3).read(0))
    paths[0].write_bytes(content)  # maybe of another size
    again = open_collection(str(tmp_path / "photos")).pack.digest
    assert before != again
    content = paths[1].read_bytes()
    about = paths[1].stat()
    paths[1].write_bytes(content)
    os.utime(paths[1], ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    assert open_collection(str(tmp_path / "photos")).pack.digest == again


def test_a_rendered_data_set_is_a_collection(tiny_profile, tmp_path):
    simulator = build_simulator(tiny_profile)
    request = dataset_request(tiny_profile, simulator, simulator.capabilities.space.at(5), seed=2)
    render_dataset(request, tmp_path / "data")
    found = open_collection(str(tmp_path / "data"))
    assert found.pack.class_names == request.categories
    (tmp_path / "cell").mkdir()
    write_source(found, tiny_profile.amount, 0, tmp_path / "cell")
    (shard,) = (tmp_path / "data" / "data").glob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-9] + b"123456789")
    with pytest.raises(InvalidFileError):
        open_collection(str(tmp_path / "data"))


def test_a_parquet_file_of_another_form(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = coloured(1, 30, 3)
    encoded = [{"bytes": images.read(row), "path": "/etc/hostname"} for row in range(30)]
    names = [f"c{label}" for label in images.labels]
    pq.write_table(
        pa.table({"image": encoded, "label": names}), tmp_path / "own.parquet", row_group_size=7
    )
    found = open_collection(str(tmp_path / "own.parquet")).pack
    assert found.class_names == ("c0", "c1", "c2")
    assert found.labels.tolist() == images.labels.tolist()
    assert [found.image_bytes(row) for row in range(30)] == [images.read(r) for r in range(30)]
    without = pa.table(
        {"image": [{"bytes": None, "path": "/etc/hostname"}] * 4, "label": [0, 1] * 2}
    )
    pq.write_table(without, tmp_path / "paths.parquet")
    with pytest.raises(InvalidFileError, match="row 0"):  # no path is followed
        open_collection(str(tmp_path / "paths.parquet"))


def test_a_saved_data_set_of_the_hub_library(tmp_path):
    datasets = pytest.importorskip("datasets")
    images = coloured(1, 30, 3)
    features = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=list(images.class_names))}
    )
    rows = {
        "img": [{"bytes": images.read(row), "path": None} for row in range(30)],
        "label": images.labels.tolist(),
    }
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    found = open_collection(str(tmp_path / "saved")).pack
    assert (len(found), found.class_names) == (30, images.class_names)


def test_the_licence_of_a_folder_is_that_of_its_card(tmp_path):
    written(coloured(1, 60, 3), tmp_path / "photos")
    assert open_collection(str(tmp_path / "photos")).licence == ""
    (tmp_path / "photos" / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Photos\n")
    assert open_collection(str(tmp_path / "photos")).licence == "cc-by-4.0"


def test_the_licence_of_a_prepared_task_is_that_of_its_card(tmp_path):
    write_tasks(tmp_path)
    found = open_collection(str(tmp_path / "EuroSAT.parquet"))
    assert found.licence == load_task_data("EuroSAT", tmp_path).card.licence != ""


def test_nothing_there_is_a_sentence(tmp_path):
    with pytest.raises(UnavailableError, match="hub:OWNER/NAME"):
        open_collection(str(tmp_path / "none"))


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
        write_source(Collection("real", Broken()), tiny_profile.amount, 0, tmp_path / "cell")


def test_a_damaged_cell_is_a_sentence(tmp_path):
    (tmp_path / "images.json").write_text("{}")
    with pytest.raises(InvalidFileError, match="not a dataset cell"):
        read_training_set(tmp_path)
