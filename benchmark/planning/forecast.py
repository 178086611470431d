"""Forecasts of measurements: hours, GPU hours, storage, waiting and critical path on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.planning.cluster import Cluster, simulate
from benchmark.planning.costs import (
    DRAWS,
    Costs,
    Estimate,
    dataset_place,
    network_place,
    total,
    uses_features,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pipeline.profiles import Profile
    from benchmark.tasks.registry import Task

# Simulated runs per forecast; fewer for many jobs, which vary less.
_RUNS, _FEWEST, _SIMULATED_JOBS = 200, 20, 200_000


@dataclass(frozen=True)
class Piece:
    """A stage of a job.

    Attributes:
        profile: Name of the profile.
        stage: ``dataset``, ``backbone``, or the name of a protocol.
        estimate: Duration; None if unknown.
        task: Name of the task, for protocols.
        bytes: Size of its cell; None if unknown.
    """

    profile: str
    stage: str
    estimate: Estimate | None
    task: str = ""
    bytes: float | None = None


@dataclass(frozen=True)
class JobKind:
    """Jobs with the same stages; a worker does the stages of a job one after another.

    Attributes:
        label: A few words.
        number: Number of jobs.
        pieces: Stages of one job, in order.
    """

    label: str
    number: int
    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        """Mean duration of the stages whose duration is known."""
        return total(piece.estimate for piece in self.pieces if piece.estimate).seconds


@dataclass(frozen=True)
class Row:
    """Cells of one profile and stage.

    Attributes:
        profile: Name of the profile.
        stage: ``dataset``, ``backbone``, or the name of a protocol.
        cells: Number of cells.
        unknown: Number of cells of unknown duration.
        time: Duration of the others, one after another.
        bytes: Size on disk of those whose size is known.
    """

    profile: str
    stage: str
    cells: int
    unknown: int
    time: Estimate
    bytes: float


@dataclass(frozen=True)
class Range:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, drawn: Sequence[float]) -> Range:
        """Median and interval of drawn numbers."""
        low, value, high = np.quantile(np.asarray(drawn), (0.025, 0.5, 0.975))
        return cls(float(value), float(low), float(high))


@dataclass(frozen=True)
class Forecast:
    """Expected cost of jobs on a cluster.

    Attributes:
        cluster: The cluster.
        machine: Origin of the costs.
        jobs: Number of jobs.
        rows: Cells by profile and stage.
        wall: Seconds from submission to the last result.
        shares: Shares of the workers' time: ``busy``, ``starting``, ``driver`` and ``tail``.
        longest: Stages of the longest job, which bounds the time on any cluster from below.
    """

    cluster: Cluster
    machine: str
    jobs: int
    rows: tuple[Row, ...]
    wall: Range
    shares: Mapping[str, float]
    longest: JobKind | None

    @property
    def work(self) -> Estimate:
        """Duration of all stages one after another."""
        return total(row.time for row in self.rows)

    @property
    def unknown(self) -> int:
        """Number of cells of unknown duration."""
        return sum(row.unknown for row in self.rows)


def forecast(kinds: Iterable[JobKind], cluster: Cluster, machine: str = "") -> Forecast:
    """Forecast jobs on a cluster.

    The cluster is simulated with durations drawn from the costs: rates from their interval, and
    each stage of each job from the spread of its samples.

    Args:
        kinds: The jobs, in the order of the queue.
        cluster: The cluster.
        machine: Origin of the costs.
    """
    kinds = [kind for kind in kinds if kind.number]
    jobs = sum(kind.number for kind in kinds)
    runs = max(_FEWEST, min(_RUNS, _SIMULATED_JOBS // max(jobs, 1)))
    rng = np.random.default_rng(0)
    found = [simulate(_durations(kinds, run, rng).tolist(), cluster) for run in range(runs)]
    shares = [one.shares for one in found]
    return Forecast(
        cluster,
        machine,
        jobs,
        rows(kinds),
        Range.of([one.makespan for one in found]),
        {name: float(np.mean([one[name] for one in shares])) for name in shares[0]},
        max(kinds, key=lambda kind: kind.seconds, default=None),
    )


def _durations(kinds: Sequence[JobKind], run: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Durations of all jobs in one simulated run."""
    found = []
    for kind in kinds:
        known = [piece.estimate for piece in kind.pieces if piece.estimate]
        means = np.array([one.draws[run % DRAWS] for one in known])
        spreads = np.array([one.spread for one in known])
        noise = rng.standard_normal((kind.number, len(known)))
        found.append(np.exp(noise * spreads - spreads**2 / 2) @ means)
    return np.concatenate(found) if found else np.zeros(0)


def rows(kinds: Iterable[JobKind]) -> tuple[Row, ...]:
    """Return the cells of jobs by profile and stage."""
    places: dict[tuple[str, str], list[tuple[int, Piece]]] = {}
    for kind in kinds:
        for piece in kind.pieces:
            places.setdefault((piece.profile, piece.stage), []).append((kind.number, piece))
    return tuple(
        Row(
            *place,
            sum(number for number, _ in found),
            sum(number for number, piece in found if piece.estimate is None),
            total(piece.estimate * number for number, piece in found if piece.estimate),
            sum(number * (piece.bytes or 0.0) for number, piece in found),
        )
        for place, found in places.items()
    )


def backbone_pieces(costs: Costs, profile: Profile, *, rendered: bool = True) -> list[Piece]:
    """Return the stages from images to a backbone."""
    dataset = costs.bytes_of("dataset", dataset_place(profile))
    return [
        Piece(
            profile.name,
            "dataset",
            costs.dataset(profile, rendered=rendered),
            bytes=None if dataset is None else dataset * profile.n_images,
        ),
        Piece(
            profile.name,
            "backbone",
            costs.backbone(profile),
            bytes=costs.bytes_of("backbone", network_place(profile)),
        ),
    ]


def score_pieces(
    costs: Costs, profile: Profile, wanted: Iterable[tuple[Task, Sequence[str]]]
) -> list[Piece]:
    """Return the scores of a backbone; the first protocol of a task computes its features.

    Args:
        costs: Costs of the stages.
        profile: The profile.
        wanted: Protocols by task.
    """
    pieces, place = [], network_place(profile)
    for task, protocols in wanted:
        first = next(filter(uses_features, protocols), None)
        for protocol in protocols:
            sizes = [costs.bytes_of(s, (protocol, *place)) for s in ("score", "evaluation")]
            estimate = costs.score(profile, protocol, task, with_features=protocol == first)
            size = next((one for one in sizes if one is not None), None)
            pieces.append(Piece(profile.name, protocol, estimate, task.name, size))
    return pieces
