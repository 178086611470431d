import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from task2sim.config import PAPER, RELEASED
from task2sim.draws import draw_layers
from task2sim.training import train
from tests.task2sim.literal import LiteralTask2Sim, count_updates


def fit(made_up, embeddings, space, table, seed, config):
    rewards = made_up.Rewards(table)
    return train(embeddings, space, rewards, np.random.default_rng(seed), config), rewards


def assert_same_training(made_up, embeddings, space, table, config, moves=True):
    """Fast and literal training ask for the same rewards and end in the same weights."""
    fast, fast_rewards = fit(made_up, embeddings, space, table, 3, config)
    rewards = made_up.Rewards(table)
    literal = LiteralTask2Sim(embeddings, space, rewards, np.random.default_rng(3), config)
    plain = literal.run()
    assert literal.updates == count_updates(config, len(embeddings))
    assert fast_rewards.asked == rewards.first_asked()
    for name, array in plain.arrays().items():
        np.testing.assert_allclose(getattr(fast, name), array, rtol=0, atol=1e-4, err_msg=name)
    assert fast.configurations(embeddings) == plain.configurations(embeddings)
    widths = (embeddings.shape[1], config.hidden, config.hidden, sum(space.shape))
    start = draw_layers(np.random.default_rng(3), widths)[0].weights
    assert (np.abs(plain.w1 - start).max() > 0.05 * np.abs(start).max()) == moves


@pytest.mark.parametrize("credit", ["own", "cross"])
@pytest.mark.parametrize("log_of", ["policy", "perturbed"])
def test_span_training_equals_literal_training(made_up, credit, log_of):
    config = made_up.quick(credit=credit, log_of=log_of, exploration_period=3)
    assert_same_training(made_up, *made_up.problem(), config)


@pytest.mark.parametrize("log_of", ["policy", "perturbed"])
def test_span_training_equals_literal_training_with_heads_of_unequal_width(made_up, log_of):
    problem = made_up.problem(n_tasks=5, space=made_up.space_of(3, 2, 3))
    assert_same_training(made_up, *problem, made_up.quick(log_of=log_of, rate_lag=True))


def test_span_training_equals_literal_training_at_the_papers_size(made_up):
    problem = made_up.problem(n_tasks=12, dimension=9600, space=made_up.space_of(*[2] * 8))
    config = PAPER.changed({"epochs": 8, "warmup_epochs": 2, "imitation_start": 3})
    assert_same_training(made_up, *problem, config)


def test_span_training_equals_literal_training_with_repeated_embeddings(made_up):
    embeddings, space, table = made_up.problem(n_tasks=5)
    embeddings[3] = 2 * embeddings[0]
    assert_same_training(made_up, embeddings, space, table, made_up.quick())


def test_one_task_is_enough(made_up):
    assert_same_training(made_up, *made_up.problem(n_tasks=1), made_up.quick())


def test_the_same_seed_gives_the_same_policy_and_another_seed_another(made_up):
    problem = made_up.problem()
    first, second, third = (fit(made_up, *problem, s, made_up.quick())[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first.w1, second.w1)
    assert (first.w2 != third.w2).any()


def test_each_reward_is_asked_once(made_up):
    _, rewards = fit(made_up, *made_up.problem(), 0, made_up.quick())
    assert len(rewards.asked) == len(set(rewards.asked))


@pytest.mark.parametrize("credit", ["own", "cross"])
def test_without_any_difference_in_reward_weights_only_decay(made_up, credit):
    embeddings, space, _ = made_up.problem()
    table = np.full((len(embeddings), space.size), 30.0)
    assert_same_training(made_up, embeddings, space, table, made_up.quick(credit=credit), False)


def test_training_learns_a_different_best_configuration_for_each_task(made_up):
    embeddings, space, _ = made_up.problem(n_tasks=4)
    best = np.array([1, 6, 3, 4])
    levels = space.level_matrix()
    table = 5.0 * (levels[None] == levels[best][:, None]).sum(axis=2)  # settings that are right
    config = made_up.quick(
        epochs=200, hidden=64, decay_epoch=150, weight_decay=1e-5, exploration_period=20
    )
    policy, _ = fit(made_up, embeddings, space, table, 0, config)
    assert [space.index(c) for c in policy.configurations(embeddings)] == best.tolist()


def test_an_interrupt_reaches_the_caller(made_up):
    embeddings, space, _ = made_up.problem()

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(embeddings, space, interrupt, np.random.default_rng(0), made_up.quick())


def test_the_papers_schedule_has_17250_updates_on_twelve_tasks():
    assert count_updates(PAPER, 12) == count_updates(RELEASED, 12) == 17250


def test_unusable_inputs_are_refused(made_up):
    embeddings, space, table = made_up.problem()
    rng = np.random.default_rng(0)
    broken = embeddings.copy()
    broken[2] = 0
    with pytest.raises(InvalidInputError, match="row 2"):
        train(broken, space, made_up.Rewards(table), rng, RELEASED)
    with pytest.raises(InvalidInputError, match="finite"):
        train(embeddings, space, made_up.Rewards(table * np.nan), rng, made_up.quick())


def test_double_precision_equals_literal_training_in_double_precision(made_up):
    embeddings, space, table = made_up.problem()
    config = made_up.quick(precision="double", epochs=40)
    assert_same_training(made_up, embeddings, space, table, config)
    fast, _ = fit(made_up, embeddings, space, table, 3, config)
    rewards, rng = made_up.Rewards(table), np.random.default_rng(3)
    plain = LiteralTask2Sim(embeddings, space, rewards, rng, config).run()
    for name, array in plain.arrays().items():
        np.testing.assert_allclose(getattr(fast, name), array, rtol=0, atol=2e-7, err_msg=name)
