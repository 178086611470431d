"""Data that cells of a run share, the identity of a cell, and units of cells."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

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
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.plan import Fold
    from benchmark.runs.scoring import Scorer
    from benchmark.tasks.registry import TaskRegistry


@dataclass(frozen=True)
class Context:
    """Table, registry and settings of a run.

    Attributes:
        table: Rewards that methods learn from.
        registry: Task definitions.
        scorer: Source of the scores of decisions.
        debug: True if records are marked as debug.
    """

    table: RewardTable
    registry: TaskRegistry
    scorer: Scorer
    debug: bool
    _tasks: dict[str, TaskEntry] = field(default_factory=dict, repr=False)

    def task_view(self, name: str) -> TaskView:
        """Return the view of a task that a method gets.

        A stand-in without an embedding in the table has that of its original.
        """
        embeddings = self.table.embeddings
        if embeddings is None:
            return TaskView(name, None)
        if name not in self.table.tasks:
            known = getattr(self.registry[name], "stands_in_for", None)
            found = known is not None and known in self.table.tasks
            return TaskView(name, embeddings.of(known) if known and found else None)
        return TaskView(name, embeddings.of(name))

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
        )

    def _learnt_table(self) -> SourceEntry | None:
        if self.scorer.source.kind == "table":
            return None  # it is the source itself
        return SourceEntry(kind="table", id=self.table.id, digest=self.table.digest)

    def _vectors(self) -> dict[str, str]:
        """Digest of the vectors that methods read, unless they are pinned as the table's files."""
        embeddings, card = self.table.embeddings, self.table.card
        pinned = card is not None and card.sources
        return {} if embeddings is None or pinned else {"vectors": embeddings.digest}

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
            pretraining: The method's kind: ``rendered``, ``real-images`` or ``none``.
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
                "version": method.version,
                "privileged": method.privileged,
                "learnt_from": method.learnt_from,
                "task": self.task_entry(task).model_dump(mode="json"),
                "protocol": self.scorer.protocol.model_dump(mode="json"),
                **self._vectors(),
                **self.scorer.depends_on(pretraining),
            },
        )
        return {"cell": cell, "key": key}


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
