"""What a reader should know of the tasks of a table, and where it says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.rewards.reliability import LOW_RELIABILITY

if TYPE_CHECKING:
    from benchmark.results.record import TaskEntry

_LOW = " °"


class TaskFact(NamedTuple):
    """What sets a task's numbers apart.

    Attributes:
        stands_in_for: Task of the paper in whose place other data are used.
        partial: Its data have other classes or numbers of images than the registry's.
        reliability: Of its rewards over configurations; None where it is unknown.
    """

    stands_in_for: str | None = None
    partial: bool = False
    reliability: float | None = None

    @property
    def is_noisy(self) -> bool:
        """Whether its reliability is low."""
        return self.reliability is not None and self.reliability < LOW_RELIABILITY


def fact_of(task: TaskEntry) -> TaskFact:
    """The facts that a record states of its task."""
    data = task.data
    if data is None:
        return TaskFact(reliability=task.reliability)
    return TaskFact(data.stands_in_for, data.partial is not None, task.reliability)


def task_headings(tasks: Sequence[str], facts: Mapping[str, TaskFact]) -> tuple[str, ...]:
    """Headings of the columns of tasks; noisy ones are marked.

    Example:
        >>> task_headings(["DTD", "USPS"], {"DTD": TaskFact(reliability=0.25)})
        ('DTD °', 'USPS')
    """
    return tuple(f"{task}{_LOW if facts.get(task, _NONE).is_noisy else ''}" for task in tasks)


def fact_notes(tasks: Sequence[str], facts: Mapping[str, TaskFact]) -> list[str]:
    """Footnotes on the tasks.

    Example:
        >>> fact_notes(["DTD"], {"DTD": TaskFact(reliability=0.25)})
        ['° Reliability of the rewards below 0.5 (DTD 0.25): left out of Regret, as mostly noise.']
        >>> fact_notes(["TrashNet"], {"TrashNet": TaskFact("FMD", partial=True)})
        ['Stand-ins for tasks of the paper: TrashNet for FMD.']
    """
    known = {task: facts[task] for task in tasks if task in facts}
    noisy = [f"{t} {fact.reliability:.2f}" for t, fact in known.items() if fact.is_noisy]
    stand_ins = [f"{t} for {fact.stands_in_for}" for t, fact in known.items() if fact.stands_in_for]
    partial = [t for t, fact in known.items() if fact.partial and not fact.stands_in_for]
    notes = []
    if noisy:
        notes.append(
            f"° Reliability of the rewards below {LOW_RELIABILITY} ({', '.join(noisy)}): "
            "left out of Regret, as mostly noise."
        )
    if stand_ins:
        notes.append(f"Stand-ins for tasks of the paper: {', '.join(stand_ins)}.")
    if partial:
        notes.append(f"Other classes or numbers of images than the paper's: {', '.join(partial)}.")
    return notes


_NONE = TaskFact()
