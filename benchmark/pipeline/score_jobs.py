"""Scores as jobs: one backbone, scored on tasks under protocols, and the results."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.files import json_value, write_bytes
from benchmark.executors.interface import Job
from benchmark.pipeline.cells import PREDICTIONS, SCORE, ScoreCell, read_score
from benchmark.sources.registry import REAL_IMAGES

if TYPE_CHECKING:
    from benchmark.core.store import CellStore

# Rows of tables that are not configurations, by the kind of their source.
_NAMES = {"none": "untrained", REAL_IMAGES: REAL_IMAGES}


@dataclass(frozen=True)
class ScoreJob(Job):
    """One backbone, scored on tasks under protocols.

    Attributes:
        profile: Place of its settings in :class:`ScoreWork`.
        kind: Kind of its source, as :class:`benchmark.pipeline.settings.Source`.
        configuration: Bit string of rendered images.
        task: Task of a source with other images for each task.
        seed: Seed of scenes, training and evaluation.
        targets: Tasks and protocols. Protocols of one task that follow each other share features.
    """

    profile: int
    kind: str
    configuration: str | None
    task: str | None
    seed: int
    targets: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        name = self.configuration or _NAMES.get(self.kind, self.kind)
        return f"{name}{f' for {self.task}' if self.task else ''}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """Score of one task under one protocol, or its error.

    Attributes:
        task: Name of the task.
        protocol: Name of the protocol.
        seconds: Duration in this job; that of the first includes the backbone.
        made_in: Duration of making the score, in whichever run.
        data: Digest of the task's data.
        identity: Identity of the score's cell.
        label: Label of the cell.
        files: Files of the cell by name, in base 64; empty after an error.
        error: Message of the error.
        error_type: Class of the error.
        traceback: Traceback of users' code.
    """

    task: str
    protocol: str
    seconds: float = 0.0
    made_in: float = 0.0
    data: str | None = None
    identity: Any = None
    label: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    error_type: str = ""
    traceback: str = ""

    def score(self) -> dict[str, Any]:
        """Return the content of the score's file."""
        content: dict[str, Any] = json_value(b64decode(self.files[SCORE]))
        return content

    def kept(self, store: CellStore) -> ScoreCell:
        """Return the score, in its cell of a store, which is written if it is missing.

        Raises:
            StorageError: If the cell cannot be written.
            InvalidFileError: If score and predictions differ.
        """

        def write(folder: Path) -> None:
            for name in (SCORE, PREDICTIONS):
                write_bytes(folder / name, b64decode(self.files[name]))

        found = store.get("score", self.identity, write, self.label, seconds=self.made_in)
        return read_score(found)


@dataclass(frozen=True)
class BackboneResult:
    """All scores of one backbone.

    Attributes:
        outcomes: By target, in the job's order.
        seconds: Duration of rendering and training, in whichever run.
        machine: Kind of machine.
        terms: All else that decides the scores: profile, simulator, device, arithmetic.
        real_images: Collection of real images; None for other sources.
        mended: Damaged cells of the store that were replaced.
    """

    outcomes: tuple[Outcome, ...]
    seconds: float = 0.0
    machine: str = ""
    terms: Mapping[str, Any] = field(default_factory=dict)
    real_images: str | None = None
    mended: tuple[str, ...] = ()
