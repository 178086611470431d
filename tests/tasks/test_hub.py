"""A folder in the hub's form stands in for the hub: no test needs a network."""

import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.tasks.images import train_mask_70_30
from benchmark.tasks.loaders.hub import from_hub, hub_id
from benchmark.tasks.loaders.own import own_images
from benchmark.tasks.pack import write_pack
from benchmark.tasks.registry import load_tasks

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
datasets = pytest.importorskip("datasets")


def png(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (number, 2 * number, 3)).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Writer of a data set: ``folder(train=(first number, labels), test=...)``."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub-cache")
    datasets.disable_progress_bars()

    def write(label_column="label", **parts) -> str:
        features = datasets.Features(
            {
                "image": datasets.Image(),
                label_column: datasets.ClassLabel(names=["no", "yes"])
                if label_column == "label"
                else datasets.Value("string"),
            }
        )
        for part, (first, labels) in parts.items():
            rows = {
                "image": [{"bytes": png(first + i), "path": None} for i in range(len(labels))],
                label_column: labels,
            }
            made = datasets.Dataset.from_dict(rows, features=features)
            made.to_parquet(tmp_path / "set" / f"{part}-00000-of-00001.parquet")
        return str(tmp_path / "set")

    return write


def test_official_parts(folder):
    name = folder(train=(0, [0, 1, 1, 0]), test=(50, [1, 0]))
    images = from_hub(load_tasks()["SVHN"], name)
    assert images.class_names == ("no", "yes")
    assert images.labels.tolist() == [0, 1, 1, 0, 1, 0]
    assert images.is_train.tolist() == [True] * 4 + [False] * 2
    assert [images.read(row) for row in range(6)] == [png(n) for n in (0, 1, 2, 3, 50, 51)]


def test_a_task_split_70_30_takes_all_rows(folder):
    labels = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]
    images = from_hub(load_tasks()["Sketch"], folder(train=(0, labels)))
    assert images.is_train.tolist() == train_mask_70_30(np.array(labels)).tolist()
    assert "RandomState(0)" in images.split_rule


def test_a_part_without_labels(folder):
    name = folder(train=(0, [0, 1]), test=(9, [-1, -1]))
    with pytest.raises(InvalidInputError, match="0 to 1"):
        from_hub(load_tasks()["SVHN"], name)


def test_no_class_labels(folder):
    name = folder("text", train=(0, ["a", "b"]))
    with pytest.raises(InvalidInputError, match="image, text"):
        from_hub(load_tasks()["Sketch"], name)


def test_no_train_part(folder):
    with pytest.raises(InvalidInputError, match="'train'"):
        from_hub(load_tasks()["Sketch"], folder(test=(0, [0, 1])))


def test_users_data_sets(folder, tmp_path):
    labels = [0, 1] * 5
    images = own_images(folder(train=(0, labels), validation=(50, [1, 0])))
    assert images.is_train.tolist() == [True] * 10 + [False] * 2
    assert "validation tests" in images.split_rule
    one = datasets.load_dataset(folder(train=(0, labels)), split="train")
    for saved in (one, datasets.DatasetDict(train=one)):
        saved.save_to_disk(tmp_path / "saved")
        images = own_images(str(tmp_path / "saved"))
        assert images.is_train.tolist() == train_mask_70_30(np.array(labels)).tolist()
        assert images.read(3) == png(3)


def test_unused_and_pooled_parts_are_named(folder):
    labels = [0, 1] * 5
    name = folder(train=(0, labels), validation=(50, [1, 0]), test=(60, [0, 1]))
    images = own_images(name)
    assert len(images) == 12
    assert images.notes == ("Unused parts: validation.",)
    pooled = from_hub(load_tasks()["Sketch"], name)
    assert len(pooled) == 14
    assert all(part in pooled.notes[0] for part in ("train", "validation", "test"))


def test_a_task_with_parts_is_tested_on_validation(folder):
    images = from_hub(load_tasks()["SVHN"], folder(train=(0, [0, 1] * 5), validation=(50, [1, 0])))
    assert images.is_train.tolist() == [True] * 10 + [False] * 2
    assert "validation tests" in images.split_rule


@pytest.mark.parametrize(
    ("kind", "labels", "names"),
    [
        ("string", ["b", "a"] * 5, ("a", "b")),
        ("int64", [7, 3] * 5, ("3", "7")),
        ("bool", [True, False] * 5, ("False", "True")),
        ("float32", [7.0, 3.0] * 5, ("3", "7")),
        ("large_string", ["b", "a"] * 5, ("a", "b")),
        ("binary", [b"b", b"a"] * 5, ("a", "b")),
    ],
)
@pytest.mark.parametrize("structure", [True, False])
def test_plain_columns(tmp_path, monkeypatch, kind, labels, names, structure):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub-cache")
    image = datasets.Value("binary")
    features = {
        "img": {"bytes": image, "path": datasets.Value("string")} if structure else image,
        "label": datasets.Value(kind),
    }
    encoded = [png(i) for i in range(10)]
    rows = {
        "img": [{"bytes": one, "path": None} for one in encoded] if structure else encoded,
        "label": labels,
    }
    made = datasets.Dataset.from_dict(rows, features=datasets.Features(features))
    made.to_parquet(tmp_path / "set" / "train-00000-of-00001.parquet")
    images = own_images(str(tmp_path / "set"))
    assert images.class_names == names
    assert [images.read(row) for row in range(10)] == encoded
    assert images.labels.tolist() == [1, 0] * 5


def test_images_one_level_too_deep_are_no_images(tmp_path):
    inner = [{"bytes": png(number), "path": None} for number in range(10)]
    images = [{"bytes": one, "path": None} for one in inner]
    made = pa.table({"image": images, "label": ["a", "b"] * 5})
    (tmp_path / "set").mkdir()
    pq.write_table(made, tmp_path / "set" / "train-00000-of-00001.parquet")
    assert own_images(str(tmp_path / "set")).read(3) == b""


@pytest.fixture
def rows(folder):
    labels = [1, 0] * 5
    one = datasets.load_dataset(folder(train=(0, labels)), split="train")

    def write(path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        one.to_parquet(path)

    write.data = one
    return write


PARTED = ([True] * 10 + [False] * 10, ())
SPLIT = (train_mask_70_30(np.array([1, 0] * 5)).tolist(), ())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"], None),
        (["Train", "Validation"], PARTED),
        (["train", "valid"], PARTED),
        (["default/train/0000", "default/test/0000"], PARTED),
        (["a/b/train/x-test", "a/b/val/x"], PARTED),
        (["trainval", "TEST"], PARTED),
        (["train", "test", "extra"], (PARTED[0], ("Unused files: extra.parquet.",))),
        (["train", "dev", "test"], (PARTED[0], ("Unused parts: validation.",))),
        (["validation"], (SPLIT[0], ("validation is the only part; it is split.",))),
        (["a/b/test"], (SPLIT[0], ("test is the only part; it is split.",))),
        (["part-00000-of-00001"], SPLIT),
    ],
)
def test_names_of_files_and_folders_make_the_parts(tmp_path, rows, files, expected):
    for name in files:
        rows(tmp_path / "d" / f"{name}.parquet")
    images = own_images(str(tmp_path / "d"))
    mask, notes = expected or ([True] * 20 + [False] * 10, ())
    assert images.is_train.tolist() == mask
    assert images.notes == notes
    assert images.class_names == ("no", "yes")
    assert images.labels.tolist() == [1, 0] * (len(mask) // 2)
    assert [images.read(row) for row in range(len(mask))] == [png(n % 10) for n in range(len(mask))]


def test_a_cache_and_nested_saved_data_sets(tmp_path, rows):
    for name in ("train", "validation"):
        rows(tmp_path / "mine" / f"{name}.parquet")
    cache = tmp_path / "cache"
    datasets.load_dataset(str(tmp_path / "mine"), cache_dir=str(cache))
    inner = next(cache.rglob("dataset_info.json")).parent
    datasets.DatasetDict(train=rows.data, test=rows.data).save_to_disk(
        tmp_path / "saved" / "once" / "more", num_shards={"train": 3, "test": 2}
    )
    for source in (cache, inner.parent, inner, tmp_path / "saved"):
        images = own_images(str(source))
        assert images.is_train.tolist() == PARTED[0]
        assert images.labels.tolist() == [1, 0] * 10
        assert [images.read(row) for row in range(20)] == [png(n % 10) for n in range(20)]
    with pytest.raises(InvalidInputError, match=r"data sets: .*saved/once/more"):
        own_images(str(tmp_path))


LEADING_OUT = {
    "state.json": ('{"_data_files": [{"filename": "../other.arrow"}]}', "'../other.arrow'"),
    "pipe": ('{"_data_files": [{"filename": "pipe"}]}', "'pipe' is not a file"),
    "no-list": ('{"_data_files": 3}', "no list"),
    "dataset_dict.json": ('{"splits": ["train", "../saved"]}', "'../saved'"),
}


@pytest.mark.parametrize("case", LEADING_OUT)
def test_saved_data_sets_name_files_inside(tmp_path, rows, case):
    rows(tmp_path / "unused.parquet")
    datasets.DatasetDict(train=rows.data, test=rows.data).save_to_disk(tmp_path / "saved")
    content, fact = LEADING_OUT[case]
    file = case if case == "dataset_dict.json" else "train/state.json"
    (tmp_path / "saved" / file).write_text(content)
    os.mkfifo(tmp_path / "saved" / "train" / "pipe")
    with pytest.raises(InvalidFileError, match=fact):
        own_images(str(tmp_path / "saved"))


def test_images_by_path(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub-cache")
    (tmp_path / "a.png").write_bytes(png(3))
    paths = [str(tmp_path / name) for name in ("a.png", "missing.png", "a.png", "a.png")]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    rows = pa.array([{"path": path, "bytes": None} for path in paths], kind)
    (tmp_path / "set").mkdir()
    pq.write_table(pa.table({"image": rows, "label": [0, 0, 1, 1]}), tmp_path / "set/train.parquet")
    images = own_images(str(tmp_path / "set"))
    assert images.read(0) == png(3)
    with pytest.raises(FileNotFoundError):
        images.read(1)
    with pytest.raises(InvalidInputError, match="row 1: not readable"):
        write_pack(images, tmp_path / "out.parquet")


@pytest.mark.parametrize(
    "pattern", ["../other/*.parquet", "/etc/*.parquet", "https://a.example/train.parquet", "~/a"]
)
def test_readmes_name_files_inside(folder, pattern):
    name = folder(train=(0, [0, 1, 1, 0]), test=(50, [1, 0]))
    readme = Path(name) / "README.md"
    text = "---\nconfigs:\n- config_name: all\n  data_files: [{{split: train, path: '{}'}}]\n---\n"
    readme.write_text(text.format(pattern))
    for source in (name, f"hub:{name}"):
        with pytest.raises(InvalidFileError, match=r"README\.md"):
            own_images(source)
    readme.write_text(text.format("test-*.parquet"))
    assert own_images(name).read(1) == png(51)


def test_large_contents_of_small_files(folder, tmp_path):
    value = pa.DictionaryArray.from_arrays(
        pa.array([0] * 200, pa.int32()), pa.array([b"0" * 2**20])
    )
    content = pa.table({"image": value, "label": [0, 1] * 100})
    (tmp_path / "bomb").mkdir()
    pq.write_table(content, tmp_path / "bomb" / "train.parquet", store_schema=False)
    for source in (f"{tmp_path}/bomb", f"hub:{tmp_path}/bomb"):
        with pytest.raises(InvalidFileError, match=r"'image': .* MB of content"):
            own_images(source)


def test_labels_in_lists_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub-cache")
    label = datasets.List(datasets.ClassLabel(names=["no", "yes"]))
    features = datasets.Features({"image": datasets.Image(), "label": label})
    encoded = [{"bytes": png(i), "path": None} for i in range(10)]
    for labels in ([[1], [0]] * 5, [[1], [0, 1]] * 5):
        data = datasets.Dataset.from_dict({"image": encoded, "label": labels}, features=features)
        data.to_parquet(tmp_path / "set" / "train.parquet")
        for source in ("set", "set/train.parquet"):
            if labels[1] == [0]:
                images = own_images(str(tmp_path / source))
                assert images.class_names == ("no", "yes")
                assert images.labels.tolist() == [1, 0] * 5
            else:
                with pytest.raises(InvalidInputError, match="2 labels"):
                    own_images(str(tmp_path / source))


def test_what_cannot_be_loaded_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnavailableError, match="empty from the hub"):
        from_hub(load_tasks()["Sketch"], str(tmp_path / "empty"))


def test_names_of_the_registry():
    assert hub_id(load_tasks()["SVHN"]) == "ufldl-stanford/svhn"
    with pytest.raises(UnavailableError, match="CUB"):
        hub_id(load_tasks()["CUB"])
