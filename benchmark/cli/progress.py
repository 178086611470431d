"""Progress of long commands: a bar on a terminal, one line per 10 % in a log."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
)

from benchmark.cli.options import is_verbose
from benchmark.core.terminal import SafeConsole
from benchmark.core.texts import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from benchmark.core.beats import Beat
    from benchmark.pipeline.table_jobs import JobResult
    from benchmark.recommend.plan import Step
    from benchmark.runs.context import Unit
    from benchmark.runs.execution import Plan
    from benchmark.runs.record import Record

_SILENCE = 60.0  # seconds after which a log names the stage at work


def progress_text(beat: Beat) -> str:
    """Return the work in progress at a beat.

    Example:
        >>> from benchmark.core.beats import Beat
        >>> progress_text(Beat("pre-train", "mini: untrained, seed 0", 3, 30, {"loss": 4.321}))
        'pre-train mini: untrained, seed 0, 3/30, loss 4.32'
    """
    counted = "" if beat.done is None else f", {beat.done:,.0f}/{beat.total:,.0f}"
    loss = f", loss {beat.values['loss']:.2f}" if "loss" in beat.values else ""
    return f"{beat.label}{counted}{loss}"


class _Display:
    """A counter on stderr: a bar on a terminal, lines in a log.

    Args:
        noun: Plural of what is counted.
        total: Number of items; None while it is unknown.
    """

    def __init__(self, noun: str, total: int | None) -> None:
        console = SafeConsole(stderr=True)
        self._plain = not console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=self._plain,
        )
        self._bar = self._progress.add_task(noun, total=total, left="")
        self._total, self._count, self._already, self._tenths = total or 0, 0, 0, 0
        self._began = self._said = time.monotonic()

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

    @property
    def seconds(self) -> float:
        """Seconds since the display was opened."""
        return time.monotonic() - self._began

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        # A label may hold square brackets, which rich would read as markup.
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _name(self, text: str) -> None:
        """Show the work in progress."""
        self._progress.update(self._bar, description=text)
        if self._plain and time.monotonic() - self._said > _SILENCE:
            self._say(f"[{self._count:,}/{self._total:,}] {text}")

    def _advance(self, text: str, count: int = 1, *, fresh: bool = True) -> None:
        """Count items; in a log, print a line for each tenth of all items."""
        self._count += count
        self._already += 0 if fresh else count
        left = ""
        if self._count < self._total and self._count > self._already:
            seconds = self._seconds_left()
            left = "" if seconds is None else f"{duration(seconds)} left"
        self._progress.update(self._bar, completed=self._count, description=text, left=left)
        tenths = 10 * self._count // max(self._total, 1)
        if self._plain and tenths > self._tenths:
            self._tenths = tenths
            self._say(f"[{self._count:,}/{self._total:,}] {text}{left and f', {left}'}")

    def _seconds_left(self) -> float | None:
        """Estimated seconds of the items left, at the mean speed so far; None if unknown."""
        return (self._total - self._count) * self.seconds / (self._count - self._already)


class _PlannedDisplay(_Display):
    """A counter whose bar appears when the plan has been printed."""

    def __init__(self, noun: str) -> None:
        super().__init__(noun, None)

    def __enter__(self) -> Self:
        return self  # the bar appears with start()

    def start(self, total: int) -> None:
        """Work on ``total`` items begins."""
        self._total, self._began = total, time.monotonic()
        self._progress.update(self._bar, total=total)
        self._progress.start()


class RunDisplay(_PlannedDisplay):
    """Progress of one or several plans; prints the reason of each failed cell.

    Cells of one source and protocol are taken to last equally long: fine-tuning takes many times
    as long as 5-NN.
    """

    def __init__(self) -> None:
        super().__init__("cells")
        self._to_do: Counter[tuple[str, str]] = Counter()
        self._done: Counter[tuple[str, str]] = Counter()
        self._spent: dict[tuple[str, str], float] = {}
        self._last = time.monotonic()

    def add(self, plan: Plan) -> None:
        """Work on the cells of a plan begins."""
        kinds: list[tuple[str, str]] = []
        for unit in plan.units:
            scorer = unit.context.scorer
            kinds += [(scorer.source.id, scorer.protocol.name)] * len(unit.cells)
        self.expect(kinds)

    def expect(self, cells: Sequence[tuple[str, str]]) -> None:
        """Work on cells, given by source and protocol, begins."""
        self._to_do.update(cells)
        self.start(self._total + len(cells))
        self._tenths = 10 * self._count // max(self._total, 1)
        self._last = time.monotonic()

    def _seconds_left(self) -> float:
        overall = sum(self._spent.values()) / max(sum(self._done.values()), 1)
        return sum(
            (count - self._done[kind])
            * (self._spent[kind] / self._done[kind] if self._done[kind] else overall)
            for kind, count in self._to_do.items()
        )

    def on_unit(self, unit: Unit) -> None:
        """A method begins to learn."""
        seeds = len(unit.seeds)
        self._name(f"fitting {unit.method.label}, {seeds} seed{'s' * (seeds != 1)}")

    def on_beat(self, beat: Beat) -> None:
        """A stage of a live score begins or advances."""
        if beat.kind == "repair":
            self._say(f"Damaged cell made again: {beat.subject}: {beat.error}")
        elif beat.kind != "ended":
            self._name(progress_text(beat))

    def on_record(self, record: Record) -> None:
        """A cell is on disk."""
        where = f"{record.method.label} on {record.task.name}, seed {record.seed}"
        if record.error is not None:
            self._say(f"Failed: {where}: {record.error.type}: {record.error.message}")
            if record.error.traceback and is_verbose():
                self._say(record.error.traceback)
        kind, now = (record.source.id, record.protocol.name), time.monotonic()
        self._done[kind] += 1
        self._spent[kind] = self._spent.get(kind, 0.0) + now - self._last
        self._last = now
        self._advance(where)


class RenderDisplay(_Display):
    """Progress of a rendering: images, images per second, time left."""

    def __init__(self) -> None:
        super().__init__("images", None)

    def on_note(self, text: str) -> None:
        """The simulator states something about its assets."""
        self._say(f"Note: {text}")

    def on_start(self, total: int, already: int) -> None:
        """Rendering begins: ``already`` of ``total`` images exist."""
        self._total, self._already, self._count = total, already, already
        self._tenths = 10 * already // max(total, 1)
        if already:
            self._say(f"Resuming: {already:,} of {total:,} images exist.")
        self._progress.update(self._bar, total=total, completed=already)

    def on_images(self, count: int) -> None:
        """``count`` further images exist."""
        speed = (self._count + count - self._already) / max(self.seconds, 1e-9)
        self._advance(f"{speed:,.0f} images/s", count)


class JobDisplay(_PlannedDisplay):
    """Progress of a table: backbones and time left."""

    def __init__(self) -> None:
        super().__init__("backbones")

    def on_beat(self, beat: Beat) -> None:
        """A stage of a worker begins or advances."""
        if beat.kind in ("began", "point"):
            self._name(progress_text(beat))

    def on_job(self, result: JobResult) -> None:
        """A backbone is measured and on disk."""
        for text in result.mended:
            self._say(f"Damaged cell made again: {text}")
        for text in result.errors:
            self._say(f"Failed: {result.job}: {text}")
        if result.traceback and is_verbose():
            self._say(result.traceback)
        self._advance(f"{result.job}: {result.seconds:.0f} s")


class TaskDisplay(_Display):
    """Progress over tasks; kept results do not count towards the estimate of the time left."""

    def __init__(self, total: int) -> None:
        super().__init__("tasks", total)

    def on_task(self, name: str) -> None:
        """A task begins."""
        self._name(name)

    def on_done(self, name: str, *, fresh: bool) -> None:
        """A task is finished; ``fresh`` unless its result was kept from an earlier run."""
        self._advance(name if fresh else f"{name} (kept)", fresh=fresh)


class StepDisplay(_Display):
    """Progress of a recommendation: steps of different expected durations.

    The time left is the sum of the durations expected of the steps left, at the speed of those done
    so far. Steps whose result was kept take no time, and do not count for the speed.
    """

    def __init__(self) -> None:
        super().__init__("steps", None)
        self._left: list[Step] = []
        self._expected = self._spent = 0.0
        self._last = time.monotonic()

    def on_beat(self, beat: Beat) -> None:
        """A stage of a step advances."""
        if beat.kind == "point":
            self._name(progress_text(beat))

    def on_plan(self, steps: Sequence[Step]) -> None:
        """These steps are left."""
        self._left = list(steps)
        self._total = self._count + len(steps)
        self._progress.update(self._bar, total=self._total)

    def on_step(self, step: Step) -> None:
        """A step begins."""
        self._last = time.monotonic()
        self._name(f"{step.stage} {step.subject}")

    def on_done(self, step: Step) -> None:
        """A step is finished."""
        seconds = time.monotonic() - self._last
        if step in self._left:
            self._left.remove(step)
        if step.seconds is not None and seconds > step.seconds / 10:
            self._expected += step.seconds
            self._spent += seconds
        self._advance(f"{step.stage} {step.subject}")

    def _seconds_left(self) -> float | None:
        if any(step.seconds is None for step in self._left):
            return None
        speed = self._spent / self._expected if self._expected else 1.0
        return speed * sum(step.seconds or 0.0 for step in self._left)
