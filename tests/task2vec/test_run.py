import dataclasses
import json

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.store import CellStore
from benchmark.task2vec import run
from benchmark.task2vec.card import describe, write_task2vec
from benchmark.task2vec.run import Embedder
from benchmark.tasks.task_data import load_task_data
from benchmark.tasks.vectors import TaskEmbeddings, card_path, read_embeddings, read_vectors


@pytest.fixture
def tasks(prepared):
    return [load_task_data(name) for name in ("USPS", "EuroSAT", "DTD")]


@pytest.fixture
def embedder(probe, quick, tmp_path):
    return Embedder(probe, quick, 0, CellStore(tmp_path / "live"))


def test_an_interrupted_run_goes_on(embedder, tasks, monkeypatch):
    first = next(embedder.run(tasks))
    assert first.fresh
    embedded = []
    monkeypatch.setattr(run, "embed", spy(embedded, run.embed))
    again = list(embedder.run(tasks))
    assert [one.fresh for one in again] == [False, True, True]
    assert len(embedded) == 2
    assert np.array_equal(again[0].vector, first.vector)
    assert [one.task.name for one in again] == ["USPS", "EuroSAT", "DTD"]


def spy(calls, function):
    def wrapped(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    return wrapped


def test_a_vector_does_not_depend_on_other_tasks(embedder, tasks, tmp_path):
    together = [one.vector for one in embedder.run(tasks)]
    alone = dataclasses.replace(embedder, store=CellStore(tmp_path / "other"))
    assert np.array_equal(next(alone.run(tasks[2:])).vector, together[2])


@pytest.mark.parametrize("what", ["seed", "settings", "probe"])
def test_another_seed_recipe_or_probe_is_another_cell(embedder, tasks, what, quick):
    from benchmark.pretraining.networks import build_backbone
    from benchmark.task2vec.probe import make_probe

    first = next(embedder.run(tasks))
    changes = {
        "seed": 1,
        "settings": dataclasses.replace(quick, draws=72),
        "probe": make_probe(build_backbone("mini-resnet", 9), "other", "other", 16),
    }
    other = next(dataclasses.replace(embedder, **{what: changes[what]}).run(tasks))
    assert other.fresh
    assert not np.array_equal(other.vector, first.vector)


def test_a_task_named_twice_is_refused(embedder, tasks):
    with pytest.raises(InvalidInputError, match="USPS"):
        next(embedder.run([*tasks, tasks[0]]))


def test_a_damaged_cell_is_told(embedder, tasks, tmp_path):
    next(embedder.run(tasks))
    (path,) = (tmp_path / "live").rglob("vector.npy")
    path.write_bytes(b"broken")
    with pytest.raises(InvalidFileError, match="not readable"):
        next(embedder.run(tasks))
    np.save(path, np.zeros(3, dtype=np.float32))
    with pytest.raises(InvalidFileError, match=r"shape \(3,\)"):
        next(embedder.run(tasks))


@pytest.fixture
def written(tasks, probe, quick, tmp_path):
    path = tmp_path / "some" / "mine.safetensors"
    path.parent.mkdir()
    vectors = np.random.default_rng(0).random((3, probe.dimension), dtype=np.float32)
    embeddings = TaskEmbeddings(tuple(task.name for task in tasks), vectors)
    card = write_task2vec(embeddings, path, **describe(tasks, probe.card, quick, 4))
    return path, embeddings, card


def test_the_pair_is_read_in_place_of_the_released_embeddings(written):
    path, embeddings, card = written
    found, again = read_vectors(path)
    assert again.digest == card.digest
    assert card.probe_sha256[:12] in str(again)
    assert found.tasks == ("USPS", "EuroSAT", "DTD")
    assert found.digest == embeddings.digest
    plain = read_embeddings(path)
    assert np.array_equal(plain.of("DTD"), embeddings.of("DTD"))


def test_the_card_tells_data_recipe_and_probe(written, probe, tasks):
    _, _, card = written
    assert card.probe == probe.card
    assert card.probe_sha256 == probe.card.digest
    assert card.seed == 4
    assert card.settings["draws"] == 64
    assert [task.digest for task in card.tasks] == [task.digest for task in tasks]
    assert card.tasks[0].partial is not None


def test_equal_vectors_are_equal_files(written, tasks, probe, quick, tmp_path):
    path, embeddings, _ = written
    other = tmp_path / "other.safetensors"
    write_task2vec(embeddings, other, **describe(tasks, probe.card, quick, 4))
    assert other.read_bytes() == path.read_bytes()
    assert card_path(other).read_bytes() == card_path(path).read_bytes()


def test_vectors_of_another_card_are_refused(written, tmp_path):
    path, embeddings, _ = written
    changed = TaskEmbeddings(embeddings.tasks, embeddings.vectors * 2)
    from benchmark.tasks.vectors import write_embeddings

    write_embeddings(changed, path)
    with pytest.raises(InvalidFileError, match="not those of the card"):
        read_vectors(path)


def test_cards_with_faults_are_refused(written):
    path, _, _ = written
    content = json.loads(card_path(path).read_bytes())
    card_path(path).write_text(json.dumps(content | {"seed": "x", "probe": {"name": "p"}}))
    with pytest.raises(InvalidFileError, match="2 faults"):
        read_vectors(path)
    card_path(path).unlink()
    assert read_vectors(path)[1] is None
