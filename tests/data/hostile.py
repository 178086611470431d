"""Ways to rewards that a method must not see; ``way`` chooses one."""

import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

HELD = set()


class Hostile:
    def __init__(self, *, way: str = "gc", place: str = ""):
        self.way, self.place = way, place

    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
        self.names = rewards.tasks
        rewards.reward(tasks[0].name, self.space.at(0))
        if self.way == "count":
            rewards.matrix()
            rewards._asked[:] = False
        HELD.update(rewards.tasks)

    def select(self, task, rng):
        if self.way in {"honest", "count"}:
            return self.space.at(0)
        return self.space.at(int(np.argmax(getattr(self, self.way)(task))))

    def gc(self, task):
        from benchmark.rewards.table import RewardTable

        (table,) = [o for o in gc.get_objects() if isinstance(o, RewardTable)]
        return table.means[table.row(task.name)]

    def frames(self, task):
        frame = sys._getframe()
        while frame is not None:
            context = frame.f_locals.get("context")
            if context is not None:
                return context.table.means[context.table.row(task.name)]
            frame = frame.f_back
        raise LookupError("no context")

    def file(self, task):
        from benchmark.rewards.catalog import load_table

        return load_table("gl-mini").means[0]

    def folder(self, task):
        from benchmark.rewards.storage import read_any_table

        return read_any_table(Path(self.place)).means[0]

    def native(self, task):
        libc = ctypes.CDLL(None, use_errno=True)
        number = libc.open(str(Path(self.place, "card.json")).encode(), os.O_RDONLY)
        if number < 0:
            raise OSError(ctypes.get_errno(), "refused")
        return [1]

    def process(self, task):
        subprocess.run(["cat", Path(self.place, "card.json")], check=True)
        return [1]

    def memory(self, task):
        for name in (os.getppid(), int(self.place or 0)):
            with suppress(OSError), Path(f"/proc/{name}/mem").open("rb"):
                return [1]
        raise PermissionError("refused")

    def kill(self, task):
        os.kill(os.getppid(), signal.SIGTERM)
        return [1]

    def network(self, task):
        socket.create_connection(("127.0.0.1", int(self.place)), 1)
        return [1]

    def write(self, task):
        with Path(self.place).open("a") as stream:
            stream.write("forged")
        return [1]

    def held(self, task):
        if task.name in HELD:
            return [1]
        raise LookupError("rewards of an earlier fold are absent")

    def question(self, task):
        from benchmark.runs.isolated import _asked

        return _asked(self.channel(), "lookup", 0, 0)

    def channel(self):
        """The open one; that of the process before the fork is closed."""
        channels = [o for o in gc.get_objects() if type(o).__name__ == "Channel"]
        return next(o for o in channels if o._connection.fileno() >= 0)

    def ends(self, task):
        os._exit(7)

    def crashes(self, task):
        os.kill(os.getpid(), signal.SIGSEGV)

    def garbage(self, task):
        self.channel()._connection.sendall(b"x" * 4096)


class Asks(Hostile):
    """Asks for the first rewards of the judged task."""

    def search(self, task, queries, rng):
        return queries.best(range(self.space.size))


class Greedy(Asks):
    def search(self, task, queries, rng):
        queries.budget = 10**6
        for number in range(self.space.size):
            queries.ask(self.space.at(number))


METHODS = {"hostile": Hostile, "asks": Asks, "greedy": Greedy}
