"""Data that cells of a run share, the identity of a cell, and units of cells."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import sha256_bytes
from benchmark.core.sandbox import landlock_version
from benchmark.core.versions import SUITE_VERSION, package_version
from benchmark.methods import Method, TaskView
from benchmark.runs.record import (
    Environment,
    MethodEntry,
    SourceEntry,
    TaskEntry,
    cell_digest,
    key_digest,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from benchmark.rewards.table import RewardTable
    from benchmark.runs.plan import Fold
    from benchmark.runs.scoring import Scorer
    from benchmark.tasks.registry import TaskRegistry
    from benchmark.tasks.vectors import TaskEmbeddings


@dataclass(frozen=True)
class Context:
    """Table, registry and settings of a run.

    Attributes:
        table: Rewards that methods learn from.
        registry: Task definitions.
        scorer: Source of the scores of decisions.
        debug: True if records are marked as debug.
        vectors: Vectors of judged tasks that the table lacks, if the user gives some.
    """

    table: RewardTable
    registry: TaskRegistry
    scorer: Scorer
    debug: bool
    vectors: TaskEmbeddings | None = None
    _tasks: dict[str, TaskEntry] = field(default_factory=dict, repr=False)

    def task_view(self, name: str) -> TaskView:
        """Return the view of a task that a method gets.

        A task that the table lacks has the user's vector, or else that of the task that it stands
        in for.
        """
        own = self._own_vector(name)
        if own is not None:
            return TaskView(name, own)
        embeddings = self.table.embeddings
        if embeddings is None:
            return TaskView(name, None)
        if name not in self.table.tasks:
            known = getattr(self.registry[name], "stands_in_for", None)
            found = known is not None and known in self.table.tasks
            return TaskView(name, embeddings.of(known) if known and found else None)
        return TaskView(name, embeddings.of(name))

    def _own_vector(self, name: str) -> NDArray[np.float32] | None:
        if self.vectors is None or name in self.table.tasks or name not in self.vectors.tasks:
            return None
        return self.vectors.of(name)

    def task_entry(self, name: str) -> TaskEntry:
        """Return the task as records state it; its data are looked up once."""
        if name not in self._tasks:
            self._tasks[name] = self.scorer.task_entry(self.registry[name])
        return self._tasks[name]

    def method_entry(self, method: Method, fold: Fold, queries: int | None) -> MethodEntry:
        """Return the method as records state it."""
        return MethodEntry(
            name=method.name,
            label=method.label,
            version=method.version,
            origin=method.plugin.origin,
            code_sha256=method.code_sha256,
            options=dict(method.options),
            privileged=method.privileged,
            learnt_from=sorted({*fold.learn, *(fold.targets if method.privileged else ())}),
            queries=queries,
            learnt_table=self._learnt_table(),
            isolated=method.isolated and not method.privileged and landlock_version() > 0,
        )

    def _learnt_table(self) -> SourceEntry | None:
        if self.scorer.source.kind == "table":
            return None  # it is the source itself
        return SourceEntry(kind="table", id=self.table.id, digest=self.table.digest)

    def _vectors(self, task: str, pretraining: str) -> dict[str, str]:
        """Digests of the vectors that methods read, unless they are pinned as the table's files."""
        embeddings, card = self.table.embeddings, self.table.card
        pinned = card is not None and card.sources
        found = {} if embeddings is None or pinned else {"vectors": embeddings.digest}
        own = self._own_vector(task)
        if pretraining == "rendered" and own is not None:
            found["vector"] = sha256_bytes(own.astype("<f4").tobytes())
        return found

    def identity(
        self,
        method: MethodEntry,
        split: str,
        task: str,
        seed: int,
        pretraining: str = "rendered",
        budget: int | None = None,
    ) -> dict[str, Any]:
        """Return the digests of a cell: of its coordinates, and of all that its score depends on.

        Args:
            method: The method as records state it.
            split: Split of the record.
            task: Name of the task.
            seed: Seed of the method.
            pretraining: The method's kind: ``rendered``, ``none``, or the name of a source.
            budget: Number of rewards of the task that the method may ask for; None without any.
        """
        cell = cell_digest(
            method=method,
            task=task,
            split=split,
            seed=seed,
            protocol=self.scorer.protocol.name,
            source=self.scorer.source,
            debug=self.debug,
            budget=budget,
        )
        key = key_digest(
            cell,
            {
                **({"code": method.code_sha256} if method.code_sha256 else {}),
                **({"isolated": True} if method.isolated and not budget else {}),
                "version": method.version,
                "privileged": method.privileged,
                "learnt_from": method.learnt_from,
                "task": self.task_entry(task).model_dump(mode="json"),
                "protocol": self.scorer.protocol.model_dump(mode="json"),
                **self._vectors(task, pretraining),
                **self.scorer.depends_on(pretraining),
            },
        )
        return {"cell": cell, "key": key}


def read_own_vectors(path: Path, table: RewardTable, registry: TaskRegistry) -> TaskEmbeddings:
    """Read a user's vectors of tasks that a table lacks.

    Raises:
        InvalidFileError: If the file is missing or damaged.
        UnknownNameError: For a task that the registry lacks.
        InvalidInputError: For vectors of another probe than the table's, or of other data than the
            prepared ones, or for a table without vectors.
    """
    from benchmark.tasks.vectors import check_comparable, read_vectors

    vectors, origin = read_vectors(path)
    if table.embeddings is None:
        raise InvalidInputError(
            f"Table '{table.id}' has no Task2Vec vectors, so methods cannot compare those of "
            f"{path}. Choose another --table."
        )
    card = table.card
    known = card.embeddings.probe if card and card.embeddings else ""
    check_comparable(path, vectors, origin, known, table.embeddings.dimension)
    for name in vectors.tasks:
        registry[name]
    digests = origin.data if origin else {}
    other = [n for n in digests if n not in table.tasks and _prepared(n) not in {None, digests[n]}]
    if other:
        raise InvalidInputError(
            f"{path} has vectors of other data than the prepared ones, for {', '.join(other)}. "
            "Run 't2sbench task2vec' on the prepared data."
        )
    return vectors


def _prepared(task: str) -> str | None:
    """Digest of a task's prepared data; None without any."""
    from benchmark.tasks.card import card_path, data_root, read_card

    path = card_path(task, data_root())
    return read_card(path).digest if path.is_file() else None


@dataclass(frozen=True)
class Unit:
    """One method on one fold: each seed is fitted, and judged on each target.

    Attributes:
        context: Data of its cells, among them the scorer.
        budget: Number of rewards of the judged task that it may ask for; None without any.
    """

    context: Context
    method: Method
    fold: Fold
    seeds: tuple[int, ...]
    cells: frozenset[tuple[str, int]]
    budget: int | None = None

    def narrowed(self, cells: frozenset[tuple[str, int]]) -> Unit:
        """Return the unit with only these (task, seed) cells."""
        seeds = tuple(seed for seed in self.seeds if any(s == seed for _, s in cells))
        return replace(self, seeds=seeds, cells=cells)


def make_units(
    contexts: Sequence[Context],
    methods: Sequence[Method],
    seeds: tuple[int, ...],
    folds: Sequence[Fold],
    budgets: Sequence[int] = (),
) -> list[Unit]:
    """Return all units of a run.

    They have the order source, fold, method, protocol: all protocols of a profile share its
    backbones before the next profile begins, and every method has early results.
    """
    by_source: dict[str, list[Context]] = {}
    for context in contexts:
        by_source.setdefault(context.scorer.source.model_dump_json(), []).append(context)
    return [
        Unit(
            context,
            method,
            fold,
            seeds,
            frozenset((task, seed) for task in fold.targets for seed in seeds),
            budget,
        )
        for alike in by_source.values()
        for fold in folds
        for method in methods
        for budget in budgets or (None,)
        for context in alike
    ]


@functools.cache
def environment() -> Environment:
    """Return the software and hardware of this process."""
    names = ("numpy", "scipy", "torch")
    packages = {}
    for name in names:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Environment(
        python=platform.python_version(),
        packages=packages,
        platform=f"{sys.platform}-{platform.machine()}",
    )


def provenance() -> dict[str, Any]:
    """Return the versions that every record states."""
    return {"suite_version": SUITE_VERSION, "package_version": package_version()}
