import pytest

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.core.plugins import known_plugins
from benchmark.paper.experiments import EXPERIMENTS, PAPER_SIZES, find_experiments, live_runs
from benchmark.protocols.registry import PROTOCOLS


def cells(runs):
    return [
        (method, seed, profile, protocol, split)
        for run in runs
        for method in run.methods
        for seed in run.seeds
        for profile in run.profiles
        for protocol in run.protocols
        for split in (("seen", "unseen") if run.split == "all" else (run.split,))
        if not run.tasks
    ]


def test_every_table_and_figure_is_known():
    assert list(EXPERIMENTS) == ["table1", "table2", "table3", *(f"fig{n}" for n in range(3, 10))]


def test_names_of_experiments_exist():
    for one in EXPERIMENTS.values():
        assert set(one.methods) <= set(known_plugins("method"))
        assert set(one.protocols) <= set(PROTOCOLS)
        assert one.profiles == () or one.sizes()


def test_unknown_names_are_suggested():
    with pytest.raises(UnknownNameError, match="table2"):
        find_experiments(["tabel2"])


def test_runs_of_all_experiments_have_each_cell_once():
    found = cells(live_runs(EXPERIMENTS.values()))
    assert len(found) == len(set(found))
    assert ("random", 2, "mini", "knn5", "unseen") in found
    assert ("task2sim", 2, "mini", "knn5", "unseen") not in found
    assert ("task2sim", 1, "mini-by-images", "finetune", "seen") in found


def test_processes_with_different_seeds_share_the_cells():
    everything = list(EXPERIMENTS.values())
    parts = [cells(live_runs(everything, seeds)) for seeds in ((0,), (1, 2))]
    assert sorted(parts[0] + parts[1]) == sorted(cells(live_runs(everything)))


def test_a_seed_that_no_experiment_states_is_for_all_methods():
    (run,) = live_runs([EXPERIMENTS["table2"]], [7])
    assert run.methods == tuple(EXPERIMENTS["table2"].methods)


def test_a_part_is_measured_alone_or_with_the_whole():
    (alone,) = live_runs([EXPERIMENTS["fig9"]])
    assert (alone.tasks, alone.protocols, alone.seeds) == (("CUB",), ("knn5",), (0,))
    assert all(not run.tasks for run in live_runs([EXPERIMENTS["table3"], EXPERIMENTS["fig9"]]))


def test_other_profiles_take_their_place():
    table = EXPERIMENTS["table2"].at(["small", "paper-237c-100k"])
    assert [size for _, size in table.sizes().values()] == list(PAPER_SIZES)
    assert EXPERIMENTS["fig3"].at(["mini", "small"]).profiles == ("small",)
    assert EXPERIMENTS["fig6"].at(["small", "mini-by-images"]).profiles == ("mini-by-images",)
    with pytest.raises(InvalidInputError, match="mini-by-classes"):
        EXPERIMENTS["fig6"].at(["small"])
