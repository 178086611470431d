import io
import json

import numpy as np
import pytest
from PIL import Image

from benchmark.cli.main import main
from benchmark.tasks.card import read_card
from benchmark.tasks.images import ImageFacts, LabelledImages, encode_png
from benchmark.tasks.pack import write_pack

MINE = "schema: 1\ntasks:\n  - {name: MyTask, side: unseen, classes: 2, split: {test: 2}}\n"


@pytest.fixture
def packs(tmp_path):
    """A folder with files for two tasks and one that is nobody's."""
    folder = tmp_path / "packs"
    rng = np.random.default_rng(0)
    for name in ("EuroSAT", "TrashNet", "Holiday"):
        images = [encode_png(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)) for _ in range(8)]
        rows = LabelledImages(("a", "b"), np.arange(8) % 2, np.arange(8) < 5, images.__getitem__)
        write_pack(rows, folder / f"{name}.parquet")
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_adopt_list_check(packs, data, capsys):
    assert main(["data", "adopt", str(packs)]) == 0
    text = capsys.readouterr().out
    assert "Stands in for FMD." in text
    assert "Partial: 2 classes instead of 10" in text
    assert "Left out, as no task has their names: Holiday.parquet." in text
    assert main(["data", "ls", "--format", "json"]) == 0
    rows = {row["task"]: row for row in json.loads(capsys.readouterr().out)}
    assert [name for name, row in rows.items() if row["here"] == "yes"] == ["EuroSAT", "TrashNet"]
    assert rows["EuroSAT"]["train"] == 5
    assert main(["data", "ls"]) == 0
    assert f"2 of 23 are in {data}." in capsys.readouterr().out
    assert main(["data", "check"]) == 0
    assert capsys.readouterr().out == "EuroSAT: ok, 8 images.\nTrashNet: ok, 8 images.\n"


def test_notes_go_onto_the_card(packs, data, tmp_path):
    (tmp_path / "notes.yaml").write_text(
        "schema: 1\npacks:\n"
        "  - {task: EuroSAT, source: a mirror, licence: MIT, split_rule: By hand., notes: [few]}\n"
    )
    words = ["data", "adopt", str(packs / "EuroSAT.parquet"), "--notes", "notes.yaml"]
    assert main([*words, "--note", "shrunk"]) == 0
    card = read_card(data / "EuroSAT.card.json")
    assert (card.source, card.licence, card.split_rule) == ("a mirror", "MIT", "By hand.")
    assert card.notes == ("few", "shrunk")


def test_a_users_task_from_folder_to_check(data, tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text(MINE)
    rng = np.random.default_rng(0)
    for part, count in (("train", 3), ("test", 1)):
        for name in ("cup", "bowl"):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    words = ["data", "prepare", "MyTask", "--from", "images", "--tasks-file", "mine.yaml"]
    assert main(words) == 0
    assert "MyTask: 6 training and 2 test images of 2 classes" in capsys.readouterr().out
    assert read_card(data / "MyTask.card.json").partial is None
    assert main(["data", "check", "--tasks-file", "mine.yaml"]) == 0


def test_check_goes_on_after_a_broken_task(packs, data, capsys):
    main(["data", "adopt", str(packs)])
    path = data / "EuroSAT.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert main(["data", "check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "TrashNet: ok, 8 images.\n"
    assert "damaged or changed" in captured.err
    assert main(["data", "check", "EuroSAT"]) == 2
    assert "damaged or changed" in capsys.readouterr().err


def test_nothing_here(data, capsys):
    assert main(["data", "check"]) == 0
    assert "No data are here" in capsys.readouterr().out


def test_an_image_that_does_not_decode(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "benchmark.tasks.pack.examine", lambda _: ImageFacts()
    )  # damaged afterwards
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(stream, format="PNG")
    images = LabelledImages(
        ("a", "b"), np.arange(4) % 2, np.arange(4) < 2, lambda row: stream.getvalue()[: 80 + row]
    )
    write_pack(images, tmp_path / "EuroSAT.parquet")
    assert main(["data", "prepare", "EuroSAT", "--from", "EuroSAT.parquet"]) == 0
    assert main(["data", "check", "EuroSAT"]) == 2
    assert "row 3: the image does not decode" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["prepare", "Eurosat", "--from", "x"], "Did you mean 'EuroSAT'"),
        (["prepare", "EuroSAT", "--from", "absent"], "'absent'"),
        (["prepare", "EuroSAT", "--from", "absent.parquet"], "not readable as Parquet"),
        (["prepare", "EuroSAT"], "Missing option '--from'"),
        (["prepare", "CUB", "--from", "hub"], "The entry of CUB names no data set"),
        (["prepare", "CUB", "--from", "torchvision"], "t2sbench data prepare CUB --from DIR"),
        (["fetch", "CUB"], "t2sbench data prepare CUB --from DIR"),
        (["fetch", "SVHN"], "--accept-licence"),
        (["check", "CUB"], "Set T2SBENCH_DATA"),
        (["adopt", "absent"], "absent is not a Parquet file"),
        (["adopt", "PACKS/Holiday.parquet"], "task 'Holiday'"),
        (["adopt", "PACKS", "--task", "EuroSAT"], "is not a Parquet file"),
        (["adopt", "PACKS", "--stands-in-for", "FMD"], "--stands-in-for"),
        (
            ["adopt", "PACKS/EuroSAT.parquet", "--stands-in-for", "AID"],
            "cannot stand in for AID",
        ),
        (
            ["adopt", "PACKS/TrashNet.parquet", "--stands-in-for", "FMDD"],
            "Did you mean 'FMD'",
        ),
        (["adopt", "PACKS", "--notes", "absent.yaml"], "absent.yaml"),
    ],
)
def test_mistakes_get_one_sentence(words, says, packs, data, capsys):
    words = [word.replace("PACKS", str(packs)) for word in words]
    assert main(["data", *words]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err


def test_images_of_one_value_give_a_warning(data, tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text(MINE)
    for number in range(8):
        path = tmp_path / "d" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.full((4, 4), number, dtype=np.uint8)))
    (tmp_path / "d" / "notes.txt").touch()
    words = ["MyTask", "--tasks-file", str(tmp_path / "mine.yaml")]
    assert main(["data", "prepare", *words, "--from", str(tmp_path / "d")]) == 0
    text = capsys.readouterr().out
    assert "1 .txt" in text
    assert "Warning: 8 of 8 images" in text
    assert main(["data", "check", *words]) == 0
    assert "Warning: 8 of 8 images" in capsys.readouterr().out


@pytest.mark.parametrize("long", ["a" * 300, "a/" * 3000, "a" * 300 + ".parquet"])
def test_names_that_are_too_long(data, capsys, monkeypatch, long):
    assert main(["data", "prepare", "FMD", "--from", long]) == 2
    assert main(["data", "prepare", "TrashNet", "--from", long]) == 2
    assert main(["data", "adopt", long, "--task", "FMD"]) == 2
    monkeypatch.setenv("T2SBENCH_DATA", long)
    assert main(["data", "check", "FMD"]) == 2
    assert main(["data", "ls"]) == 0
    assert "Traceback" not in capsys.readouterr().err
