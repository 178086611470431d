"""Stages that a run made for each cell, from their beats."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchmark.runs.record import Cost, HeartBeat

if TYPE_CHECKING:
    from benchmark.core.beats import Beat

_LONG = 60.0  # seconds from which a record has heart-beats
_MOST = 16  # heart-beats of a record


class Efforts:
    """Beats of the stages of a run, until the record of a cell takes them.

    The stages of a backbone belong to the first record that needs it.
    """

    def __init__(self) -> None:
        self._kept: defaultdict[tuple[str, str, str], list[Beat]] = defaultdict(list)

    def add(self, beat: Beat) -> None:
        """Keep a beat."""
        if beat.kind != "repair":
            self._kept[beat.subject, beat.task, beat.stage if beat.task else ""].append(beat)

    def cost(self, seconds: float, subject: str = "", task: str = "", protocol: str = "") -> Cost:
        """Return the cost of a cell with the stages that were made for it; these are given away.

        Args:
            seconds: Wall time of the cell.
            subject: Its backbone, as beats name it; empty for a cell without stages.
            task: Its task.
            protocol: Its protocol.

        Example:
            >>> from benchmark.core.beats import observed
            >>> efforts = Efforts()
            >>> for stage, task in (("pre-train", ""), ("knn5", "USPS")):
            ...     with observed(efforts.add, stage, "mini: untrained, seed 0", task):
            ...         pass
            >>> sorted(efforts.cost(2.0, "mini: untrained, seed 0", "USPS", "knn5").stages)
            ['knn5', 'pre-train']
            >>> efforts.cost(0.0, "mini: untrained, seed 0", "USPS", "knn5").stages is None
            True
        """
        keys = ((subject, "", ""), (subject, task, protocol))
        found = [beat for key in dict.fromkeys(keys) for beat in self._kept.pop(key, ())]
        stages: dict[str, float] = {}
        for beat in found:
            if beat.seconds is not None:
                stages[beat.stage] = round(stages.get(beat.stage, 0.0) + beat.seconds, 3)
        beats = _heart_beats(found) if sum(stages.values()) > _LONG else None
        return Cost(wall_seconds=round(seconds, 6), stages=stages or None, beats=beats)


def _heart_beats(found: list[Beat]) -> list[HeartBeat]:
    """At most 16 beats, evenly chosen; the first and the last are among them."""
    shown = [beat for beat in found if beat.kind != "ended"]
    count = min(len(shown), _MOST)
    rows = [round(i * (len(shown) - 1) / max(1, count - 1)) for i in range(count)]
    start = found[0].at
    return [
        (round(beat.at - start, 1), beat.stage, _whole(beat.done), _whole(beat.total))
        for beat in (shown[row] for row in rows)
    ]


def _whole(count: float | None) -> int | None:
    return None if count is None else int(count)
