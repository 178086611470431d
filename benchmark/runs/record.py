"""The result record: one immutable JSON line per (method, task, split, seed, protocol, source)."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
)

from benchmark.core.files import canonical_json, digest, sha256_bytes
from benchmark.core.models import Frozen, Int64, Sha256
from benchmark.core.versions import SUITE_VERSION
from benchmark.rewards.card import DataEntry  # noqa: TC001 - read by pydantic

Option = str | bool | int | float


class TaskEntry(Frozen):
    """The task, as defined when the record was made.

    Attributes:
        data: Images of the score, if known.
        reliability: Reliability of the task's rewards over configurations, if a table states it.
    """

    name: str
    side: Literal["seen", "unseen"]
    data_revision: str
    task_sha256: Sha256
    n_train: Int64 | None
    n_test: Annotated[Int64, Field(gt=0)]
    data: DataEntry | None = None
    reliability: float | None = None

    @model_serializer(mode="wrap")
    def _without_absent_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Older records keep the bytes, and so the ids, that they had without these fields.
        content: dict[str, Any] = handler(self)
        for name in ("data", "reliability"):
            if content.get(name) is None:
                content.pop(name, None)
        return content


class SourceEntry(Frozen):
    """Origin of the score: a reward table, or a live run."""

    kind: Literal["table", "live"]
    id: str
    digest: Sha256


class MethodEntry(Frozen):
    """The method: code, options, and the rewards that it was allowed to see.

    Attributes:
        version: Raised by the method's authors when its decisions change.
        code_sha256: Digest of a plug-in file or a submission; absent for methods of a
            distribution.
        label: Name and changed options; the row of a table.
        learnt_from: Tasks whose rewards it could query.
        queries: Number of distinct rewards that it queried; None after a failed fit.
        privileged: True if it saw the rewards that it is judged on: a reference, never ranked.
        learnt_table: Reward table that it learnt from, if the score has another source.
        isolated: True if the decision was made by the method's code in a process that held only
            rewards of the learnt tasks.
    """

    name: str
    label: str
    version: str
    origin: str
    code_sha256: Sha256 | None = None
    options: dict[str, Option]
    privileged: bool
    learnt_from: list[str]
    queries: Int64 | None
    learnt_table: SourceEntry | None = None
    isolated: bool = False

    @cached_property
    def options_json(self) -> bytes:
        """Canonical JSON of the options."""
        return canonical_json(self.options)

    @property
    def origin_name(self) -> str:
        """Distribution without its version, or file without its folder."""
        if self.origin.endswith(".py"):
            return self.origin.rpartition("/")[2]
        return self.origin.partition(" ")[0]

    @model_serializer(mode="wrap")
    def _without_absent_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        for name in ("code_sha256", "learnt_table", "isolated"):
            if not content.get(name):
                content.pop(name, None)
        return content


class BudgetEntry(Frozen):
    """Rewards of the judged task that the method could ask for, and those that it asked for.

    Attributes:
        queries: Largest number of configurations.
        asked: Configurations that it asked for, in order.
        seed: Seed of the table that answers.
        judged_seeds: Seeds of the table that score the decision. They contain ``seed`` only where
            the table has no other.
    """

    queries: Annotated[Int64, Field(ge=0)]
    asked: list[str]
    seed: Int64
    judged_seeds: list[Int64]


class DecisionEntry(Frozen):
    """The choice of the method: one configuration, or a mixture of several."""

    configuration: str | None = None
    mixture: Literal["uniform"] | dict[str, float] | None = None


class ProtocolEntry(Frozen):
    """The evaluation protocol with all hyperparameters."""

    name: str
    version: Int64
    hyperparameters: dict[str, Option]


class PretrainingEntry(Frozen):
    """Pre-training of the scored backbone.

    Attributes:
        simulator: Name of the simulator; ``none``, ``real-images:NAME``, ``source:NAME`` or
            another prefix for networks that were not pre-trained on its images.
        simulator_version: Its version, or the start of the digest of the images.
        profile: Name of the profile of rendering and training.
        n_images: Number of images.
        checkpoint_sha256: Digest of the backbone's weights.
        licence: Licence of a source's images, if it is stated.
    """

    simulator: str
    simulator_version: str
    profile: str
    n_images: Int64 | None
    checkpoint_sha256: Sha256 | None = None
    licence: str | None = None

    @property
    def kind(self) -> str:
        """``rendered``, ``none``, or the prefix, such as ``real-images`` or ``source``.

        Example:
            >>> entry = PretrainingEntry(
            ...     simulator="source:mine", simulator_version="1", profile="mini", n_images=9
            ... )
            >>> entry.kind
            'source'
        """
        prefix, colon, _ = self.simulator.partition(":")
        return prefix if colon or prefix == "none" else "rendered"

    @model_serializer(mode="wrap")
    def _without_absent_licence(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if content.get("licence") is None:
            content.pop("licence", None)
        return content


class ReferenceEntry(Frozen):
    """The two fixed points of the regret scale for this task, in percent.

    Attributes:
        random: Mean over all configurations.
        oracle: Best configuration (cross-fitted between seeds where the source has several).
        error: Standard error of ``oracle`` from the noise between seeds, if known.
    """

    random: float
    oracle: float
    error: float | None = None

    @model_serializer(mode="wrap")
    def _without_absent_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return {name: value for name, value in content.items() if value is not None}


class Score(Frozen):
    """One measured number; NaN is not JSON, so a missing value is null with a reason."""

    metric: str
    value: float | None
    unit: str
    n_correct: int | None = None
    reason: str | None = None
    predictions: str | None = None


#: Seconds since the first stage of a cell began, stage, steps done, and all steps.
HeartBeat = tuple[float, str, int | None, int | None]


class Cost(Frozen):
    """Cost of a cell; the cost of a fit is divided among its cells.

    Attributes:
        wall_seconds: Wall time.
        gpu_seconds: Time of GPUs.
        stages: Seconds by stage (``render``, ``pre-train``, the protocol) of all that this run made
            for the cell; absent if all was in the store. The stages of a backbone are in the first
            record that needs it.
        beats: Up to 16 heart-beats, if the stages took longer than a minute.
    """

    wall_seconds: float
    gpu_seconds: float = 0.0
    stages: dict[str, float] | None = None
    beats: list[HeartBeat] | None = None

    @model_serializer(mode="wrap")
    def _without_absent_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        for name in ("stages", "beats"):
            if content.get(name) is None:
                content.pop(name, None)
        return content


class Environment(Frozen):
    """Software and hardware of a cell."""

    python: str
    packages: dict[str, str]
    platform: str
    device: str = "cpu"
    deterministic: bool = True


class Failure(Frozen):
    """Reason of a missing score.

    Attributes:
        traceback: Traceback of a plug-in's error without the frames of this package.
    """

    type: str
    message: str
    traceback: str | None = None

    @model_serializer(mode="wrap")
    def _without_absent_traceback(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if content.get("traceback") is None:
            content.pop("traceback", None)
        return content


class Record(Frozen):
    """One scored (or failed) cell.

    Attributes:
        record_id: SHA-256 of the canonical content without this field.
        supersedes: ``record_id`` that this record replaces, if both have the same
            :attr:`lineage`; nothing is ever deleted.
        key: Digest of everything that the score depends on; equal keys, equal cells.
        cell: Digest of the coordinates alone (method, options, task, split, seed, protocol, source,
            suite version): same cell, other key means that the method's code or the task's
            definition changed.
        suite_version: Version of the numbers; boards never mix two.
        debug: True if made with ``--limit``: never ranked.
        decision: Choice of the method; absent for failed cells, and for references that use no
            configuration.
        budget: Queries of the judged task; absent for decisions without any.
        reference: Absent for live scores of a profile that no table has.
    """

    schema_version: Literal[1] = 1
    record_id: Sha256
    supersedes: Sha256 | None = None
    status: Literal["ok", "failed", "timeout"]
    error: Failure | None = None
    key: Sha256
    cell: Sha256
    suite_version: Int64
    package_version: str
    debug: bool = False
    split: str
    seed: Int64
    task: TaskEntry
    method: MethodEntry
    decision: DecisionEntry | None = None
    budget: BudgetEntry | None = None
    protocol: ProtocolEntry
    pretraining: PretrainingEntry
    source: SourceEntry
    reference: ReferenceEntry | None
    scores: list[Score] = Field(default_factory=list)
    cost: Cost
    environment: Environment

    @model_serializer(mode="wrap")
    def _without_absent_budget(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if content.get("budget") is None:
            content.pop("budget", None)
        return content

    @property
    def lineage(self) -> tuple[str, str, str, str]:
        """Cell, and label, version and origin of the method: a record supersedes only its own."""
        method = self.method
        return self.cell, method.label, method.version, method.origin_name

    @property
    def accuracy(self) -> float | None:
        """The first score's value, in percent; None for a failed cell."""
        return self.scores[0].value if self.scores else None


RECORD_ADAPTER: TypeAdapter[Record] = TypeAdapter(Record)


def cell_digest(  # noqa: PLR0913 - the coordinates of a cell
    *,
    method: MethodEntry,
    task: str,
    split: str,
    seed: int,
    protocol: str,
    source: SourceEntry,
    debug: bool,
    budget: int | None = None,
) -> str:
    """Return the digest of a cell's coordinates.

    The suite's version and the source's content are among them: a later version or a changed table
    makes new cells and keeps the old ones, so that old boards keep their rows.
    """
    coordinates: dict[str, Any] = {
        "method": method.name,
        "options": method.options,
        "task": task,
        "split": split,
        "seed": seed,
        "protocol": protocol,
        "source": source.model_dump(mode="json"),
        "suite": SUITE_VERSION,
        "debug": debug,
    }
    if method.learnt_table is not None:
        coordinates["learnt_table"] = method.learnt_table.model_dump(mode="json")
    if budget is not None:
        coordinates["budget"] = budget
    return digest(coordinates)


def key_digest(cell: str, parts: dict[str, Any]) -> str:
    """Return the digest of a cell's coordinates and of all else that its score depends on."""
    return digest({"cell": cell, **parts})


def seal(content: dict[str, Any]) -> Record:
    """Return the record of a content, with its id.

    Args:
        content: All fields but ``record_id``, as JSON values.

    Raises:
        pydantic.ValidationError: When the content breaks the schema.
    """
    draft = Record.model_validate({**content, "record_id": "0" * 64})
    plain = draft.model_dump(mode="json", exclude={"record_id"})
    return draft.model_copy(update={"record_id": sha256_bytes(canonical_json(plain))})


def to_line(record: Record) -> bytes:
    """Return a record as one canonical JSON line."""
    return canonical_json(record.model_dump(mode="json")) + b"\n"
