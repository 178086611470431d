"""The official tasks against figures typed from the paper's release, and users' files."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    T2SBenchError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.tasks import registry as module
from benchmark.tasks.registry import Side, Task, TaskRegistry, load_tasks, task_digest

SEEN = (
    "CropDisease EuroSAT SVHN ChestX Sketch DTD Flowers102 DeepWeeds Resisc45 Omniglot ISIC Kaokore"
)
UNSEEN = "CUB PacsC PacsS AID USPS FMD CactusAerial ChestXPneumonia"


def table(text: str) -> dict[str, int]:
    words = text.split()
    return {name: int(size) for name, size in zip(words[::2], words[1::2], strict=True)}


TEST_SIZES = table(
    """ISIC 3008 ChestX 7758 EuroSAT 8100 Omniglot 3954 Sketch 15889 DeepWeeds 5257 Resisc45 9495
    AID 3007 FMD 600 CropDisease 10849 SVHN 26032 DTD 1880 Flowers102 6149 Kaokore 845 CUB 5794
    PacsC 237 PacsS 398 USPS 2007 CactusAerial 4000 ChestXPneumonia 624"""
)
# Totals of the data sets whose whole was split 70/30.
TOTALS = table(
    """ISIC 10015 ChestX 25848 EuroSAT 27000 Omniglot 13180 Sketch 50889 DeepWeeds 17509
    Resisc45 31500 AID 10000 FMD 2000"""
)
# Task: linear lr, batch, decay; fine-tuning lr, batch, decay.
BEST = {
    "AID": (0.01, 128, 1e-5, 0.01, 128, 0),
    "CUB": (0.01, 32, 0, 0.01, 128, 1e-5),
    "CactusAerial": (0.01, 128, 0, 0.01, 128, 1e-5),
    "ChestX": (0.001, 128, 0, 0.001, 128, 1e-5),
    "ChestXPneumonia": (0.01, 128, 0, 0.001, 32, 0),
    "CropDisease": (0.01, 128, 0, 0.01, 128, 0),
    "DTD": (0.01, 128, 0, 0.01, 128, 0),
    "DeepWeeds": (0.01, 128, 0, 0.01, 128, 0),
    "EuroSAT": (0.01, 128, 0, 0.01, 128, 1e-5),
    "FMD": (0.01, 32, 1e-5, 0.001, 32, 1e-5),
    "Flowers102": (0.01, 32, 0, 0.01, 128, 0),
    "ISIC": (0.01, 128, 0, 0.001, 32, 0),
    "Kaokore": (0.001, 128, 0, 0.001, 128, 0),
    "Omniglot": (0.01, 32, 1e-5, 0.1, 128, 1e-5),
    "PacsC": (0.001, 32, 0, 0.01, 128, 0),
    "PacsS": (0.01, 128, 1e-5, 0.01, 128, 0),
    "Resisc45": (0.01, 128, 0, 0.01, 128, 0),
    "SVHN": (0.01, 128, 0, 0.01, 128, 0),
    "Sketch": (0.01, 32, 1e-5, 0.01, 128, 0),
    "USPS": (0.01, 32, 1e-5, 0.01, 32, 0),
}
MINIMAL = """\
schema: 1
tasks:
  - name: MyTask
    side: unseen
    classes: 4
    split:
      test: 250
"""


@pytest.fixture(scope="module")
def official() -> TaskRegistry:
    return load_tasks()


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def refusal(path: Path) -> list[str]:
    with pytest.raises(InvalidFileError) as caught:
        load_tasks([path])
    return caught.value.faults


# The official twenty.


def test_names_sides_and_order(official: TaskRegistry) -> None:
    assert official.names == (*SEEN.split(), *UNSEEN.split())
    assert official.seen.names == tuple(SEEN.split())
    assert official.unseen.names == tuple(UNSEEN.split())


def test_test_sizes_are_those_of_the_released_rewards(official: TaskRegistry) -> None:
    assert {task.name: task.split.test for task in official} == TEST_SIZES


def test_train_sizes_complete_the_known_totals(official: TaskRegistry) -> None:
    sizes = {task.name: task.split.train for task in official}
    assert {n: (sizes[n] or 0) + TEST_SIZES[n] for n in TOTALS} == TOTALS
    assert [name for name, size in sizes.items() if size is None] == ["Kaokore"]
    for name, per_class in {
        "Resisc45": int(0.7 * 700) * 45,
        "Omniglot": int(0.7 * 20) * 659,
    }.items():
        assert sizes[name] == per_class


def test_hyperparameters_are_the_released_best(official: TaskRegistry) -> None:
    found = {}
    for task in official:
        linear, fine = task.hyperparameters.linear, task.hyperparameters.finetune
        found[task.name] = (
            *(linear.lr, linear.batch_size, linear.weight_decay),
            *(fine.lr, fine.batch_size, fine.weight_decay),
        )
    assert found == BEST


def test_classes(official: TaskRegistry) -> None:
    spot = {"Omniglot": 659, "Sketch": 1000, "CUB": 200, "Kaokore": 8, "ChestX": 7, "FMD": 10}
    assert {name: official[name].classes for name in spot} == spot


@pytest.mark.parametrize("name", TEST_SIZES)
def test_official_tasks_leave_nothing_unstated(official: TaskRegistry, name: str) -> None:
    task = official[name]
    assert task.model_fields_set == set(Task.model_fields)
    for text in (task.title, task.licence, task.notes, task.split.rule, task.data_revision):
        assert text.strip()
    assert task.home.startswith("http")
    assert task.loaders
    assert task.split.rule.endswith(".")
    assert task.notes.endswith(".")
    assert task.category in {
        *("agriculture", "satellite", "medical", "texture", "symbolic", "art", "natural")
    }


def test_citations_are_bibtex_with_keys_of_their_own(official: TaskRegistry) -> None:
    keys = []
    for task in official:
        entry = re.fullmatch(r"@\w+\{(\w+),\n.*\n\}\n?", task.citation, re.DOTALL)
        assert entry, task.name
        assert task.citation.count("{") == task.citation.count("}")
        assert all(f"{key} = " in task.citation for key in ("author", "title", "year"))
        keys.append(entry[1])
    assert len(set(keys)) == 19  # the two PACS domains share theirs


def test_anomalies_are_told(official: TaskRegistry) -> None:
    assert "masks" in official["FMD"].notes
    assert "1,623" in official["Omniglot"].notes
    for name in ("CUB", "Flowers102"):
        assert "stale" in official[name].notes
    for name in ("PacsC", "PacsS"):
        assert "validation" in official[name].notes
    assert "Pneumonia" in official["ChestX"].notes


def test_torchvision_loaders_name_classes_of_torchvision(official: TaskRegistry) -> None:
    known = {"EuroSAT", "SVHN", "DTD", "Flowers102", "Omniglot", "USPS"}
    named = {loader.class_name for task in official for loader in task.loaders if loader.class_name}
    assert named == {f"torchvision.datasets.{name}" for name in known}


# The registry.


def test_an_unknown_name_gets_a_suggestion(official: TaskRegistry) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'EuroSAT'"):
        official["eurosat"]
    with pytest.raises(UnknownNameError, match="Did you mean 'Flowers102'"):
        official.select(["AID", "Flower102"])
    assert "EuroSAT" in official
    assert "eurosat" not in official


def test_selection_keeps_the_order_asked_for(official: TaskRegistry) -> None:
    assert official.select(["USPS", "AID"]).names == ("USPS", "AID")
    assert official.select("USPS").names == ("USPS",)
    assert official.select(Side.UNSEEN) == official.unseen
    assert len(official.seen) == 12
    with pytest.raises(InvalidInputError, match="same name"):
        official.select(["AID", "AID"])


def test_tasks_and_registries_cannot_be_changed(official: TaskRegistry) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        official["AID"].classes = 3
    with pytest.raises(AttributeError):
        official.tasks = ()  # type: ignore[misc]


def test_digest_follows_facts_not_prose(official: TaskRegistry) -> None:
    task = official["AID"]
    assert len({task_digest(each) for each in official}) == 20
    reworded = task.model_copy(update={"notes": "Other words.", "licence": "MIT"})
    assert task_digest(reworded) == task_digest(task)
    for change in ({"classes": 31}, {"data_revision": "2"}, {"side": Side.SEEN}):
        assert task_digest(task.model_copy(update=change)) != task_digest(task)


# Users' files.


def test_a_minimal_file_is_enough(tmp_path: Path) -> None:
    registry = load_tasks([write(tmp_path, MINIMAL)])
    task = registry["MyTask"]
    assert len(registry) == 21
    assert registry.unseen.names[-1] == "MyTask"
    assert (task.metric, task.category, task.split.train) == ("accuracy", "other", None)
    assert task.hyperparameters.linear.batch_size == 128
    assert {"licence", "citation", "home"} <= set(Task.model_fields) - task.model_fields_set


def test_numbers_without_a_dot_are_numbers(tmp_path: Path) -> None:
    text = MINIMAL + "    hyperparameters: {linear: {lr: 1e-3, weight_decay: 0}}\n"
    linear = load_tasks([write(tmp_path, text)])["MyTask"].hyperparameters.linear
    assert (linear.lr, linear.weight_decay) == (0.001, 0.0)


def test_every_fault_is_listed_with_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
        schema: 1
        tasks:
          - name: First
            side: sen
            clases: 4
            split:
              test: 250
              test: 251
          - name: first
            side: seen
            classes: "4"
            split: {test: 0, train: 1.5}
          - side: seen
            classes: 3
            split: 5
            loaders:
              - kind: torchvision
          - name: CUB
            side: unseen
            classes: true
            split: {test: 10}
            hyperparameters: {linear: {lr: .inf}}
            home: www.example.org
        """,
    )
    with pytest.raises(InvalidFileError) as caught:
        load_tasks([path])
    faults = caught.value.faults
    taken = faults.pop(next(i for i, fault in enumerate(faults) if "tasks.yaml" in fault))
    assert re.match(r"line 18: task 'CUB': the name is taken by line \d+ of .*tasks.yaml", taken)
    assert faults == [
        "line 3: task 'First': missing 'classes'",
        "line 4: task 'First': 'side' must be 'seen' or 'unseen' (got 'sen'). Did you mean 'seen'?",
        "line 5: task 'First': unknown field 'clases'. Did you mean 'classes'?",
        "line 8: key 'test' is already on line 7. Keep one of the two.",
        f"line 9: task 'first': the name is taken by line 3 of {path}. Rename one.",
        "line 11: task 'first': 'classes' must be a whole number (got '4').",
        "line 12: task 'first': 'split.test' must be greater than or equal to 1 (got 0).",
        "line 12: task 'first': 'split.train' must be a whole number (got 1.5).",
        "line 13: task number 3: missing 'name'",
        "line 15: task number 3: 'split' must be a mapping (got 5).",
        "line 17: task number 3: a loader of kind 'torchvision' needs 'class'",
        "line 20: task 'CUB': 'classes' must be a whole number (got true).",
        "line 22: task 'CUB': 'linear.lr' must be a finite number (got inf).",
        (
            "line 23: task 'CUB': 'home' is no web address: 'www.example.org'. "
            "Write it with https://, or leave it out."
        ),
    ]
    assert "docs/adding-a-task.md" in str(caught.value)


@pytest.mark.parametrize("name", ["1st", "a b", "a/b", "", ".hidden", "x" * 65, "näme", "a\\n"])
def test_names_that_no_folder_should_have(tmp_path: Path, name: str) -> None:
    (fault,) = refusal(write(tmp_path, MINIMAL.replace("MyTask", f'"{name}"')))
    assert "invalid name" in fault


def test_a_name_taken_by_another_file(tmp_path: Path) -> None:
    first = write(tmp_path, MINIMAL)
    second = write(tmp_path, MINIMAL.replace("MyTask", "mytask"), "more.yaml")
    with pytest.raises(InvalidFileError) as caught:
        load_tasks([first, second])
    assert caught.value.faults == [
        f"line 3: task 'mytask': the name is taken by line 3 of {first}. Rename one."
    ]


def test_the_schema_number_is_needed(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, MINIMAL.replace("schema: 1\n", ""))) == [
        "line 1: missing 'schema'"
    ]
    assert "must be 1 (got 2)" in refusal(write(tmp_path, MINIMAL.replace("1", "2", 1)))[0]


def test_python_tags_are_refused(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    text = MINIMAL + f"    notes: !!python/object/apply:os.mkdir ['{mark}']\n"
    assert any("!!python/object" in fault for fault in refusal(write(tmp_path, text)))
    assert not mark.exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml") == ["no such file. Check the path."]


def test_an_installation_without_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "benchmark"
    package.mkdir()
    monkeypatch.setattr(module, "__file__", str(package / "tasks" / "registry.py"))
    write(tmp_path, MINIMAL, "tasks.yaml")  # next to the package, but of no checkout
    with pytest.raises(UnavailableError, match=r"tasks\.yaml"):
        load_tasks()
    write(package, MINIMAL, "tasks.yaml")
    assert load_tasks().names == ("MyTask",)


# Anything at all.

WORDS = """\
schema: 1
tasks:
  - name: A
    side: seen
    classes: 3
    split: {test: 3}
    split:
      test: [1
    loaders: [{kind: hub}]
    classes: .nan
    name: [x]
? [a]
: b
*a
&a x
!!set {
tasks: 3
"""
PIECES = st.sampled_from(WORDS.splitlines(keepends=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text() | st.lists(PIECES).map("".join) | st.lists(PIECES).map(lambda p: MINIMAL + "".join(p))
)
def test_any_text_gives_a_registry_or_our_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8")
    with monkeypatch.context() as patch, contextlib.suppress(T2SBenchError):
        patch.setattr(module, "_official_file", lambda: path)
        registry = load_tasks()
        assert all(isinstance(task, Task) for task in registry)


def test_loading_brings_in_nothing_heavy() -> None:
    code = (
        "import sys; from benchmark.tasks.registry import load_tasks; load_tasks();"
        "print([m for m in ('torch', 'numpy', 'pandas', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
