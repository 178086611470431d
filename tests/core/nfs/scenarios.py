"""Locks of two hosts on one file server; run by ``guest.sh``, prints one line per scenario.

Arguments: version of NFS, process ids of the hosts a and b.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.core.test_leases import HOST, SILENCE

VERSION, PIDS = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
PLACE = Path("/run/export") / VERSION
COUNT = """
import time
from pathlib import Path
from benchmark.core import leases
for _ in range(15):
    with leases.lease(Path("lock")):
        path = Path("counter")
        before = path.read_text() if path.exists() else ""
        time.sleep(0.002)
        path.write_text(before + "x")
"""
MEASURE = """
import os, time
from pathlib import Path
from benchmark.core.leases import lease
def median(call):
    seconds = []
    for _ in range(50):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[25] * 1000
def create():
    handle = os.open("file", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    os.write(handle, b"x" * 90)
    os.close(handle)
    os.unlink("file")
def lock():
    with lease(Path("lock")):
        pass
print(f"{median(create):.2f} ms per file, {median(lock):.2f} ms per lock")
"""


def start(host, script, *arguments):
    """A Python process on a host, in the shared folder."""
    return subprocess.Popen(
        [
            *("nsenter", "-t", PIDS["ab".index(host)], "-m", "-n", "-u", "bash", "-c"),
            *('cd "$1" && shift && exec "$@"', "-", f"/run/{host}/{VERSION}"),
            *(sys.executable, "-c", script, *arguments),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process):
    return process.stdout.readline().strip()


def say(text):
    sys.stdout.write(f"NFS {VERSION}: {text}\n")
    sys.stdout.flush()


def report(what, is_right, more=""):
    say(f"{'right' if is_right else 'WRONG'}: {what} {more}")


def hold(host, end, what="lock"):
    return start(host, HOST, what, "kernel", str(PLACE / end))


def takes_over(first, second, number):
    holder = hold(first, "end-1")
    line(holder)
    waiting = hold(second, "end-2")
    time.sleep(SILENCE / 2)
    holder.send_signal(number)  # nsenter and bash have become it
    began = time.monotonic()
    line(waiting)
    return holder, waiting, time.monotonic() - began


def two_processes_of_each_host_count():
    workers = [start(host, COUNT) for host in "abab"]
    for worker in workers:
        worker.wait()
    found = len((PLACE / "counter").read_text())
    report("two processes of each host count", found == 60, f"to {found} of 60")


def a_holder_is_killed(hosts, least):
    _, waiting, seconds = takes_over(*hosts, signal.SIGKILL)
    report(f"killed holder, hosts {hosts}", least <= seconds, f"replaced after {seconds:.1f} s")
    waiting.kill()
    waiting.wait()


def a_holder_stands_still():
    holder, waiting, _ = takes_over("a", "b", signal.SIGSTOP)
    (PLACE / "end-1").touch()
    holder.send_signal(signal.SIGCONT)
    says = line(holder)
    report("stopped holder continues", says == "lost True", says)
    holder.wait()
    (PLACE / "end-2").touch()
    says = line(waiting)
    report("the other one keeps the lock", says == "lost False", says)
    waiting.wait()
    report("locks are removed", not (PLACE / "lock").exists())


def a_cell_is_made():
    cells = [hold(host, "end-2", "cell") for host in "ab"]
    says = [cell.communicate()[0].split("\n") for cell in cells]
    made = sum("held" in lines for lines in says)
    report("one host makes a cell, both read it", made == 1, str(says))


def two_commands_write_to_a_folder():
    first = hold("a", "end-3", "folder")
    line(first)
    is_refused = hold("b", "end-3", "folder").wait() != 0
    (PLACE / "end-3").touch()
    report("one command per folder", is_refused and first.wait() == 0)
    written = (PLACE / "out/records.jsonl").read_bytes()
    report("lines of the first", written == b"kernel\n", repr(written))


if __name__ == "__main__":
    PLACE.mkdir()
    two_processes_of_each_host_count()
    a_holder_is_killed("ab", SILENCE / 2)
    a_holder_is_killed("aa", 0.0)
    a_holder_stands_still()
    a_cell_is_made()
    two_commands_write_to_a_folder()
    say(line(start("a", MEASURE)))
