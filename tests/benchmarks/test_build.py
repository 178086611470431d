"""Cost of building a table, next to the bare loop: render, train, score, and nothing else.

The bare loop calls the same functions without store, keys, locks, checksums, journal or records of
predictions. Needs prepared tasks (``T2SBENCH_DATA``).
"""

import time
from statistics import median

import numpy as np
import pytest

from benchmark.executors.interface import Workers
from benchmark.pipeline.settings import LiveSettings, build_simulator, dataset_request
from benchmark.pipeline.subprocesses import Renderer
from benchmark.pipeline.table_builder import TableBuilder, all_prepared
from benchmark.pipeline.table_jobs import TableRequest
from benchmark.pipeline.task_images import TaskImages, evaluation_settings
from benchmark.pretraining.pretrain import Execution as Training
from benchmark.pretraining.pretrain import pretrain
from benchmark.pretraining.recipes import find_recipe
from benchmark.protocols.evaluate import evaluate
from benchmark.sources.arrays import read_training_set, write_rendered

N_CONFIGURATIONS = 4


class BareLoop:
    def __init__(self, profile, data, folder):
        import torch

        self.profile, self.data, self.folder = profile, data, folder
        self.recipe, self.device = find_recipe(profile.recipe), torch.device("cpu")
        self.simulator, self.renderer = build_simulator(profile, ()), Renderer()
        self.images = TaskImages(self.recipe.image_size)

    def run(self, number):
        configuration = self.simulator.capabilities.space.at(number)
        request = dataset_request(self.profile, self.simulator, configuration, 0)
        at = self.folder / str(number)
        self.renderer.render(request, at / "data", 1)
        (at / "arrays").mkdir()
        write_rendered(at / "data", at / "arrays", self.profile.classes, self.profile.size)
        trained = pretrain(
            read_training_set(at / "arrays"),
            network=self.profile.network,
            recipe=self.recipe,
            seed=0,
            execution=Training("cpu"),
        )
        found = []
        for task in self.data:
            size = self.recipe.image_size
            settings = evaluation_settings(self.profile.evaluation, task, self.device, size)
            images = self.images.of(task)
            found.append(evaluate("knn5", trained.backbone, images, settings, 0).accuracy)
        return found


def test_overhead_of_the_harness(benchmark, tmp_path):
    """Wanted: 5 % or less. Configurations are done in turn by both, the medians compared."""
    if not benchmark.enabled:
        pytest.skip("a measurement")
    tasks = all_prepared()
    if not tasks:
        pytest.skip("no prepared tasks in T2SBENCH_DATA")
    import torch

    numbers = tuple(np.random.default_rng(0).permutation(256)[: N_CONFIGURATIONS + 1].tolist())
    request = TableRequest(tasks, (0,), LiveSettings(device="cpu"), numbers)
    build = TableBuilder(request, tmp_path / "table")
    bare = BareLoop(build.profile, list(build.data.values()), tmp_path)
    torch.set_num_threads(build.profile.cpu_threads)
    ours, theirs, rewards = [], [], {}

    def on_job(result):
        ours.append(time.perf_counter() - began[0])
        rewards[result.job.row] = [cell.accuracy for cell in result.cells]
        start = time.perf_counter()
        space = bare.simulator.capabilities.space
        assert bare.run(space.index(space.parse(result.job.row))) == rewards[result.job.row]
        theirs.append(time.perf_counter() - start)
        began[0] = time.perf_counter()

    began = [time.perf_counter()]
    execution = Workers(tmp_path / "cells")
    benchmark.pedantic(lambda: build.measure(execution, on_job=on_job), rounds=1)
    bare.renderer.close()
    assert len(ours) == N_CONFIGURATIONS + 1
    # The first one of each decodes the images of the tasks.
    pairs = [f"{a:.1f}/{b:.1f}" for a, b in zip(ours, theirs, strict=True)]
    ratio = median(a / b for a, b in zip(ours[1:], theirs[1:], strict=True))
    print(f"\nharness / bare loop, seconds: {', '.join(pairs)}; median ratio {ratio:.3f}")
    benchmark.extra_info["ratio"] = ratio
    assert ratio <= 1.05
