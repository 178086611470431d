"""Names, versions and hyperparameters of the evaluation protocols, for records and reward tables.

Protocols are registered in the entry-point group ``t2sbench.protocols``. Nothing here imports
torch. Source of this package's: Task2Sim, section 5 and supplementary; and the released code where
it differs.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from benchmark.core.plugins import find_plugin, known_plugins, load_named

if TYPE_CHECKING:
    from benchmark.protocols.evaluators import Evaluator

HyperparameterValue = str | int | float | bool

_CODE = "code_sha256"


@dataclass(frozen=True)
class EvaluationProtocol:
    """A named, versioned way to score a backbone on a task.

    Attributes:
        name: Name in commands.
        version: Changes when a score could change.
        title: Column heading, as the paper writes it.
        summary: One sentence.
        evaluator: Function from a :class:`benchmark.protocols.evaluators.Job` to predictions, or
            ``module:function``, which is imported when it is needed.
        hyperparameters: Settings that a score depends on, except those of the task.
        plan: The training plan of :class:`benchmark.protocols.settings.EvaluationSettings` that the
            evaluator follows; None without any.
    """

    name: str
    version: int
    title: str
    summary: str
    evaluator: Evaluator | str
    hyperparameters: Mapping[str, HyperparameterValue] = field(default_factory=dict)
    plan: Literal["linear", "finetune"] | None = None

    @property
    def identity(self) -> list[HyperparameterValue]:
        """Identity in the keys of cells: name and version, and the digest of a user's file."""
        code = [self.hyperparameters[_CODE]] if _CODE in self.hyperparameters else []
        return [self.name, self.version, *code]

    def load(self) -> Evaluator:
        """Return the evaluator, imported now if it is named."""
        if not isinstance(self.evaluator, str):
            return self.evaluator
        module, _, function = self.evaluator.partition(":")
        evaluator: Evaluator = getattr(importlib.import_module(module), function)
        return evaluator


_KNN: dict[str, HyperparameterValue] = {
    "k": 5,
    "similarity": "cosine",
    "weights": "exp(similarity / 0.07)",
    "features": "global average pool of the last stage, L2-normalised",
}
_HEAD: dict[str, HyperparameterValue] = {
    "epochs": 50,
    "optimizer": "SGD, Nesterov momentum 0.9",
    "schedule": "x0.1 at epochs 25 and 37",
    "head": "dropout 0.2, batch norm (not affine), linear",
    "learning_rate": "of the task (tasks.yaml)",
}

KNN5 = EvaluationProtocol(
    "knn5",
    1,
    "5-NN",
    "Weighted 5-nearest-neighbour vote on frozen features, network in evaluation mode.",
    "benchmark.protocols.evaluators:knn5",
    {**_KNN, "mode": "eval"},
)
KNN5_RELEASED = EvaluationProtocol(
    "knn5-released",
    1,
    "5-NN (released)",
    "The same vote as the released code took it: network left in training mode, so that batch "
    "statistics and drop path act on the features.",
    "benchmark.protocols.evaluators:knn5_released",
    {**_KNN, "mode": "train", "batch_size": 128},
)
LINEAR = EvaluationProtocol(
    "linear",
    1,
    "Linear",
    "A linear head trained on the frozen backbone, for at least some thousand steps.",
    "benchmark.protocols.evaluators:linear",
    {**_HEAD, "head": "batch norm (not affine), linear"},
    plan="linear",
)
FINETUNE = EvaluationProtocol(
    "finetune",
    1,
    "Fine-tuning",
    "Backbone and head trained on the task.",
    "benchmark.protocols.evaluators:finetuned",
    _HEAD,
    plan="finetune",
)

#: This package's protocols by name, in the order of reports.
PROTOCOLS: Mapping[str, EvaluationProtocol] = MappingProxyType(
    {protocol.name: protocol for protocol in (KNN5, KNN5_RELEASED, LINEAR, FINETUNE)}
)


def known_protocols(plugin_files: Sequence[Path] = ()) -> list[str]:
    """Return the names of all protocols: this package's in the order of reports, then others."""
    known = known_plugins("protocol", plugin_files)
    return sorted(known, key=lambda name: (name not in PROTOCOLS, [*PROTOCOLS, name].index(name)))


def find_protocol(name: str, plugin_files: Sequence[Path] = ()) -> EvaluationProtocol:
    """Return the protocol of a name.

    The hyperparameters of a protocol in a user's file include the digest of the file.

    Args:
        name: Registered name.
        plugin_files: Users' files with more protocols,
            ``PROTOCOLS = {"mine": EvaluationProtocol(...)}``.

    Raises:
        UnknownNameError: If no protocol has the name.
        InvalidInputError: If the registered object is not a protocol of that name.
        UnavailableError: If its module cannot be imported.

    Example:
        >>> find_protocol("knn5").title
        '5-NN'
    """
    plugin = find_plugin("protocol", name, plugin_files)
    found = load_named(plugin, "protocol", EvaluationProtocol)
    if plugin.code_sha256 is None:
        return found
    return replace(found, hyperparameters={**found.hyperparameters, _CODE: plugin.code_sha256})


def stated_protocol(name: str) -> EvaluationProtocol:
    """Return the protocol that a table states; a stub of version 0 if no distribution has it."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if name in known_plugins("protocol"):
        return find_protocol(name)
    return EvaluationProtocol(name, 0, name, "Unknown here.", "")
