"""The package ``tdw`` imports on every Python, leaves nothing behind, and needs no network."""

import importlib.util
import json
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tdw") is None, reason="needs the extra tdw"
)

#: Runs first in every process of these tests: what is missing on other versions is missing here.
HIDE = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
"""

BLOCK = """
import socket
def refuse(*args, **options):
    raise AssertionError("the network was used")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
"""


def run(code, *, hidden=(), before=""):
    """Output of a fresh interpreter, as JSON."""
    text = f"HIDDEN = {set(hidden)!r}\n" + HIDE + before + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("hidden", [(), ("imp",), ("pkg_resources",), ("imp", "pkg_resources")])
def test_imports_and_reads_its_records_wherever_modules_are_missing(hidden):
    found = run(
        """
        import json
        from benchmark.simulators.tdw.package import load
        from benchmark.simulators.tdw.records import RecordBook
        load("tdw.output_data")
        book = RecordBook(None)
        model = book.model("iron_box")
        print(json.dumps([
            [name for name in ("imp", "pkg_resources") if name in sys.modules],
            model.url, len(model.slots), book.skybox("fish_hoek_beach_4k").sun_intensity,
        ]))
        """,
        hidden=hidden,
        before=BLOCK,
    )
    assert found[0] == []
    assert found[1].startswith("https://tdw-public.s3.amazonaws.com/models/linux/")
    assert found[2] >= 1
    assert found[3] > 0


def test_modules_that_were_there_stay():
    found = run(
        """
        import json, types
        own = {name: types.ModuleType(name) for name in ("imp", "pkg_resources")}
        own["imp"].find_module = lambda name: None
        own["pkg_resources"].resource_filename = lambda package, name: name
        sys.modules.update(own)
        from benchmark.simulators.tdw.package import load
        load("tdw.librarian")
        print(json.dumps([sys.modules[name] is module for name, module in own.items()]))
        """
    )
    assert found == [True, True]


def test_nothing_is_imported_or_asked_before_it_is_opened():
    heavy = run(
        """
        import json
        from benchmark.simulators.tdw.simulator import TdwSimulator
        simulator = TdwSimulator(assets="paper")
        assert len(simulator.assets().categories) == 237
        type(simulator).facts()
        print(json.dumps([n for n in ("tdw", "zmq", "flatbuffers", "numpy") if n in sys.modules]))
        """,
        before=BLOCK,
    )
    assert [name for name in heavy if name != "numpy"] == []


def test_without_the_package_the_error_names_the_command():
    message = run(
        """
        import json
        from benchmark.core.errors import UnavailableError
        from benchmark.simulators.tdw.package import load
        try:
            load("tdw.librarian")
        except UnavailableError as error:
            print(json.dumps(str(error)))
        """,
        hidden=("tdw",),
    )
    assert message.endswith("Run: pip install 't2sbench[tdw]'.")
