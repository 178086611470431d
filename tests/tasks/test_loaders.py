"""Each loader on a small tree in the official layout, against a second form of the rule."""

import bz2
import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.tasks.decoding import read_rgb
from benchmark.tasks.images import LabelledImages
from benchmark.tasks.loaders.official import LOADERS, loader_of
from benchmark.tasks.loaders.own import own_images
from benchmark.tasks.pack import open_pack
from benchmark.tasks.registry import load_tasks

STATUSES = ("noble", "warrior", "incarnation", "commoner")
Content = dict[bytes, tuple[str, str]]


def content(images: LabelledImages) -> Content:
    """Class and part of every image, by its bytes."""
    found = {
        images.read(row): (images.class_names[label], "train" if train else "test")
        for row, (label, train) in enumerate(zip(images.labels, images.is_train, strict=True))
    }
    assert len(found) == len(images)
    return found


def seventy_thirty(rows: list[tuple[bytes, str]]) -> Content:
    """The paper's rule on (image, class) rows in the data set's order, written out again."""
    classes: dict[str, list[int]] = {}
    for row, (_, name) in enumerate(rows):
        classes.setdefault(name, []).append(row)
    state, made = np.random.RandomState(0), {}
    for name, members in classes.items():
        state.shuffle(members)
        for place, row in enumerate(members):
            made[rows[row][0]] = (name, "train" if place < int(0.7 * len(members)) else "test")
    return made


def write_csv(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_every_task_of_the_paper_has_a_loader():
    assert set(LOADERS) == set(load_tasks().names)


@pytest.mark.parametrize(
    ("task", "prefix"),
    [
        ("EuroSAT", "eurosat/2750"),
        ("EuroSAT", "EuroSAT_RGB"),
        ("Sketch", "sketch"),
        ("Resisc45", "NWPU-RESISC45"),
        ("AID", ""),
        ("TrashNet", "dataset-resized"),
    ],
)
def test_class_folders_split_70_30(tmp_path, put, task, prefix):
    rows = [
        (put(tmp_path / prefix / name / f"{name}_{i:02d}.jpg"), name)
        for name, count in (("Forest", 10), ("River", 7), ("alley", 3))
        for i in range(count)
    ]
    (tmp_path / prefix / ".DS_Store").write_text("no image")
    put(tmp_path / "__MACOSX" / "Forest" / "x.jpg")
    assert content(loader_of(task)(tmp_path)) == seventy_thirty(rows)


@pytest.mark.parametrize(
    ("task", "prefix"),
    [
        ("CropDisease", ""),
        ("CropDisease", "plant-disease/dataset"),
        ("ChestXPneumonia", "chest_xray"),
        ("PlantSeedlings", ""),
    ],
)
def test_train_and_test_folders(tmp_path, put, task, prefix):
    expected = {
        put(tmp_path / prefix / part / name / f"{i}.JPEG"): (name, part)
        for part, count in (("train", 3), ("test", 2))
        for name in ("NORMAL", "PNEUMONIA")
        for i in range(count)
    }
    put(tmp_path / prefix / "val" / "NORMAL" / "unused.jpeg")
    assert content(loader_of(task)(tmp_path)) == expected


@pytest.mark.parametrize("inner", ["training_set", ""])
def test_cactus_folders_may_be_doubled(tmp_path, put, inner):
    expected = {}
    for folder, part in (("training_set", "train"), ("validation_set", "test")):
        for name in ("cactus", "no_cactus"):
            below = tmp_path / folder / (folder if inner else "") / name
            expected[put(below / "0.jpg")] = (name, part)
            expected[put(below / "1.jpg")] = (name, part)
    assert content(LOADERS["CactusAerial"](tmp_path)) == expected


def test_fmd_takes_the_photographs_only_and_says_so(tmp_path, put):
    rows = []
    for name in ("fabric", "foliage"):
        for i in range(10):
            rows.append((put(tmp_path / "FMD/image" / name / f"{i:02d}.jpg"), name))
            put(tmp_path / "FMD/mask" / name / f"{i:02d}.jpg")
    images = LOADERS["FMD"](tmp_path)
    assert content(images) == seventy_thirty(rows)
    assert "not comparable" in images.notes[0]


def test_omniglot_numbers_characters_of_all_alphabets(tmp_path, put):
    rows = [
        (put(tmp_path / f"omniglot-py/images_evaluation/{name}/{i:04d}.png"), name)
        for name in ("Angelic/character01", "Angelic/character02", "Keble/character01")
        for i in range(20)
    ]
    found = LOADERS["Omniglot"](tmp_path)
    assert content(found) == seventy_thirty(rows)
    assert found.is_train.sum() == 3 * 14


def test_cub_lists(tmp_path, put):
    root = tmp_path / "CUB_200_2011"
    names = ["001.Albatross", "002.Auklet"]
    expected, files, labels, split = {}, [], [], []
    for number in range(1, 8):
        name = names[number % 2]
        file = f"{name}/{name[4:]}_{number:04d}.jpg"
        part = "train" if number in (1, 2, 5) else "test"
        expected[put(root / "images" / file)] = (name, part)
        files.append(f"{number} {file}")
        labels.append(f"{number} {names.index(name) + 1}")
        split.append(f"{number} {int(part == 'train')}")
    (root / "images.txt").write_text("\n".join(files))
    (root / "image_class_labels.txt").write_text("\n".join(labels))
    (root / "train_test_split.txt").write_text("\n".join(split))
    (root / "classes.txt").write_text("1 001.Albatross\n2 002.Auklet\n")
    assert content(LOADERS["CUB"](tmp_path)) == expected

    (root / "images" / files[0].split()[1]).unlink()
    with pytest.raises(InvalidFileError, match=r"no file .*Auklet_0001"):
        LOADERS["CUB"](tmp_path)
    (root / "train_test_split.txt").write_text("\n".join(split[:-1]))
    with pytest.raises(InvalidFileError, match="image 7 is not in every list"):
        LOADERS["CUB"](tmp_path)
    (root / "classes.txt").write_text("1\n")
    with pytest.raises(InvalidFileError, match="does not have two words"):
        LOADERS["CUB"](tmp_path)


@pytest.fixture
def dtd_tree(tmp_path, put) -> Content:
    root, expected = tmp_path / "dtd" / "dtd", {}
    lists = {"train1": [], "val1": [], "test1": []}
    for name in ("banded", "zigzagged", "dotted"):
        for i in range(6):
            part = ("train1", "val1", "test1")[i % 3]
            made = put(root / "images" / name / f"{name}_{i:04d}.jpg")
            expected[made] = (name, "test" if part == "test1" else "train")
            lists[part].append(f"{name}/{name}_{i:04d}.jpg")
    (root / "labels").mkdir()
    for part, lines in lists.items():
        (root / "labels" / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return expected


def test_dtd_joins_train1_and_val1(tmp_path, dtd_tree):
    images = LOADERS["DTD"](tmp_path)
    assert content(images) == dtd_tree
    assert images.class_names == ("banded", "dotted", "zigzagged")


def test_dtd_agrees_with_torchvision(tmp_path, dtd_tree):
    datasets = pytest.importorskip("torchvision.datasets")
    images = LOADERS["DTD"](tmp_path)
    theirs = {
        row[0]: (row[1], "test" if split == "test" else "train")
        for split in ("train", "val", "test")
        for row in datasets.DTD(tmp_path, split=split, loader=lambda p: Path(p).read_bytes())
    }
    ours = {
        images.read(row): (images.labels[row], "train" if images.is_train[row] else "test")
        for row in range(len(images))
    }
    assert ours == theirs


@pytest.fixture
def flowers_tree(tmp_path, put) -> Path:
    root = tmp_path / "flowers-102"
    for number in range(1, 10):
        put(root / "jpg" / f"image_{number:05d}.jpg")
    savemat(root / "imagelabels.mat", {"labels": [[1, 2, 3, 1, 2, 3, 1, 2, 3]]})
    savemat(root / "setid.mat", {"trnid": [[9, 1]], "valid": [[2, 6]], "tstid": [[3, 4, 5, 7, 8]]})
    return root


def test_flowers_join_trnid_and_valid(tmp_path, flowers_tree):
    labels = dict(enumerate("123123123", 1))
    expected = {
        (flowers_tree / "jpg" / f"image_{n:05d}.jpg").read_bytes(): (
            f"00{labels[n]}",
            "train" if n in (9, 1, 2, 6) else "test",
        )
        for n in range(1, 10)
    }
    assert content(LOADERS["Flowers102"](tmp_path)) == expected


def test_flowers_agree_with_torchvision(tmp_path, flowers_tree, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")
    monkeypatch.setattr(datasets.Flowers102, "_check_integrity", lambda self: True)
    theirs = {}
    for split in ("train", "val", "test"):
        for encoded, label in datasets.Flowers102(
            tmp_path, split=split, loader=lambda p: Path(p).read_bytes()
        ):
            theirs[encoded] = (f"{label + 1:03d}", "test" if split == "test" else "train")
    assert content(LOADERS["Flowers102"](tmp_path)) == theirs


def test_flowers_lists_that_do_not_fit(tmp_path, flowers_tree):
    savemat(flowers_tree / "setid.mat", {"trnid": [[1]], "valid": [[2]], "tstid": [[10]]})
    with pytest.raises(InvalidFileError, match="not within 1 to 9"):
        LOADERS["Flowers102"](tmp_path)
    (flowers_tree / "setid.mat").write_bytes(b"MATLAB")
    with pytest.raises(InvalidFileError, match="trnid"):
        LOADERS["Flowers102"](tmp_path)


def test_numbers_of_rows_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.tasks.loaders.listed._MOST_ROWS", 3)
    rows = [{"Filename": f"{i}.jpg", "Label": 0, "Species": "a"} for i in range(4)]
    write_csv(tmp_path / "labels.csv", rows)
    with pytest.raises(InvalidFileError, match="more than 3 rows"):
        LOADERS["DeepWeeds"](tmp_path)


def test_deep_weeds(tmp_path, put):
    species = ["Chinee apple", "Lantana", "Negatives"]
    rows, table = [], []
    for i in range(25):
        label = (i * 7 + 2) % 3
        rows.append((put(tmp_path / "images" / f"2016-{i:03d}.jpg"), species[label]))
        table.append({"Filename": f"2016-{i:03d}.jpg", "Label": label, "Species": species[label]})
    write_csv(tmp_path / "labels.csv", table)
    images = LOADERS["DeepWeeds"](tmp_path)
    assert content(images) == seventy_thirty(rows)
    assert images.class_names == tuple(species)


def test_isic(tmp_path, put):
    classes = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    rows, table = [], []
    for i in range(40):
        chosen = classes[i * i % 7]
        file = tmp_path / "ISIC2018_Task3_Training_Input" / f"ISIC_{i:07d}.jpg"
        rows.append((put(file), chosen))
        table.append({"image": file.stem, **{c: float(c == chosen) for c in classes}})
    name = "ISIC2018_Task3_Training_GroundTruth"
    write_csv(tmp_path / name / f"{name}.csv", table)
    assert content(LOADERS["ISIC"](tmp_path)) == seventy_thirty(rows)

    table[4]["DF"] = table[4]["MEL"] = 1.0
    write_csv(tmp_path / name / f"{name}.csv", table)
    with pytest.raises(InvalidFileError, match=r"line 6: [23] classes are marked"):
        LOADERS["ISIC"](tmp_path)


def test_chest_x_keeps_single_findings_of_seven(tmp_path, put):
    findings = ["Mass", "Nodule", "Mass|Nodule", "No Finding", "Pneumonia", "Hernia", "Effusion"]
    rows, table = [], []
    for i in range(70):
        finding = findings[i % 7]
        folder = "images_001/images" if i < 30 else "images_002/images"
        made = put(tmp_path / folder / f"{i:08d}_000.png")
        table.append({"Image Index": f"{i:08d}_000.png", "Finding Labels": finding, "Age": 58})
        if finding in ("Mass", "Nodule", "Effusion"):
            rows.append((made, finding))
    write_csv(tmp_path / "Data_Entry_2017.csv", table)
    images = LOADERS["ChestX"](tmp_path)
    assert content(images) == seventy_thirty(rows)
    assert len(images.class_names) == 7


def test_kaokore_reads_the_set_column_and_leaves_out_what_is_missing(tmp_path, put):
    expected, table = {}, []
    for i in range(32):
        gender, status, part = i % 2, i // 2 % 4, ("train", "dev", "test")[i % 3]
        names = f"{('male', 'female')[gender]} {STATUSES[status]}"
        made = put(tmp_path / "images_256" / f"{i:05d}.jpg")
        table.append({"image": f"{i:05d}.jpg", "gender": gender, "status": status, "set": part})
        if i == 3:
            (tmp_path / "images_256" / "00003.jpg").unlink()
        elif part != "dev":
            expected[made] = (names, part)
    write_csv(tmp_path / "labels.csv", table)
    images = LOADERS["Kaokore"](tmp_path)
    assert content(images) == expected
    assert images.notes == ("1 listed images could not be downloaded.",)
    for row in range(len(images)):
        label = images.labels[row]
        name = images.class_names[label]
        assert label == 4 * name.startswith("female") + STATUSES.index(name.split()[1])

    table[0]["status"] = 4
    write_csv(tmp_path / "labels.csv", table)
    with pytest.raises(InvalidFileError, match=r"image 00000\.jpg: gender 0, status 4"):
        LOADERS["Kaokore"](tmp_path)


def pixels(images: LabelledImages) -> list[tuple[bytes, str, bool]]:
    return [
        (
            np.asarray(read_rgb(images.read(row))).tobytes(),
            images.class_names[images.labels[row]],
            bool(images.is_train[row]),
        )
        for row in range(len(images))
    ]


@pytest.fixture
def svhn_tree(tmp_path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng, made = np.random.default_rng(0), {}
    for part, count in (("train", 6), ("test", 4)):
        images = rng.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        labels = np.array([10, *range(1, count)])[:, None]
        savemat(tmp_path / f"{part}_32x32.mat", {"X": images, "y": labels})
        made[part] = images, labels
    return made


def test_svhn(tmp_path, svhn_tree):
    expected = [
        (images[..., i].tobytes(), str(labels[i, 0] % 10), part == "train")
        for part, (images, labels) in svhn_tree.items()
        for i in range(len(labels))
    ]
    assert pixels(LOADERS["SVHN"](tmp_path)) == expected


def test_svhn_agrees_with_torchvision(tmp_path, svhn_tree, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")
    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)
    theirs = [
        (np.asarray(image).tobytes(), str(label), split == "train")
        for split in ("train", "test")
        for image, label in datasets.SVHN(tmp_path, split=split)
    ]
    assert pixels(LOADERS["SVHN"](tmp_path)) == theirs


def test_svhn_damaged(tmp_path, svhn_tree):
    savemat(tmp_path / "test_32x32.mat", {"X": svhn_tree["test"][0], "y": [[1], [2]]})
    with pytest.raises(InvalidFileError, match="4 images, but 2 labels"):
        LOADERS["SVHN"](tmp_path)
    savemat(tmp_path / "test_32x32.mat", {"X": svhn_tree["test"][0], "y": [[1], [2], [0], [3]]})
    with pytest.raises(InvalidFileError, match="not within the 10 classes"):
        LOADERS["SVHN"](tmp_path)
    whole = (tmp_path / "train_32x32.mat").read_bytes()
    (tmp_path / "train_32x32.mat").write_bytes(whole[:3000])
    with pytest.raises(InvalidFileError, match="no readable matrices"):
        LOADERS["SVHN"](tmp_path)


@pytest.fixture
def usps_tree(tmp_path) -> Path:
    rng = np.random.default_rng(1)
    for name, count in (("usps.bz2", 5), ("usps.t.bz2", 3)):
        lines = [
            f"{i % 10 + 1} " + " ".join(f"{k}:{v:.4f}" for k, v in enumerate(row, 1))
            for i, row in enumerate(rng.uniform(-1, 1, (count, 256)))
        ]
        (tmp_path / name).write_bytes(bz2.compress("\n".join(lines).encode()))
    return tmp_path


def test_usps_agrees_with_torchvision(usps_tree):
    datasets = pytest.importorskip("torchvision.datasets")
    theirs = [
        (np.asarray(image.convert("RGB")).tobytes(), str(label), train)
        for train in (True, False)
        for image, label in datasets.USPS(usps_tree, train=train)
    ]
    assert pixels(LOADERS["USPS"](usps_tree)) == theirs


def test_usps_damaged(usps_tree):
    (usps_tree / "usps.bz2").write_bytes(bz2.compress(b"1 1:0.5 2:x"))
    with pytest.raises(InvalidFileError, match="not readable as LIBSVM"):
        LOADERS["USPS"](usps_tree)
    (usps_tree / "usps.bz2").write_bytes(b"BZh9 no")
    with pytest.raises(InvalidFileError, match="not readable as LIBSVM"):
        LOADERS["USPS"](usps_tree)


PACS = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")


@pytest.mark.parametrize(("task", "domain"), [("PacsC", "cartoon"), ("PacsS", "sketch")])
def test_pacs_hdf5_is_bgr_with_labels_from_one(tmp_path, task, domain):
    h5py = pytest.importorskip("h5py")
    rng, expected = np.random.default_rng(2), []
    for part, count in (("train", 9), ("val", 7), ("test", 2)):
        images = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        labels = np.arange(count) % 7 + 1
        with h5py.File(tmp_path / f"{domain}_{part}.hdf5", "w") as file:
            file["images"], file["labels"] = images, labels
        expected += [
            (image[..., ::-1].tobytes(), PACS[label - 1], part == "train")
            for image, label in zip(images, labels, strict=True)
            if part != "test"
        ]
    assert pixels(LOADERS[task](tmp_path)) == expected
    with h5py.File(tmp_path / f"{domain}_val.hdf5", "w") as file:
        file["images"], file["labels"] = images, labels + 7
    with pytest.raises(InvalidFileError, match="not within the 7 classes"):
        LOADERS[task](tmp_path)


def test_pacs_lists(tmp_path, put):
    expected, lists = {}, {"train": [], "crossval": [], "test": []}
    for i in range(21):
        name, part = PACS[i % 7], ("train", "crossval", "test")[i // 7]
        made = put(tmp_path / "kfold" / "cartoon" / name / f"pic_{i:03d}.jpg")
        lists[part].append(f"cartoon/{name}/pic_{i:03d}.jpg {i % 7 + 1}")
        if part != "test":
            expected[made] = (name, "train" if part == "train" else "test")
    (tmp_path / "splits").mkdir()
    for part, lines in lists.items():
        (tmp_path / "splits" / f"cartoon_{part}_kfold.txt").write_text("\n".join(lines))
    assert content(LOADERS["PacsC"](tmp_path)) == expected


@pytest.mark.parametrize("task", sorted(LOADERS))
def test_a_folder_of_something_else_is_one_sentence(tmp_path, task):
    (tmp_path / "holiday" / "beach").mkdir(parents=True)
    with pytest.raises(InvalidInputError, match="test_a_folder_of_something"):
        LOADERS[task](tmp_path)


@pytest.mark.parametrize("task", sorted(LOADERS))
def test_an_absent_folder_is_one_sentence(tmp_path, task):
    with pytest.raises(InvalidInputError, match="absent"):
        LOADERS[task](tmp_path / "absent")


def test_parts_with_unequal_classes(tmp_path, put):
    for path in ("train/a", "train/b", "test/a", "test/c"):
        put(tmp_path / path / "0.jpg")
    with pytest.raises(InvalidFileError, match="class b is in one of train and test only"):
        loader_of("MyTask")(tmp_path)


@pytest.mark.parametrize(
    ("parts", "used"),
    [
        (("Train", "Test"), "Test"),
        (("train", "val"), "val"),
        (("unpacked/train", "unpacked/valid", "unpacked/test"), "unpacked/test"),
    ],
)
def test_parts_of_users_folders(tmp_path, put, parts, used):
    expected = {}
    for part in parts:
        for name in ("cat", "dog"):
            encoded = put(tmp_path / part / name / "0.jpg")
            if part in (parts[0], used):
                expected[encoded] = (name, "train" if part == parts[0] else "test")
    images = own_images(str(tmp_path))
    assert content(images) == expected
    notes = ("Unused folders: valid.", "Files passed over: 2 .jpg.") if len(parts) > 2 else ()
    assert images.notes == notes


def test_a_test_part_without_labels_is_unused(tmp_path, put):
    rows = [(put(tmp_path / "train" / n / f"{i}.jpg"), n) for n in "ab" for i in range(10)]
    put(tmp_path / "test" / "0.jpg")
    images = own_images(str(tmp_path))
    assert content(images) == seventy_thirty(rows)
    assert images.notes == ("Unused folders: test.", "Files passed over: 1 .jpg.")


def test_hidden_folders_are_left_out_at_every_depth(tmp_path, put):
    rows = [(put(tmp_path / n / f"{i}.jpg"), n) for n in "ab" for i in range(10)]
    put(tmp_path / "a" / ".ipynb_checkpoints" / "0-checkpoint.jpg")
    assert content(own_images(str(tmp_path))) == seventy_thirty(rows)


def fill(put, root: Path, *folders: str) -> None:
    for name in folders:
        put(root / name / "0.jpg")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "DEV"),
        ("a/b/TRAIN", "a/b/Evaluation"),
        ("train/train", "test/test"),
        ("x/training_set/training_set", "x/validation_set/validation_set"),
    ],
)
def test_names_and_depths_of_parts(tmp_path, put, train, test):
    fill(put, tmp_path, *(f"{part}/{name}" for part in (train, test) for name in ("cat", "dog")))
    images = own_images(str(tmp_path))
    assert images.class_names == ("cat", "dog")
    assert images.is_train.tolist() == [True, True, False, False]
    assert images.notes == ()


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (("train", "test"), "test, train"),  # no class folders
        (("train", "test1"), "test1, train"),
        (("val/a", "val/b", "test/a", "test/b"), "test, val"),
        (("train/a", "train/b", "Training/a", "test/a", "test/b"), "Training, train"),
        (("seg_train/a", "seg_train/b", "seg_test/a", "seg_test/b"), "seg_test, seg_train"),
        (("train/a", "train/b", "car", "bus"), "train"),
        (("train/a", "train/b", "car/c", "bus/d"), "train"),
        (("a/train", "a/test", "b/train", "b/test"), "test, train"),
        (("a/x/Train", "b/x/dev"), "Train, dev"),
        (("fold1/train/a", "fold1/val/a", "fold2/train/a", "fold2/val/a"), "train, val"),
    ],
)
def test_ambiguous_parts_are_refused_with_a_command(tmp_path, put, folders, named):
    fill(put, tmp_path, *folders)
    with pytest.raises(InvalidFileError, match=named) as caught:
        own_images(str(tmp_path))
    assert "mv " in str(caught.value) or "mkdir " in str(caught.value)


@pytest.mark.parametrize("folders", [("train", "car"), ("dev board/day", "tube"), ("test", "a")])
def test_classes_named_like_parts(tmp_path, put, folders):
    fill(put, tmp_path, *folders)
    images = own_images(str(tmp_path))
    assert sorted(images.class_names) == sorted(name.partition("/")[0] for name in folders)


def test_the_only_part_is_named(tmp_path, put):
    fill(put, tmp_path, "Test/a", "Test/b")
    assert "Test" in own_images(str(tmp_path)).notes[0]


def test_files_passed_over_are_counted(tmp_path, put):
    fill(put, tmp_path, "a", "b", "a/.cache", ".git", "__MACOSX/a")
    for name in ("a/x.gif", "a/y.GIF", "b/z.jfif", "notes.txt", "README", "a/deep/t.npy"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "a" / ".0.jpg").write_bytes(b"")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    (note,) = own_images(str(tmp_path)).notes
    for count in ("4 hidden", "2 .gif", "1 .jfif", "1 .npy", "1 .txt", "1 special", "1 without"):
        assert count in note


def test_links_are_followed_once_and_loops_named(tmp_path, put):
    real = {put(tmp_path / "real" / "sub" / f"{i}.jpg"): "a" for i in range(2)}
    root = tmp_path / "root"
    b = put(root / "b" / "0.jpg")
    (root / "a").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real" / "sub")
    (root / "b" / "up").symlink_to("..")
    (root / "self").symlink_to(".")
    (root / "b" / "gone.jpg").symlink_to("nowhere.jpg")
    (root / "b" / "me.jpg").symlink_to("me.jpg")
    (root / "b" / "1.jpg").symlink_to("0.jpg")
    images = own_images(str(root))
    expected = [(b, "b"), (b, "b"), *real.items()]
    found = [(images.read(i), images.class_names[images.labels[i]]) for i in range(len(images))]
    assert sorted(found) == sorted(expected)
    (note,) = images.notes
    assert "5 links (" in note
    for name in ("a/again", "b/gone.jpg", "b/me.jpg", "b/up", "self"):
        assert name in note


def test_folders_deeper_than_a_path_may_be(tmp_path, put, monkeypatch):
    fill(put, tmp_path, "a", "b")
    monkeypatch.chdir(tmp_path / "a")
    for _ in range(25):
        Path("n" * 200).mkdir()
        os.chdir("n" * 200)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidFileError, match="not readable"):
        own_images(str(tmp_path))


def test_names_that_are_not_text(tmp_path, put):
    fill(put, tmp_path, "a", "b")
    (tmp_path / "b").rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with pytest.raises(InvalidFileError, match=r"caf.*UTF-8"):
        own_images(str(tmp_path))


def parquet(path: Path, image=None, **columns) -> str:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    pq.write_table(pa.table(({} if image is None else {"image": image}) | columns), path)
    return str(path)


def test_parquet_files_of_others(tmp_path, put):
    encoded = [put(tmp_path / f"{i}.jpg") for i in range(20)]
    labels = ["yes" if i % 2 else "no" for i in range(20)]
    structure = [{"bytes": one, "path": None} for one in encoded]
    expected = seventy_thirty(list(zip(encoded, labels, strict=True)))
    for image in (encoded, structure):
        assert content(own_images(parquet(tmp_path / "a.parquet", image, label=labels))) == expected
    with pytest.raises(
        InvalidFileError, match=r"no column of labels.*it has image \(binary\), kind"
    ):
        own_images(parquet(tmp_path / "a.parquet", encoded, kind=labels))
    with pytest.raises(InvalidFileError, match="20 rows have no label"):
        own_images(parquet(tmp_path / "a.parquet", encoded, label=[None] * 20))
    with pytest.raises(InvalidInputError, match=r"absent.*one folder of images per class"):
        own_images(str(tmp_path / "absent"))


def named(images: LabelledImages) -> list[tuple[bytes, str]]:
    return [(images.read(i), images.class_names[images.labels[i]]) for i in range(len(images))]


def test_columns_of_images_and_labels(tmp_path, put):
    pa = pytest.importorskip("pyarrow")
    encoded = [put(tmp_path / f"{i}.jpg") for i in range(6)]
    structure = [{"bytes": one, "path": f"{i}.jpg"} for i, one in enumerate(encoded)]
    texts, numbers = ["no", "yes", "maybe"] * 2, [4, 9, 2] * 2
    images = [encoded, structure, pa.array(encoded, pa.large_binary())]
    images += [pa.array(encoded).dictionary_encode()]
    for image in images:
        for label, kinds in [
            (texts, texts),
            (pa.array(texts).dictionary_encode(), texts),
            (pa.array(texts, pa.large_string()), texts),
            (numbers, ["4", "9", "2"] * 2),
            (pa.array(numbers, pa.uint8()), ["4", "9", "2"] * 2),
            ([float(n) for n in numbers], ["4", "9", "2"] * 2),
            ([True, False, True] * 2, ["True", "False", "True"] * 2),
        ]:
            found = own_images(parquet(tmp_path / "a.parquet", image, label=label))
            assert named(found) == list(zip(encoded, kinds, strict=True))
            file = parquet(tmp_path / "a.parquet", image, Label=label, split=["Train", "dev"] * 3)
            found = own_images(file)
            assert named(found) == list(zip(encoded, kinds, strict=True))
            assert found.is_train.tolist() == [True, False] * 3


@pytest.mark.parametrize("column", ["label_name", "class_name", "label_text"])
def test_names_of_numbers_are_in_a_column_of_texts(tmp_path, put, column):
    encoded = [put(tmp_path / f"{i}.jpg") for i in range(4)]
    columns = {"label": [7, 3] * 2, column: ["ant", "bee"] * 2}
    images = own_images(parquet(tmp_path / "a.parquet", encoded, **columns))
    assert images.class_names == ("bee", "ant")
    assert named(images) == list(zip(encoded, ["ant", "bee"] * 2, strict=True))
    columns[column] = ["ant", "bee", "cow", "dog"]  # of single images
    images = own_images(parquet(tmp_path / "a.parquet", encoded, **columns))
    assert images.class_names == ("3", "7")


@pytest.mark.parametrize(
    ("split", "train", "note"),
    [
        (["train", "test", "TRAIN", "Test"], [True, False, True, False], ()),
        (["train", "valid", "train", "valid"], [True, False, True, False], ()),
        (["train", "val", "train", "test"], [True, True, False], ("val",)),
    ],
)
def test_a_column_of_parts(tmp_path, put, split, train, note):
    encoded = [put(tmp_path / f"{i}.jpg") for i in range(4)]
    images = own_images(parquet(tmp_path / "a.parquet", encoded, label=[0, 1, 1, 0], split=split))
    assert images.is_train.tolist() == train
    assert [name in images.notes[0] for name in note] == [True] * len(images.notes)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"label": [[0, 1], [1]] * 2}, "'label'.*2 labels"),
        ({"label": [0.5, 1, 2, 3]}, "not whole"),
        ({"split": ["train", "extra"] * 2}, r"'split'.*extra, train"),
        ({"split": ["test", "val"] * 2}, r"'split'.*test, val"),
        ({"split": ["train", None] * 2}, "'split'"),
        ({"image": ["a.jpg"] * 4}, r"no column of images.*image \(string\)"),
        ({"image": [[1, 2]] * 4}, r"image \(list"),
        ({"image": None, "x": [b"1"] * 4, "z": [b"2"] * 4}, r"\(x, z\)"),
    ],
)
def test_columns_that_cannot_be_used(tmp_path, put, columns, says):
    given = {"image": [put(tmp_path / "0.jpg")] * 4, "label": [0, 1, 2, 3], **columns}
    file = parquet(tmp_path / "a.parquet", **{k: v for k, v in given.items() if v is not None})
    with pytest.raises(InvalidFileError, match=says):
        own_images(file)


def test_other_columns_of_images_are_named(tmp_path, put):
    encoded = [put(tmp_path / f"{i}.jpg") for i in range(4)]
    images = own_images(parquet(tmp_path / "a.parquet", encoded, mask=encoded, label=[0, 1] * 2))
    assert "mask" in images.notes[0]


def test_a_prepared_parquet_file_may_hold_structures(tmp_path, put):
    encoded = [put(tmp_path / f"{i}.jpg") for i in range(4)]
    file = parquet(
        tmp_path / "a.parquet",
        [{"bytes": one, "path": None} for one in encoded],
        label=[0, 1, 0, 1],
        label_name=["a", "b", "a", "b"],
        split=["train", "train", "test", "test"],
    )
    assert [own_images(file).read(row) for row in range(4)] == encoded
    assert list(open_pack(Path(file)).images()) == encoded


def test_an_empty_class_folder(tmp_path, put):
    put(tmp_path / "a" / "0.jpg")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("none")
    with pytest.raises(InvalidFileError, match="folder b holds no image"):
        loader_of("MyTask")(tmp_path)


def test_image_folders_agree_with_torchvision(tmp_path, put):
    datasets = pytest.importorskip("torchvision.datasets")
    for name in ("b", "a/z", "a/deep", "a/k", "a", "C"):
        for i in (10, 9):
            put(tmp_path / name / f"{i}.jpg")
    Image.new("RGB", (2, 2)).save(tmp_path / "C" / "x.webp")
    theirs = datasets.ImageFolder(tmp_path, loader=lambda p: Path(p).read_bytes())
    images = loader_of("MyTask")(tmp_path)
    assert list(images.class_names) == theirs.classes
    assert [(images.read(i), images.labels[i]) for i in range(len(images))] == list(theirs)
