"""Starts the test double; ``--help`` says what it can do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.simulators.tdw.double.build import Build, log, write
from tests.simulators.tdw.double.connection import AloneError, Connection, die_with_parent
from tests.simulators.tdw.double.drawing import encode
from tests.simulators.tdw.double.faults import AT_START, AT_STEP, Faults, count_start, read_fault
from tests.simulators.tdw.double.grammar import VERSIONS
from tests.simulators.tdw.double.session import Session

_IDLE_SECONDS = 60.0
_CACHED_SIZE = 256


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="double", description="A test double for a TDW build.")
    add = parser.add_argument
    add("--port", "-port", type=int, default=1071, help="where the controller is")
    add("--version", choices=VERSIONS, default=VERSIONS[0], help="which version to play")
    add("--journal", type=Path, help="append a JSON line per message to this file")
    add("--cached-image", action="store_true", help="send the same 256-pixel JPEG every time")
    add("--idle", type=float, default=_IDLE_SECONDS, help="end after so many silent seconds")
    add("--stay", action="store_true", help="wait on when the controller closes the connection")
    kinds = ", ".join(AT_START + AT_STEP)
    add(
        "--fault",
        type=read_fault,
        action="append",
        default=[],
        metavar="KIND[=VALUE][@[step]N][/START]",
        help=f"what goes wrong at the N-th image, or step (of that process start): {kinds}",
    )
    add("--fault-once", type=Path, help="made by the first fault; while it is there, all goes well")
    add("--starts", type=Path, help="file that counts process starts, for faults with /START")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a build until it ends; returns the exit code."""
    parent = die_with_parent()
    chosen = _parser().parse_args(arguments)
    faults = Faults(chosen.fault, chosen.fault_once, count_start(chosen.starts))
    refusal = faults.at_start("refuse")
    if refusal is not None:
        log("There is no display")
        return int(refusal.value or 1)
    claim = faults.at_start("version")
    session = Session(
        chosen.version,
        cached=_cached() if chosen.cached_image else None,
        claimed=claim.value if claim else "",
    )
    connection = Connection(chosen.port, idle=chosen.idle, parent=parent, stay=chosen.stay)
    write(chosen.journal, start=session.version, port=chosen.port)
    code, reason = 0, "ended"
    try:
        silent, late = faults.at_start("silent"), faults.at_start("hello")
        if silent or late:
            connection.wait(float(late.value or 1) if late else 1e9)
        code = Build(session, connection, faults, chosen.journal).run()
    except AloneError as error:
        log(str(error))
        reason = str(error)
    finally:
        connection.close()
    write(chosen.journal, end=reason, code=code)
    return code


def _cached() -> bytes:
    """A picture of noise on waves, about as large as a rendered one."""
    grid = np.mgrid[:_CACHED_SIZE, :_CACHED_SIZE].sum(axis=0)[..., None] * np.array([1, 2, 3])
    noise = np.random.default_rng(0).integers(0, 24, (_CACHED_SIZE, _CACHED_SIZE, 3))
    return encode(((128 + 80 * np.sin(grid / 40)) + noise).astype(np.uint8), jpeg=True)


if __name__ == "__main__":
    sys.exit(main())
