"""Costs of stages: measured samples, the rates fitted to them, and estimates with intervals.

A sample is a measured duration with the amount of work that it took. Durations are proportional to
the amounts below; where a stage has two, their rates are fitted together, none below zero.

==============  ======================================================================
stage           amounts of work
==============  ======================================================================
``dataset``     images, and 1 for the dataset
``backbone``    images of the dataset, in all epochs of the recipe
``features``    images of the task
``evaluation``  ``knn5``: pairs of a training and a test image; ``linear``: steps, and steps x
                batch x classes; ``finetune``: training images x epochs, and test images;
                other protocols: images of the task
``score``       those of ``features`` and ``evaluation`` together, as a cell of the store has them
==============  ======================================================================

Rates hold for the same renderer and size, network and recipe. A profile's own cells come first.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from benchmark.core.errors import T2SBenchError
from benchmark.core.files import digest, read_model
from benchmark.core.models import Frozen
from benchmark.core.store import default_store
from benchmark.pipeline.profiles import Profile, find_profile, parse_changes
from benchmark.protocols.settings import TrainingPlan
from benchmark.tasks.card import card_path, data_root, read_card
from benchmark.tasks.task_data import as_prepared, is_prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.tasks.registry import Task, TaskRegistry

Stage = Literal["dataset", "backbone", "features", "evaluation", "score"]
Place = tuple[str, ...]
Positive = Annotated[float, Field(gt=0)]

#: Draws that an interval is made of.
DRAWS = 1000
# A sample that took so many times the median was disturbed, by other load or sleep.
_DISTURBED = 5.0
# Largest logarithm of a limit of an interval over the mean: a factor of ten.
_WIDEST = math.log(10)
# A task without a stated training size has so many training images per test image, as in a split
# of 80, 10 and 10 percent.
_TRAIN_PER_TEST = 8


class Sample(Frozen):
    """A measured duration.

    Attributes:
        stage: Stage of the work.
        place: Renderer and size, or protocol, network and recipe.
        amounts: Amounts of work, as in the table of this module.
        seconds: Duration.
        unit_bytes: Bytes on disk: of an image of a dataset or of features, of one backbone, or
            of one score.
    """

    stage: Stage
    place: Place
    amounts: tuple[Positive, ...] = Field(min_length=1)
    seconds: Positive
    unit_bytes: Positive | None = None


class CostFile(Frozen):
    """Costs of a machine, as ``t2sbench table cost`` measures them.

    Attributes:
        machine: Machine and number of threads.
        device: Device that computed, such as ``cpu`` or ``cuda``.
        measured: Date.
        samples: Measured durations.
    """

    schema_version: Literal[1] = Field(1, alias="schema")
    machine: str
    device: str
    measured: str
    samples: tuple[Sample, ...] = Field(min_length=1)


@dataclass(frozen=True, eq=False)
class Estimate:
    """Expected duration of a piece of work, or of many together.

    Attributes:
        seconds: Mean duration.
        draws: Means that agree with the samples, float64 ``(DRAWS,)``. Estimates from the same
            samples have the same draws, so that the interval of a sum is right.
        spread: Standard deviation of the logarithm of one duration; 0 for sums.
    """

    seconds: float
    draws: NDArray[np.float64]
    spread: float = 0.0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.seconds + other.seconds, self.draws + other.draws)

    def __mul__(self, number: float) -> Estimate:
        return Estimate(self.seconds * number, self.draws * number, self.spread)

    @property
    def interval(self) -> tuple[float, float]:
        """Limits of the 95 % interval of the mean; equal if there was one sample."""
        low, high = np.quantile(self.draws, (0.025, 0.975))
        return float(low), float(high)


NOTHING = Estimate(0.0, np.zeros(DRAWS))


def total(estimates: Iterable[Estimate]) -> Estimate:
    """Return the sum of estimates."""
    return sum(estimates, NOTHING)


@dataclass(frozen=True, eq=False)
class Rate:
    """Seconds per amount of work, fitted to samples.

    Attributes:
        weights: Seconds per unit of each amount, up to the common factor.
        factor: Mean factor.
        draws: Factors that agree with the samples, float64 ``(DRAWS,)``.
        spread: Standard deviation of the logarithm of one duration.
    """

    weights: NDArray[np.float64]
    factor: float
    draws: NDArray[np.float64]
    spread: float

    def of(self, amounts: Sequence[float]) -> Estimate:
        """Return the duration of an amount of work."""
        seconds = float(self.weights @ np.asarray(amounts))
        return Estimate(seconds * self.factor, seconds * self.draws, self.spread)


def fit(samples: Sequence[tuple[Sequence[float], float]], name: Place = ()) -> Rate:
    """Fit a rate to measured durations.

    Durations are lognormal about their mean. The interval of the mean is the generalised one of
    Krishnamoorthy and Mathew (J. Stat. Plan. Inference 115, 2003), which holds for few samples;
    it ends at a factor of ten. A sample of more than five times the median is left out.

    Args:
        samples: Amounts and seconds.
        name: Seed of the draws.

    Example:
        >>> rate = fit([([10.0], 2.0), ([20.0], 4.0)])
        >>> round(rate.of([100.0]).seconds, 6), rate.spread
        (20.0, 0.0)
    """
    from scipy.optimize import nnls

    amounts = np.array([one for one, _ in samples], dtype=np.float64)
    seconds = np.array([one for _, one in samples], dtype=np.float64)
    relative = amounts / seconds[:, None]
    scale = relative.max(axis=0)
    weights = nnls(relative / scale, np.ones(len(seconds)))[0] / scale
    logs = np.log(seconds / (amounts @ weights))
    logs = logs[logs <= np.median(logs) + math.log(_DISTURBED)]
    count, freedom = len(logs), len(logs) - amounts.shape[1]
    variance = float(np.square(logs - logs.mean()).sum() / freedom) if freedom > 0 else 0.0
    rng = np.random.default_rng(int(digest(list(name))[:16], 16))
    normal, chi = rng.standard_normal(DRAWS), rng.chisquare(max(freedom, 1), DRAWS)
    drawn = variance * max(freedom, 1) / chi
    shifts = np.clip(drawn / 2 - normal * np.sqrt(drawn / count), -_WIDEST, _WIDEST)
    draws = np.exp(logs.mean() + shifts)
    factor = float(np.exp(logs.mean() + min(variance / 2, _WIDEST)))
    return Rate(weights, factor, draws, math.sqrt(variance))


def dataset_amounts(profile: Profile) -> tuple[float, ...]:
    """Return the work of making a dataset."""
    return float(profile.n_images), 1.0


def evaluation_amounts(protocol: str, profile: Profile, task: Task) -> tuple[float, ...]:
    """Return the work of a protocol on a task, without the computation of features."""
    train, test = task_sizes(task)
    evaluation = profile.evaluation
    if protocol.startswith("knn5"):
        return (float(train * test),)
    if protocol == "linear":
        training = task.hyperparameters.linear
        plan = TrainingPlan(
            training, epochs=evaluation.linear_epochs, min_steps=evaluation.linear_min_steps
        ).for_size(train)
        batch = plan.batch_size_of(train)
        steps = plan.epochs * (train // batch)
        return float(steps), float(steps * batch * task.classes)
    if protocol == "finetune":
        return float(evaluation.finetune_epochs * train), float(test)
    return (float(train + test),)


def task_sizes(task: Task) -> tuple[int, int]:
    """Return the numbers of training and test images; an unknown one is assumed."""
    test = task.split.test or 1
    return task.split.train or _TRAIN_PER_TEST * test, test


def prepared_task(task: Task) -> Task:
    """Return a task with the sizes of its prepared data; as registered without data."""
    folder = data_root()
    if is_prepared(task.name, folder):
        try:
            return as_prepared(task, read_card(card_path(task.name, folder)))
        except T2SBenchError:
            pass  # reported when the task is scored
    return task


def dataset_place(profile: Profile) -> Place:
    """Return what the rate of rendering depends on."""
    return profile.simulator, str(profile.size), profile.encoding


def network_place(profile: Profile) -> Place:
    """Return what the rate of training and of features depends on."""
    return profile.network, profile.recipe


@dataclass
class Costs:
    """Costs of stages from samples; a stage without samples has no estimate.

    Attributes:
        machine: Origin of the samples.
        samples: Samples by stage and place.
        unit_bytes: Bytes of a unit by stage and place.
    """

    machine: str
    samples: dict[Place, list[tuple[tuple[float, ...], float]]] = field(default_factory=dict)
    unit_bytes: dict[Place, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rates: dict[Place, Rate] = {}

    @classmethod
    def of_file(cls, path: Path) -> Costs:
        """Read the costs of a file that ``t2sbench table cost`` wrote.

        Raises:
            InvalidFileError: When it is missing or malformed.
        """
        content = read_model(path, CostFile, "Write the file with 't2sbench table cost'.")
        found = cls(f"{content.machine}, {content.device}, {content.measured} ({path})")
        for one in content.samples:
            found.add(one.stage, one.place, one.amounts, one.seconds, one.unit_bytes)
        return found

    @classmethod
    def of_store(cls, registry: TaskRegistry, profiles: Iterable[Profile] = ()) -> Costs:
        """Return the costs of the cells that this machine has made; the store is read once.

        Args:
            registry: Tasks, with those of users' files.
            profiles: Users' profiles; those of the package are known.
        """
        found = cls("cells of this machine's store")
        cells = _Cells(found, registry, {one.name: one for one in profiles})
        for entry in default_store().entries():
            cells.add(entry.kind, entry.label, entry.seconds, entry.bytes)
        return found

    def add(
        self,
        stage: str,
        place: Place,
        amounts: tuple[float, ...],
        seconds: float,
        unit_bytes: float | None = None,
    ) -> None:
        """Add a sample."""
        if seconds > 0:
            self.samples.setdefault((stage, *place), []).append((amounts, seconds))
        if unit_bytes:
            self.unit_bytes.setdefault((stage, *place), []).append(unit_bytes)

    def dataset(self, profile: Profile, *, rendered: bool = True) -> Estimate | None:
        """Return the duration of making a profile's dataset; None if unknown."""
        places = [("dataset", profile.name), ("dataset", *dataset_place(profile))]
        return self._of(places if rendered else [("drawn",)], dataset_amounts(profile))

    def backbone(self, profile: Profile) -> Estimate | None:
        """Return the duration of a pre-training; None if unknown."""
        places = [("backbone", profile.name), ("backbone", *network_place(profile))]
        return self._of(places, (float(profile.n_images),))

    def score(
        self, profile: Profile, protocol: str, task: Task, *, with_features: bool = True
    ) -> Estimate | None:
        """Return the duration of a score; None if unknown.

        Args:
            profile: The profile.
            protocol: Name of the protocol.
            task: The task, with the sizes of its data.
            with_features: False if an earlier protocol has computed the features. Cells of the
                store count as they were made.
        """
        own, images = evaluation_amounts(protocol, profile, task), float(sum(task_sizes(task)))
        place, name = network_place(profile), ("score", profile.name, protocol)
        whole = (images, *own) if uses_features(protocol) else own
        found = self._of([(*name, task.name), name, ("score", protocol, *place)], whole)
        if found is not None:
            return found
        alone = self._of([("evaluation", protocol, *place)], own)
        if alone is None or not (with_features and uses_features(protocol)):
            return alone
        features = self._of([("features", *place)], (images,))
        return None if features is None else alone + features

    def typical(self, profile: Profile, protocol: str) -> float | None:
        """Return the median seconds of a profile's scores under a protocol; None if unknown."""
        found = self.samples.get(("score", profile.name, protocol))
        return statistics.median(seconds for _, seconds in found) if found else None

    def bytes_of(self, stage: str, place: Place) -> float | None:
        """Return the mean bytes of a unit of a stage; None if unknown."""
        found = self.unit_bytes.get((stage, *place))
        return statistics.fmean(found) if found else None

    def _of(self, places: Sequence[Place], amounts: tuple[float, ...]) -> Estimate | None:
        for place in places:
            if place in self.samples:
                if place not in self._rates:
                    self._rates[place] = fit(self.samples[place], place)
                return self._rates[place].of(amounts)
        return None


def uses_features(protocol: str) -> bool:
    """True if a protocol computes features of the whole images first."""
    return protocol != "finetune"


@dataclass
class _Cells:
    """Adds cells of a store to costs."""

    costs: Costs
    registry: TaskRegistry
    profiles: dict[str, Profile | None]

    def __post_init__(self) -> None:
        self.task = functools.cache(self._task)

    def add(self, kind: str, label: str, seconds: float, size: int) -> None:
        name, _, what = label.partition(": ")
        if kind in ("dataset", "backbone"):
            self._add_stage(kind, name, what, seconds, size)
        elif kind == "score":
            protocol, _, task = what.partition(",")[0].partition(" of ")
            self._add_score(name, protocol, task, seconds, size)

    def _add_stage(self, kind: str, name: str, what: str, seconds: float, size: int) -> None:
        profile = self._profile(name)
        if profile is None:
            return
        amounts: tuple[float, ...]
        if kind == "backbone":
            amounts, like, each = (float(profile.n_images),), network_place(profile), float(size)
        else:
            amounts, like = dataset_amounts(profile), dataset_place(profile)
            each = size / profile.n_images
            if not what.startswith("configuration "):
                self.costs.add("drawn", (), amounts, seconds)
                return
        self.costs.add(kind, (name,), amounts, seconds)
        self.costs.add(kind, like, amounts, seconds, each)

    def _add_score(self, name: str, protocol: str, task: str, seconds: float, size: int) -> None:
        profile, entry = self._profile(name), self.task(task)
        if profile is None or entry is None:
            return
        own = evaluation_amounts(protocol, profile, entry)
        images = float(sum(task_sizes(entry)))
        amounts = (images, *own) if uses_features(protocol) else own
        self.costs.add("score", (name, protocol, task), amounts, seconds)
        self.costs.add("score", (name, protocol), amounts, seconds)
        self.costs.add("score", (protocol, *network_place(profile)), amounts, seconds, float(size))

    def _profile(self, name: str) -> Profile | None:
        """Profile of a label: one of the user or of the package, with changes."""
        if name not in self.profiles:
            base, _, changes = name.partition("+")
            try:
                own = self.profiles.get(base) or find_profile(base)
                self.profiles[name] = own.changed(
                    parse_changes(changes.split(",") if changes else [])
                )
            except T2SBenchError:
                self.profiles[name] = None
        return self.profiles[name]

    def _task(self, name: str) -> Task | None:
        return prepared_task(self.registry[name]) if name in self.registry else None
