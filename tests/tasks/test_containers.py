"""MATLAB and HDF5 files: refused by size and kind before their arrays are made."""

import os
import resource
import zlib

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from benchmark.core.errors import InvalidFileError
from benchmark.tasks.loaders import containers
from benchmark.tasks.loaders.containers import read_hdf5, read_matrices


@pytest.fixture
def limit(monkeypatch) -> None:
    monkeypatch.setattr(containers, "MAX_BYTES", 1_000_000)


def test_matrices_of_every_version_are_read(tmp_path):
    values = np.arange(12, dtype=np.float64).reshape(3, 4)
    for version, packed in (("4", False), ("5", False), ("5", True)):
        path = tmp_path / "a.mat"
        savemat(path, {"a": values, "b": [[1]]}, format=version, do_compression=packed)
        first, second = read_matrices(path, "a", "b")
        assert (first == values).all()
        assert second.item() == 1


def test_a_matrix_that_unpacks_to_too_much_is_refused_before_it_is_made(tmp_path, limit):
    savemat(tmp_path / "a.mat", {"a": np.zeros(2_000_000, np.uint8)}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 10_000
    with pytest.raises(InvalidFileError, match="limit of 1 MB"):
        read_matrices(tmp_path / "a.mat", "a")


def test_other_variables_of_a_file_count_too(tmp_path, limit):
    content = {"a": np.zeros(3), "b": np.zeros(2_000_000, np.uint8)}
    savemat(tmp_path / "a.mat", content, do_compression=True)
    with pytest.raises(InvalidFileError, match="limit of 1 MB"):
        read_matrices(tmp_path / "a.mat", "a")


@pytest.mark.parametrize(
    ("content", "fact"),
    [({"a": "text"}, "char"), ({"a": {"x": 1}}, "struct"), ({"b": 1}, "a")],
)
def test_a_variable_of_another_kind_is_named(tmp_path, content, fact):
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(InvalidFileError, match=fact):
        read_matrices(tmp_path / "a.mat", "a")


def test_matlab_7_3_is_one_sentence(tmp_path):
    head = b"MATLAB 7.3 MAT-file".ljust(124) + bytes([0, 2]) + b"IM"
    (tmp_path / "a.mat").write_bytes(head + bytes(512))
    with pytest.raises(InvalidFileError, match=r"7\.3"):
        read_matrices(tmp_path / "a.mat", "a")


@pytest.mark.parametrize("length", [0, 3, 127, 130, 200, 260])
def test_a_matlab_file_that_ends_early(tmp_path, length):
    savemat(tmp_path / "a.mat", {"a": np.arange(100)}, do_compression=True)
    (tmp_path / "a.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:length])
    with pytest.raises(InvalidFileError, match="no readable matrices"):
        read_matrices(tmp_path / "a.mat", "a")


def test_hdf5_of_any_type_becomes_bytes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.full((600, 2, 2, 3), 200.0)
        file["labels"] = np.arange(600, dtype=np.float32)
    images, labels = read_hdf5(tmp_path / "a.h5", "images", "labels")
    assert images.dtype == np.uint8
    assert (images == 200).all()
    assert (labels == np.arange(600)).all()


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [((10**6, 227, 227, 3), (1, 227, 227, 3)), ((4, 9, 9, 3), (4, 900, 90_000, 3))],
)
def test_hdf5_that_declares_too_much_is_refused(tmp_path, shape, chunks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "images", shape, np.uint8, chunks=chunks, maxshape=(None,) * 4, compression="gzip"
        )
        file["labels"] = np.zeros(4)
    with pytest.raises(InvalidFileError, match="limit of 600 MB"):
        read_hdf5(tmp_path / "a.h5", "images", "labels")


def test_hdf5_of_other_content_is_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("images")
        file["labels"] = np.zeros(4)
    with pytest.raises(InvalidFileError, match="images"):
        read_hdf5(tmp_path / "a.h5", "images", "labels")


def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a")
    with pytest.raises(InvalidFileError, match="pipe"):
        read_matrices(tmp_path / "a", "a")
    with pytest.raises(InvalidFileError, match="pipe"):
        read_hdf5(tmp_path / "a", "images", "labels")


def stored(path, packed, shape=(512, 8, 8, 3), **options):
    """An HDF5 file with one part of images as given."""
    with h5py.File(path, "w") as file:
        options = {"compression": "gzip", **options}
        images = file.create_dataset("images", shape, np.uint8, chunks=(256, 8, 8, 3), **options)
        images.id.write_direct_chunk((0, 0, 0, 0), packed, 0)
        file["labels"] = np.zeros(512)
    return path


def test_parts_that_unpack_to_more_than_stated_are_refused(tmp_path):
    bomb = zlib.compress(bytes(700_000_000), 9)
    assert len(bomb) < 700_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = stored(tmp_path / "a.h5", bomb)
    del bomb
    with pytest.raises(InvalidFileError, match="'/images' unpacks to more than stated"):
        read_hdf5(path, "images", "labels")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 900_000  # of the input
    with pytest.raises(InvalidFileError, match="larger than stated"):
        read_hdf5(stored(tmp_path / "b.h5", bytes(2_000_000)), "images", "labels")


def test_compressed_parts_are_read(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (512, 8, 8, 3), dtype=np.uint8)
    for options in ({"compression": "gzip"}, {"compression": 9, "shuffle": True}, {}):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("images", data=values, chunks=(100, 8, 8, 3), **options)
            file.create_dataset("labels", data=np.arange(512), fletcher32=True)
        assert (read_hdf5(tmp_path / "a.h5", "images", "labels")[0] == values).all()


def test_other_filters_and_files_are_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", (4, 9), np.uint8, compression="lzf")
        file.create_dataset("labels", (4,), np.uint8, external=[("/etc/hostname", 0, 4)])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["images"] = h5py.ExternalLink("a.h5", "labels")
    with pytest.raises(InvalidFileError, match="filters"):
        read_hdf5(tmp_path / "a.h5", "images", "images")
    with pytest.raises(InvalidFileError, match="'/labels' holds data of other files"):
        read_hdf5(tmp_path / "a.h5", "labels", "labels")
    with pytest.raises(InvalidFileError, match="'images' leads to another file"):
        read_hdf5(tmp_path / "b.h5", "images", "images")
