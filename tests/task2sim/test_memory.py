import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from task2sim.memory import RewardMemory


def test_the_best_is_kept_and_the_first_found_wins_ties(made_up):
    rewards = made_up.Rewards(np.array([[1.0, 5.0, 5.0, 2.0]]))
    memory = RewardMemory(rewards, 1, (2, 2))
    task = np.array([0])
    for levels in ([0, 0], [1, 0], [0, 1], [1, 1], [1, 0]):
        memory.ask(task, np.array([levels]))
    levels, best = memory.best(task)
    assert levels.tolist() == [[1, 0]]
    assert best.tolist() == [5.0]
    assert rewards.asked == [(0, 0), (0, 2), (0, 1), (0, 3)]


def test_a_pair_repeated_within_a_question_is_asked_once(made_up):
    rewards = made_up.Rewards(np.array([[1.0, 2.0], [3.0, 4.0]]))
    memory = RewardMemory(rewards, 2, (2,))
    found = memory.ask(np.array([0, 1, 0]), np.array([[1], [0], [1]]))
    assert found.tolist() == [2.0, 3.0, 2.0]
    assert rewards.asked == [(0, 1), (1, 0)]


@pytest.mark.parametrize("answer", [np.array([np.nan]), np.array([np.inf]), np.zeros(2)])
def test_unusable_rewards_are_refused(answer):
    memory = RewardMemory(lambda tasks, configurations: answer, 1, (2,))
    with pytest.raises(InvalidInputError, match="finite"):
        memory.ask(np.array([0]), np.array([[1]]))
