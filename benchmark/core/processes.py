"""Pools of worker processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, current_process, get_context, parent_process
from pathlib import Path
from typing import Any

from benchmark.core.errors import InvalidInputError, T2SBenchError, UnavailableError


class WorkerDiedError(UnavailableError):
    """A worker process that ended without a result."""


class WorkerPool(ProcessPoolExecutor):
    """Pool of processes that leave Ctrl-C to their parent and never outlive it.

    Processes are spawned: a forked copy of a process with threads (BLAS, a graphics driver) can
    hang. Spawned processes import the caller's script, which therefore needs a guard
    (``if __name__ == "__main__":``).

    Args:
        workers: Number of processes.
        start: Called with ``args`` in each process before its first piece of work.
        args: Picklable arguments of ``start``.
    """

    def __init__(
        self,
        workers: int,
        start: Callable[..., object] | None = None,
        args: tuple[Any, ...] = (),
    ) -> None:
        stop_repetition()
        spawn = get_context("spawn")
        try:
            self._begun = spawn.Value("b", 0, lock=False)
            super().__init__(
                workers, mp_context=spawn, initializer=_begin, initargs=(self._begun, start, args)
            )
        except OSError as error:
            raise UnavailableError(
                f"Worker processes cannot be prepared: {error}. They need shared memory and open "
                "files: make /dev/shm writable, or use one process."
            ) from error

    def loss(self, remedy: str) -> T2SBenchError:
        """Return :func:`worker_loss` of a process of the pool."""
        return worker_loss(bool(self._begun.value), remedy)


def worker_loss(has_begun: bool, remedy: str) -> T2SBenchError:
    """Return the error that explains the death of a worker process.

    Args:
        has_begun: False if the process died before it began to work.
        remedy: Advice for a process that ran out of memory or was killed.
    """
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None and not has_begun and not _has_guard(Path(script)):
        return InvalidInputError(
            f"Worker processes import {script}, which starts its work again. Put the work "
            "under 'if __name__ == \"__main__\":', or use one process."
        )
    return WorkerDiedError(f"A worker process died (out of memory, or killed). {remedy}")


@contextmanager
def worker_pool(
    workers: int,
    start: Callable[..., object] | None = None,
    args: tuple[Any, ...] = (),
    *,
    remedy: str,
    terminate: bool = False,
) -> Iterator[WorkerPool]:
    """A :class:`WorkerPool` for the duration of a ``with`` block.

    Args:
        workers: Number of processes.
        start: Called with ``args`` in each process before its first piece of work.
        args: Picklable arguments of ``start``.
        remedy: Advice after a process died.
        terminate: True to end the processes at once if the block raises, for example on Ctrl-C;
            otherwise they finish the pieces of work that they have begun.

    Raises:
        InvalidInputError: If the caller's script has no guard.
        WorkerDiedError: If a process dies.
    """
    others = set(active_children())
    pool = WorkerPool(workers, start, args)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise pool.loss(remedy) from error
    except BaseException:
        if terminate:
            for child in set(active_children()) - others:
                child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def stop_repetition() -> None:
    """End a worker process that runs its parent's script again because the script has no guard.

    The parent reports the missing guard.
    """
    if getattr(current_process(), "_inheriting", False):
        sys.exit(1)


def prepare_worker() -> None:
    """Leave Ctrl-C to the parent process, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _has_guard(script: Path) -> bool:
    try:
        return "__name__" in script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True


def _begin(begun: Any, start: Callable[..., object] | None, args: tuple[Any, ...]) -> None:  # noqa: ANN401
    begun.value = 1
    prepare_worker()
    if start is not None:
        start(*args)
