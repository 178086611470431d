"""Features of one backbone and one task as a cell of the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.protocols.data import Features

if TYPE_CHECKING:
    from benchmark.core.store import CellStore


class StoredFeatures:
    """A :class:`benchmark.protocols.evaluators.FeatureCache` on disk.

    Args:
        store: Where.
        identity: What tells backbone, task and decoding, as JSON.
        label: A few words for listings.
    """

    def __init__(self, store: CellStore, identity: Any, label: str) -> None:  # noqa: ANN401 - JSON
        self._store, self._identity, self._label = store, identity, label

    def __call__(self, key: str, compute: Callable[[], Features]) -> Features:
        """The features of that key, computed when they are not there or not readable."""
        identity = [self._identity, key]

        def make(folder: Path) -> None:
            features = compute()
            np.save(folder / "train.npy", features.train)
            np.save(folder / "test.npy", features.test)

        folder = self._store.get("features", identity, make, self._label)
        try:
            return _read(folder)
        except (OSError, ValueError):
            self._store.discard("features", identity)
            return _read(self._store.get("features", identity, make, self._label))


def _read(folder: Path) -> Features:
    return Features(
        np.load(folder / "train.npy", allow_pickle=False),
        np.load(folder / "test.npy", allow_pickle=False),
    )
