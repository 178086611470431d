"""The recipe of the released table: TDW rewards and Task2Vec embeddings of the paper's authors.

Source: Mishra et al., "Task2Sim", CVPR 2022; data files of the released code at a pinned commit.
The files are downloaded, never shipped.

Departures and traps, measured on the files: one reward per cell, so noise is unknown; the 5-NN
features were computed with the network in training mode (``knn5-released``); FMD has 600 test
items, which fits a two-class "photo or mask" task and not the 10 materials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.download import SourceFile, fetch
from benchmark.core.errors import InvalidFileError
from benchmark.core.extras import require
from benchmark.rewards.card import Description
from benchmark.rewards.storage import write_table
from benchmark.rewards.table import RewardTable
from benchmark.space import PAPER_SPACE, parse_tuple_key
from benchmark.tasks.vectors import TaskEmbeddings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_COMMIT = "https://raw.githubusercontent.com/samarth4149/task2sim/1712475be0b01145ea46d87ffb04beb45dafbca8"

REWARDS = SourceFile(
    url=f"{_COMMIT}/controller_db/reward_db.json",
    sha256="1498ff9576022b955648a38cc1aaf4cca34a56f12f757e726e9e57d590786859",
)
EMBEDDINGS = (
    SourceFile(
        url=f"{_COMMIT}/task_db/resnet18_imagenet_12_seen_tasks.pt",
        sha256="88b75a8350c91cadb5c2f9aa33a624e299fb09d92241ef9e0161d49c486d0d4d",
    ),
    SourceFile(
        url=f"{_COMMIT}/task_db/resnet18_imagenet_8_unseen_tasks.pt",
        sha256="7105a6da91f3ee67863df50d2f3330f54c91546e859dd4e7f592936c90e0a4eb",
    ),
)

#: Test images behind each reward: the smallest n for which all 256 accuracies are multiples of
#: 100 / n, which agrees with the splits of the released code.
N_TEST: Mapping[str, int] = {
    "CropDisease": 10849,
    "EuroSAT": 8100,
    "SVHN": 26032,
    "ChestX": 7758,
    "Sketch": 15889,
    "DTD": 1880,
    "Flowers102": 6149,
    "DeepWeeds": 5257,
    "Resisc45": 9495,
    "Omniglot": 3954,
    "ISIC": 3008,
    "Kaokore": 845,
    "CUB": 5794,
    "PacsC": 237,
    "PacsS": 398,
    "AID": 3007,
    "USPS": 2007,
    "FMD": 600,
    "CactusAerial": 4000,
    "ChestXPneumonia": 624,
}

DESCRIPTION = Description(
    title="Released rewards of Task2Sim (TDW 1.8.23, 100 categories, ResNet-50, 5-NN)",
    simulator="tdw",
    simulator_version="1.8.23",
    n_images=39866,
    sources=[REWARDS, *EMBEDDINGS],
    citation=(
        "Mishra, Panda, Phoo, Chen, Karlinsky, Saenko, Saligrama, Feris: Task2Sim: Towards "
        "Effective Pre-training and Transfer from Synthetic Data. CVPR 2022."
    ),
    licence="as the released code; downloaded from its authors, not redistributed",
    notes=[
        "One reward per cell: reliability is estimated from interactions of four or more settings.",
        "5-NN features were computed in training mode (protocol knn5-released).",
        "FMD: 600 test items fit a two-class photo/mask task, not the 10 materials.",
    ],
    probe="ResNet-18, ImageNet, Monte-Carlo Fisher, 9,600 filters (released)",
)


def build_released(folder: Path) -> RewardTable:
    """Fetch the released files and write them as a reward table into ``folder``.

    Raises:
        UnavailableError: Without torch, which reads the released embeddings, or without network,
            cache and mirror.
        InvalidFileError: When a file is not what its sha256 promises or has another layout.
    """
    require("live", "The released table", "torch")
    rewards = fetch(REWARDS)
    embeddings = [fetch(source) for source in EMBEDDINGS]
    table = RewardTable(
        id="released",
        space=PAPER_SPACE,
        tasks=tuple(N_TEST),
        seeds=(0,),
        values=_values(rewards),
        n_test=np.array(list(N_TEST.values())),
        protocol="knn5-released",
        profile="paper-100c-40k",
        embeddings=_embeddings(embeddings),
    )
    return write_table(table, folder, DESCRIPTION)


def _values(path: Path) -> NDArray[np.float64]:
    import json

    try:
        database: dict[str, dict[str, float]] = json.loads(path.read_bytes())
        values = np.full((len(N_TEST), PAPER_SPACE.size, 1), np.nan)
        for row, task in enumerate(N_TEST):
            for key, accuracy in database[task].items():
                values[row, PAPER_SPACE.index(parse_tuple_key(key)), 0] = accuracy
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidFileError(path, [f"not the released reward layout: {error}"]) from error
    return values


def _embeddings(paths: list[Path]) -> TaskEmbeddings:
    """Task2Vec of all tasks: ``hessian / scale``, float32, not yet normalised."""
    import torch

    tensors: dict[str, Any] = {}
    for path in paths:
        # weights_only builds tensors and containers and runs no code from the file.
        tensors |= torch.load(path, weights_only=True, map_location="cpu")
    vectors = [(tensors[task]["hessian"] / tensors[task]["scale"]).numpy() for task in N_TEST]
    return TaskEmbeddings(tuple(N_TEST), np.stack(vectors))
