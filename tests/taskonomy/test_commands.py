"""The commands, on the small table and on a table of the published shape."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmark.cli.main import main
from taskonomy.files import read_transfers, write_transfers


@pytest.fixture
def published(published_transfers, tmp_path):
    path = tmp_path / "published.csv"
    write_transfers(path, published_transfers)
    return str(path)


@pytest.fixture
def table(small_table_folder):
    return str(small_table_folder)


def run(*words):
    return main(["taxonomy", *map(str, words)])


@pytest.mark.parametrize("command", ["affinity", "solve", "novel", "plot"])
def test_every_command_has_help(command, capsys):
    assert run(command, "--help") == 0
    assert capsys.readouterr().out.startswith("Usage: t2sbench taxonomy")


def test_help_names_every_command(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in ("affinity", "solve", "novel", "plot"))


def test_affinity_of_a_reward_table(table, tmp_path, capsys, small_table):
    assert run("affinity", "--table", table, "-o", tmp_path / "a.csv") == 0
    assert "times the mean" in capsys.readouterr().out
    found = read_transfers(tmp_path / "a.csv")
    for row, task in enumerate(small_table.tasks):
        offers = [one for one in found if one.target == task]
        best = max(offers, key=lambda one: one.affinity)
        assert best.sources == (str(small_table.space.at(int(small_table.means[row].argmax()))),)
        assert sum(one.affinity for one in offers) == pytest.approx(1)


def test_affinity_of_samples(tmp_path, capsys):
    right = np.arange(10) < np.array([[9], [5], [4]])
    np.savez(tmp_path / "a.npz", sources=np.array(["self", "A", "scratch"]), T=right)
    assert run("affinity", "--samples", tmp_path / "a.npz", "-o", tmp_path / "a.csv") == 0
    assert "quality" in capsys.readouterr().out
    own, other = read_transfers(tmp_path / "a.csv")
    assert (own.quality, own.gain) == (0.5, 0.75)
    assert (other.quality, other.gain) == pytest.approx((0.3, 0.55))


def test_solve_writes_results(published, tmp_path, capsys):
    output = tmp_path / "a.json"
    words = ["--transfers", published, "--budget", "0-3", "--max-order", 4, "--value", "sqrt"]
    assert run("solve", *words, "-o", output) == 0
    text = capsys.readouterr().out
    assert "22 targets, 26 possible sources" in text
    assert "infeasible" in text
    found = json.loads(output.read_text())
    assert found["source"]["name"] == "published.csv"
    assert found["rules"]["value"] == "sqrt"
    assert [one["status"] for one in found["answers"]] == ["infeasible", *["optimal"] * 3]
    last = found["answers"][-1]
    assert last["gap"] == 0
    assert last["cost"] == len(last["supervised"]) == 3
    assert last["objective"] == pytest.approx(sum(one["value"] for one in last["transfers"]))
    assert last["greedy"]["objective"] <= last["objective"] + 1e-9
    assert last["seconds"] > 0
    assert {one["target"] for one in last["transfers"]} == set(found["targets"])
    for one in last["transfers"]:
        assert set(one["sources"]) <= {*last["supervised"], "self"}
        assert one["value"] == pytest.approx(one["affinity"] ** 0.5)


def test_solve_obeys_its_rules(published, tmp_path, capsys):
    (tmp_path / "importance.yaml").write_text("Task C: 5\n")
    (tmp_path / "cost.yaml").write_text("Task D: 0\nTask E: 100\n")
    rules = ["--source-only", "Task A,Task B", "--target-only", "Task C", "--target-only", "Task D"]
    files = ["--importance", tmp_path / "importance.yaml", "--cost", tmp_path / "cost.yaml"]
    output = tmp_path / "a.json"
    words = ["--transfers", published, "--budget", 5, *rules, *files, "--self", "edge"]
    assert run("solve", *words, "-o", output) == 0
    found = json.loads(output.read_text())
    (answer,) = found["answers"]
    assert not {"Task A", "Task B"} & set(found["targets"])
    assert not {"Task C", "Task D", "Task E"} & set(answer["supervised"])
    served = {one["target"]: one for one in answer["transfers"]}
    assert served["Task C"]["value"] == pytest.approx(5 * served["Task C"]["affinity"])


def test_rewards_as_values_reach_the_oracle(table, tmp_path, small_table):
    output = tmp_path / "a.json"
    words = ["--table", table, "--value", "reward", "--budget", "1,8,inf"]
    assert run("solve", *words, "-o", output) == 0
    single, eight, unlimited = json.loads(output.read_text())["answers"]
    assert single["objective"] == pytest.approx(small_table.means.sum(axis=0).max())
    assert eight["objective"] == pytest.approx(small_table.means.max(axis=1).sum())
    assert (unlimited["objective"], unlimited["budget"]) == (eight["objective"], None)


def test_results_are_the_same_on_every_run(published, tmp_path):
    found = []
    for number in range(2):
        output = tmp_path / f"{number}.json"
        assert run("solve", "--transfers", published, "--budget", "2-4", "-o", output) == 0
        value = json.loads(output.read_text())
        for one in value["answers"]:
            del one["seconds"], one["greedy"]["seconds"]
        found.append(value)
    assert found[0] == found[1]


def test_novel_takes_the_best_transfer(published, published_transfers, tmp_path, capsys):
    for order in (1, 2, 4):
        offers = [
            one
            for one in published_transfers
            if one.target == "Task C" and not one.is_self and one.order <= order
        ]
        best = max(offers, key=lambda one: one.affinity)
        output = tmp_path / "a.json"
        words = ["--target", "Task C", "--transfers", published, "--max-order", order]
        assert run("novel", *words, "-o", output) == 0
        (answer,) = json.loads(output.read_text())["answers"]
        (chosen,) = answer["transfers"]
        assert chosen["sources"] == list(best.sources)
        assert f"The best of {len(offers)} transfers" in capsys.readouterr().out


def test_novel_within_a_budget(published, capsys):
    words = ["--target", "Task C", "--transfers", published, "--budget", "0,1,2"]
    assert run("novel", *words) == 0
    text = capsys.readouterr().out
    assert "Task C, budget 1" in text
    assert "budget 0" not in text


@pytest.mark.parametrize("kind", ["svg", pytest.param("png", marks=pytest.mark.slow)])
def test_plot(published, tmp_path, kind, capsys):
    words = ["--transfers", published, "--budget", "1-3", "--format", kind, "-o", tmp_path / "out"]
    assert run("plot", *words) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"{name}.{kind}" for name in ("affinity", "budget", "graph")]
    assert run("plot", "graph", "--transfers", published, "-o", tmp_path / "one") == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["graph.svg"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sove"], "Did you mean 'solve'"),
        (["solve"], "Missing option '--budget'"),
        (["solve", "--budget", "x", "--transfers", "CSV"], "budgets"),
        (["solve", "--budget", "-1", "--transfers", "CSV"], "Use numbers of 0 or more"),
        (["solve", "--budget", "nan", "--transfers", "CSV"], "Use numbers of 0 or more"),
        (["solve", "--budget", "0", "--transfers", "CSV"], "at least 1"),
        (["solve", "--budget", "1", "--transfers", "absent.csv"], "absent.csv"),
        (["solve", "--budget", "1", "--transfers", "CSV", "--table", "x"], "--table"),
        (["solve", "--budget", "1", "--transfers", "CSV", "--value", "reward"], "--value"),
        (
            ["solve", "--budget", "1", "--transfers", "CSV", "--value", "q"],
            "Known: p, reward, sqrt",
        ),
        (
            ["solve", "--budget", "1", "--transfers", "CSV", "--source-only", "Task 1"],
            "known task of the transfers",
        ),
        (
            ["solve", "--budget", "1", "--transfers", "CSV", "--target-only", "Task Z"],
            "Task Z",
        ),
        (["novel", "--target", "Tusk C", "--transfers", "CSV"], "Did you mean 'Task"),
        (["novel", "--target", "Task W", "--transfers", "CSV"], "Task W"),
        (["plot", "pie"], "Known: affinity, budget, graph"),
        (["plot", "graph", "--transfers", "CSV", "--budget", "0"], "Choose a higher budget"),
        (["affinity", "--table", "x", "--samples", "y.npz"], "--samples"),
        (["affinity", "--table", "relased"], "Did you mean 'released'"),
    ],
)
def test_mistakes_get_one_sentence_and_exit_code_2(words, says, published, capsys):
    assert run(*(published if word == "CSV" else word for word in words)) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err


def test_pictures_without_matplotlib(published, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("plot", "--transfers", published) == 2
    assert "pip install 't2sbench[plots]'" in capsys.readouterr().err


def test_commands_without_pictures_need_no_matplotlib_and_no_torch(published):
    code = (
        "import sys\nfrom benchmark.cli.main import main\n"
        f"code = main(['taxonomy', 'solve', '--budget', '2', '--transfers', {published!r}])\n"
        "heavy = {'torch', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom benchmark.cli.main import main\n"
        "code = main(['taxonomy', '--help']) or main(['taxonomy', 'solve', '--help'])\n"
        "heavy = {'torch', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
