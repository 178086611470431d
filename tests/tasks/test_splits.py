import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.tasks.images import SEVENTY_THIRTY, train_mask_70_30
from benchmark.tasks.registry import load_data_tasks


def literal(labels: list[int]) -> set[int]:
    """The rule as it reads: lists of rows per class, shuffled in place by one generator."""
    per_class: dict[int, list[int]] = {}
    for row, label in enumerate(labels):
        per_class.setdefault(label, []).append(row)
    state = np.random.RandomState(0)
    train: list[int] = []
    for rows in per_class.values():
        state.shuffle(rows)
        train += rows[: int(0.7 * len(rows))]
    return set(train)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_equals_the_rule_taken_literally(labels):
    mask = train_mask_70_30(np.array(labels, dtype=np.int64))
    assert set(np.flatnonzero(mask).tolist()) == literal(labels)


def test_sizes_of_tasks_with_known_class_sizes():
    for classes, each, train in ((45, 700, 22005), (659, 20, 9226), (10, 100, 700)):
        labels = np.repeat(np.arange(classes), each)
        assert train_mask_70_30(labels).sum() == train


def test_the_registry_states_the_rule_for_the_nine_tasks_and_trashnet():
    tasks = {t.name for t in load_data_tasks() if t.split.rule == SEVENTY_THIRTY}
    nine = "ISIC ChestX EuroSAT Omniglot Sketch DeepWeeds Resisc45 AID FMD"
    assert tasks == {*nine.split(), "TrashNet"}


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_a_single_class_keeps_the_floor(count):
    assert train_mask_70_30(np.zeros(count, dtype=np.int64)).sum() == int(0.7 * count)
