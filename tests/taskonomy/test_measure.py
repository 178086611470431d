"""Transfers measured on made-up images: shapes that two tasks share and a third does not."""

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.core.store import CellStore
from benchmark.tasks.images import LabelledImages, encode_png
from benchmark.tasks.registry import load_tasks
from benchmark.tasks.task_data import Description, write_task_data
from taskonomy import measure as measure_module
from taskonomy.files import read_samples, read_transfers
from taskonomy.measure import TransferMeasurement, share
from taskonomy.measured import MeasureSettings, write_card, write_measured

SETTINGS = MeasureSettings(size=16, epochs=2, readout_steps=20, batch_size=16, order=2)
NAMES = ("EuroSAT", "DTD", "USPS")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Compute with one thread: small networks are faster."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def picture(rng, kind, label):
    """Bars of ``label``'s direction (kinds 0 and 1, in two colours) or a shade (kind 2)."""
    image = rng.integers(0, 60, (16, 16, 3))
    places = np.arange(16)
    if kind == 2:
        image += (40, 110, 180)[label]
    else:
        phase = [places[:, None], places[None, :], places[:, None] + places[None, :]][label]
        image[np.broadcast_to((phase // 3 + rng.integers(2)) % 2 == 0, (16, 16))] += 120 + 60 * kind
    return encode_png(image.clip(0, 255).astype(np.uint8))


def make_tasks(count=3, n=60):
    registry = {task.name: task for task in load_tasks()}
    made = []
    for kind, name in enumerate(NAMES[:count]):
        rng = np.random.default_rng(kind)
        labels = np.arange(n) % 3
        encoded = [picture(rng, kind, int(label)) for label in labels]
        images = LabelledImages(
            ("a", "b", "c"), labels, np.arange(n) < 2 * n // 3, encoded.__getitem__
        )
        description = Description(source="made up", split_rule="the first two thirds")
        made.append(write_task_data(registry[name], images, description, Path("data").absolute()))
    return made


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("measured"))
        patch.setenv("T2SBENCH_CACHE", str(Path("cache").absolute()))
        tasks, store = make_tasks(), CellStore(Path("store").absolute())
        yield list(TransferMeasurement(tasks, SETTINGS, store).measure()), tasks, store


def test_every_target_has_its_rows(measured):
    shares, tasks, _ = measured
    assert [found.amount for found in shares] == [0.1, 1.0]
    for found in shares:
        for target, rows in found.rows.items():
            others = sorted(set(NAMES) - {target})
            assert list(rows) == ["self", "scratch", *[n for n in NAMES if n != target],
                                  "+".join(others)]  # fmt: skip
            n_test = len(next(t for t in tasks if t.name == target).test)
            assert all(row.shape == (n_test,) and row.dtype == np.float32 for row in rows.values())
            assert all(np.isfinite(row).all() and (row >= 0).all() for row in rows.values())


def test_accuracy_is_that_of_the_losses(measured):
    """A loss below log 2 means more than half the probability: that item is right."""
    for found in measured[0]:
        for target, rows in found.rows.items():
            for name, losses in rows.items():
                sure = 100 * float((losses < np.log(2)).mean())
                assert found.accuracy[target][name] >= sure - 1e-6


def test_the_same_task_on_all_images_is_its_own_scratch(measured):
    rows = measured[0][1].rows["USPS"]
    assert np.array_equal(rows["self"], rows["scratch"])
    small = measured[0][0].rows["USPS"]
    assert np.array_equal(small["self"], rows["self"]), "always on all images"
    assert not np.array_equal(small["scratch"], rows["scratch"])


def test_the_same_again_without_work(measured, monkeypatch):
    shares, tasks, store = measured
    printed = []
    again = list(TransferMeasurement(tasks, SETTINGS, store, printed.append).measure())
    assert printed == []
    for first, second in zip(shares, again, strict=True):
        for target in NAMES:
            for name, row in first.rows[target].items():
                assert np.array_equal(row, second.rows[target][name])


def test_two_stores_measure_the_same(measured, monkeypatch):
    shares, tasks, _ = measured
    fresh = list(TransferMeasurement(tasks[:2], SETTINGS, CellStore(Path("other"))).measure())
    for first, second in zip(shares, fresh, strict=True):
        for name in ("self", "scratch", "EuroSAT"):
            assert np.array_equal(first.rows["DTD"][name], second.rows["DTD"][name])


@pytest.mark.parametrize(
    ("change", "fresh"),
    [
        ({"seed": 1}, True),
        pytest.param({"epochs": 1}, True, marks=pytest.mark.slow),
        pytest.param({"lr": 0.01}, True, marks=pytest.mark.slow),
        ({"order": 1}, False),
    ],
)
def test_settings_enter_the_cells(measured, change, fresh):
    from dataclasses import replace

    _, tasks, store = measured
    printed = []
    changed = TransferMeasurement(tasks[:2], replace(SETTINGS, **change), store, printed.append)
    next(iter(changed.measure()))
    assert bool(printed) is fresh


def test_an_interrupted_measurement_goes_on(measured):
    _, tasks, _ = measured
    store, printed = CellStore(Path("interrupted")), []

    def stop(text):
        printed.append(text)
        if len(printed) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(TransferMeasurement(tasks[:2], SETTINGS, store, stop).measure())
    rest = []
    list(TransferMeasurement(tasks[:2], SETTINGS, store, rest.append).measure())
    assert printed[:2] != rest[:2]
    assert printed[2] == rest[0], "the one that was interrupted is done again"


def test_files_hold_what_was_measured(measured):
    shares, tasks, _ = measured
    table = write_measured(Path("out"), shares[0])
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["target"] for row in rows} == set(NAMES)
    own = [row for row in rows if row["sources"] == "self"]
    assert [float(row["quality"]) for row in own] == [0.5] * 3
    assert not [row for row in rows if row["sources"] == "scratch"]
    for _, group in itertools.groupby(rows, key=lambda row: row["target"]):
        assert sum(float(row["affinity"]) for row in group) == pytest.approx(1, abs=1e-4)
    samples = read_samples(Path("out/samples-0.1.npz"))
    assert len(samples) == len(rows)
    from_table = {str(t): t.affinity for t in read_transfers(table)}
    assert {str(t): t.affinity for t in samples} == pytest.approx(from_table, rel=1e-5)
    card = json.loads(write_card(Path("out"), tasks, SETTINGS).read_text())
    assert [entry["task"] for entry in card["tasks"]] == list(NAMES)
    assert card["settings"]["amounts"] == [0.1, 1.0]


def test_shares_are_nested_and_stratified():
    labels = np.repeat([0, 1, 2], [100, 40, 3])
    small, large = share(labels, 0.1, 0), share(labels, 0.5, 0)
    assert set(small) < set(large)
    assert np.bincount(labels[small]).tolist() == [10, 4, 2]
    assert np.array_equal(share(labels, 1.0, 0), np.arange(143))
    assert not np.array_equal(share(labels, 0.1, 1), small)


def test_log_losses_equal_the_formula():
    from benchmark.protocols.data import Predictions

    scores = np.random.default_rng(0).normal(0, 5, (20, 4))
    labels = np.arange(20) % 4
    exps = np.exp(scores)
    expected = -np.log(exps[np.arange(20), labels] / exps.sum(axis=1))
    found = measure_module.log_losses(Predictions(scores.argmax(1), scores), labels)
    assert np.allclose(found, expected, atol=1e-5)


def test_shifts_move_by_whole_pixels():
    import torch

    from taskonomy.networks import shifted

    images = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.uint8)
    found = shifted(images, torch.Generator().manual_seed(0)).numpy()
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode="edge")
    for image, around in zip(found, padded, strict=True):
        windows = [around[:, i : i + 8, j : j + 8] for i in range(7) for j in range(7)]
        assert any(np.array_equal(image, window) for window in windows)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"amounts": ()}, "--amounts"),
        ({"amounts": (0.0,)}, "--amounts"),
        ({"amounts": (1.5,)}, "--amounts"),
        ({"order": 5}, "--order"),
        ({"order": 0}, "--order"),
    ],
)
def test_senseless_settings_are_refused(settings, sentence):
    with pytest.raises(InvalidInputError, match=sentence):
        MeasureSettings(**settings)


def test_one_task_is_too_few():
    with pytest.raises(InvalidInputError, match="two tasks"):
        TransferMeasurement(make_tasks(1), SETTINGS, CellStore(Path("store")))


def test_the_command(monkeypatch, capsys):
    monkeypatch.setenv("T2SBENCH_DATA", "data")
    make_tasks(2)
    command = ["taxonomy", "measure", "--tasks", "EuroSAT,DTD", "--size", "16", "--epochs", "1",
               "--amounts", "1", "-o", "out"]  # fmt: skip
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "Accuracy in percent, 100%" in output
    assert main(["taxonomy", "solve", "--transfers", "out/transfers-1.csv", "--budget", "1"]) == 0
    assert main(["taxonomy", "affinity", "--samples", "out/samples-1.npz", "-o", "a.csv"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tasks", "EuroSAT,Nothing"], "Nothing"),
        (["--tasks", "EuroSAT"], "two tasks"),
        (["--tasks", "EuroSAT,DTD", "--amounts", "a"], "'a'"),
        (["--tasks", "EuroSAT,DTD", "--amounts", "2"], "--amounts"),
        (["--tasks", "EuroSAT,DTD", "--network", "mini-resnt"], "Did you mean 'mini-resnet'"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, monkeypatch, capsys):
    monkeypatch.setenv("T2SBENCH_DATA", "data")
    make_tasks(2)
    assert main(["taxonomy", "measure", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


def test_missing_data_say_how_to_get_them(monkeypatch):
    monkeypatch.setenv("T2SBENCH_DATA", "data")
    from benchmark.tasks.task_data import load_task_data

    with pytest.raises(UnavailableError, match="data prepare"):
        load_task_data("CUB")
