"""The card of a reward table: all facts about it except the numbers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from benchmark.core.download import SourceFile  # noqa: TC001 - read by pydantic
from benchmark.core.errors import InvalidInputError
from benchmark.core.models import Frozen, Int64, Sha256
from benchmark.rewards.noise import TaskNoise  # noqa: TC001 - read by pydantic
from benchmark.space import ParameterSpace, space_from_json

#: Largest number of cells of a table: tasks x configurations x seeds.
MAX_CELLS = 10_000_000
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
TableId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=64)]


def table_id(text: str, *, correct: bool = False) -> str:
    """Return a text as the short name of a table.

    Args:
        text: The text.
        correct: True to replace characters that a name cannot have.

    Raises:
        InvalidInputError: For such characters, unless they are replaced.

    Example:
        >>> table_id("My Table", correct=True)
        'my-table'
    """
    identifier = re.sub(r"[^a-z0-9.-]", "-", text.lower()).lstrip(".-")[:64] or "my-table"
    if not correct and identifier != text:
        raise InvalidInputError(
            f"--id '{text}' is not valid: use at most 64 lower-case letters, digits, '.' and '-', "
            f"such as '{identifier}'."
        )
    return identifier


class DataEntry(Frozen):
    """Images of a task that rewards and scores were measured on.

    Attributes:
        revision: Name of data and split.
        digest: SHA-256 of their content.
        stands_in_for: Task of the paper that they replace.
        partial: Numbers of classes or images that differ from the registry's.
    """

    revision: str
    digest: Sha256
    stands_in_for: str | None = None
    partial: str | None = None


class TableDataEntry(DataEntry):
    """Images of a task of a table.

    Attributes:
        classes: Number of classes.
        n_train: Number of training images.
    """

    classes: Int64
    n_train: Int64


class CostEntry(Frozen):
    """Cost of measuring a table.

    Attributes:
        backbones: Number of networks that were trained and scored.
        hours: Hours of processes, summed over backbones.
        machines: Kinds of machine.
    """

    backbones: Int64
    hours: float
    machines: list[str]


class TableTask(Frozen):
    """One task of a table.

    Attributes:
        name: Task name.
        n_test: Number of test images behind each accuracy.
        reliability: Spearman-Brown corrected split-half correlation of the rewards over
            configurations, between disjoint halves of the seeds; None with one seed.
        noise: Noise of the rewards.
        data: Images that they were measured on, if known.
    """

    name: str
    n_test: Annotated[int, Field(gt=0, lt=2**53)]
    reliability: float | None = None
    noise: TaskNoise | None = None
    data: TableDataEntry | None = None


class EmbeddingsCard(Frozen):
    """Task embeddings of a table."""

    file_sha256: Sha256
    digest: Sha256
    dimension: Int64
    probe: str


class TableFacts(Frozen):
    """Facts about a table that its numbers do not state.

    Attributes:
        title: One line.
        simulator: Name of the simulator.
        simulator_version: Its version.
        n_images: Images of each pre-training dataset.
        sources: Files that the table was made from.
        citation: Publication of the rewards.
        licence: Terms of the table.
        notes: Remarks for readers.
        references: Accuracies of references by name and task, one per seed: ``untrained`` and
            ``real-images`` are networks of the same profile without pre-training, and pre-trained
            on as many real images.
        real_images: Name and start of the digest of these real images.
        cost: Cost of measuring, if known.
    """

    title: str
    simulator: str
    simulator_version: str
    n_images: Int64 | None = None
    sources: list[SourceFile] = Field(default_factory=list)
    citation: str = ""
    licence: str = ""
    notes: list[str] = Field(default_factory=list)
    references: dict[str, dict[str, list[Percent]]] = Field(default_factory=dict)
    real_images: str | None = None
    cost: CostEntry | None = None


class Description(TableFacts):
    """Facts that a table is written with.

    Attributes:
        probe: Origin of the embeddings.
        data: Images by task.
    """

    probe: str = "not stated"
    data: dict[str, TableDataEntry] = Field(default_factory=dict)


class TableCard(TableFacts):
    """The card of a reward table: content, origin and digests.

    Attributes:
        id: Short name, which users type.
        protocol: Name of the evaluation protocol of every reward.
        profile: Name of the pre-training profile of every reward.
        space: Parameters and levels, as :meth:`ParameterSpace.to_json` writes them.
        tasks: Tasks, in row order.
        seeds: Seeds, in layer order.
        digest: SHA-256 of the content (not of the file's bytes).
        rewards_sha256: SHA-256 of ``rewards.parquet``.
        embeddings: Embeddings of the tasks, if the table has them.
    """

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    id: TableId
    protocol: str
    profile: str
    space: list[dict[str, Any]]
    tasks: list[TableTask]
    seeds: list[Int64]
    digest: Sha256
    rewards_sha256: Sha256
    embeddings: EmbeddingsCard | None = None

    @field_validator("space")
    @classmethod
    def _is_a_space(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        space_from_json(value)  # raises a ValueError
        return value

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        cells = len(self.tasks) * self.parameter_space.size * len(self.seeds)
        if cells > MAX_CELLS:
            raise ValueError(
                f"{len(self.tasks):,} tasks x {self.parameter_space.size:,} configurations x "
                f"{len(self.seeds):,} seeds exceed the limit of {MAX_CELLS:,} cells"
            )
        return self

    @property
    def stand_ins(self) -> dict[str, str]:
        """Originals by the name of the task that stands in for them."""
        found = {task.name: task.data.stands_in_for for task in self.tasks if task.data}
        return {name: original for name, original in found.items() if original}

    def shown(self, task: str) -> str:
        """Return the name of a task, with that of its original."""
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
