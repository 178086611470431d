"""Names, versions and hyperparameters of the evaluation protocols, for records and reward tables.

Source: Task2Sim, section 5 and supplementary; and the released code where it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmark.core.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

HyperparameterValue = str | int | float | bool


@dataclass(frozen=True)
class EvaluationProtocol:
    """A named, versioned way to score a backbone on a task.

    Attributes:
        name: Name in commands.
        version: Changes when a score could change.
        title: Column heading, as the paper writes it.
        summary: One sentence.
        hyperparameters: Settings that a score depends on, except those of the task.
    """

    name: str
    version: int
    title: str
    summary: str
    hyperparameters: Mapping[str, HyperparameterValue] = field(default_factory=dict)


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

PROTOCOLS: Mapping[str, EvaluationProtocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            EvaluationProtocol(
                "knn5",
                1,
                "5-NN",
                "Weighted 5-nearest-neighbour vote on frozen features, network in evaluation mode.",
                {**_KNN, "mode": "eval"},
            ),
            EvaluationProtocol(
                "knn5-released",
                1,
                "5-NN (released)",
                "The same vote as the released code took it: network left in training mode, so "
                "that batch statistics and drop path act on the features.",
                {**_KNN, "mode": "train", "batch_size": 128},
            ),
            EvaluationProtocol(
                "linear",
                1,
                "Linear",
                "A linear head trained on the frozen backbone, for at least some thousand steps.",
                {**_HEAD, "head": "batch norm (not affine), linear"},
            ),
            EvaluationProtocol(
                "finetune", 1, "Fine-tuning", "Backbone and head trained on the task.", _HEAD
            ),
        )
    }
)


def find_protocol(name: str) -> EvaluationProtocol:
    """Return the protocol of a name.

    Raises:
        UnknownNameError: If no protocol has the name.

    Example:
        >>> find_protocol("knn5").title
        '5-NN'
    """
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
