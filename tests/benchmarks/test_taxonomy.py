"""Time and memory of affinities and of the program; ``pytest --benchmark-enable -s``.

Each runs in a process of its own, so that its peak memory is its own. Seconds are
printed; only memory and optimality are asserted.
"""

import json
import subprocess
import sys

import pytest

HEADER = r"""
import json, re, sys, time
from pathlib import Path
import numpy as np
from scipy import optimize
from taskonomy.affinity import affinities
from taskonomy.measure import high_order_candidates
from taskonomy.greedy import greedy
from taskonomy.problem import Rules, make_problem
from taskonomy.program import solve
from taskonomy.tournament import win_rates
from taskonomy.transfers import Transfer, transfers_of_rewards

def report(**figures):
    # Not ru_maxrss, which a child inherits from a larger parent.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**20
    print(json.dumps({**figures, "peak_gib": peak}))

def named(values):
    targets, sources = ([f"{k}{i}" for i in range(n)] for k, n in zip("ts", values.shape))
    return transfers_of_rewards(values, targets, sources)
"""

# The losses of one target at a time: the arrays that exist at once are what a live run would hold.
TOURNAMENT = r"""
rng = np.random.default_rng(0)
skill = np.linspace(0, 1, 256)[:, None]
start = time.perf_counter()
for _ in range(20):
    noise = rng.standard_normal((256, 2000))
    values = noise < skill if KIND == "correctness" else noise - skill
    found = affinities(win_rates(values))
    assert abs(found.sum() - 1) < 1e-12
report(seconds=time.perf_counter() - start)
"""

LARGE = r"""
rng = np.random.default_rng(0)
budget = int(sys.argv[1])
if KIND == "uniform":  # every source is as good as any other: the hardest there is
    values = rng.random((20, 5000))
else:  # four factors, as rewards of related tasks have
    values = rng.gamma(1, 1, (20, 4)) @ rng.gamma(1, 1, (4, 5000)) + 0.3 * rng.random((20, 5000))
start = time.perf_counter()
problem = make_problem(named(values / values.max()))
found = solve(problem, budget, time_limit=45)
report(seconds=time.perf_counter() - start, status=found.status, gap=found.gap,
       objective=found.objective, greedy=greedy(problem, budget).objective)
"""

ORDER_2 = r"""
# Rewards as the released table's; pairs of a target's five best gain up to a tenth of its spread.
rng = np.random.default_rng(0)
values = np.load(sys.argv[1])
transfers = named(values)
names = [f"s{i}" for i in range(values.shape[1])]
for row, rewards in enumerate(values):
    worth = dict(zip(names, rewards))
    for pair in high_order_candidates(worth, 2):
        bonus = 0.1 * rng.random() * (rewards.max() - rewards.min())
        transfers.append(Transfer(f"t{row}", pair, max(worth[n] for n in pair) + bonus))
problem = make_problem(transfers)
figures = []
for budget in range(1, 11):
    found = solve(problem, budget)
    assert found.status == "optimal"
    figures.append([found.seconds, found.objective, greedy(problem, budget).objective])
report(seconds=max(f[0] for f in figures), transfers=len(transfers), figures=figures)
"""


def run(code, *arguments, kind=""):
    command = [sys.executable, "-c", f"KIND = {kind!r}\n{HEADER}{code}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def measure(benchmark, code, *arguments, kind=""):
    found = []
    benchmark.pedantic(
        lambda: found.append(run(code, *arguments, kind=kind)), rounds=1, iterations=1
    )
    benchmark.extra_info.update(found[-1])
    print(f"\n{kind}: {found[-1]}")
    return found[-1]


@pytest.mark.parametrize("kind", ["losses", "correctness"])
def test_affinities_of_20_targets_256_sources_2000_items(benchmark, kind):
    found = measure(benchmark, TOURNAMENT, kind=kind)
    assert found["peak_gib"] <= 2


@pytest.mark.parametrize(("kind", "budget"), [("related", 5), ("uniform", 5), ("uniform", 3)])
def test_20_targets_5000_sources(benchmark, kind, budget):
    if kind == "uniform" and not benchmark.enabled:
        pytest.skip("takes up to its time limit of 45 s; run with --benchmark-enable")
    found = measure(benchmark, LARGE, budget, kind=kind)
    assert found["peak_gib"] <= 4
    assert found["status"] in {"optimal", "feasible"}
    assert found["objective"] >= found["greedy"] * (1 - 1e-9)
    if found["status"] == "feasible":
        assert 0 < found["gap"] < 0.1
    if kind == "related":
        assert found["status"] == "optimal"


def test_26_tasks_up_to_order_4(benchmark, published_transfers):
    from taskonomy.problem import Rules, make_problem
    from taskonomy.program import solve

    problem = make_problem(published_transfers, Rules(max_order=4, value="sqrt"))
    budgets = range(1, 27)
    found = benchmark.pedantic(
        lambda: [solve(problem, budget) for budget in budgets], rounds=1, iterations=1
    )
    assert {one.status for one in found} == {"optimal"}
    slowest = max(one.seconds for one in found)
    benchmark.extra_info.update(slowest=slowest, transfers=len(problem.transfers))
    print(f"\n{len(problem.transfers)} transfers, budgets 1-26: slowest {slowest:.2f} s")


@pytest.mark.released
def test_order_2_on_the_released_table(benchmark, released, tmp_path):
    import numpy as np

    np.save(tmp_path / "rewards.npy", released.means)
    found = measure(benchmark, ORDER_2, tmp_path / "rewards.npy")
    assert found["transfers"] == 20 * 256 + 20 * 10


@pytest.mark.released
@pytest.mark.parametrize("value", ["reward", "p"])
def test_order_1_on_the_released_table(benchmark, released, value):
    from taskonomy.problem import make_problem
    from taskonomy.program import solve
    from taskonomy.transfers import transfers_of_rewards, transfers_of_table

    if value == "p":
        transfers = transfers_of_table(released)
    else:
        names = [str(configuration) for configuration in released.space]
        transfers = transfers_of_rewards(released.means, released.tasks, names)
    problem = make_problem(transfers)
    solve(problem, 1)  # loads the solver
    found = benchmark.pedantic(
        lambda: [solve(problem, budget) for budget in range(1, 11)], rounds=1, iterations=1
    )
    assert {one.status for one in found} == {"optimal"}
    slowest = max(one.seconds for one in found)
    print(f"\nreleased table, {value}, budgets 1-10: slowest {slowest:.2f} s")
