"""What every worker process of the suite does first."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process


def prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and never outlive it, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
