"""Every registered source keeps the contract that plug-ins of others must keep, too."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InvalidInputError
from benchmark.core.plugins import known_plugins
from benchmark.sources.collection import open_collection
from benchmark.sources.interface import Amount, ImageSource
from benchmark.sources.registry import SourceSpec
from benchmark.tasks.pack import open_pack, write_pack
from benchmark.tasks.task_data import load_task_data
from benchmark.testing import SourceContract
from tests.pipeline.conftest import coloured, write_tasks

NAMES = sorted(known_plugins("source"))
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "my_source.py"
RULES = [name for name in dir(SourceContract) if name.startswith("test_")]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    path = tmp_path_factory.mktemp("real") / "real.parquet"
    write_pack(coloured(3, 90, 6), path)
    return open_collection(str(path))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    write_tasks(folder)
    return load_task_data("EuroSAT", folder)


class TestRegistered(SourceContract):
    @pytest.fixture(autouse=True, params=NAMES)
    def source(self, request, real, data, tmp_path, monkeypatch):
        monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path))
        self.name, self.real, self.data = request.param, real, data

    def make(self):
        return SourceSpec.parse(self.name).open(lambda: self.real).images

    def task(self):
        return self.data


class TestExample(SourceContract):
    def make(self):
        return SourceSpec.parse("noise", plugins=[EXAMPLE]).open().images


class TestCollection(SourceContract):
    @pytest.fixture(autouse=True)
    def collection(self, real):
        self.real = real

    def make(self):
        return self.real


@pytest.mark.parametrize("rule", RULES)
def test_the_contract_refuses_a_careless_source(rule):
    class Careless(ImageSource):
        version = ""

        def check(self, amount):
            pass

        def draw(self, amount, seed, task=None):
            value = time.perf_counter_ns() % 251 if "same" in rule else 7
            shape = (amount.images_per_class, amount.size, amount.size, 3)
            for _ in range(amount.classes - ("amount" in rule)):
                yield np.full(shape, value, np.uint8)

    class Contract(SourceContract):
        def make(self):
            return Careless()

    with pytest.raises(AssertionError):
        getattr(Contract(), rule)()


@pytest.mark.parametrize("name", ["fractals", "dead-leaves"])
def test_generators_are_quick(name):
    # 4,000 images of mini in well under a minute: a tenth of them within a few seconds.
    source = SourceSpec.parse(name).open().images
    start = time.process_time()
    for _ in source.draw(Amount(4, 100, 32), 0):
        pass
    assert time.process_time() - start < 6


@pytest.mark.parametrize(
    ("name", "option"), [("fractals", "density=0"), ("dead-leaves", "leaves=0")]
)
def test_options_out_of_range_are_refused(name, option):
    key, _, value = option.partition("=")
    with pytest.raises(InvalidInputError, match=key):
        SourceSpec.parse(name, {key: value}).open()


def test_categories_of_fractals_differ_more_than_their_images():
    found = list(SourceSpec.parse("fractals").open().images.draw(Amount(6, 8, 32), 0))
    grey = np.stack([(images.max(axis=-1) > 40).astype(float) for images in found])
    # Unmoved by mirrors: compare the sorted row and column sums.
    marks = np.sort(np.concatenate([grey.sum(axis=2), grey.sum(axis=3)], axis=2), axis=2)
    middles = marks.mean(axis=1, keepdims=True)
    within = np.abs(marks - middles).mean()
    between = np.abs(middles - middles.mean(axis=0)).mean()
    assert between > within


def test_retrieved_images_are_of_the_nearest_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("T2SBENCH_CACHE", str(tmp_path / "cache"))
    # The task has the colours of classes 1 and 4 of the collection.
    images = coloured(3, 120, 6)
    write_pack(images, tmp_path / "real.parquet")
    collection = open_collection(str(tmp_path / "real.parquet"))
    write_tasks(tmp_path)
    task = load_task_data("EuroSAT", tmp_path)
    chosen = np.flatnonzero(np.isin(images.labels, (1, 4)))
    own = images.rows(chosen)
    two = replace(own, class_names=("a", "b"), labels=(own.labels == 4).astype(np.int64))
    write_pack(two, tmp_path / "t")
    task = replace(task, pack=open_pack(tmp_path / "t"))
    source = SourceSpec.parse("retrieved").open(lambda: collection).images
    assert set(source.nearest(task)[:2]) == {1, 4}
    assert source.per_task
    with pytest.raises(InvalidInputError, match="task"):
        next(source.draw(Amount(2, 5, 24), 0))
