"""Time of whole trainings at the paper's size; ``pytest tests/benchmarks --benchmark-enable -s``.

The rewards are made up, which changes no amount of work but the share of updates without gradient.
"""

import time

import numpy as np
import pytest
import torch

from baselines.walsh_gp.model import WalshModel
from benchmark.space import PAPER_SPACE, contrasts
from task2sim.config import PAPER
from task2sim.training import train
from tests.task2sim.literal import LiteralTask2Sim, count_updates

N_TASKS, LITERAL_UPDATES = 12, 100


def problem():
    rng = np.random.default_rng(0)
    embeddings = rng.gamma(0.5, 2.0, (N_TASKS, 9600)).astype(np.float32)
    table = rng.normal(25, 3, (N_TASKS, PAPER_SPACE.size))
    return embeddings, lambda tasks, configurations: table[tasks, configurations]


def fit():
    embeddings, rewards = problem()
    return train(embeddings, PAPER_SPACE, rewards, np.random.default_rng(0), PAPER)


def literal_seconds():
    """Seconds of the literal form for the whole schedule, from the faster of two short runs."""
    embeddings, rewards = problem()
    taken = []
    torch.set_num_threads(1)  # as the fast form uses; two take turns on busy processors
    for _ in range(2):
        rng = np.random.default_rng(0)
        training = LiteralTask2Sim(embeddings, PAPER_SPACE, rewards, rng, PAPER)
        start = time.perf_counter()
        training.run(max_updates=LITERAL_UPDATES)
        taken.append(
            (time.perf_counter() - start) * count_updates(PAPER, N_TASKS) / training.updates
        )
    return min(taken)


def test_fit(benchmark):
    if not benchmark.enabled:
        pytest.skip("takes minutes; run with --benchmark-enable")
    benchmark.pedantic(fit, rounds=1)
    taken = benchmark.stats.stats.min
    literal = literal_seconds()
    benchmark.extra_info.update(
        updates=count_updates(PAPER, N_TASKS), literal_seconds=literal, ratio=literal / taken
    )
    print(
        f"\n{taken:.2f} s; literal {literal:.0f} s, scaled from "
        f"{LITERAL_UPDATES} updates; ratio {literal / taken:.0f}"
    )


def test_walsh_gp(benchmark):
    """Processor time, which other processes and threads that wait do not change."""
    rng = np.random.default_rng(0)
    vectors = rng.gamma(0.5, 2.0, (20, 9600))
    found = contrasts(PAPER_SPACE.shape)
    effects = vectors @ rng.normal(size=(9600, len(found.orders))) / 20 / 2.0**found.orders
    rewards = 40 + effects @ found.matrix.T + rng.normal(0, 0.5, (20, 256))
    taken = []

    def run():
        start = time.process_time()
        model = WalshModel(PAPER_SPACE.shape, rewards, vectors)
        model.choose(vectors[0])
        taken.append(time.process_time() - start)

    benchmark.pedantic(run, rounds=3)
    benchmark.extra_info.update(cpu_seconds=min(taken))
    print(f"walsh-gp, 20 tasks x 256 configurations: {min(taken):.2f} s of processor time")
    assert min(taken) < 2
