"""Images per second of simulator tdw with a build that costs nothing: transport and storage.

The test double sends one 256-pixel JPEG that it encoded beforehand. The reference is the bare
exchange of the same messages with the same test double, in the same run: ``pytest
--benchmark-enable -s``. Times are of the clock, because two processes take turns; on a machine that
does other things besides, the processor time of this package is more telling.
"""

import json
import os
import time
from pathlib import Path

import pytest

from benchmark.rendering.request import DatasetRequest
from benchmark.rendering.run import render_dataset
from benchmark.simulators.interface import opened
from benchmark.simulators.registry import SimulatorChoice
from benchmark.simulators.tdw.simulator import TdwSimulator
from benchmark.space import PAPER_SPACE

CATEGORIES, IMAGES, OBJECTS, ROUNDS = 5, 400, 2, 3
#: The part of the bare exchange's speed that a stored, checked image keeps at least.
LEAST_RATIO = 0.2


@pytest.fixture
def options(monkeypatch):
    for name in ("tdw", "zmq", "flatbuffers"):
        pytest.importorskip(name)
    from tests.simulators.tdw.conftest import ROOT, double_command

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return {"build": double_command("1.13.0", "--cached-image"), "start_timeout": 90.0}


def request(options, configuration):
    choice = SimulatorChoice("tdw", options)
    categories = choice.build().assets().categories[:CATEGORIES]
    return DatasetRequest(
        choice,
        PAPER_SPACE.parse(configuration),
        categories,
        IMAGES,
        objects_per_class=OBJECTS,
        size=256,
    )


class Watch:
    """Time from the first image on: starting a build is no part of transport."""

    def __init__(self):
        self.first = None
        self.count = 0

    def on_start(self, total, already):
        pass

    def on_images(self, count):
        now = time.perf_counter(), time.process_time()
        if self.first is None:
            self.first, self.count = now, 0
        else:
            self.count += count
        self.last = now

    def rates(self):
        """Images per second of the clock, and of this package's processor time."""
        return tuple(self.count / (b - a) for a, b in zip(self.first, self.last, strict=True))


def bare(options, configuration):
    """Messages like those of images, exchanged with nothing else done, per second."""
    simulator = TdwSimulator(**options)
    with opened(simulator):
        scenes = list(scenes_of(simulator, configuration))
        list(simulator.render(scenes[:2]))
        link, studio = simulator._build._link, simulator._studio
        messages = [json.dumps(studio._message(scene, studio._stage)).encode() for scene in scenes]
        start = time.perf_counter()
        for message in messages:
            link.exchange(message, 60)
        return len(messages) / (time.perf_counter() - start)


def scenes_of(simulator, configuration):
    from benchmark.simulators.sampling import SceneSampler

    catalog = simulator.assets()
    sampler = SceneSampler(
        simulator.capabilities, PAPER_SPACE.parse(configuration), catalog, seed=0, size=256
    )
    category = catalog.categories[0]
    return (sampler.scene(category, catalog.names(category)[0], i) for i in range(1000))


@pytest.mark.parametrize("configuration", ["00000000", "11111111"])
def test_images_per_second(benchmark, options, configuration, tmp_path: Path):
    if not benchmark.enabled:
        pytest.skip("measured with --benchmark-enable")
    reference = max(bare(options, configuration) for _ in range(ROUNDS))
    rates = []

    def render():
        watch = Watch()
        folder = tmp_path / str(len(rates))
        render_dataset(request(options, configuration), folder, observer=watch)
        rates.append(watch.rates())

    benchmark.pedantic(render, rounds=ROUNDS)
    clock, processor = (max(column) for column in zip(*rates, strict=True))
    ratio = clock / reference
    print(
        f"\n{configuration}: {clock:.0f} images/s of 256 px stored ({processor:.0f} of "
        f"processor time), bare exchange {reference:.0f}, ratio {ratio:.2f}, "
        f"{len(os.sched_getaffinity(0))} cores"
    )
    benchmark.extra_info.update(clock=clock, processor=processor, bare=reference, ratio=ratio)
    assert ratio >= LEAST_RATIO
