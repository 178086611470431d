"""What a run shows while it works: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from types import TracebackType

    from benchmark.pipeline.table_jobs import JobResult
    from benchmark.runs.plan import Unit
    from benchmark.runs.record import Record

_LINE_EVERY = 2.0  # seconds between the lines of a log
_LONG_STAGES = {"render", "draw", "pre-train", "repair"}  # what a log names
_SPEED_AFTER = 1.0  # seconds before a speed says anything


class _Display:
    """A bar on stderr that counts something; on no terminal, lines.

    Args:
        what: What is counted.
        total: How many there will be; None while that is not known.
    """

    def __init__(self, what: str, total: int | None) -> None:
        console = Console(stderr=True)
        self._plain = not console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self._plain,
        )
        self._bar = self._progress.add_task(what, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def _say(self, text: str) -> None:
        # A label may hold square brackets, which rich would read as markup.
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


class RunDisplay(_Display):
    """Progress of a run on stderr; counts failed cells and says why at once.

    Attributes:
        failed: Cells that failed so far.
    """

    def __init__(self, total: int) -> None:
        super().__init__("cells", total)
        self.failed = 0
        self._total, self._count, self._last = total, 0, 0.0

    def on_unit(self, unit: Unit) -> None:
        """A method begins to learn."""
        label = unit.method.label
        self._progress.update(self._bar, description=f"fitting {label}, {len(unit.seeds)} seeds")

    def on_stage(self, stage: str, what: str) -> None:
        """A stage of a live score begins."""
        self._progress.update(self._bar, description=f"{stage} {what}")
        if self._plain and stage in _LONG_STAGES:
            self._say(f"{stage}: {what}")

    def on_record(self, record: Record) -> None:
        """A cell is on disk."""
        self._count += 1
        where = f"{record.method.label} {record.task.name}"
        self._progress.update(self._bar, advance=1, description=where)
        if record.error is not None:
            self.failed += 1
            self._say(
                f"Failed: {record.method.label} on {record.task.name}, seed {record.seed}: "
                f"{record.error.type}: {record.error.message}"
            )
        now = time.monotonic()
        if self._plain and (now - self._last > _LINE_EVERY or self._count == self._total):
            self._last = now
            self._say(f"[{self._count}/{self._total}] {where} seed {record.seed}")


class RenderDisplay(_Display):
    """Progress of a rendering on stderr: images, images per second, time left.

    Attributes:
        seconds: Since the display was opened.
    """

    def __init__(self) -> None:
        super().__init__("rendering", None)
        self._total = self._count = self._already = 0
        self._began = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the display was opened."""
        return time.monotonic() - self._began

    def on_start(self, total: int, already: int) -> None:
        """``total`` images, ``already`` of which were rendered before."""
        self._total, self._already, self._count = total, already, already
        if already:
            self._say(f"Going on: {already:,} of {total:,} images are there.")
        self._progress.update(self._bar, total=total, completed=already)

    def on_images(self, count: int) -> None:
        """``count`` further images."""
        self._count += count
        now = time.monotonic()
        speed = (self._count - self._already) / max(now - self._began, 1e-9)
        label = f"{speed:,.0f} images/s" if now - self._began > _SPEED_AFTER else "rendering"
        self._progress.update(self._bar, completed=self._count, description=label)
        if self._plain and now - self._last > _LINE_EVERY and speed > 0:
            self._last = now
            left = (self._total - self._count) / speed
            self._say(f"[{self._count:,}/{self._total:,}] {label}, {left:,.0f} s left")


class JobDisplay(_Display):
    """Progress of a table on stderr: backbones, and the time that is left.

    Args:
        total: Backbones to measure.
    """

    def __init__(self, total: int) -> None:
        super().__init__("backbones", total)
        self._total, self._count, self._began = total, 0, time.monotonic()

    def on_job(self, result: JobResult) -> None:
        """A backbone is measured, and on disk; failures and damage are said at once."""
        self._count += 1
        for text in result.mended:
            self._say(f"Damaged, made again: {text}")
        for text in result.errors:
            self._say(f"Failed: {result.job}: {text}")
        self._progress.update(self._bar, advance=1, description=str(result.job))
        if self._plain:
            left = (self._total - self._count) * (time.monotonic() - self._began) / self._count
            self._say(
                f"[{self._count}/{self._total}] {result.job}: {result.seconds:.0f} s; "
                f"{left / 60:,.0f} min left"
            )


class TaskDisplay(_Display):
    """Progress over tasks that take a while each: on stderr, with the time left.

    Time left is that of the tasks still to do, at the mean time of those computed in this run.
    """

    def __init__(self, total: int) -> None:
        super().__init__("tasks", total)
        self._total, self._count, self._fresh = total, 0, 0
        self._spent, self._began = 0.0, time.monotonic()

    def on_task(self, name: str) -> None:
        """A task begins."""
        self._began = time.monotonic()
        self._progress.update(self._bar, description=name)

    def on_done(self, name: str, *, fresh: bool) -> None:
        """A task is finished; ``fresh`` when it was not kept from an earlier run."""
        seconds = time.monotonic() - self._began
        self._count += 1
        if fresh:
            self._fresh += 1
            self._spent += seconds
        self._progress.update(self._bar, advance=1)
        how = f"{seconds:.1f} s" if fresh else "kept"
        left = self._spent / max(self._fresh, 1) * (self._total - self._count)
        self._say(f"[{self._count}/{self._total}] {name}: {how}, {left:,.0f} s left")
