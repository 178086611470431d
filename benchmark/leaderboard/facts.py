"""What a reader should know of the tasks of a table, and where it says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.rewards.noise import NORMAL_95
from benchmark.rewards.reliability import LOW_RELIABILITY

if TYPE_CHECKING:
    from benchmark.runs.record import Record

_LOW = " °"


class TaskFact(NamedTuple):
    """What sets a task's numbers apart.

    Attributes:
        stands_in_for: Task of the paper in whose place other data are used.
        partial: Its data have other classes or numbers of images than the registry's.
        reliability: Of its rewards over configurations; None where it is unknown.
        gain: What the oracle has over the mean configuration, points; None where its error is.
        gain_error: Standard error of the gain from the noise between seeds.
    """

    stands_in_for: str | None = None
    partial: bool = False
    reliability: float | None = None
    gain: float | None = None
    gain_error: float | None = None

    @property
    def is_unreliable(self) -> bool:
        """Whether its reliability is low."""
        return self.reliability is not None and self.reliability < LOW_RELIABILITY

    @property
    def gains_nothing(self) -> bool:
        """Whether the oracle cannot be told from the mean configuration."""
        if self.gain is None or self.gain_error is None:
            return False
        return self.gain < NORMAL_95 * self.gain_error

    @property
    def has_scale(self) -> bool:
        """Whether regret, whose unit is the gain, says anything: else it is noise over noise."""
        return not (self.is_unreliable or self.gains_nothing)


def fact_of(record: Record) -> TaskFact:
    """The facts that a record states of its task."""
    data, reference = record.task.data, record.reference
    fact = TaskFact(
        stands_in_for=data.stands_in_for if data else None,
        partial=bool(data and data.partial is not None),
        reliability=record.task.reliability,
    )
    if reference is None or reference.error is None:
        return fact
    return fact._replace(gain=reference.oracle - reference.random, gain_error=reference.error)


def task_headings(tasks: Sequence[str], facts: Mapping[str, TaskFact]) -> tuple[str, ...]:
    """Headings of the columns of tasks; those without regret are marked.

    Example:
        >>> task_headings(["DTD", "USPS"], {"DTD": TaskFact(reliability=0.25)})
        ('DTD °', 'USPS')
    """
    return tuple(f"{task}{'' if facts.get(task, _NONE).has_scale else _LOW}" for task in tasks)


def fact_notes(tasks: Sequence[str], facts: Mapping[str, TaskFact]) -> list[str]:
    """Footnotes on the tasks.

    Example:
        >>> fact_notes(["DTD"], {"DTD": TaskFact(reliability=0.25)})
        ['° Reliability of the rewards below 0.5 (DTD 0.25): left out of Regret, as mostly noise.']
        >>> fact_notes(["ISIC"], {"ISIC": TaskFact(gain=0.5, gain_error=0.4)})[0][:58]
        '° The oracle is within noise of the mean configuration (IS'
        >>> fact_notes(["TrashNet"], {"TrashNet": TaskFact("FMD", partial=True)})
        ['Stand-ins for tasks of the paper: TrashNet for FMD.']
    """
    known = {task: facts[task] for task in tasks if task in facts}
    low = [f"{t} {fact.reliability:.2f}" for t, fact in known.items() if fact.is_unreliable]
    flat = [
        f"{t} {fact.gain:+.2f} ± {NORMAL_95 * (fact.gain_error or 0):.2f}"
        for t, fact in known.items()
        if fact.gains_nothing and not fact.is_unreliable
    ]
    stand_ins = [f"{t} for {fact.stands_in_for}" for t, fact in known.items() if fact.stands_in_for]
    partial = [t for t, fact in known.items() if fact.partial and not fact.stands_in_for]
    notes = []
    if low:
        notes.append(
            f"° Reliability of the rewards below {LOW_RELIABILITY} ({', '.join(low)}): "
            "left out of Regret, as mostly noise."
        )
    if flat:
        notes.append(
            f"° The oracle is within noise of the mean configuration ({', '.join(flat)} points): "
            "left out of Regret, which has no scale there."
        )
    if stand_ins:
        notes.append(f"Stand-ins for tasks of the paper: {', '.join(stand_ins)}.")
    if partial:
        notes.append(f"Other classes or numbers of images than the paper's: {', '.join(partial)}.")
    return notes


_NONE = TaskFact()
