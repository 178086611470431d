"""Every registered method keeps the contract that plugins of others must keep, too."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import UnavailableError
from benchmark.methods import Mixture, TaskView, find_method, known_methods
from benchmark.space import Configuration
from benchmark.testing import MethodContract, toy_problem

OPTIONS = {"task2sim": {"epochs": "5"}, "task2sim-released": {"epochs": "5"}}
METHODS = {name: find_method(name, OPTIONS.get(name)) for name in known_methods()}
RENDERED = sorted(name for name, m in METHODS.items() if m.pretraining == "rendered")
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_method.py"


class TestRegistered(MethodContract):
    @pytest.fixture(autouse=True, params=RENDERED)
    def method(self, request):
        self.registered = METHODS[request.param]

    def make(self):
        return self.registered.build()


class TestExample(MethodContract):
    def make(self):
        return find_method("similarity-vote", plugin_files=[EXAMPLE]).build()


@pytest.mark.parametrize("name", sorted(METHODS.keys() - set(RENDERED)))
def test_methods_without_rendered_images_choose_nothing(name):
    problem, method = toy_problem(), METHODS[name].build()
    method.fit(problem.learn, problem.view(privileged=False), np.random.default_rng(0))
    with pytest.raises(UnavailableError, match=problem.targets[0].name):
        method.select(problem.targets[0], np.random.default_rng(0))


@pytest.mark.parametrize("name", RENDERED)
def test_every_method_has_a_state_but_the_oracle(name):
    assert METHODS[name].has_state == (name != "oracle")


def test_a_state_holds_the_options():
    method = find_method("bayesian-optimization", {"initial": "7"})
    problem, built = toy_problem(), method.build()
    built.fit(problem.learn, problem.view(privileged=False), np.random.default_rng(0))
    assert method.from_state(built.state(), problem.space).state() == {"initial": 7}


def test_the_registry_is_not_empty():
    assert {"random", "single-best", "nearest-task", "oracle", "task2sim"} <= set(RENDERED)


class _Base:
    """Breaks one rule per subclass, so that every test of the contract is seen to fail."""

    def fit(self, tasks, rewards, rng):
        self.space, self.tasks, self.rng = rewards.space, tasks, rng

    def select(self, task, rng):
        return self.space.at(0)


class _Illegal(_Base):
    def select(self, task, rng):
        return Configuration((9,))


class _WrongMixture(_Base):
    def select(self, task, rng):
        return Mixture(np.full(3, 1 / 3))


class _BitsOnly(_Base):
    def select(self, task, rng):
        return Configuration((1,) * 4)


class _Unseeded(_Base):
    def fit(self, tasks, rewards, rng):
        super().fit(tasks, rewards, rng)
        self.choice = rewards.space.at(_Unseeded.counter)
        _Unseeded.counter += 1

    counter = 0

    def select(self, task, rng):
        return self.choice


class _Forgetful(_Base):
    asked = 0

    def select(self, task, rng):
        self.asked += 1
        return self.space.at(self.asked)


class _Curious(_Base):
    def fit(self, tasks, rewards, rng):
        super().fit(tasks, rewards, rng)
        try:
            rewards.reward("CUB", rewards.space.at(0))
        except Exception:  # it hides its traces
            return


class _ByName(_Base):
    def select(self, task, rng):
        return self.space.at(len(task.name))


class _ByOrder(_Base):
    def select(self, task, rng):
        return self.space.at(int(self.tasks[0].vector().sum()) % self.space.size)


class _GlobalGenerator(_Base):
    def fit(self, tasks, rewards, rng):
        super().fit(tasks, rewards, rng)
        np.random.seed(0)  # noqa: NPY002


class _NotDeterministic(_Base):
    deterministic = True

    def fit(self, tasks, rewards, rng):
        self.choice = rewards.space.at(int(rng.integers(rewards.space.size)))

    def select(self, task, rng):
        return self.choice


class _LosesItsChoice(_Base):
    def state(self):
        return {"choice": 0}

    @classmethod
    def from_state(cls, state, space):
        restored = cls()
        restored.select = lambda task, rng: space.at(3)
        return restored


class _KnowsItsTasks(_Base):
    def select(self, task, rng):
        return self.space.at(0 if task.name != "never-seen" else 99)


@pytest.mark.parametrize(
    ("method", "test"),
    [
        (_Illegal, "test_decisions_are_legal"),
        (_WrongMixture, "test_decisions_are_legal"),
        (_BitsOnly, "test_three_levels"),
        (_Unseeded, "test_refit_decides_the_same"),
        (_Forgetful, "test_select_does_not_learn"),
        (_Curious, "test_fit_asks_for_its_own_tasks_only"),
        (_ByName, "test_names_and_order_do_not_matter"),
        (_ByOrder, "test_names_and_order_do_not_matter"),
        (_GlobalGenerator, "test_global_generators_are_left_alone"),
        (_NotDeterministic, "test_deterministic_fits_agree"),
        (_LosesItsChoice, "test_state_decides_the_same"),
    ],
)
def test_the_contract_catches(method, test):
    contract = MethodContract()
    contract.make = method
    with pytest.raises(AssertionError):
        getattr(contract, test)()


def test_the_contract_catches_unknown_tasks():
    contract = MethodContract()
    contract.make = _KnowsItsTasks
    with pytest.raises(ValueError, match="index"):
        contract.test_unknown_task()


def test_make_must_be_overridden():
    with pytest.raises(NotImplementedError, match="Override make"):
        MethodContract().make()


def test_the_example_is_short_and_registers_itself():
    spec = importlib.util.spec_from_file_location("example_of_the_guide", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert list(module.METHODS) == ["similarity-vote"]
    code = [line for line in EXAMPLE.read_text().splitlines() if line and line[0] not in '#"']
    assert len(code) <= 20


def test_the_example_prefers_near_tasks():
    problem = toy_problem()
    method = find_method("similarity-vote", {"sharpness": "1000"}, [EXAMPLE]).build()
    method.fit(problem.learn, problem.view(privileged=False), np.random.default_rng(0))
    for row, task in enumerate(problem.learn):
        chosen = method.select(TaskView("x", task.vector()), np.random.default_rng(0))
        assert problem.space.index(chosen) == problem.means[row].argmax()


def test_the_guide_shows_the_example():
    guide = (EXAMPLE.parents[1] / "adding-a-method.md").read_text()
    shown = guide.split("```python\n")[1].split("```")[0]
    assert EXAMPLE.read_text().startswith(shown)
