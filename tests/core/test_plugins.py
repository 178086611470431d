"""Plug-ins of distributions and of users' files, of every kind."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.plugins import file_sha256, find_plugin, known_plugins, load_named

FILE = """
class One: ...
METHODS = {"one": One}
NETWORKS = {"two": One}
"""


@dataclass(frozen=True)
class _Named:
    name: str


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plugins.py"
    path.write_text(FILE)
    return path


def test_this_packages_names_are_registered_in_every_group():
    expected = {
        "method": "single-best",
        "simulator": "gl",
        "network": "mini-resnet",
        "recipe": "mini",
        "protocol": "knn5",
    }
    for kind, name in expected.items():
        plugin = known_plugins(kind)[name]
        assert plugin.is_own
        assert plugin.code_sha256 is None
        assert not plugin.install_hint()


def test_a_file_serves_each_kind_that_it_registers(file: Path):
    assert "one" in known_plugins("method", [file])
    assert "two" in known_plugins("network", [file])
    assert known_plugins("recipe", [file]).keys() == known_plugins("recipe").keys()
    plugin = find_plugin("network", "two", [file])
    assert not plugin.is_own
    assert plugin.code_sha256 == file_sha256(plugin.load())
    with pytest.raises(UnknownNameError, match="two"):
        find_plugin("network", "too", [file])


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("NETWORKS = {}", "NETWORKS"),
        ("METHODS = [1]", "METHODS"),
        ("RECIPES = {'mini': 1}", "mini"),
        ("x = 1", "PROTOCOLS"),
    ],
)
def test_a_file_that_registers_nothing_is_refused(tmp_path: Path, text: str, fact: str):
    path = tmp_path / "wrong.py"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=fact):
        known_plugins("recipe", [path])


def test_objects_have_their_type_and_registered_name(tmp_path: Path):
    path = tmp_path / "objects.py"
    path.write_text(
        "from types import SimpleNamespace\nNETWORKS = {'a': SimpleNamespace(name='b'), 'c': 3}"
    )
    with pytest.raises(InvalidInputError, match="_Named"):
        load_named(find_plugin("network", "a", [path]), "network", _Named)
    with pytest.raises(InvalidInputError, match=r"'a' .*'b'"):
        load_named(find_plugin("network", "a", [path]), "network", object)
