from pathlib import Path

import pytest

from benchmark.runs.plan import MethodSpec, RunRequest

PLUGIN = '''
import time
from benchmark.methods import Mixture
from benchmark.space import Configuration

class First:
    """Always the first configuration; looks at one reward."""
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
        rewards.reward(tasks[0].name, self.space.at(0))
    def select(self, task, rng):
        return self.space.at(0)

class Draw(First):
    """A configuration drawn for every task and seed."""
    def select(self, task, rng):
        return self.space.at(int(rng.integers(self.space.size)))

class FitRaises(First):
    def fit(self, tasks, rewards, rng):
        raise RuntimeError("no luck")

class Exits(First):
    def fit(self, tasks, rewards, rng):
        raise SystemExit(5)

class SelectRaises(First):
    def select(self, task, rng):
        if task.name == "AID":
            raise RuntimeError("not this one")
        return self.space.at(0)

class Illegal(First):
    def select(self, task, rng):
        return Configuration((9,) * 8)

class NotADecision(First):
    def select(self, task, rng):
        return "01101101"

class Peeks(First):
    def fit(self, tasks, rewards, rng):
        rewards.reward("CUB", rewards.space.at(0))

class Sleeps(First):
    def fit(self, tasks, rewards, rng):
        time.sleep(5)

class HalfAndHalf(First):
    def select(self, task, rng):
        import numpy as np
        p = np.zeros(self.space.size)
        p[[0, 255]] = 0.5
        return Mixture(p)

class Deterministic(Draw):
    """One fit for all seeds; decisions are drawn for each."""
    deterministic = True

class Unpicklable(First):
    def fit(self, tasks, rewards, rng):
        super().fit(tasks, rewards, rng)
        self.choose = lambda: self.space.at(7)
    def select(self, task, rng):
        return self.choose()

class Interrupts(First):
    def select(self, task, rng):
        if task.name == "USPS":
            raise KeyboardInterrupt
        return self.space.at(0)

METHODS = {
    "first": First, "draw": Draw, "fit-raises": FitRaises, "exits": Exits,
    "select-raises": SelectRaises,
    "illegal": Illegal, "not-a-decision": NotADecision, "peeks": Peeks, "sleeps": Sleeps,
    "half-and-half": HalfAndHalf, "unpicklable": Unpicklable,
    "deterministic": Deterministic, "interrupts": Interrupts,
}
'''


@pytest.fixture
def plugin_file(tmp_path: Path) -> Path:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def request_for(plugin_file: Path, small_table_folder: Path, tmp_path: Path):
    def build(*methods: str, **changes: object) -> RunRequest:
        return RunRequest(
            **{
                "methods": tuple(MethodSpec(name, {}, (plugin_file,)) for name in methods),
                "table": str(small_table_folder),
                "seeds": (0, 1),
                "output": tmp_path / "out",
                **changes,
            }
        )

    return build
