"""The card of a reward table: everything about it but the numbers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from benchmark.core.download import SourceFile  # noqa: TC001 - read by pydantic
from benchmark.space import ParameterSpace, space_from_json

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TableId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=64)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoiseEntry(_Frozen):
    """As :class:`benchmark.rewards.noise.TaskNoise`."""

    seed_sd: float | None
    test_half_width: float
    near_best: int | None


class TaskDataEntry(_Frozen):
    """The images of a task that a table was measured on.

    Attributes:
        revision: Identifies data and split.
        digest: SHA-256 of their content.
        classes: Classes kept.
        n_train: Training images.
        stands_in_for: Task of the paper in whose place they are used.
        partial: In what number of classes or images they differ from the registry's.
    """

    revision: str
    digest: Sha256
    classes: int
    n_train: int
    stands_in_for: str | None = None
    partial: str | None = None


class CostEntry(_Frozen):
    """What measuring took.

    Attributes:
        backbones: Networks that were trained and scored.
        hours: Sum over backbones, of the processes that worked on them.
        machines: Kinds of machine.
    """

    backbones: int
    hours: float
    machines: list[str]


class TableTask(_Frozen):
    """One task of a table.

    Attributes:
        name: Task name.
        n_test: Number of test images behind each accuracy.
        reliability: Spearman-Brown corrected split-half correlation of the rewards over
            configurations, between disjoint halves of the seeds; None with one seed.
        noise: How sure the rewards are; see :class:`benchmark.rewards.noise.TaskNoise`.
        data: The images that they were measured on, where that is known.
    """

    name: str
    n_test: Annotated[int, Field(gt=0)]
    reliability: float | None = None
    noise: NoiseEntry | None = None
    data: TaskDataEntry | None = None


class EmbeddingsCard(_Frozen):
    """The task embeddings that come with a table."""

    file_sha256: Sha256
    digest: Sha256
    dimension: int
    probe: str


class TableCard(_Frozen):
    """What a reward table is, where it comes from and how to tell that it is unchanged.

    Attributes:
        id: Short name, which users type.
        protocol: Name of the evaluation protocol of every reward.
        profile: Name of the pre-training profile of every reward.
        n_images: Images of each pre-training dataset.
        space: Parameters and levels, as :meth:`ParameterSpace.to_json` writes them.
        digest: SHA-256 of the content (not of the file's bytes).
        rewards_sha256: SHA-256 of ``rewards.parquet``.
        references: Accuracies of references by name and task, one per seed: ``untrained`` and
            ``real-images`` are networks of the same profile without pre-training, and pre-trained
            on as many real images.
        real_images: Which ones: name and start of their digest.
        cost: What measuring took, where that is known.
    """

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    id: TableId
    title: str
    protocol: str
    profile: str
    simulator: str
    simulator_version: str
    n_images: int | None = None
    space: list[dict[str, Any]]
    tasks: list[TableTask]
    seeds: list[int]
    sources: list[SourceFile] = []
    citation: str = ""
    licence: str = ""
    notes: list[str] = []
    digest: Sha256
    rewards_sha256: Sha256
    embeddings: EmbeddingsCard | None = None
    references: dict[str, dict[str, list[float]]] = {}
    real_images: str | None = None
    cost: CostEntry | None = None

    @field_validator("space")
    @classmethod
    def _is_a_space(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        space_from_json(value)  # raises a ValueError
        return value

    @property
    def stand_ins(self) -> dict[str, str]:
        """Tasks that stand in for a task of the paper, and for which."""
        found = {task.name: task.data.stands_in_for for task in self.tasks if task.data}
        return {name: original for name, original in found.items() if original}

    def shown(self, task: str) -> str:
        """The name of a task, with the one that it stands in for."""
        original = self.stand_ins.get(task)
        return f"{task} (for {original})" if original else task

    @property
    def parameter_space(self) -> ParameterSpace:
        """The space as an object."""
        return space_from_json(self.space)

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names of the tasks, in row order."""
        return tuple(task.name for task in self.tasks)
