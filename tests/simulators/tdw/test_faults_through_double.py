"""Whatever a build does, a dataset is complete and the same, or an error says what is wrong.

Failures come at random images, before the first one, in every start, and one after the other.
Nothing hangs, no process is left, and no port stays bound.
"""

import hashlib
import itertools
import random
import shlex
import socket
from pathlib import Path

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")
pytest.importorskip("tdw")

from benchmark.rendering.request import DatasetRequest
from benchmark.rendering.run import render_dataset
from benchmark.simulators.registry import SimulatorChoice, find_simulator
from benchmark.simulators.tdw.errors import (
    BuildCrashedError,
    BuildProtocolError,
    BuildQuitError,
    BuildStartTimeoutError,
    BuildTimeoutError,
    ObjectFailedError,
    TdwError,
    VersionMismatchError,
)
from benchmark.space import PAPER_SPACE
from tests.simulators.tdw.conftest import sample

STEP_TIMEOUT = 1.5
LATE = STEP_TIMEOUT + 1
IMAGES = 12

#: Failures that a restart cures.
PASSING = (
    "crash",
    "crash=-11",
    "hang",
    "freeze",
    "quit=NullReferenceException",
    f"late={LATE}",
    "drop",
    "size",
    "content",
    "truncated",
    "encoding",
    "pass",
    "frame",
    "frame=9999",
    "frame=-1",
    "garbage",
    "noise",
    "missing",
)
#: Behaviour that is no failure.
HARMLESS = ("late=0.4", "resend", "resend=5")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Files of the dataset as a build makes it with which nothing is wrong, by configuration."""
    made = {}

    def render(request):
        key = str(request.configuration)
        if key not in made:
            target = tmp_path_factory.mktemp("undisturbed") / "dataset"
            render_dataset(request, target)
            made[key] = files(target)
            assert len(images(made[key])) == len(request)
        return made[key]

    return render


@pytest.fixture
def request_for(double, tmp_path):
    """Makes the request of a small dataset whose build has faults; those happen only once."""

    def make(*faults, once=True, config="11111111", **options):
        arguments = [word for fault in faults for word in ("--fault", fault)]
        if once and faults:
            arguments += ["--fault-once", tmp_path / "happened"]
        chosen = double("1.13", *arguments, step_timeout=STEP_TIMEOUT, **options)
        simulator = find_simulator("tdw", {name: str(v) for name, v in chosen.items()})
        return small(simulator, config)

    return make


def small(simulator: SimulatorChoice, config: str) -> DatasetRequest:
    """Twelve images of four objects in two categories, in three shards."""
    catalog = simulator.build().assets()
    categories = [name for name in catalog.categories if len(catalog.names(name)) > 1]
    return DatasetRequest(
        simulator,
        PAPER_SPACE.parse(config),
        tuple(categories[:2]),
        images_per_class=IMAGES // 2,
        objects_per_class=2,
        size=32,
        layout="imagefolder",
        shard_size=5,
    )


def files(folder: Path) -> dict[str, str]:
    """Digest of every file of a dataset but those that tell how it was made."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "README.md")
    }


def images(found: dict[str, str]) -> list[str]:
    """Names of the images among files."""
    return [name for name in found if name.endswith((".jpg", ".jpeg"))]


def listening(port: int) -> bool:
    """True if any process listens on a port of this machine."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    places = [row.split()[1] for row in rows if row.split()[3] == "0A"]
    return any(place.endswith(f":{port:04X}") for place in places)


def nothing_left(journal) -> bool:
    """True if all processes have ended and their ports are free."""
    return journal.living() == [] and not any(listening(s["port"]) for s in journal.starts())


def some_image(fault: str) -> int:
    """A random image, the same one every time."""
    return random.Random(f"image of {fault}").randint(1, IMAGES)  # noqa: S311


@pytest.mark.parametrize("fault", sample(PASSING, "crash", "hang", "truncated"))
def test_a_failure_at_a_random_image_passes(request_for, undisturbed, journal, tmp_path, fault):
    expected = undisturbed(request_for())
    happened = len(journal.lines())
    request = request_for(f"{fault}@{some_image(fault)}")
    made = render_dataset(request, tmp_path / "dataset")
    assert files(made.folder) == expected
    assert len([line for line in journal.lines()[happened:] if "fault" in line]) == 1
    assert nothing_left(journal)


@pytest.mark.parametrize("fault", HARMLESS)
def test_what_is_no_failure_changes_nothing(request_for, undisturbed, journal, tmp_path, fault):
    expected = undisturbed(request_for())
    starts = len(journal.starts())
    request = request_for(f"{fault}@{some_image(fault)}")
    assert files(render_dataset(request, tmp_path / "dataset").folder) == expected
    assert len(journal.starts()) == starts + 1
    assert any("fault" in line for line in journal.lines())
    assert nothing_left(journal)


@pytest.mark.parametrize(
    ("fault", "step"),
    sample(
        itertools.product(["crash", "hang", "drop", "garbage", "quit"], [1, 2, 3, 4, 5]),
        *[("crash", 2), ("hang", 3)],
    ),
)
def test_a_failure_before_the_first_image(request_for, undisturbed, journal, tmp_path, fault, step):
    """Version, scene, object, look, size: a build that starts badly is reported, or passes."""
    expected = undisturbed(request_for())
    request = request_for(f"{fault}@step{step}")
    try:
        render_dataset(request, tmp_path / "dataset")
    except (BuildCrashedError, BuildTimeoutError, BuildQuitError, BuildProtocolError):
        assert step <= 2  # while it is opened
        assert nothing_left(journal)
        render_dataset(request, tmp_path / "dataset")
    assert files(tmp_path / "dataset") == expected
    assert nothing_left(journal)


REPORTED = {
    "refuse=5": BuildCrashedError,
    "silent": BuildStartTimeoutError,
    "hello=20": BuildStartTimeoutError,
    "version=1.12.0": VersionMismatchError,
}


@pytest.mark.parametrize("fault", sample(REPORTED, "refuse=5", "silent", "version=1.12.0"))
def test_a_build_that_does_not_start_is_reported(request_for, journal, tmp_path, fault):
    simulator = request_for(fault, once=False, start_timeout=3.0).simulator.build()
    with pytest.raises(REPORTED[fault]):
        simulator.open()
    assert nothing_left(journal)
    with pytest.raises(REPORTED[fault]):
        render_dataset(request_for(fault, once=False, start_timeout=3.0), tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()
    assert nothing_left(journal)


def test_a_build_that_is_slow_to_start_is_waited_for(request_for, undisturbed, journal, tmp_path):
    expected = undisturbed(request_for())
    made = render_dataset(request_for("hello=2"), tmp_path / "dataset")
    assert files(made.folder) == expected
    assert nothing_left(journal)


LASTING = {"crash=6": BuildCrashedError, "hang": BuildTimeoutError}


@pytest.mark.parametrize("fault", sample(LASTING, "crash=6"))
def test_what_fails_again_and_again_names_the_object(
    request_for, undisturbed, journal, tmp_path, fault
):
    """Every build fails at its second image; what there is is kept, and completed later."""
    expected = undisturbed(request_for())
    request = request_for(f"{fault}@2", once=False, retries=2)
    with pytest.raises(ObjectFailedError) as caught:
        render_dataset(request, tmp_path / "dataset")
    assert isinstance(caught.value.cause, LASTING[fault])
    assert caught.value.attempts == 3
    known = request.simulator.build().assets()
    assert caught.value.name in {n for c in request.categories for n in known.names(c)}
    assert nothing_left(journal)
    made = render_dataset(request_for(), tmp_path / "dataset")
    assert files(made.folder) == expected


@pytest.fixture
def in_turn(request_for, tmp_path):
    """Makes a request whose build fails in another way in each process start."""

    def make(*faults, config="11111111", **options):
        choice = request_for(*faults, once=False, **options).simulator
        command = f"{choice.options['build']} --starts {shlex.quote(str(tmp_path / 'starts'))}"
        return small(SimulatorChoice("tdw", {**choice.options, "build": command}), config)

    return make


@pytest.mark.slow
def test_one_failure_after_the_other(in_turn, request_for, undisturbed, journal, tmp_path):
    expected = undisturbed(request_for())
    request = in_turn("crash@4/1", "refuse/2", "quit@1/3", "hang@2/4", "noise@step4/5", retries=5)
    assert files(render_dataset(request, tmp_path / "dataset").folder) == expected
    assert nothing_left(journal)


def test_another_version_after_a_new_start_is_reported(in_turn, journal, tmp_path):
    request = in_turn("crash@3/1", "version=1.8.23/2", config="00000000")
    with pytest.raises(VersionMismatchError):
        render_dataset(request, tmp_path / "dataset")
    assert nothing_left(journal)


def disorder(seed: int) -> list[str]:
    """A failure for each of some process starts, anywhere in them."""
    choose = random.Random(f"disorder {seed}")  # noqa: S311
    kinds = [*PASSING, *HARMLESS, "refuse", "silent", "hello=0.5"]
    faults = []
    for start in range(1, choose.randint(2, 6)):
        for kind in choose.sample(kinds, choose.randint(1, 3)):
            unit, last = choose.choice([("", 8), ("step", 14)])
            faults.append(f"{kind}@{unit}{choose.randint(1, last)}/{start}")
    return faults


@pytest.mark.parametrize("seed", sample(range(6)))
def test_any_disorder_ends(in_turn, request_for, undisturbed, journal, tmp_path, seed):
    """Run again after each error, a dataset gets complete, and no image is another one."""
    expected = undisturbed(request_for())
    request = in_turn(*disorder(seed), start_timeout=4.0, retries=2)
    for _ in range(12):
        try:
            made = render_dataset(request, tmp_path / "dataset")
        except TdwError:
            assert nothing_left(journal)
            continue
        break
    assert files(made.folder) == expected
    assert nothing_left(journal)


@pytest.mark.slow
def test_the_same_port_serves_the_next_build(request_for, undisturbed, journal, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    expected = undisturbed(request_for())
    starts = len(journal.starts())
    for number, fault in enumerate(("crash@5", "hang@3")):
        (tmp_path / "happened").unlink(missing_ok=True)
        made = render_dataset(request_for(fault, port=port), tmp_path / f"dataset{number}")
        assert files(made.folder) == expected
    assert {start["port"] for start in journal.starts()[starts:]} == {port}
    assert nothing_left(journal)
