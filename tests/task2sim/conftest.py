"""Small made-up problems; nothing here needs the released data."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.space import Parameter, ParameterSpace
from task2sim.config import TrainingConfig


def space_of(*counts):
    return ParameterSpace(
        tuple(
            Parameter(f"p{i}", tuple(f"level{j}" for j in range(count)))
            for i, count in enumerate(counts)
        )
    )


@dataclass
class Rewards:
    """A table of rewards that writes down what it is asked."""

    table: np.ndarray
    asked: list = field(default_factory=list)

    def __call__(self, tasks, configurations):
        self.asked += zip(tasks.tolist(), configurations.tolist(), strict=True)
        return self.table[tasks, configurations]

    def first_asked(self):
        return list(dict.fromkeys(self.asked))


def problem(n_tasks=6, dimension=40, space=None, seed=0):
    """Embeddings (not negative, as Task2Vec's are) and a reward table in percent."""
    space = space or space_of(2, 2, 2)
    rng = np.random.default_rng(seed)
    embeddings = rng.gamma(0.5, 2.0, (n_tasks, dimension)).astype(np.float32)
    return embeddings, space, rng.uniform(20, 40, (n_tasks, space.size))


def quick(**changes):
    options = {
        "epochs": 30,
        "hidden": 32,
        "learning_rate": 1e-3,
        "warmup_epochs": 4,
        "decay_epoch": 20,
        "imitation_start": 3,
        "weight_decay": 1e-3,
    }
    return TrainingConfig(**{**options, **changes})


@pytest.fixture(scope="session")
def made_up():
    """The helpers above, by name."""
    return SimpleNamespace(space_of=space_of, Rewards=Rewards, problem=problem, quick=quick)


@pytest.fixture(autouse=True)
def one_torch_thread():
    """On a busy machine torch's threads wait for each other far longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
