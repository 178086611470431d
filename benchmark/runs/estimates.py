"""Expected duration of cells, from the cells that this machine has made."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

from benchmark.core.errors import T2SBenchError
from benchmark.core.store import default_store
from benchmark.pipeline.profiles import Profile, find_profile, parse_changes

if TYPE_CHECKING:
    from benchmark.runs.context import Context

_Seconds = dict[Hashable, list[float]]


class Estimates:
    """Median durations of the cells in the store; it is read once.

    A stage of a profile without cells is estimated from other profiles: datasets of the same
    simulator and size, backbones of the same network and recipe, by the number of images; scores
    of the same protocol, network and recipe, by the images of the task (and epochs of fine-tuning).

    Args:
        context: Context of a live plan; it knows the sizes of the tasks.
        profiles: Users' profiles; those of the package are known.
    """

    def __init__(self, context: Context, profiles: Iterable[Profile]) -> None:
        self._context = context
        self._profiles: dict[str, Profile | None] = {one.name: one for one in profiles}
        self._seconds: _Seconds = {}
        for kind in ("dataset", "backbone"):
            for label, seconds in default_store().durations(kind):
                self._add_stage(kind, label.partition(": ")[0], seconds)
        for label, seconds in default_store().durations("score"):
            name, _, rest = label.partition(": ")
            protocol, _, task = rest.partition(",")[0].partition(" of ")
            self._add_score(name, protocol, task, seconds)

    def of_stage(self, kind: str, profile: Profile) -> float | None:
        """Return the seconds of a ``dataset`` or ``backbone`` of a profile; None if unknown."""
        own = self._median(kind, profile.name)
        alike = self._median(kind, _stage_place(kind, profile))
        return own if own is not None or alike is None else alike * profile.n_images

    def of_score(self, profile: Profile, protocol: str, task: str) -> float | None:
        """Return the seconds of a score of a task; None if unknown."""
        own = self._median(profile.name, protocol, task)
        if own is not None:
            return own
        for place in ((profile.name, protocol), _score_place(profile, protocol)):
            found = self._median(*place)
            if found is not None:
                return found * self._size(task) * _epochs(profile, protocol)
        return None

    def _median(self, *place: Hashable) -> float | None:
        found = self._seconds.get(place)
        return statistics.median(found) if found else None

    def _add(self, place: tuple[Hashable, ...], seconds: float) -> None:
        self._seconds.setdefault(place, []).append(seconds)

    def _add_stage(self, kind: str, name: str, seconds: float) -> None:
        self._add((kind, name), seconds)
        profile = self._profile(name)
        if profile is not None:
            self._add((kind, _stage_place(kind, profile)), seconds / profile.n_images)

    def _add_score(self, name: str, protocol: str, task: str, seconds: float) -> None:
        self._add((name, protocol, task), seconds)
        profile, size = self._profile(name), self._size(task)
        if profile is not None and size:
            share = seconds / size / _epochs(profile, protocol)
            self._add((name, protocol), share)
            self._add(_score_place(profile, protocol), share)

    def _profile(self, name: str) -> Profile | None:
        """Profile of a label: one of the user or of the package, with changes."""
        if name not in self._profiles:
            base, _, changes = name.partition("+")
            try:
                own = self._profiles.get(base) or find_profile(base)
                self._profiles[name] = own.changed(
                    parse_changes(changes.split(",") if changes else [])
                )
            except T2SBenchError:
                self._profiles[name] = None
        return self._profiles[name]

    def _size(self, task: str) -> int:
        """Number of images of a task; 0 if unknown."""
        if task not in self._context.registry.names:
            return 0
        entry = self._context.task_entry(task)
        return entry.n_test + (entry.n_train or 0)


def _stage_place(kind: str, profile: Profile) -> Hashable:
    if kind == "dataset":
        return profile.simulator, profile.size
    return profile.network, profile.recipe


def _score_place(profile: Profile, protocol: str) -> tuple[Hashable, ...]:
    return protocol, profile.network, profile.recipe


def _epochs(profile: Profile, protocol: str) -> int:
    return profile.evaluation.finetune_epochs if protocol == "finetune" else 1
