import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    StorageError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.tasks.card import card_path, pack_path, read_card
from benchmark.tasks.images import ImageFacts, LabelledImages
from benchmark.tasks.registry import (
    StandIn,
    load_data_tasks,
    load_stand_ins,
    load_tasks,
    task_digest,
)
from benchmark.tasks.task_data import (
    Description,
    check_task,
    differences,
    how_to_get,
    is_prepared,
    load_task_data,
    write_task_data,
)

MINE = """\
schema: 1
tasks:
  - {name: MyTask, side: unseen, classes: 2, split: {train: 6, test: 4}, data_revision: first}
"""


@pytest.fixture
def mine(tmp_path) -> tuple[Path]:
    (tmp_path / "mine.yaml").write_text(MINE)
    return (tmp_path / "mine.yaml",)


@pytest.fixture
def made(small, mine, tmp_path):
    task = load_data_tasks(mine)["MyTask"]
    return write_task_data(task, small, Description("tests", official=True), tmp_path)


def test_written_data_are_loaded(made, mine, small, tmp_path):
    data = load_task_data("MyTask", tmp_path, tasks_files=mine)
    assert data.card == made.card
    assert data.name == "MyTask"
    assert data.class_names == ("cat", "dog")
    assert (data.labels == small.labels).all()
    assert data.train.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.test.tolist() == [6, 7, 8, 9]
    assert data.digest == data.pack.digest == made.pack.digest
    assert data.card.train == (3, 3)
    assert (data.card.n_train, data.card.n_test) == (6, 4)


def test_whole_data_have_the_registrys_revision_and_digest(made, mine):
    assert made.card.revision == "first"
    assert made.card.partial is None
    assert task_digest(made.task) == task_digest(load_data_tasks(mine)["MyTask"])


def test_partial_data_are_another_task_and_say_so(small, tmp_path):
    task = load_data_tasks()["EuroSAT"]
    data = write_task_data(task, small, Description("tests", official=True), tmp_path)
    assert data.card.partial == (
        "2 classes instead of 10, 6 training images instead of 18900, "
        "4 test images instead of 8100."
    )
    assert data.card.revision == f"EuroSAT-{data.digest[:12]}"
    assert (data.task.classes, data.task.split.train, data.task.split.test) == (2, 6, 4)
    assert task_digest(data.task) != task_digest(task)
    assert data.card.provenance() == {
        "revision": data.card.revision,
        "digest": data.digest,
        "stands_in_for": None,
        "partial": data.card.partial,
    }


def test_data_not_read_by_the_registrys_loader_never_have_its_revision(small, mine, tmp_path):
    task = load_data_tasks(mine)["MyTask"]
    assert write_task_data(task, small, Description("x"), tmp_path).card.revision != "first"


def test_a_stand_in_says_for_what(small, tmp_path):
    card = write_task_data(load_data_tasks()["TrashNet"], small, Description("x"), tmp_path).card
    assert card.stands_in_for == "FMD"
    assert card.licence == "MIT"


def test_more_classes_than_registered(make_images, mine, tmp_path):
    images = make_images([0, 1, 2] * 2, [True] * 3 + [False] * 3, ("a", "b", "c"))
    with pytest.raises(InvalidInputError, match="MyTask has 2 classes"):
        write_task_data(load_data_tasks(mine)["MyTask"], images, Description("x"), tmp_path)
    assert not is_prepared("MyTask", tmp_path)


def test_a_failed_write_leaves_nothing_that_looks_whole(small, mine, tmp_path):
    broken = LabelledImages(small.class_names, small.labels, small.is_train, lambda row: b"text")
    with pytest.raises(InvalidFileError, match="row 0: not an image"):
        write_task_data(load_data_tasks(mine)["MyTask"], broken, Description("x"), tmp_path)
    assert not is_prepared("MyTask", tmp_path)
    with pytest.raises(UnavailableError, match="MyTask"):
        load_task_data("MyTask", tmp_path, tasks_files=mine)


@pytest.mark.usefixtures("made")
def test_a_write_that_ends_before_the_card_leaves_nothing_that_looks_whole(
    small, mine, tmp_path, monkeypatch
):
    def refuse(*_arguments):
        raise StorageError("full")

    monkeypatch.setattr("benchmark.tasks.task_data.write_card", refuse)
    with pytest.raises(StorageError):
        write_task_data(load_data_tasks(mine)["MyTask"], small, Description("x"), tmp_path)
    assert not is_prepared("MyTask", tmp_path)


@pytest.mark.usefixtures("made")
def test_a_refused_write_leaves_the_earlier_data(small, mine, tmp_path):
    task = load_data_tasks(mine)["MyTask"]
    before = write_task_data(task, small, Description("x"), tmp_path)
    broken = LabelledImages(small.class_names, small.labels, small.is_train, lambda row: b"text")
    with pytest.raises(InvalidFileError, match="row 0: not an image"):
        write_task_data(task, broken, Description("x"), tmp_path)
    one_part = LabelledImages(small.class_names, small.labels, small.is_train & False, small.read)
    with pytest.raises(InvalidFileError, match="training images"):
        write_task_data(task, one_part, Description("x"), tmp_path)
    assert load_task_data("MyTask", tmp_path, tasks_files=mine).digest == before.digest
    assert sorted(path.name for path in tmp_path.iterdir() if "MyTask" in path.name) == [
        "MyTask.card.json",
        "MyTask.parquet",
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("USPS", "'t2sbench data fetch USPS'"),
        ("CUB", "get the images from https://www.vision"),
        ("TrashNet", "'t2sbench data prepare TrashNet --from DIR'"),
    ],
)
def test_missing_data_say_how_to_get_them(tmp_path, name, says):
    with pytest.raises(UnavailableError, match="Set T2SBENCH_DATA") as caught:
        load_task_data(name, tmp_path)
    assert says in str(caught.value)
    assert how_to_get(load_data_tasks()[name]) in str(caught.value)


def test_an_unknown_task(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'EuroSAT'"):
        load_task_data("Eurosatt", tmp_path)


def test_fewer_training_images_than_neighbours(made, mine, tmp_path):
    load_task_data("MyTask", tmp_path, min_train=6, tasks_files=mine)
    with pytest.raises(InvalidFileError, match="6 training images, fewer than the 7 needed"):
        load_task_data("MyTask", tmp_path, min_train=7, tasks_files=mine)


def test_a_changed_file_is_refused(made, mine, tmp_path):
    path = pack_path("MyTask", tmp_path)
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match="damaged or changed: sha256 is"):
        load_task_data("MyTask", tmp_path, tasks_files=mine)


def test_a_cut_file_lists_both_faults(made, mine, tmp_path):
    path = pack_path("MyTask", tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidFileError, match="not readable as Parquet") as caught:
        load_task_data("MyTask", tmp_path, tasks_files=mine)
    assert len(caught.value.faults) == 2


def rewrite(folder: Path, **changes) -> None:
    path = card_path("MyTask", folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": "Other"}, "the card is that of task 'Other'"),
        ({"class_names": ["dog", "cat"]}, "class names are not those of the card"),
        ({"train": [2, 4]}, "images per class are not those of the card"),
        ({"train": [6]}, "2 counts"),
        ({"digest": "no"}, "digest: String should match"),
        ({"colour": 1}, "colour: Extra inputs"),
        ({"format_version": 2}, "format_version"),
    ],
)
def test_a_card_that_does_not_fit(made, mine, tmp_path, changes, says):
    rewrite(tmp_path, **changes)
    with pytest.raises(InvalidFileError, match=says):
        load_task_data("MyTask", tmp_path, tasks_files=mine)


def test_a_card_that_is_no_json(made, tmp_path):
    card_path("MyTask", tmp_path).write_text("{")
    with pytest.raises(InvalidFileError, match="Invalid JSON"):
        read_card(card_path("MyTask", tmp_path))
    with pytest.raises(InvalidFileError, match="not readable"):
        read_card(tmp_path / "absent.card.json")


def test_the_usual_folder(small, mine, tmp_path, monkeypatch):
    monkeypatch.setenv("T2SBENCH_DATA", str(tmp_path / "elsewhere"))
    write_task_data(load_data_tasks(mine)["MyTask"], small, Description("x"))
    assert is_prepared("MyTask")
    assert (tmp_path / "elsewhere" / "MyTask.card.json").is_file()
    monkeypatch.delenv("T2SBENCH_DATA")
    assert not is_prepared("MyTask")


def test_check_finds_what_loading_does_not(make_images, mine, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "benchmark.tasks.pack.examine", lambda _: ImageFacts()
    )  # damaged afterwards
    images = make_images([0, 1] * 5, [True] * 6 + [False] * 4)
    cut = LabelledImages(
        images.class_names,
        images.labels,
        images.is_train,
        lambda row: images.read(row)[:60] if row == 9 else images.read(row % 8),
    )
    task = load_data_tasks(mine)["MyTask"]
    write_task_data(task, cut, Description("x"), tmp_path)
    load_task_data("MyTask", tmp_path, tasks_files=mine)
    rewrite(tmp_path, digest="0" * 64)
    with pytest.raises(InvalidFileError, match="row 9: the image does not decode") as caught:
        check_task("MyTask", tmp_path, tasks_files=mine)
    assert "content digest is" in caught.value.faults[1]


def test_check_counts_test_images_that_train_too(make_images, mine, tmp_path):
    images = make_images([0, 1] * 5, [True] * 6 + [False] * 4)
    twice = LabelledImages(
        images.class_names, images.labels, images.is_train, lambda row: images.read(row % 8)
    )
    task = load_data_tasks(mine)["MyTask"]
    write_task_data(task, twice, Description("x"), tmp_path)
    assert check_task("MyTask", tmp_path, tasks_files=mine).repeated == 2


def test_differences_of_unknown_sizes_are_none():
    kaokore = load_tasks()["Kaokore"]
    assert differences(kaokore, 8, 6000, 845) is None
    assert differences(kaokore, 8, 6000, 844) == "844 test images instead of 845."


# The registry of stand-ins.


def test_stand_ins_name_tasks_of_the_paper_and_train_like_them():
    official = load_tasks()
    for task in load_stand_ins():
        other = official[task.stands_in_for]
        assert task.side is other.side
        assert task.category == other.category
        assert task.hyperparameters == other.hyperparameters
        assert set(type(task).model_fields) - task.model_fields_set <= {"metric"}
        assert task.name not in official


def test_the_papers_tasks_are_untouched():
    assert load_data_tasks().names[:20] == load_tasks().names
    assert all(not isinstance(task, StandIn) for task in load_tasks())


def test_a_users_task_may_not_take_a_stand_ins_name(tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE.replace("MyTask", "trashnet"))
    with pytest.raises(InvalidInputError, match="trashnet, TrashNet"):
        load_data_tasks([tmp_path / "mine.yaml"])


def test_faults_of_a_stand_in_file_have_lines(tmp_path, monkeypatch):
    (tmp_path / "s.yaml").write_text(MINE)
    monkeypatch.setattr("benchmark.tasks.registry._STAND_INS", tmp_path / "s.yaml")
    with pytest.raises(InvalidFileError, match="line 3: missing 'stands_in_for'"):
        load_stand_ins()


def test_labels_are_int64(made):
    assert made.labels.dtype == np.int64
