"""The simulator with a build of either version: the contract of all, and its own rules."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError, UnavailableError, UnknownNameError
from benchmark.simulators.interface import opened
from benchmark.simulators.registry import find_simulator
from benchmark.simulators.sampling import SceneSampler
from benchmark.simulators.tdw.errors import AssetMissingError, VersionMismatchError
from benchmark.simulators.tdw.simulator import TdwSimulator
from benchmark.space import PAPER_SPACE
from benchmark.testing import SimulatorContract

ROOT = Path(__file__).parents[3]
DIALECTS = ["1.13", "1.8.23"]


def scenes(simulator, configuration="11111111", count=6, size=48, category=0):
    catalog = simulator.assets()
    sampler = SceneSampler(
        simulator.capabilities, PAPER_SPACE.parse(configuration), catalog, seed=1, size=size
    )
    name = catalog.categories[category]
    return [sampler.scene(name, catalog.names(name)[0], index) for index in range(count)]


def images(simulator, planned):
    return [rendering.pixels for rendering in simulator.render(planned)]


@pytest.mark.slow  # tests/conformance holds 1.13 to the contract
class TestContract(SimulatorContract):
    @pytest.fixture(autouse=True, params=DIALECTS)
    def profile(self, request, double):
        self.options = double(request.param)

    def make(self):
        return TdwSimulator(**self.options)

    def same(self, simulator, first, second):
        """The test double draws the same pixels every time: nothing may differ at all."""
        return bool(np.array_equal(first, second))


@pytest.mark.parametrize(("profile", "version"), [("1.13", "1.8.23"), ("1.8.23", "1.13.0")])
def test_a_build_of_the_other_version_is_refused(double, journal, profile, version):
    simulator = TdwSimulator(**double(profile, version=version))
    with pytest.raises(VersionMismatchError) as caught:
        simulator.open()
    reported = str(caught.value)
    assert "\n" not in reported
    assert f"-O profile={profile}" in reported
    assert f"version {version}" in reported
    assert f"-O profile={version.removesuffix('.0')}" in reported
    assert journal.living() == []
    with pytest.raises(UnavailableError, match="closed"):
        simulator.driver()


def test_a_build_of_no_known_version_is_refused(double):
    simulator = TdwSimulator(**double("1.13", "--fault", "version=1.11.2"))
    with pytest.raises(VersionMismatchError, match=r"1\.11\.2(.|\n)*1\.13"):
        simulator.open()


@pytest.mark.parametrize("profile", DIALECTS)
def test_one_round_trip_for_each_image(double, journal, profile):
    with opened(TdwSimulator(**double(profile))) as simulator:
        planned = scenes(simulator, count=12)
        list(simulator.render(planned))
    steps = [line["step"] for line in journal.images()]
    assert len(steps) == 12
    assert steps == list(range(steps[0], steps[0] + 12))
    assert steps[0] <= 8  # version, scene, object, a look at it, size


def test_the_builds_bytes_are_stored_as_they_are(double, journal):
    import hashlib

    with opened(TdwSimulator(**double())) as simulator:
        made = images(simulator, scenes(simulator))
    reported = [line["sha256"] for line in journal.images()]
    assert [[hashlib.sha256(content).hexdigest()] for content in made] == reported


def test_a_build_that_the_user_starts(double, journal):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = double(port=port)
    words = ["-m", "tests.simulators.tdw.double", "--port", str(port), "--journal"]
    user = subprocess.Popen([sys.executable, *words, str(journal.path)], stderr=subprocess.DEVNULL)
    try:
        with opened(TdwSimulator(**{**options, "build": "wait"})) as simulator:
            assert simulator.driver()["engine"] == "ThreeDWorld 1.13.0"
            assert len(images(simulator, scenes(simulator))) == 6
        assert user.wait(20) == 0  # ended, like every build at the end of its controller
    finally:
        user.kill()
        user.wait()


def test_a_mirror_stands_in_for_the_stores(double, journal, tmp_path):
    mirror = tmp_path / "my mirror"
    options = double(mirror=str(mirror), assets="paper")
    with pytest.raises(InvalidInputError, match="-O mirror"):
        TdwSimulator(**options)
    for kind in ("models", "materials", "hdri_skyboxes"):
        (mirror / kind).mkdir(parents=True)
    simulator = TdwSimulator(**options)
    planned = scenes(simulator, "00000000", 1)
    (mirror / "models" / planned[0].object).write_bytes(b"bundle")
    with opened(simulator), pytest.raises(AssetMissingError, match="mirror"):
        images(simulator, planned)
    (mirror / "hdri_skyboxes" / planned[0].background.panorama).write_bytes(b"bundle")
    with opened(simulator):
        assert len(images(simulator, planned)) == 1
    urls = [c["url"] for line in journal.images() for c in line["commands"] if "url" in c]
    assert urls == [(mirror / "hdri_skyboxes" / planned[0].background.panorama).as_uri()]
    assert not any("use_pre_signed_urls" in str(line) for line in journal.lines())


def test_private_models_are_fetched_with_signed_addresses(double, journal):
    with opened(TdwSimulator(**double(assets="paper"))):
        pass
    assert any("use_pre_signed_urls" in str(line["commands"]) for line in journal.lines()[1:-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assets": "publik"}, "Did you mean 'public'"),
        ({"objects": "half"}, "Known: all, subset"),
        ({"profile": "1.8"}, "TDW profile '1.8'"),
        ({"ranges": "release"}, "Did you mean 'released'"),
        ({"port": "70000"}, "port .*70000"),
        ({"retries": "-1"}, "retries .*-1"),
        ({"start_timeout": "0"}, "start_timeout .*0"),
        ({"step_timeout": "nan"}, "step_timeout .*nan"),
        ({"prot": "1"}, "Did you mean 'port'"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises((InvalidInputError, UnknownNameError), match=message):
        find_simulator("tdw", options).build()


def test_without_the_extra_opening_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "zmq" else name)
    with pytest.raises(UnavailableError, match=r"no zmq\. Run: pip install 't2sbench\[tdw\]'"):
        TdwSimulator(build="/bin/true").open()


def test_only_what_images_depend_on_enters_a_datasets_identity(double):
    from benchmark.rendering.request import DatasetRequest

    keys = set()
    for options in ({}, {"build": "/opt/TDW", "step_timeout": "5", "port": "1234", "retries": "9"}):
        choice = find_simulator("tdw", options)
        category = choice.build().assets().categories[0]
        request = DatasetRequest(choice, PAPER_SPACE.at(3), (category,), 4)
        keys.add(request.key(choice.build()))
    assert len(keys) == 1
    choice = find_simulator("tdw", {"ranges": "released"})
    assert DatasetRequest(choice, PAPER_SPACE.at(3), (category,), 4).key(choice.build()) not in keys
