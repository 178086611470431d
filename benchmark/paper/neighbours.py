"""Nearest training images of a few test images, by the features of several backbones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.paper.measurements import Neighbour

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.pipeline.settings import Source
    from benchmark.pipeline.stages import Pipeline
    from benchmark.tasks.task_data import TaskData

_QUERIES = 3
_NEIGHBOURS = 3


def find_neighbours(
    pipeline: Pipeline, sources: Mapping[str, Source], data: TaskData, seed: int
) -> Iterator[Neighbour]:
    """Yield the nearest training images of three test images under each backbone.

    The test images belong to three classes; both are drawn by a generator of seed 0, the same for
    every backbone. Similarity is the cosine of pooled features, as in 5-NN.

    Args:
        pipeline: Stages of the profile.
        sources: Images of pre-training by method.
        data: Task with prepared images.
        seed: Seed of the backbones.

    Raises:
        T2SBenchError: When a stage fails.
    """
    queries = _draw(data.labels[data.test], np.random.default_rng(0))
    for method, source in sources.items():
        features = pipeline.features(source, seed, data)
        train, test = _unit(features.train), _unit(features.test[queries])
        for query, similarities in zip(queries, test @ train.T, strict=True):
            nearest = np.argsort(-similarities, kind="stable")[:_NEIGHBOURS]
            for rank, place in enumerate(nearest, start=1):
                shown, near = int(data.test[query]), int(data.train[place])
                yield Neighbour(
                    method=method,
                    profile=pipeline.profile.name,
                    task=data.name,
                    data_sha256=data.digest,
                    query=shown,
                    query_class=data.class_names[data.labels[shown]],
                    rank=rank,
                    neighbour=near,
                    neighbour_class=data.class_names[data.labels[near]],
                    similarity=round(float(similarities[place]), 6),
                )


def _draw(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of test images of different classes."""
    classes = np.unique(labels)
    chosen = rng.choice(classes, min(_QUERIES, len(classes)), replace=False)
    return np.array([rng.choice(np.flatnonzero(labels == one)) for one in chosen])


def _unit(features: NDArray[np.float32]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True).astype(np.float64)
    unit: NDArray[np.float64] = features / np.maximum(lengths, 1e-12)
    return unit
