from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.methods import Mixture, TaskView, find_method, known_methods
from benchmark.space import PAPER_SPACE

PLUGIN = '''
from typing import Literal

class Mine:
    """Chooses by number."""
    version = "7"
    def __init__(
        self, number: int = 3, rate: float = 0.5, kind: Literal["a", "b"] = "a", on: bool = False
    ):
        if number < 0:
            raise ValueError("negative")
        self.number = number
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
    def select(self, task, rng):
        return self.space.at(self.number)

METHODS = {"mine": Mine}
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "my plugin.py"
    path.write_text(PLUGIN)
    return path


def test_built_in_methods_come_through_entry_points():
    known = known_methods()
    expected = {"random", "domain-randomization", "single-best", "nearest-task", "oracle"}
    assert expected | {"scratch", "imagenet", "task2sim", "task2sim-released"} <= set(known)
    assert all(plugin.origin.startswith("t2sbench ") for plugin in known.values())


def test_options_are_read_by_type_and_shown_when_changed(plugin: Path):
    method = find_method(
        "mine", {"number": "5", "rate": "0.5", "kind": "b", "on": "true"}, [plugin]
    )
    assert dict(method.options) == {"number": 5, "rate": 0.5, "kind": "b", "on": True}
    assert method.label == "mine[kind=b,number=5,on=True]"
    assert method.version == "7"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"nummer": "5"}, UnknownNameError, "Did you mean 'number'"),
        ({"number": "five"}, InvalidInputError, r"mine\.number must be int"),
        ({"kind": "c"}, InvalidInputError, r"mine\.kind"),
        ({"number": "-1"}, InvalidInputError, "ValueError: negative"),
    ],
)
def test_wrong_options_are_one_sentence(plugin: Path, options, error, says):
    with pytest.raises(error, match=says):
        find_method("mine", options, [plugin])


def test_unknown_methods_are_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'nearest-task'"):
        find_method("nearest-tsak")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "define METHODS"),
        ("METHODS = {}", "define METHODS"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("def (", "SyntaxError"),
        ("class A:\n  pass\nMETHODS = {'random': A}", "'random'"),
    ],
)
def test_broken_plugin_files_are_one_sentence(tmp_path: Path, text: str, says: str):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=says):
        known_methods([path])


def test_a_missing_plugin_file_is_said(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="Check --plugin"):
        known_methods([tmp_path / "absent.py"])


def test_a_class_without_the_verbs_is_no_method(tmp_path: Path):
    path = tmp_path / "half.py"
    path.write_text("class A:\n  def fit(self, tasks, rewards, rng): ...\nMETHODS = {'half': A}")
    with pytest.raises(InvalidInputError, match="no select"):
        find_method("half", plugin_files=[path])


def test_the_code_digest_follows_the_text(tmp_path: Path):
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    before = find_method("mine", plugin_files=[path]).code_sha256
    other = tmp_path / "other.py"
    other.write_text(PLUGIN + "\n# changed\n")
    assert find_method("mine", plugin_files=[other]).code_sha256 != before


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [-0.1, 1.1], [np.nan, 1], [[0.5, 0.5]]])
def test_mixtures_must_sum_to_one(wrong):
    with pytest.raises(InvalidInputError, match="sum to 1"):
        Mixture(np.array(wrong))


def test_uniform_mixture():
    mixture = Mixture.uniform(PAPER_SPACE)
    assert mixture.is_uniform
    assert not Mixture(np.array([0.25, 0.75])).is_uniform


def test_a_task_without_an_embedding_says_so():
    with pytest.raises(UnavailableError, match="Task2Vec embedding of CUB"):
        TaskView("CUB").vector()
