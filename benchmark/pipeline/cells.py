"""Score cells and feature cells of the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from benchmark.core.beats import Beat
from benchmark.core.errors import InvalidFileError
from benchmark.core.files import indented_json, json_value, regular_bytes, sha256_file, write_bytes
from benchmark.core.store import is_whole
from benchmark.protocols.data import Features
from benchmark.protocols.evaluate import Evaluation, TaskScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.core.beats import OnBeat
    from benchmark.core.store import CellStore
    from benchmark.pretraining.backbone_io import BackboneCard

T = TypeVar("T")

#: Files of a score cell.
SCORE, PREDICTIONS = "score.json", "predictions.npy"


@dataclass(frozen=True)
class ScoreCell(TaskScore):
    """A stored score, with the backbone that it belongs to.

    Attributes:
        backbone: Key of the backbone's cell.
        weights_sha256: Digest of the backbone's weights.
        n_images: Number of images of pre-training.
        device: Kind of device that trained the backbone.
        predictions_sha256: Digest of the file of predictions.
        folder: Folder of the cell; not part of the file.
    """

    backbone: str
    weights_sha256: str
    n_images: int
    device: str
    predictions_sha256: str
    folder: Path | None = None

    def predictions(self) -> NDArray[np.int64]:
        """Return the predicted class of every test image, int64 ``(n_test,)``."""
        assert self.folder is not None  # noqa: S101 - read from a folder
        found: NDArray[np.int64] = np.load(self.folder / PREDICTIONS, allow_pickle=False)
        return found.astype(np.int64)


def write_score(folder: Path, found: Evaluation, card: BackboneCard, backbone: str) -> None:
    """Write a score cell into a folder."""
    smallest = np.min_scalar_type(int(found.predictions.max(initial=0)))
    np.save(folder / PREDICTIONS, found.predictions.astype(smallest))
    cell = ScoreCell(
        **{field.name: getattr(found, field.name) for field in fields(TaskScore)},
        backbone=backbone,
        weights_sha256=card.weights_sha256,
        n_images=card.images,
        device=card.device,
        predictions_sha256=sha256_file(folder / PREDICTIONS),
    )
    content = {name: value for name, value in asdict(cell).items() if name != "folder"}
    content["seconds"] = round(cell.seconds, 3)
    write_bytes(folder / SCORE, indented_json(content))


def read_score(folder: Path) -> ScoreCell:
    """Read a score cell, and verify it against its predictions.

    Raises:
        InvalidFileError: When it is damaged; its maker replaces it.
    """
    try:
        content: dict[str, Any] = json_value(regular_bytes(folder / SCORE))
        cell = ScoreCell(**content, folder=folder)
        whole = sha256_file(folder / PREDICTIONS) == cell.predictions_sha256
        consistent = abs(cell.accuracy - 100 * cell.n_correct / cell.n_test) < 1e-9
    except (OSError, ValueError, TypeError, ZeroDivisionError) as error:
        raise InvalidFileError(folder, [f"not a score: {error}"], "It is made again.") from error
    if not whole or not consistent:
        raise InvalidFileError(folder, ["score and predictions differ"], "It is made again.")
    return cell


def made_cell(  # noqa: PLR0913 - the parts of a cell
    store: CellStore,
    kind: str,
    identity: Any,  # noqa: ANN401 - any JSON value
    make: Callable[[Path], None],
    *,
    label: str,
    read: Callable[[Path], T],
    on_beat: OnBeat,
    sealed: bool = True,
) -> T:
    """Read a cell, made if it is missing; a damaged one is reported, discarded and made again.

    ``sealed`` is False if ``read`` verifies all values itself.
    """
    found = store.find(kind, identity)
    if found is not None and sealed and not is_whole(found, unsealed=True):
        fault = "its files differ from their digests"
        on_beat(Beat("repair", f"{kind} of {label}", kind="repair", error=fault))
        store.discard(kind, identity)
        found = None
    try:
        return read(found or store.get(kind, identity, make, label, sealed=sealed))
    except InvalidFileError as error:
        # A cell that is gone was pruned by another process between the two steps.
        if store.find(kind, identity) is not None:
            fault = error.faults[0]
            on_beat(Beat("repair", f"{kind} of {label}", kind="repair", error=fault))
            store.discard(kind, identity)
        return read(store.get(kind, identity, make, label, sealed=sealed))


class StoredFeatures:
    """A :class:`benchmark.protocols.evaluators.FeatureCache` on disk.

    Args:
        store: The store.
        identity: Identity of backbone, task and decoding, as JSON.
        label: A few words for listings.
        on_beat: Called when a damaged cell is made again.
    """

    def __init__(
        self,
        store: CellStore,
        identity: Any,  # noqa: ANN401 - JSON
        label: str,
        on_beat: OnBeat,
    ) -> None:
        self._store, self._identity, self._label = store, identity, label
        self._on_beat = on_beat

    def __call__(self, key: str, compute: Callable[[], Features]) -> Features:
        """Return the features of a key, computed if they are missing or damaged."""
        identity = [self._identity, key]

        def make(folder: Path) -> None:
            features = compute()
            np.save(folder / "train.npy", features.train)
            np.save(folder / "test.npy", features.test)

        return made_cell(
            self._store,
            "features",
            identity,
            make,
            label=self._label,
            read=_read_features,
            on_beat=self._on_beat,
        )


def _read_features(folder: Path) -> Features:
    try:
        arrays = (np.load(folder / name, allow_pickle=False) for name in ("train.npy", "test.npy"))
        return Features(*arrays)
    except (OSError, EOFError, ValueError) as error:
        raise InvalidFileError(folder, [f"not features: {error}"], "It is made again.") from error
