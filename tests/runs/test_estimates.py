"""Expected durations of cells, from those in the store."""

from types import SimpleNamespace

import pytest

from benchmark.pipeline.profiles import find_profile
from benchmark.runs import estimates as module

CELLS = {
    "dataset": [("mini: configuration 00000000, seed 0", 4.0)],
    "backbone": [
        ("mini: configuration 00000000, seed 0", 8.0),
        ("mini: configuration 00000000, seed 1", 10.0),
        ("mini: configuration 00000000, seed 2", 90.0),
        ("other: configuration 00000000, seed 2", 90.0),
    ],
    "score": [
        ("mini: knn5 of AID, configuration 00000000, seed 0", 2.0),
        ("mini+classes=20: finetune of AID, untrained, seed 0", 16.0),
        ("mini+classes=20: finetune of Gone, untrained, seed 0", 1000.0),
        ("knn5 of AID, of an earlier version", 99.0),
    ],
}
IMAGES = {"AID": (60, 40), "DTD": (150, 50)}


@pytest.fixture
def estimates(monkeypatch):
    monkeypatch.setattr(module, "default_store", lambda: SimpleNamespace(durations=CELLS.get))

    def task_entry(name):
        train, test = IMAGES[name]
        return SimpleNamespace(n_train=train, n_test=test)

    context = SimpleNamespace(
        registry=SimpleNamespace(names=tuple(IMAGES)),
        task_entry=task_entry,
    )
    return module.Estimates(context, [])


def test_stages_of_a_profile_and_of_one_like_it(estimates):
    mini, large = find_profile("mini"), find_profile("mini-95c-10k")
    assert estimates.of_stage("backbone", mini) == 10.0, "the median"
    assert estimates.of_stage("backbone", large) == pytest.approx(10.0 * 10_070 / 4000)
    assert estimates.of_stage("dataset", large) == pytest.approx(4.0 * 10_070 / 4000)
    assert estimates.of_stage("backbone", find_profile("small")) is None


def test_scores_of_a_task_of_another_task_and_of_another_profile(estimates):
    mini, large = find_profile("mini"), find_profile("mini-95c-10k")
    assert estimates.of_score(mini, "knn5", "AID") == 2.0
    assert estimates.of_score(mini, "knn5", "DTD") == pytest.approx(4.0)
    assert estimates.of_score(large, "knn5", "DTD") == pytest.approx(4.0)
    assert estimates.of_score(large, "finetune", "AID") == pytest.approx(16.0)
    quick = find_profile("mini", {"evaluation.finetune_epochs": 2})
    assert estimates.of_score(quick, "finetune", "DTD") == pytest.approx(16.0 * 2 / 8 * 2)
    assert estimates.of_score(mini, "linear", "AID") is None
    assert estimates.of_score(find_profile("small"), "knn5", "AID") is None
