"""A run of a plugin on the small table, and its packed submission."""

import json

import pytest

from benchmark.rewards.storage import read_any_table
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, RunRequest, Split
from benchmark.runs.record_file import FILE, append_record, current_records, iterate_records
from benchmark.submissions.packing import PackRequest, pack
from benchmark.tasks.registry import load_tasks

PLUGIN = '''
import numpy as np

class Voter:
    """Picks the best mean; a little noise of its own generator."""

    def __init__(self, *, noise: float = 0.01):
        self.noise = noise

    def fit(self, tasks, rewards, rng):
        means = rewards.matrix().mean(axis=0)
        means = means + rng.normal(0, self.noise, means.shape)
        self.choice = rewards.space.at(int(means.argmax()))

    def select(self, task, rng):
        return self.choice

class Mixer(Voter):
    def select(self, task, rng):
        from benchmark.methods import Mixture
        p = np.zeros(256); p[3] = 0.25; p[200] = 0.75
        return Mixture(p)

class Cheater(Voter):
    def select(self, task, rng):
        from benchmark.space import PAPER_SPACE
        return PAPER_SPACE.at(len(task.name))

class Unseeded(Voter):
    def select(self, task, rng):
        from benchmark.space import PAPER_SPACE
        return PAPER_SPACE.at(int(np.random.default_rng().integers(256)))

class Seer(Voter):
    privileged = True

    def fit(self, tasks, rewards, rng):
        best = rewards.matrix().argmax(axis=1)
        rows = {task.name: rewards.row(task.name) for task in tasks}
        self.best = {name: rewards.space.at(int(best[row])) for name, row in rows.items()}

    def select(self, task, rng):
        return self.best[task.name]

class Unchosen(Voter):
    pretraining = "none"

class Vectors:
    """Uses the vectors of the tasks to learn from, not their rewards."""

    def fit(self, tasks, rewards, rng):
        self.space, self.mean = rewards.space, np.mean([task.vector() for task in tasks], axis=0)

    def select(self, task, rng):
        return self.space.at(int(np.abs(task.vector() - self.mean).sum() * 1000) % 256)

METHODS = {
    "unchosen": Unchosen, "vectors": Vectors,
    "voter": Voter, "mixer": Mixer, "cheater": Cheater, "unseeded": Unseeded, "seer": Seer
}
'''


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "voter.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def run_method(small_table_folder, plugin, tmp_path):
    def run(name, split="unseen", seeds=(0, 1), options=None, **changes):
        output = tmp_path / "results"
        spec = MethodSpec(name, options or {}, (plugin,))
        request = RunRequest(
            (spec,), Split(split), str(small_table_folder), seeds=seeds, output=output, **changes
        )
        execute(make_plan(request), lambda record: None)
        return output

    return run


@pytest.fixture
def table(small_table_folder):
    return read_any_table(small_table_folder)


@pytest.fixture
def registry():
    return load_tasks()


@pytest.fixture
def packed(run_method, plugin, table, registry, tmp_path):
    """Run a method and pack it: ``packed("voter")`` is the submission's folder."""

    def make(name="voter", split="unseen", **changes):
        results = run_method(
            name, split, changes.pop("seeds", (0, 1)), changes.pop("options", None)
        )
        request = {
            "results": results,
            "label": changes.pop("label", name),
            "split": Split(split),
            "authors": ("A. Author",),
            "description": "Votes.",
            "plugin_files": (plugin,),
            **changes,
        }
        folder = tmp_path / f"submission-{name}-{split}"
        pack(PackRequest(**request), table, registry, folder)
        return folder

    return make


@pytest.fixture
def edit():
    """Change a submission's JSON: ``edit(folder, lambda value: ...)``."""

    def change(folder, function):
        path = folder / "submission.json"
        value = json.loads(path.read_text())
        function(value)
        path.write_text(json.dumps(value))
        return folder

    return change


@pytest.fixture
def records_of():
    def read(path):
        return current_records(iterate_records(path))

    return read


@pytest.fixture
def add_record():
    return lambda folder, record: append_record(folder / FILE, record)
