"""Errors of each failure, in both versions of the build, and leftovers of failures.

``test_faults_through_double.py`` has the failures that pass, one by one and in disorder.
"""

import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")
pytest.importorskip("tdw")

from benchmark.core.errors import UnavailableError
from benchmark.rendering.request import DatasetRequest
from benchmark.rendering.run import render_dataset
from benchmark.simulators.interface import opened
from benchmark.simulators.registry import SimulatorChoice
from benchmark.simulators.tdw import errors
from benchmark.simulators.tdw.errors import ObjectFailedError
from benchmark.simulators.tdw.simulator import TdwSimulator
from benchmark.space import PAPER_SPACE
from tests.simulators.tdw.conftest import ROOT, double_command, sample

CATEGORIES, IMAGES = 3, 6
STEP_SECONDS = 2.0

#: What goes wrong, and as what it is seen at last, when it happens every time.
KINDS = {
    "crash": errors.BuildCrashedError,
    "crash=-11": errors.BuildCrashedError,
    "hang": errors.BuildTimeoutError,
    "late=30": errors.BuildTimeoutError,
    "quit": errors.BuildQuitError,
    "drop": errors.BuildProtocolError,
    "size": errors.BuildProtocolError,
    "content": errors.BuildProtocolError,
    "truncated": errors.BuildProtocolError,
    "encoding": errors.BuildProtocolError,
    "pass": errors.BuildProtocolError,
    "frame": errors.BuildProtocolError,
    "garbage": errors.BuildProtocolError,
    "noise": errors.BuildProtocolError,
    "missing": errors.AssetMissingError,
}


def request(options, images=IMAGES, shard_size=7):
    choice = SimulatorChoice("tdw", {"step_timeout": STEP_SECONDS, **options})
    categories = choice.build().assets().categories[:CATEGORIES]
    return DatasetRequest(
        choice,
        PAPER_SPACE.parse("11111111"),
        categories,
        images,
        objects_per_class=2,
        size=32,
        shard_size=shard_size,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Digest of the dataset when nothing goes wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("T2SBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        options = {"build": double_command(), "start_timeout": 90.0}
        folder = tmp_path_factory.mktemp("undisturbed") / "set"
        return render_dataset(request(options), folder).manifest["digest"]


def free(ports):
    """True if no process listens on any of these ports."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    return True


def check_nothing_is_left(journal):
    assert journal.living() == []
    assert free({line["port"] for line in journal.starts()})


@pytest.mark.parametrize(
    "kind", sample(["crash", "hang", "garbage", "missing", "resend=3"], "crash")
)
def test_a_failure_passes_in_the_papers_version_too(double, journal, tmp_path, kind, undisturbed):
    number = random.Random(kind).randrange(1, CATEGORIES * IMAGES + 1)  # noqa: S311
    once = tmp_path / "once"
    options = double("1.8.23", "--fault", f"{kind}@{number}", "--fault-once", once)
    made = render_dataset(request(options), tmp_path / "set")
    assert once.exists(), "the failure did not happen"
    assert made.manifest["digest"] == undisturbed
    assert made.manifest["images"] == CATEGORIES * IMAGES
    check_nothing_is_left(journal)


@pytest.mark.parametrize("kind", sample(KINDS, "crash", "late=30", "missing"))
def test_a_failure_that_stays_is_reported(double, journal, kind):
    count = 2 if KINDS[kind] is errors.BuildProtocolError else 1
    arguments = [word for i in range(count) for word in ("--fault", f"{kind}@{2 + i}")]
    options = double("1.13", *arguments, retries=1, step_timeout=STEP_SECONDS)
    simulator = TdwSimulator(**options)
    scenes = planned(simulator)
    shown = []
    with opened(simulator), pytest.raises(ObjectFailedError) as caught:
        shown.extend(simulator.render(scenes))
    # Each new build shows one image more than the last before it fails.
    assert caught.value.name == scenes[0].object
    assert caught.value.attempts == 2
    assert isinstance(caught.value.cause, KINDS[kind])
    assert f"'{scenes[0].object}'" in str(caught.value)
    assert f"-O without={scenes[0].object}" in str(caught.value)
    check_nothing_is_left(journal)


def planned(simulator, count=8, bits="11111111"):
    from benchmark.simulators.sampling import SceneSampler

    catalog = simulator.assets()
    point = PAPER_SPACE.parse(bits)
    sampler = SceneSampler(simulator.capabilities, point, catalog, seed=0, size=32)
    category = catalog.categories[0]
    return [sampler.scene(category, catalog.names(category)[0], i) for i in range(count)]


def test_errors_carry_what_is_known(double):
    found = {}
    for kind in ("crash=7", "quit=out of memory", "missing"):
        options = double("1.13", "--fault", f"{kind}@1", retries=0)
        simulator = TdwSimulator(**options)
        with opened(simulator), pytest.raises(ObjectFailedError) as caught:
            list(simulator.render(planned(simulator, 1)))
        found[kind] = caught.value.cause
    assert found["crash=7"].code == 7
    assert found["crash=7"].log_tail == "Segmentation fault, as asked for"
    assert "out of memory" in found["quit=out of memory"].message
    assert found["missing"].url.startswith("https://tdw-public.s3.amazonaws.com/")
    assert found["missing"].name in found["missing"].url


def test_a_build_that_counts_frames_otherwise_is_believed(double, journal):
    """After one jump of the frame number, an image is requested again; not after regular ones."""
    jumps = [word for i in range(1, 12) for word in ("--fault", f"frame={100 * i}@{i}")]
    simulator = TdwSimulator(**double("1.13", *jumps))
    with opened(simulator):
        assert len(list(simulator.render(planned(simulator, 8, "11111100")))) == 8
    assert len(journal.starts()) == 1
    assert len(journal.images()) == 9


def test_new_starts_are_told(double, tmp_path, caplog):
    options = double("1.13", "--fault", "crash@2", "--fault-once", tmp_path / "once")
    simulator = TdwSimulator(**options)
    with opened(simulator):
        scenes = planned(simulator, 3)
        list(simulator.render(scenes))
    (record,) = (r for r in caplog.records if r.name.startswith("benchmark.simulators.tdw"))
    assert f"'{scenes[0].object}' (restart 1 of 3)" in record.getMessage()
    assert "exit code 3" in record.getMessage()


def test_a_build_that_starts_late_or_not_at_all(double, journal):
    with opened(TdwSimulator(**double("1.13", "--fault", "hello=1"))) as simulator:
        assert simulator.driver()["profile"] == "1.13"
    options = double("1.13", "--fault", "silent")
    with pytest.raises(errors.BuildStartTimeoutError, match=r"docs/tdw\.md"):
        TdwSimulator(**{**options, "start_timeout": 3.0}).open()
    with pytest.raises(errors.BuildCrashedError, match="There is no display"):
        TdwSimulator(**double("1.13", "--fault", "refuse")).open()
    check_nothing_is_left(journal)


@pytest.mark.parametrize("bits", sample(["00001000", "11111111"], "11111111"))
def test_rotations_that_add_up_go_on_after_a_crash(double, journal, tmp_path, bits):
    seen = []
    for crash in (False, True):
        arguments = ["--fault", "crash@4", "--fault-once", tmp_path / "once"] if crash else []
        simulator = TdwSimulator(**double("1.13", *arguments, light="cumulative"))
        with opened(simulator):
            seen.append([r.pixels for r in simulator.render(planned(simulator, bits=bits))])
    assert seen[0] == seen[1]
    assert len(journal.starts()) == 3


@pytest.mark.slow
def test_workers_have_a_build_a_port_and_a_log_each(double, journal, tmp_path, undisturbed):
    made = render_dataset(request(double()), tmp_path / "set", workers=2)
    assert made.manifest["digest"] == undisturbed
    starts = journal.starts()
    assert len({line["pid"] for line in starts}) == len({line["port"] for line in starts}) == 2
    assert len(list((tmp_path / "cache" / "tdw-logs").glob("*.log"))) == 2
    check_nothing_is_left(journal)


@pytest.mark.slow
def test_the_error_of_a_worker_reaches_the_parent(double, journal, tmp_path):
    options = double("1.13", "--fault", "crash=9@2", retries=0)
    with pytest.raises(UnavailableError, match=r"(?s)^Shard \d .*in 1 attempt\..*exit code 9"):
        render_dataset(request(options), tmp_path / "set", workers=2)
    check_nothing_is_left(journal)


def test_errors_can_be_handed_on():
    crashed = errors.BuildCrashedError(7, "the end", "a.log")
    every = [
        crashed,
        errors.BuildQuitError("no memory"),
        errors.AssetMissingError("chair", "file:///chair", "Load it.", passing=True),
        ObjectFailedError("chair", 3, crashed),
        errors.VersionMismatchError("another version"),
    ]
    for error in every:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of this test
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert copy.passing == error.passing
        kept = {name: value for name, value in vars(error).items() if name != "cause"}
        assert kept.items() <= vars(copy).items()
    assert pickle.loads(pickle.dumps(every[3])).cause.code == 7  # noqa: S301


COMMAND = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from benchmark.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_killed_and_run_again(double, journal, tmp_path, number):
    """Finished shards are kept, no build stays behind, and the second run completes the set."""
    options = double()
    words = [
        "render", "--simulator", "tdw", "--config", "11111111", "--classes", "3",
        "--images-per-class", "60", "--size", "32", "--shard-size", "10",
        "-o", str(tmp_path / "set"),
    ]  # fmt: skip
    words += [part for name, value in options.items() for part in ("-O", f"{name}={value}")]
    command = [sys.executable, "-c", COMMAND, *words]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(journal.images()) <= 25:
        assert first.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    os.kill(first.pid, number)
    first.wait(60)
    assert not (tmp_path / "set").exists()
    check_nothing_is_left(journal)
    before = len(journal.images())
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "180 images" in done.stdout
    assert len(journal.images()) - before <= 160
    check_nothing_is_left(journal)
