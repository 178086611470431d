"""A Slurm cluster of one machine in a temporary folder, from the packages slurm-wlm and munge.

It has ports, keys and settings of its own and runs next to any other cluster. To try commands on
it: ``python tests/executors/slurm_cluster.py bash``.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

# Requeued jobs wait until their credential expires: two minutes by default.
_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=2
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
KillWait=2
MinJobAge=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF
"""


def missing_programs():
    """Programs of Slurm that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]


class SlurmCluster:
    """Daemons of Slurm; a context manager.

    Args:
        cpus: Processor cores that the cluster offers, whatever the machine has.
    """

    def __init__(self, cpus=4):
        # Its path is short, for the socket, and open to all, as munge demands.
        self.folder = Path(tempfile.mkdtemp(prefix="t2s-slurm-"))
        self.folder.chmod(0o755)
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}
        self._daemons = {}
        self._write_settings(cpus)

    def _write_settings(self, cpus):
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o600)
        (self.folder / "slurm.conf").write_text(
            _CONF.format(
                host=socket.gethostname().partition(".")[0],
                ports=_free_ports(2),
                user=_user(),
                folder=self.folder,
                cpus=cpus,
            )
        )

    def __enter__(self):
        try:
            self.start_munged()
            self.start_controller()
            self._start("slurmd", "-D", "-N", "node1", "-f", self.folder / "slurm.conf")
            self._wait_for("sinfo", "idle")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start_munged(self):
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{name}" for option, name in names.items()]
        log = f"--log-file={self.folder}/munge.log"
        self._start("munged", "--foreground", log, *options)
        _until((self.folder / "munge.socket").exists, "munged does not start")

    def start_controller(self):
        self._start("slurmctld", "-D", "-f", self.folder / "slurm.conf")
        self._wait_for("scontrol", "UP", "ping")

    def stop_controller(self):
        self._end("slurmctld")

    def _start(self, program, *arguments):
        with (self.folder / f"{program}.out").open("ab") as output:
            self._daemons[program] = subprocess.Popen(
                [shutil.which(program, path=_PATH), *map(str, arguments)],
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment},
            )

    def _wait_for(self, program, word, *arguments):
        def answers():
            done = self.run(program, *arguments)
            return done.returncode == 0 and word in done.stdout

        _until(answers, f"{program} does not answer '{word}'; see {self.folder}/*.log")

    def run(self, program, *arguments):
        """Run a program of Slurm, and return its result with texts."""
        return subprocess.run(
            [program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.environment},
        )

    def jobs(self):
        """Identifiers of elements that wait, run or end."""
        return self.run("squeue", "--noheader", "--array", "--format=%i").stdout.split()

    def clear(self):
        """Cancel all jobs and wait until their processes are gone."""
        self.run("scancel", f"--user={_user()}")
        _until(lambda: not self.jobs(), "jobs do not end")

    def stop(self):
        with suppress(TimeoutError):
            if "slurmd" in self._daemons:
                self.clear()
        for program in ("slurmd", "slurmctld", "munged"):
            self._end(program)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, program):
        daemon = self._daemons.pop(program, None)
        if daemon is None:
            return
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _user():
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _until(holds, problem, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(problem)
        time.sleep(0.1)


if __name__ == "__main__":
    with SlurmCluster() as cluster:
        sys.exit(subprocess.call(sys.argv[1:], env={**os.environ, **cluster.environment}))
