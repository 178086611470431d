"""Locks in every order of file operations: processes that are killed or stand still at any point.

Processes are threads here. One file operation runs at a time; the test draws which process does the
next one, and which process dies or stands still. Time is virtual.
"""

import os
import random
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core import leases

BEAT, SILENCE = 3.0, 12.0
PAUSE, STANDSTILL = 6.0, 60.0  # shorter than the silence that counts as death, and longer


class Killed(BaseException):
    pass


class Process(threading.Thread):
    def __init__(self, world, name, host):
        super().__init__(name=name, daemon=True)
        self.world, self.host = world, host
        self.turn = threading.Semaphore(0)
        self.wakes_at, self.handles, self.held = 0.0, set(), set()
        self.is_dead = self.is_done = self.stood_still = self.before_removal = False

    def run(self):
        try:
            self.turn.acquire()
            for _ in range(2):
                with leases.lease(self.world.path) as mine:
                    for _ in range(3):
                        self.world.check(mine)
                        self.world.sleep(2.0)
                    self.world.check(mine)
                self.stood_still = False
        except Killed:
            pass
        except Exception as error:
            self.world.faults.append(repr(error))
        finally:
            self.is_done = True
            self.world.idle.release()


class World:
    """Scheduler; it stands for the modules ``os`` and ``time`` and for the thread of the beats."""

    def __init__(self, path, rng, hosts):
        self.path, self.rng, self.now = path, rng, 0.0
        self.idle, self.beaten_at, self.kills, self.stops = threading.Semaphore(0), 0.0, 2, 2
        self.processes = [Process(self, f"{i}", host) for i, host in enumerate(hosts)]
        self.faults = []

    @property
    def me(self):
        return threading.current_thread()

    def check(self, mine):
        """A process that did not stand still has the lock that it believes to have."""
        me = self.me
        if not mine.is_held() and not me.stood_still:  # in this order: it may stop in between
            self.faults.append(f"{self.now}: {me.name} lost its lock without standing still")

    # The modules.
    def step(self, is_removal=False):
        me = self.me
        if not isinstance(me, Process):
            return
        if me.is_dead:
            raise Killed
        # What to do next is decided with one call known: nothing can help a process that stands
        # still between the look at its lock and the removal, for longer than all others wait.
        me.before_removal = is_removal
        self.idle.release()
        me.turn.acquire()
        if me.is_dead:
            raise Killed

    def sleep(self, seconds):
        self.me.wakes_at = self.now + seconds
        self.step()

    def open(self, *arguments):
        self.step()
        handle = os.open(*arguments)
        self.me.handles.add(handle)
        return handle

    def close(self, handle):
        if not self.me.is_dead:
            self.me.handles.discard(handle)
            os.close(handle)

    def write(self, handle, content):
        self.step()
        return os.write(handle, content)

    def unlink(self, path):
        self.step(is_removal=True)
        Path(path).unlink()

    def dup(self, handle):
        copy = os.dup(handle)
        self.me.handles.add(copy)
        return copy

    # The thread of the beats.
    @property
    def leases(self):
        return self.me.held

    def add(self, mine):
        self.me.held.add(mine)

    def release(self, mine):
        self.me.held.discard(mine)
        if mine.is_held():
            self.unlink(mine.path)
        self.close(mine.handle)

    def beat(self):
        self.beaten_at = self.now
        for process in self.processes:
            if not process.is_dead and process.wakes_at - self.now < BEAT:
                for mine in process.held:
                    os.utime(mine.handle, ns=(0, int(self.now * 1e9)))

    # The scheduler.
    def run(self):
        for process in self.processes:
            process.start()
        while alive := [p for p in self.processes if not (p.is_dead or p.is_done)]:
            assert self.now < 5000, "a process waits for ever"
            ready = [p for p in alive if p.wakes_at <= self.now]
            if not ready:
                self.now = min(*(p.wakes_at for p in alive), self.beaten_at + BEAT)
            if self.now >= self.beaten_at + BEAT:
                self.beat()
            if ready:
                self.advance(self.rng.choice(ready))

    def advance(self, process):
        if self.kills and self.rng.random() < 0.03:
            self.kills -= 1
            process.is_dead = True
            for handle in process.handles:  # as the system does
                os.close(handle)
        elif self.stops and not process.before_removal and self.rng.random() < 0.05:
            self.stops -= 1
            seconds = self.rng.choice([PAUSE, STANDSTILL])
            process.stood_still |= seconds == STANDSTILL
            process.wakes_at = self.now + seconds
            return
        process.turn.release()
        self.idle.acquire()


@given(st.integers(0, 2**32), st.sampled_from(["aab", "abc", "aabb"]))
@settings(deadline=None)
def test_in_any_order_a_lock_has_one_holder_and_becomes_free(tmp_path_factory, seed, hosts):
    path = tmp_path_factory.mktemp("order") / "lock"
    world = World(path, random.Random(seed), hosts)  # noqa: S311
    with pytest.MonkeyPatch.context() as patch:
        names = ("open", "close", "write", "unlink", "dup")
        system = {**vars(os), **{name: getattr(world, name) for name in names}}
        patch.setattr(leases, "os", SimpleNamespace(**system))
        patch.setattr(
            leases,
            "time",
            SimpleNamespace(sleep=world.sleep, strftime=time.strftime, gmtime=time.gmtime),
        )
        patch.setattr(leases, "_HEART", world)
        patch.setattr(leases, "_boot_id", lambda: world.me.host)
        patch.setattr(leases, "SILENCE_SECONDS", SILENCE)
        world.run()
        for process in world.processes:
            process.join(10)
            assert not process.is_alive()
    assert not world.faults
    if not any(process.is_dead for process in world.processes):
        assert not list(Path(path.parent).iterdir())
