"""Every registered simulator keeps the contract that plugins of others must keep, too."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.simulators.registry import find_simulator, known_simulators
from benchmark.simulators.toy import ToySimulator
from benchmark.testing import SimulatorContract

ROOT = Path(__file__).parents[2]
#: A stand-in for a build of TDW; tests/simulators/tdw has the tests of both versions.
DOUBLE = f"{shlex.quote(sys.executable)} -m tests.simulators.tdw.double --port {{port}}"
OPTIONS = {"gl": {}, "tdw": {"build": DOUBLE, "start_timeout": "90"}, "toy": {}}
EXAMPLE = ROOT / "docs" / "examples" / "my_simulator.py"
SPACE_EXAMPLE = ROOT / "docs" / "examples" / "my_space.py"
NAMES = sorted(known_simulators())
RULES = [name for name in dir(SimulatorContract) if name.startswith("test_")]


class TestRegistered(SimulatorContract):
    @pytest.fixture(autouse=True, params=NAMES)
    def simulator(self, request, simulator_cache, monkeypatch):
        options = OPTIONS.get(request.param)
        if request.param == "tdw":
            for package in ("tdw", "zmq", "flatbuffers"):
                pytest.importorskip(package)
            monkeypatch.setenv("PYTHONPATH", str(ROOT))
        self.choice = find_simulator(request.param, options)

    def make(self):
        return self.choice.build()

    def same(self, simulator, first, second):
        """All of ours draw the same pixels here, also where they promise less."""
        return bool(np.array_equal(first, second))


def test_the_registry_is_not_empty():
    assert {"gl", "tdw", "toy"} <= set(NAMES)


class _Sticky(ToySimulator):
    """Keeps the last focus: the leak of the released generator."""

    last = None

    def _draw(self, scene):
        self.last = scene.focus or self.last
        return super()._draw(replace(scene, focus=self.last))


class _Deaf(ToySimulator):
    def _draw(self, scene):
        return super()._draw(replace(scene, distance=1.0))


class _Restless(ToySimulator):
    count = 0

    def _draw(self, scene):
        self.count += 1
        return super()._draw(scene) + np.uint8(self.count % 3)


class _Backwards(ToySimulator):
    def render(self, scenes):
        return super().render(list(scenes)[::-1])


class _Blank(ToySimulator):
    def _draw(self, scene):
        return np.zeros((scene.size, scene.size, 3), np.uint8)


class _WrongSize(ToySimulator):
    def _draw(self, scene):
        return super()._draw(replace(scene, size=20))


class _AlwaysOpen(ToySimulator):
    def close(self):
        pass


class _Nameless(ToySimulator):
    def driver(self):
        return {}


class _Gullible(ToySimulator):
    def _draw(self, scene):
        return np.zeros((scene.size, scene.size, 3), np.uint8)


class _Shifting(ToySimulator):
    def assets(self):
        return replace(super().assets(), content=str(self._is_open))


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_Sticky, "test_nothing_leaks_into_the_next_scene"),
        (_Sticky, "test_order_does_not_matter"),
        (_Deaf, "test_every_level_acts"),
        (_Restless, "test_rendering_again_is_the_same"),
        (_Backwards, "test_images_have_the_asked_form"),
        (_Blank, "test_images_have_the_asked_form"),
        (_WrongSize, "test_images_have_the_asked_form"),
        (_AlwaysOpen, "test_a_closed_simulator_refuses"),
        (_Nameless, "test_drivers_are_named"),
        (_Gullible, "test_unknown_assets_are_refused"),
        (_Shifting, "test_assets_need_no_engine"),
    ],
)
def test_every_rule_can_be_broken(broken, rule):
    contract = SimulatorContract()
    contract.make = broken
    with pytest.raises(AssertionError):
        getattr(contract, rule)()
    contract.make = ToySimulator
    getattr(contract, rule)()


def test_every_rule_was_seen_to_fail():
    marks = test_every_rule_can_be_broken.pytestmark
    assert {rule for mark in marks for _, rule in mark.args[1]} == set(RULES)


def test_a_contract_without_make_says_so():
    with pytest.raises(NotImplementedError, match="Override make"):
        SimulatorContract().test_drivers_are_named()


def test_closed_toy_refuses_by_sentence():
    simulator = ToySimulator()
    scenes = SimulatorContract().scenes(simulator, simulator.capabilities.space.at(0), 1)
    with pytest.raises(UnavailableError, match="not open"):
        list(simulator.render(scenes))


class TestExample(SimulatorContract):
    def make(self):
        return find_simulator("discs", plugin_files=[EXAMPLE]).build()


@pytest.mark.usefixtures("simulator_cache")
class TestSpaceExample(SimulatorContract):
    def make(self):
        return find_simulator("foggy", plugin_files=[SPACE_EXAMPLE]).build()


def test_a_space_without_draws_is_refused_when_its_simulator_is_named(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(SPACE_EXAMPLE.read_text().replace('"fog": (Fixed', '"mist": (Fixed'))
    with pytest.raises(InvalidInputError, match=r"'fog' has 3 levels, but 0 draws.*'mist'"):
        find_simulator("foggy", plugin_files=[path])
