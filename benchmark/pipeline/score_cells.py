"""Score cells: the numbers, and what the network said of every test image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import sha256_file, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmark.pretraining.backbone_io import BackboneCard
    from benchmark.protocols.evaluate import Evaluation

_SCORE, _PREDICTIONS = "score.json", "predictions.npy"


@dataclass(frozen=True)
class ScoreCell:
    """A backbone's score on a task.

    Attributes:
        protocol: Name of the protocol.
        task: Name of the task.
        accuracy: Per cent of the test images.
        balanced_accuracy: Mean of the classes' accuracies, per cent.
        half_width: Half of the 95 % Wilson interval, percentage points.
        n_correct: Test images that were right.
        n_train: Training images.
        n_test: Test images.
        seconds: What the evaluation took.
        hyperparameters: Of the protocol, all resolved.
        backbone: Key of the backbone's cell.
        weights_sha256: Digest of the backbone's weights.
        n_images: Images of pre-training.
        device: Kind of device that trained the backbone.
        predictions_sha256: Digest of the file of predictions.
        folder: Where the cell is; not part of the file.
    """

    protocol: str
    task: str
    accuracy: float
    balanced_accuracy: float
    half_width: float
    n_correct: int
    n_train: int
    n_test: int
    seconds: float
    hyperparameters: Mapping[str, str | int | float | bool]
    backbone: str
    weights_sha256: str
    n_images: int
    device: str
    predictions_sha256: str
    folder: Path | None = None

    def predictions(self) -> NDArray[np.int64]:
        """Class that was said of every test image, int64 ``(n_test,)``."""
        assert self.folder is not None  # noqa: S101 - read from a folder
        said: NDArray[np.int64] = np.load(self.folder / _PREDICTIONS, allow_pickle=False)
        return said.astype(np.int64)


def write_score(folder: Path, found: Evaluation, card: BackboneCard, backbone: str) -> None:
    """Fill the folder of a score cell."""
    smallest = np.min_scalar_type(int(found.predictions.max(initial=0)))
    np.save(folder / _PREDICTIONS, found.predictions.astype(smallest))
    cell = ScoreCell(
        protocol=found.protocol,
        task=found.task,
        accuracy=found.accuracy,
        balanced_accuracy=found.balanced_accuracy,
        half_width=found.half_width,
        n_correct=int((found.predictions == found.labels).sum()),
        n_train=found.n_train,
        n_test=found.n_test,
        seconds=round(found.seconds, 3),
        hyperparameters=dict(found.hyperparameters),
        backbone=backbone,
        weights_sha256=card.weights_sha256,
        n_images=card.images,
        device=card.device,
        predictions_sha256=sha256_file(folder / _PREDICTIONS),
    )
    content = {name: value for name, value in asdict(cell).items() if name != "folder"}
    write_bytes(folder / _SCORE, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def read_score(folder: Path) -> ScoreCell:
    """Read a score cell, and verify it against its predictions.

    Raises:
        InvalidFileError: When it is damaged.
    """
    try:
        content: dict[str, Any] = orjson.loads((folder / _SCORE).read_bytes())
        cell = ScoreCell(**content, folder=folder)
        whole = sha256_file(folder / _PREDICTIONS) == cell.predictions_sha256
        consistent = abs(cell.accuracy - 100 * cell.n_correct / cell.n_test) < 1e-9
    except (OSError, ValueError, TypeError, ZeroDivisionError) as error:
        raise InvalidFileError(folder, [f"not a score: {error}"], "It is made again.") from error
    if not whole or not consistent:
        raise InvalidFileError(folder, ["score and predictions differ"], "It is made again.")
    return cell
