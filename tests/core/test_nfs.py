"""Locks on a real network file system: the server and two clients of Linux, in user mode.

Needs Debian's packages user-mode-linux, nfs-common, nfs-kernel-server, rpcbind, kmod and iproute2,
installed or unpacked into the folder ``T2SBENCH_UML``; no rights, no other service.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UML = Path(os.environ.get("T2SBENCH_UML", "/"))
SCENARIOS = 2 * 9  # for two versions of NFS
KERNEL = UML / "usr/bin/linux.uml"


@pytest.mark.slow
@pytest.mark.skipif(
    not KERNEL.exists() or not (UML / "usr/sbin/rpc.nfsd").exists() or shutil.which("ip") is None,
    reason="needs the packages user-mode-linux, nfs-kernel-server, rpcbind and iproute2",
)
def test_two_hosts_on_a_file_server():
    done = subprocess.run(
        [
            *(KERNEL, "mem=768M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"),
            *(f"init={ROOT / 'tests/core/nfs/guest.sh'}", "con=null", "con0=fd:0,fd:1"),
            *(f"UML={str(UML).rstrip('/')}", f"PYTHON={sys.executable}", f"ROOT={ROOT}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=600,
        check=False,
    )
    lines = [line for line in done.stdout.decode(errors="replace").splitlines() if "NFS " in line]
    assert [line for line in lines if "WRONG" in line] == [], lines
    assert sum("right" in line for line in lines) == SCENARIOS, done.stdout[-5000:].decode()
