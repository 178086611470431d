"""Task2Vec of the prepared tasks: time, seeds and neighbours; ``pytest --benchmark-enable -s``.

Needs ``T2SBENCH_DATA``; takes the packaged probe, or a checkpoint in ``T2SBENCH_PROBE``.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.store import CellStore
from benchmark.task2vec.distances import cosine, nearest
from benchmark.task2vec.probe import load_probe, packaged_probe
from benchmark.task2vec.run import Embedder
from benchmark.task2vec.settings import FAST
from benchmark.tasks.registry import load_data_tasks
from benchmark.tasks.task_data import is_prepared, load_task_data

FOLDER = Path(os.environ.get("T2SBENCH_DATA", "no-such-folder"))

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the task packs in T2SBENCH_DATA"),
]


def test_all_prepared_tasks(benchmark, tmp_path):
    tasks = [load_task_data(t.name) for t in load_data_tasks() if is_prepared(t.name)]
    store, vectors, minutes = CellStore(tmp_path / "live"), {}, 0.0

    def embed_all():
        nonlocal minutes
        start = time.perf_counter()
        given = os.environ.get("T2SBENCH_PROBE")
        probe = load_probe(Path(given)) if given else packaged_probe()
        vectors[0] = [one.vector for one in Embedder(probe, FAST, 0, store).run(tasks, print)]
        minutes = (time.perf_counter() - start) / 60
        return probe

    probe = benchmark.pedantic(embed_all, rounds=1)
    vectors[1] = [one.vector for one in Embedder(probe, FAST, 1, store).run(tasks)]
    distances = cosine(np.stack(vectors[0] + vectors[1]))
    count, close = len(tasks), 0
    for row, task in enumerate(tasks):
        own = distances[row, row + count]
        others = np.delete(distances[[row, row + count]], [row, row + count], axis=1).min()
        close += own < others
        near = [tasks[i].name for i in nearest(distances[:count, :count], 5)[row]]
        print(f"{task.name}: seeds {own:.4f}, nearest other {others:.4f}; {', '.join(near)}")
    print(f"{minutes:.1f} minutes; two seeds are nearest for {close} of {count}")
    assert close >= count - 2
