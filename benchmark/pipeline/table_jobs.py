"""Reward tables to measure: the request, its jobs, and their results."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pipeline.score_jobs import ScoreJob
from benchmark.pipeline.settings import LiveSettings
from benchmark.protocols.registry import find_protocol
from benchmark.rewards.ladder import step_configurations
from benchmark.space import MAX_CONFIGURATIONS

if TYPE_CHECKING:
    from benchmark.pipeline.score_jobs import BackboneResult
    from benchmark.space import ParameterSpace

#: Rows measured with the configurations, under the same profile, and the kind of their source.
REFERENCES: Mapping[str, Literal["none", "real-images"]] = {
    "untrained": "none",
    "real-images": "real-images",
}


@dataclass(frozen=True)
class TableRequest:
    """Everything that a table depends on; picklable, for worker processes.

    Attributes:
        tasks: Tasks, in row order.
        seeds: Repetitions, in layer order.
        settings: Profile, protocol, device, real images and users' files.
        configurations: Numbers of configurations; ``random:N@SEED`` for N drawn at random, of
            which a smaller draw with the same seed is a part; ``ladder`` for the rows of the
            paper's Table 1; None for all of the space.
        references: Rows of :data:`REFERENCES` to measure with the configurations.
        further_protocols: Protocols that score the same backbones, besides that of the settings.
    """

    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: LiveSettings = field(default_factory=LiveSettings)
    configurations: tuple[int, ...] | str | None = None
    references: tuple[str, ...] = ()
    further_protocols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for protocol in self.protocols:
            find_protocol(protocol, self.settings.plugins)
        for what in ("tasks", "seeds", "references", "configurations"):
            given = getattr(self, what) or ()
            _check_distinct(what, () if isinstance(given, str) else given)
        for name in self.references:
            if name not in REFERENCES:
                raise UnknownNameError("reference", name, REFERENCES)
        if not self.tasks or not self.seeds:
            raise InvalidInputError(
                f"A table needs at least one task and one seed (got {len(self.tasks)} tasks and "
                f"{len(self.seeds)} seeds). Name them with --tasks and --seeds."
            )
        if "real-images" in self.references and not self.settings.named_real_images:
            raise InvalidInputError(
                "The reference 'real-images' needs a collection. Name it with --real-images PATH."
            )

    @property
    def protocols(self) -> tuple[str, ...]:
        """All protocols, that of the settings first."""
        return (self.settings.protocol, *self.further_protocols)

    def numbers(self, space: ParameterSpace) -> tuple[int, ...]:
        """Numbers of the configurations to measure.

        Raises:
            InvalidInputError: When the space is too large for a table, a number is not in the
                space, or a text names none.
        """
        if space.size > MAX_CONFIGURATIONS:
            raise InvalidInputError(
                f"The space of profile '{self.settings.profile}' has {space.size:,} configurations "
                f"({space}); a table has at most {MAX_CONFIGURATIONS:,}. Declare fewer parameters "
                "or levels."
            )
        if self.configurations is None:
            return tuple(range(space.size))
        if self.configurations == "ladder":
            found = step_configurations(space, f"Profile '{self.settings.profile}'")
            return tuple(map(space.index, found))
        if isinstance(self.configurations, str):
            return drawn(self.configurations, space.size)
        for number in self.configurations:
            if not 0 <= number < space.size:
                raise InvalidInputError(
                    f"No configuration {number}: the space has 0 to {space.size - 1}. Correct "
                    "--configurations."
                )
        return self.configurations


def drawn(text: str, size: int) -> tuple[int, ...]:
    """Return the numbers of configurations that ``random:N@SEED`` draws without replacement.

    Args:
        text: The draw. A larger one with the same seed contains a smaller one.
        size: Number of configurations of the space.

    Raises:
        InvalidInputError: If the text is no such draw, or N exceeds the space.

    Example:
        >>> drawn("random:4@0", 256), drawn("random:2@0", 256)
        ((83, 101, 158, 170), (83, 158))
    """
    found = re.fullmatch(r"random:(\d{1,9})@(\d{1,9})", text)
    if found is None:
        raise InvalidInputError(
            f"--configurations '{text}' is not known. Write numbers as in 0-15,255, "
            "random:24@0 for 24 drawn with seed 0, or ladder for the rows of the paper's Table 1."
        )
    count, seed = map(int, found.groups())
    if not 1 <= count <= size:
        raise InvalidInputError(
            f"--configurations {text}: the space has {size} configurations. Draw 1 to {size}."
        )
    # RandomState: its stream never changes.
    order = np.random.RandomState(seed).permutation(size)
    return tuple(sorted(order[:count].tolist()))


def _check_distinct(what: str, given: Sequence[object]) -> None:
    twice = [str(one) for one, count in Counter(given).items() if count > 1]
    if twice:
        raise InvalidInputError(f"Repeated {what}: {', '.join(twice)}. Name each of them once.")


@dataclass(frozen=True, order=True)
class TableJob:
    """One backbone, scored on all tasks.

    Attributes:
        row: Bit string of a configuration, or the name of a reference.
        seed: Seed of scenes, training and evaluation.
    """

    row: str
    seed: int

    def __str__(self) -> str:
        return f"{self.row}, seed {self.seed}"

    def score_job(self, tasks: Sequence[str], protocols: Sequence[str]) -> ScoreJob:
        """Return the job that measures it."""
        kind = REFERENCES.get(self.row, "rendered")
        configuration = None if self.row in REFERENCES else self.row
        targets = tuple(itertools.product(tasks, protocols))
        return ScoreJob(0, kind, configuration, None, self.seed, targets)


def make_jobs(request: TableRequest, space: ParameterSpace) -> Iterator[TableJob]:
    """Yield the jobs of a table: seed by seed, references first, configurations in a mixed order.

    A table that is stopped early then has complete seeds, and a fair sample of the last one.
    """
    numbers = request.numbers(space)
    order = np.random.default_rng(7).permutation(len(numbers))
    for seed in request.seeds:
        for name in request.references:
            yield TableJob(name, seed)
        for place in order:
            yield TableJob(str(space.at(numbers[int(place)])), seed)


@dataclass(frozen=True)
class CellResult:
    """One reward.

    Attributes:
        task: Name of the task.
        accuracy: Percent; None when it failed.
        n_correct: Test images classified correctly.
        n_test: Test images.
        error: Reason of the failure.
        data: Digest of the task's data.
        seconds: Duration of scoring, in whichever run.
    """

    task: str
    accuracy: float | None
    n_correct: int | None = None
    n_test: int | None = None
    error: str | None = None
    data: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class JobResult:
    """All rewards of one backbone.

    Attributes:
        job: The backbone.
        cells: By task, in the request's order.
        weights_sha256: Digest of the backbone; None without a backbone.
        seconds: Duration of rendering and training, in whichever run.
        machine: Kind of machine.
        terms: All else that decides its rewards: profile, simulator, device, arithmetic. Backbones
            of one table have the same terms.
        real_images: Collection of the reference ``real-images``; None for other rows.
        mended: Damaged cells of the store that were replaced.
        further: Rewards under the further protocols, by protocol; not part of the journal.
        traceback: Traceback of a plug-in's error, without the frames of this package.
    """

    job: TableJob
    cells: tuple[CellResult, ...]
    weights_sha256: str | None
    seconds: float
    machine: str
    terms: Mapping[str, Any]
    real_images: str | None = None
    mended: tuple[str, ...] = ()
    further: Mapping[str, tuple[CellResult, ...]] = field(default_factory=dict)
    traceback: str | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """Distinct reasons of failures."""
        cells = itertools.chain(self.cells, *self.further.values())
        return tuple(dict.fromkeys(cell.error for cell in cells if cell.error))

    def of_data(self, digests: Mapping[str, str]) -> JobResult:
        """Return the result without cells of other data than these."""
        kept = tuple(cell for cell in self.cells if digests.get(cell.task) == cell.data)
        return replace(self, cells=kept)

    @property
    def has_rewards(self) -> bool:
        """True if any task has a reward."""
        return any(cell.accuracy is not None for cell in self.cells)

    @property
    def cost(self) -> float:
        """Seconds of rendering, training and scoring."""
        return self.seconds + sum(cell.seconds for cell in self.cells)

    def has(self, tasks: Sequence[str]) -> bool:
        """Return True if there is a reward for each of these tasks."""
        return {cell.task for cell in self.cells if cell.accuracy is not None} >= set(tasks)

    def to_json(self) -> dict[str, Any]:
        """Return the journal's form of the result."""
        content = asdict(self)
        del content["further"]
        if self.traceback is None:  # earlier versions do not know the field
            del content["traceback"]
        return content


def job_results(job: TableJob, found: BackboneResult) -> dict[str, JobResult]:
    """Return the rewards of a backbone by protocol."""
    rows: dict[str, list[CellResult]] = {}
    weights = None
    for one in found.outcomes:
        row = rows.setdefault(one.protocol, [])
        if one.error is not None:
            row.append(CellResult(one.task, None, error=one.error))
            continue
        score = one.score()
        weights = score["weights_sha256"]
        numbers = (score["accuracy"], score["n_correct"], score["n_test"])
        row.append(CellResult(one.task, *numbers, data=one.data, seconds=one.made_in))
    shared = (weights, found.seconds, found.machine, found.terms, found.real_images, found.mended)
    traceback = next((one.traceback for one in found.outcomes if one.traceback), None)
    return {
        protocol: JobResult(job, tuple(row), *shared, traceback=traceback)
        for protocol, row in rows.items()
    }


def result_from_json(value: Mapping[str, Any]) -> JobResult:
    """Read the form of :meth:`JobResult.to_json`.

    Raises:
        KeyError: When a field is missing.
        TypeError: When one is missing or unknown.
    """
    cells = tuple(CellResult(**cell) for cell in value["cells"])
    changed = {"job": TableJob(**value["job"]), "cells": cells, "mended": tuple(value["mended"])}
    return JobResult(**{**value, **changed})
