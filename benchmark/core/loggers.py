"""Logs of beats: JSON lines, TensorBoard, Weights & Biases and Trackio.

Packages of a log are imported when it is opened. A log that fails never ends the work.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import json
import logging
import math
import os
import re
import uuid
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmark.core.beats import Beat, OnBeat, no_beat
from benchmark.core.errors import (
    InvalidInputError,
    StorageError,
    UnavailableError,
    UnknownNameError,
)
from benchmark.core.extras import require

_LOG = logging.getLogger(__name__)
_PROJECT = "t2sbench"
_MOST_OPEN = 16  # runs of a log that are open at once


class Log(ABC):
    """Log in a folder, which exists and is writable."""

    @abstractmethod
    def write(self, beat: Beat) -> None:
        """Write a beat, or ignore it if the log has no place for it."""

    @abstractmethod
    def close(self) -> None:
        """Write all that is left."""


class _JsonLines(Log):
    """File ``beats.jsonl``: one line per beat, without empty fields."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "beats.jsonl").open("ab", buffering=0)

    def write(self, beat: Beat) -> None:
        content = {n: value for n, value in asdict(beat).items() if value or value == 0}
        if beat.values:  # JSON has neither NaN nor infinities
            content["values"] = {n: v if math.isfinite(v) else None for n, v in beat.values.items()}
        self._file.write(json.dumps(content).encode() + b"\n")  # one write: lines stay whole

    def close(self) -> None:
        self._file.close()


class _Runs(Log):
    """Log with a run for each network: numbers of its pre-training and of its evaluations.

    Args:
        folder: Folder of the log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, Any] = OrderedDict()

    def write(self, beat: Beat) -> None:
        prefix = f"{beat.stage}/{beat.task}" if beat.task else beat.stage
        values = {f"{prefix}/{name}": value for name, value in beat.values.items()}
        if beat.kind == "ended" and beat.seconds is not None and not beat.error:
            values = {f"seconds/{prefix}": beat.seconds}
        if not values:
            return
        if beat.subject not in self._open:
            if len(self._open) == _MOST_OPEN:
                self.finish(self._open.popitem(last=False)[1])
            self._open[beat.subject] = self.begin(beat.subject)
        self._open.move_to_end(beat.subject)
        self.add(self._open[beat.subject], beat, values)

    def close(self) -> None:
        while self._open:
            self.finish(self._open.popitem()[1])

    @abstractmethod
    def begin(self, subject: str) -> Any:  # noqa: ANN401 - an object of the log's package
        """Return a run of the package for a network; a run that was finished before resumes."""

    @abstractmethod
    def add(self, run: Any, beat: Beat, values: Mapping[str, float]) -> None:  # noqa: ANN401
        """Write numbers to a run."""

    @abstractmethod
    def finish(self, run: Any) -> None:  # noqa: ANN401
        """Close a run."""


class _TensorBoard(_Runs):
    """Event files, one folder for each network."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._writer = EventFileWriter

    def begin(self, subject: str) -> Any:  # noqa: ANN401
        parts = (re.sub(r"[^\w .,=+-]+", "_", part) for part in subject.split(": "))
        folder = self._folder.joinpath(*(part.strip(" .") or "_" for part in parts))
        return self._writer(str(folder))

    def add(self, run: Any, beat: Beat, values: Mapping[str, float]) -> None:  # noqa: ANN401
        found = [self._summary.Value(tag=n, simple_value=v) for n, v in values.items()]
        step, summary = int(beat.done or 0), self._summary(value=found)
        run.add_event(self._event(wall_time=beat.at, step=step, summary=summary))
        run.flush()  # charts follow the work, and errors of the file show

    def finish(self, run: Any) -> None:  # noqa: ANN401
        run.close()


class _WeightsAndBiases(_Runs):
    """Runs of Weights & Biases; kept in the folder while the user is not logged in."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import wandb

        self._wandb, self._session = wandb, uuid.uuid4()
        self._mode: Any = os.environ.get("WANDB_MODE")
        if self._mode is None and not wandb.login(prompt=False):
            self._mode = "offline"
            _LOG.warning(
                "Note: not logged in to Weights & Biases, so its log stays in %s. Upload it with "
                "'wandb sync %s/wandb/offline-run-*' after 'wandb login'.",
                folder,
                folder,
            )

    def begin(self, subject: str) -> Any:  # noqa: ANN401
        run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            group=self._folder.name,
            name=subject,
            id=uuid.uuid5(self._session, subject).hex,
            resume="allow",
            reinit="create_new",
            dir=self._folder,
            mode=self._mode,
            settings=self._wandb.Settings(console="off", silent=True),
        )
        run.define_metric("*", step_metric="step")
        return run

    def add(self, run: Any, beat: Beat, values: Mapping[str, float]) -> None:  # noqa: ANN401
        run.log({**values, "step": int(beat.done or 0)})

    def finish(self, run: Any) -> None:  # noqa: ANN401
        run.finish()


class _Trackio(_Runs):
    """Runs of Trackio, in its database."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        os.environ.setdefault("TRACKIO_DIR", str(folder.absolute()))  # read by the import
        import trackio

        self._trackio, self._project = trackio, os.environ.get("TRACKIO_PROJECT", _PROJECT)
        _LOG.warning(
            "Note: see Trackio's log with 'TRACKIO_DIR=%s trackio show --project %s'.",
            os.environ["TRACKIO_DIR"],
            self._project,
        )

    def begin(self, subject: str) -> Any:  # noqa: ANN401
        # In a context of its own: elsewhere, a new run ends the one before it.
        with contextlib.redirect_stdout(io.StringIO()):
            return contextvars.Context().run(
                self._trackio.init,
                self._project,
                name=subject,
                group=self._folder.name,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def add(self, run: Any, beat: Beat, values: Mapping[str, float]) -> None:  # noqa: ANN401
        run.log(dict(values), step=int(beat.done or 0))

    def finish(self, run: Any) -> None:  # noqa: ANN401
        with contextlib.redirect_stdout(io.StringIO()):
            run.finish()


#: Kinds of logs; all but ``jsonl`` are extras of the same name.
LOGS: Mapping[str, Callable[[Path], Log]] = MappingProxyType(
    {
        "jsonl": _JsonLines,
        "tensorboard": _TensorBoard,
        "wandb": _WeightsAndBiases,
        "trackio": _Trackio,
    }
)


def log_places(wanted: Sequence[str], output: str | Path | None) -> list[tuple[str, Path]]:
    """Return kinds and folders of logs; nothing is opened.

    Args:
        wanted: Kinds of :data:`LOGS`, each with or without its folder: ``tensorboard=DIR``.
        output: Output of the work; logs without a folder are written to ``OUTPUT.logs``.

    Raises:
        UnknownNameError: For an unknown kind.
        InvalidInputError: For a log without a folder, if there is no output.
        UnavailableError: When a package is missing.

    Example:
        >>> [(kind, folder.name) for kind, folder in log_places(["jsonl"], "results")]
        [('jsonl', 'results.logs')]
    """
    found: dict[tuple[str, Path], None] = {}
    for text in wanted:
        kind, equals, place = text.partition("=")
        if kind not in LOGS:
            raise UnknownNameError("kind of log", kind, LOGS)
        if kind != "jsonl":
            require(kind, f"--log {kind}")
        if not place and (equals or output is None):
            raise InvalidInputError(f"The log '{text}' needs a folder. Write {kind}=DIR.")
        default = Path(output or "").absolute()
        folder = Path(place) if place else default.with_name(f"{default.name}.logs")
        found[kind, folder] = None
    return list(found)


@contextmanager
def logged(
    wanted: Sequence[str], output: str | Path | None, on_beat: OnBeat = no_beat
) -> Iterator[OnBeat]:
    """Open logs; yields an observer that passes beats on to ``on_beat``, then to the logs.

    The first error of a log is printed as a warning and ends this log, not the work.

    Args:
        wanted: As for :func:`log_places`.
        output: As for :func:`log_places`.
        on_beat: Further observer; its errors are raised.

    Raises:
        T2SBenchError: As :func:`log_places`.
        UnavailableError: When a package cannot be imported.
        StorageError: When a folder cannot be written.
    """
    with ExitStack() as stack:
        logs = [stack.enter_context(_opened(*place)) for place in log_places(wanted, output)]

        def pass_on(beat: Beat) -> None:
            on_beat(beat)
            for log in logs:
                log(beat)

        yield pass_on


@contextmanager
def _opened(kind: str, folder: Path) -> Iterator[OnBeat]:
    """Open a log; yields an observer that never raises."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
        log: Log | None = LOGS[kind](folder)
    except ImportError as error:
        raise UnavailableError(
            f"--log {kind} cannot import its package: {error}. Run pip install 't2sbench[{kind}]'."
        ) from error
    except OSError as error:
        raise StorageError(
            f"Cannot write the log {folder}: {error.strerror or error}. Name another folder, as in "
            f"--log {kind}=DIR."
        ) from error

    def attempt(action: Callable[[Log], None]) -> None:
        nonlocal log
        if log is not None:
            try:
                action(log)
            except Exception as error:  # of another package
                log = None
                _LOG.warning(
                    "Warning: the log %s in %s ends here (%s: %s). The work continues without it.",
                    kind,
                    folder,
                    type(error).__name__,
                    error,
                )

    try:
        yield lambda beat: attempt(lambda log: log.write(beat))
    finally:
        attempt(lambda log: log.close())
