"""Builds that do not start, crash, hang or stay behind: no double is needed to be disappointed."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("zmq")
pytest.importorskip("flatbuffers")

import zmq

from benchmark.core.errors import UnavailableError, UnknownNameError
from benchmark.simulators.tdw.build import BuildSession, BuildSettings, Link
from benchmark.simulators.tdw.dialect import find_dialect
from benchmark.simulators.tdw.errors import (
    BuildCrashedError,
    BuildNotFoundError,
    BuildStartTimeoutError,
    BuildTimeoutError,
)
from benchmark.simulators.tdw.process import BuildProcess


def script(tmp_path, text, name="build"):
    """A program that is started as a build would be."""
    path = tmp_path / f"a {name}.py"
    path.write_text(f"#!{sys.executable}\n" + textwrap.dedent(text))
    path.chmod(0o755)
    return str(path)


def build(command, **settings):
    values = {"port": 0, "start_timeout": 20.0, "step_timeout": 1.0, **settings}
    return BuildSession(BuildSettings(command, **values), find_dialect("1.13"))


def gone(pid):
    """True if a process has ended, or ends within seconds."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("command", ["/no/such/TDW.x86_64", "no-such-program --port {port}", "'"])
def test_a_build_that_is_not_there(command):
    with pytest.raises(BuildNotFoundError, match="-O build="):
        build(command).start()


def test_no_build_named_and_none_at_the_usual_place(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BuildNotFoundError, match="-O build=wait"):
        build("").start()


def test_a_file_that_is_no_program(tmp_path):
    path = tmp_path / "TDW.x86_64"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    with pytest.raises(BuildNotFoundError, match=r"TDW\.x86_64"):
        build(str(path)).start()


def test_a_build_that_crashes_at_once_says_why(tmp_path):
    path = script(tmp_path, "import sys; print('no display', file=sys.stderr); sys.exit(7)")
    made = build(path)
    with pytest.raises(BuildCrashedError, match="exit code 7") as caught:
        made.start()
    assert caught.value.code == 7
    assert caught.value.log_tail == "no display"
    assert made.port is None


def test_a_build_that_is_killed(tmp_path):
    path = script(tmp_path, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(BuildCrashedError, match="signal 9"):
        build(path).start()


def test_a_build_that_never_speaks(tmp_path):
    path = script(tmp_path, "import time; print('loading', flush=True); time.sleep(600)")
    made, start = build(path, start_timeout=1.5), time.monotonic()
    with pytest.raises(BuildStartTimeoutError, match=r"within 1.5 s(.|\n)*loading"):
        made.start()
    assert time.monotonic() - start > 1.4


def test_waiting_for_the_users_own_build_has_a_limit_too():
    made = build("wait", port=free_port(), start_timeout=0.3)
    with pytest.raises(BuildStartTimeoutError, match=r"to port \d+"):
        made.start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_a_port_that_is_taken_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"port {port}"):
            build("wait", port=port).start()


def test_a_stubborn_build_and_its_children_are_ended(tmp_path):
    path = script(
        tmp_path,
        """
        import os, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid, flush=True)
        time.sleep(600)
        """,
    )
    process = BuildProcess([path], {})
    for _ in range(400):
        if process.tail().strip().isdigit():
            break
        time.sleep(0.05)
    child = int(process.tail())
    process.end()
    assert gone(process.pid)
    assert gone(child)


def test_a_build_does_not_outlive_us(tmp_path):
    sleeper = shlex.quote(script(tmp_path, "import time; time.sleep(600)", "sleeper"))
    code = f"""
        import time
        from benchmark.simulators.tdw.process import BuildProcess, command_line
        print(BuildProcess(command_line({sleeper!r}, 1), {{}}).pid, flush=True)
        time.sleep(600)
    """
    us = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    pid = int(us.stdout.readline())
    os.kill(us.pid, signal.SIGKILL)
    us.wait()
    us.stdout.close()
    assert gone(pid)


def answering(port, *answers):
    """A peer in a thread that says hello and then gives these answers, one a question."""
    got = []

    def speak():
        with zmq.Context() as context, context.socket(zmq.REQ) as peer:
            peer.linger = 0
            peer.rcvtimeo = 20000
            peer.connect(f"tcp://127.0.0.1:{port}")
            peer.send(b"hello")
            for answer in answers:
                got.append(peer.recv())
                peer.send_multipart(answer)
            if not answers:
                got.append(peer.recv())  # and never answers

    thread = threading.Thread(target=speak)
    thread.start()
    return thread, got


FRAME = b"\0\0\0\7"
AGAIN = [b"\0\0\0\0ftre", b"\0\0\0\0"]


def test_commands_that_were_not_received_are_sent_again():
    link = Link(0, lambda: None)
    thread, got = answering(link.port, AGAIN, AGAIN, [FRAME])
    try:
        link.hello(20)
        assert link.exchange(b"[1]", 20).frame == 7
        thread.join()
        assert got == [b"[1]"] * 3
    finally:
        link.close()


def test_a_build_that_never_receives_is_given_up():
    link = Link(0, lambda: None)
    thread, _ = answering(link.port, *[AGAIN] * 100)
    try:
        link.hello(20)
        with pytest.raises(UnavailableError, match="100 times"):
            link.exchange(b"[]", 20)
    finally:
        thread.join()
        link.close()


def test_an_answer_has_a_limit_and_the_port_is_free_afterwards():
    link = Link(0, lambda: None)
    thread, _ = answering(link.port)
    port = link.port
    try:
        link.hello(20)
        start = time.monotonic()
        with pytest.raises(BuildTimeoutError, match=r"within 0\.3 s"):
            link.exchange(b"[]", 0.3)
        assert time.monotonic() - start > 0.25
    finally:
        thread.join()
        link.close()
    again = Link(port, lambda: None)
    assert again.port == port
    again.close()
    again.close()


def test_only_the_loopback_interface_listens():
    link = Link(0, lambda: None)
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()
        places = [line.split()[1] for line in lines if line.split()[3] == "0A"]
        assert [place for place in places if place.endswith(f":{link.port:04X}")] == [
            f"0100007F:{link.port:04X}"
        ]
    finally:
        link.close()


def test_unknown_profiles_are_refused():
    with pytest.raises(UnknownNameError, match=r"Did you mean '1\.13'"):
        find_dialect("1.31")
