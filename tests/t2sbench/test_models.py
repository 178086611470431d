"""Methods fitted, saved and asked for new tasks."""

import json
from pathlib import Path

import pytest

import t2sbench as t2s
from benchmark.cli.main import main
from benchmark.methods import known_methods
from benchmark.rewards.table import RewardTable
from benchmark.tasks.vectors import TaskEmbeddings, card_path, read_embeddings, write_embeddings

PLUGIN = """
class Plain:
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
    def select(self, task, rng):
        return self.space.at(3)

class Breaks(Plain):
    def select(self, task, rng):
        return self.space.at(1 / 0)

class BreaksInFit(Plain):
    def fit(self, tasks, rewards, rng):
        raise KeyError("gone")

METHODS = {"plain": Plain, "breaks": Breaks, "breaks-in-fit": BreaksInFit}
"""
OPTIONS = {"task2sim": {"epochs": 2, "hidden": 8}, "task2sim-released": {"epochs": 2, "hidden": 8}}
CHOOSING = sorted(known_methods().keys() - {"oracle", "scratch", "untrained", "imagenet"})


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def vectors(small_table, tmp_path: Path) -> Path:
    """Vectors of two tasks, without a card."""
    path = tmp_path / "mine.safetensors"
    rows = small_table.embeddings.vectors[:2]
    write_embeddings(TaskEmbeddings(("mine", "yours"), rows), path)
    return path


def write_card(path: Path, probe: str) -> None:
    content = {
        "tasks": [{"name": name, "digest": "0" * 64} for name in ("mine", "yours")],
        "seed": 0,
        "settings": {"name": "fast"},
        "probe": {"name": "packaged", "origin": "somewhere"},
        "probe_sha256": probe,
        "digest": read_embeddings(path, ("mine", "yours")).digest,
    }
    card_path(path).write_text(json.dumps(content))


@pytest.mark.parametrize("name", CHOOSING)
def test_every_method_is_saved_and_asked(name, small_table, vectors, tmp_path):
    model = t2s.fit(name, table=small_table, options=OPTIONS.get(name), output=tmp_path / "model")
    loaded = t2s.load_model(tmp_path / "model")
    first, second = model.select(vectors), loaded.select(vectors)
    assert list(first) == ["mine", "yours"]
    assert [str(one) for one in first.values()] == [str(one) for one in second.values()]
    assert loaded.gains(vectors) == model.gains(vectors)
    assert loaded.facts == model.facts


@pytest.mark.parametrize("name", ["oracle", "scratch", "untrained", "imagenet"])
def test_references_choose_for_no_new_task(name):
    with pytest.raises(t2s.T2SBenchError, match=name):
        t2s.fit(name)


def test_a_slow_fit_is_kept_and_a_quick_one_repeated(small_table):
    slow, quick = "walsh-gp", "single-best"
    assert [t2s.fit(slow, table=small_table).is_kept for _ in range(2)] == [False, True]
    assert [t2s.fit(quick, table=small_table).is_kept for _ in range(2)] == [False, False]


def test_a_method_without_a_state_is_asked_but_not_saved(small_table, vectors, plugin, tmp_path):
    model = t2s.fit("plain", table=small_table, plugins=[plugin])
    assert str(model.select(vectors)["mine"]) == "00000011"
    for save in (
        lambda: model.save(tmp_path / "model"),
        lambda: t2s.fit("plain", table=small_table, plugins=[plugin], output=tmp_path / "model"),
    ):
        with pytest.raises(t2s.T2SBenchError, match="from_state"):
            save()
    assert not (tmp_path / "model").exists()


def test_a_method_that_fails_is_one_sentence(small_table, vectors, plugin):
    with pytest.raises(t2s.T2SBenchError, match=r"KeyError.*plugin\.py:14"):
        t2s.fit("breaks-in-fit", table=small_table, plugins=[plugin])
    with pytest.raises(t2s.T2SBenchError, match=r"ZeroDivisionError.*plugin\.py:10"):
        t2s.fit("breaks", table=small_table, plugins=[plugin]).select(vectors)


def test_vectors_of_another_probe_are_refused_by_methods_that_use_them(tmp_path):
    rewards = t2s.load_table("gl-mini").rewards
    assert isinstance(rewards, RewardTable)
    path = tmp_path / "mine.safetensors"
    write_embeddings(TaskEmbeddings(("mine", "yours"), rewards.embeddings.vectors[:2]), path)
    nearest, single = t2s.fit("nearest-task"), t2s.fit("single-best")
    assert set(nearest.select(path)) == {"mine", "yours"}
    own = nearest.facts["vectors"].partition("(")[2][:12]
    write_card(path, own + "0" * 52)
    assert set(nearest.select(path)) == {"mine", "yours"}
    write_card(path, "ab" * 32)
    with pytest.raises(t2s.T2SBenchError, match="abababababab"):
        nearest.select(path)
    assert set(single.select(path)) == {"mine", "yours"}
    with pytest.raises(t2s.T2SBenchError, match="3 numbers"):
        nearest.select({"mine": [1, 2, 3]})
    assert set(single.select({"mine": [1, 2, 3]})) == {"mine"}


@pytest.mark.parametrize("given", [{}, {"a": [1, 2], "b": [1]}])
def test_vectors_of_several_lengths_are_refused(given):
    with pytest.raises(t2s.T2SBenchError, match="vector"):
        t2s.fit("single-best").select(given)


def test_a_method_is_fitted_and_asked_in_one_command(small_table_folder, vectors, capsys):
    words = ["select", "--task2vec", str(vectors)]
    fitted = [*words, "-m", "walsh-gp", "--table", str(small_table_folder)]
    assert main(fitted) == 0
    first = capsys.readouterr()
    assert "mine: " in first.out
    assert "expected gain over single-best" in first.out
    assert main(fitted) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert "store" in second.err
    assert main([*words, "-m", "random", "--table", str(small_table_folder)]) == 0
    assert "256 configurations" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ([], "--model"),
        (["--model", "x", "-m", "random"], "--method"),
        (["--model", "x", "--table", "released", "--seed", "1"], "--table, --seed"),
        (["-m", "walsh-gq"], "walsh-gp"),
        (["-m", "random", "-O", "epochs=3"], "epochs"),
        (["-m", "oracle"], "oracle"),
    ],
)
def test_mistakes_of_select_are_named(words, fact, vectors, capsys):
    assert main(["select", "--task2vec", str(vectors), *words]) == 2
    printed = capsys.readouterr().err
    assert fact in printed
    assert "Traceback" not in printed
