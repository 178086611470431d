"""What a table shall hold, and the jobs that follow from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pipeline.profiles import Profile, find_profile
from benchmark.protocols.registry import find_protocol

if TYPE_CHECKING:
    from benchmark.space import ParameterSpace

#: Rows that are measured beside the configurations, under the same profile.
REFERENCES: Mapping[str, Literal["none", "real-images"]] = {
    "untrained": "none",
    "real-images": "real-images",
}


@dataclass(frozen=True)
class BuildRequest:
    """Everything that a table depends on; picklable, so that workers can build their part.

    Attributes:
        profile: Name or file of the pre-training profile.
        changes: Other values of some of its fields.
        protocol: Name of the evaluation protocol.
        tasks: Tasks, in row order.
        seeds: Repetitions, in layer order.
        configurations: Numbers of configurations; None for all of the space.
        references: Which of :data:`REFERENCES` are measured beside.
        device: "auto", "cpu", "cuda:0" ...
        real_images: Parquet file or folder of the reference ``real-images``.
        plugin_files: Users' files with more simulators.
        tasks_files: Users' task definitions.
    """

    profile: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    protocol: str = "knn5"
    changes: Mapping[str, Any] = field(default_factory=dict)
    configurations: tuple[int, ...] | None = None
    references: tuple[str, ...] = ()
    device: str = "auto"
    real_images: str | None = None
    plugin_files: tuple[Path, ...] = ()
    tasks_files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        find_protocol(self.protocol)
        for what in ("tasks", "seeds", "references", "configurations"):
            _check_distinct(what, getattr(self, what) or ())
        for name in self.references:
            if name not in REFERENCES:
                raise UnknownNameError("reference", name, REFERENCES)
        if not self.tasks or not self.seeds:
            raise InvalidInputError(
                f"Expected tasks and seeds, but got {len(self.tasks)} and {len(self.seeds)}. "
                "Name at least one of each."
            )
        if "real-images" in self.references and not self.real_images:
            raise InvalidInputError(
                "Expected a collection for the reference 'real-images', but got none. "
                "Name it with --real-images PATH."
            )

    def find_profile(self) -> Profile:
        """The profile.

        Raises:
            T2SBenchError: As :func:`benchmark.pipeline.profiles.find_profile`.
        """
        return find_profile(self.profile, self.changes)

    def numbers(self, space: ParameterSpace) -> tuple[int, ...]:
        """Numbers of the configurations to measure.

        Raises:
            InvalidInputError: When one is not in the space.
        """
        if self.configurations is None:
            return tuple(range(space.size))
        for number in self.configurations:
            if not 0 <= number < space.size:
                raise InvalidInputError(
                    f"Expected configurations 0 to {space.size - 1}, but got {number}. "
                    "Correct --configurations."
                )
        return self.configurations


def _check_distinct(what: str, given: Sequence[object]) -> None:
    twice = [str(one) for one, count in Counter(given).items() if count > 1]
    if twice:
        raise InvalidInputError(
            f"Expected {what} that differ, but got {', '.join(twice)} more than once. "
            "Name each of them once."
        )


@dataclass(frozen=True, order=True)
class Job:
    """One backbone, scored on all tasks.

    Attributes:
        row: Bit string of a configuration, or the name of a reference.
        seed: Of scenes, training and evaluation.
    """

    row: str
    seed: int

    def __str__(self) -> str:
        return f"{self.row}, seed {self.seed}"


def make_jobs(request: BuildRequest, space: ParameterSpace) -> Iterator[Job]:
    """All jobs of a table: seed by seed, references first, configurations in a mixed order.

    A table that is stopped early then has whole seeds, and of the last one a fair sample.
    """
    numbers = request.numbers(space)
    order = np.random.default_rng(7).permutation(len(numbers))
    for seed in request.seeds:
        for name in request.references:
            yield Job(name, seed)
        for place in order:
            yield Job(str(space.at(numbers[int(place)])), seed)
