"""Images per second of one core, next to a plain VTK renderer; ``pytest --benchmark-enable -s``.

Times are processor time of one thread, so that another busy process does not count; everything is
on: antialiasing, depth of field, all eight switches, and the sampling of scenes is included.
"""

import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.rendering.shards import encode
from benchmark.simulators.gl.simulator import GlSimulator
from benchmark.simulators.interface import opened
from benchmark.simulators.sampling import SceneSampler
from benchmark.space import PAPER_SPACE

SIZES = (64, 128, 224)
WANTED = {64: 800, 128: 300, 224: 100}
IMAGES, OBJECTS, ROUNDS = 240, 24, 3
MAX_MIB = 400
MAX_START_SECONDS = 3


def planned(simulator, size, configuration="11111111"):
    """Makes the scenes of many categories, some images of each object in a row."""
    catalog = simulator.assets()
    sampler = SceneSampler(
        simulator.capabilities, PAPER_SPACE.parse(configuration), catalog, seed=0, size=size
    )
    categories = catalog.categories[:: len(catalog.categories) // OBJECTS][:OBJECTS]
    each = IMAGES // OBJECTS
    return lambda: [
        sampler.scene(category, catalog.names(category)[0], index)
        for category in categories
        for index in range(each)
    ]


def speed(work, count=IMAGES):
    """Best of some rounds, in images per second of processor time."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = max(best, count / (time.process_time() - start))
    return best


@pytest.fixture(scope="module")
def simulator(simulator_cache_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("T2SBENCH_CACHE", str(simulator_cache_folder))
        with opened(GlSimulator()) as made:
            yield made


@pytest.mark.parametrize("size", SIZES)
def test_images_per_second(benchmark, simulator, simulator_cache, size):
    if not benchmark.enabled:
        pytest.skip("measured with --benchmark-enable")
    scenes = planned(simulator, size)

    def render():
        for _ in simulator.render(scenes()):
            pass

    def render_and_encode():
        for rendering in simulator.render(scenes()):
            encode(rendering.pixels, "jpeg", 92)

    render()
    ours, encoded = speed(render), speed(render_and_encode)
    benchmark.pedantic(render, rounds=1)
    line = f"{size} px: {ours:.0f} images/s of one core, {encoded:.0f} with JPEG encoding"
    reference = reference_speed(size)
    print(f"\n{line}; VTK {reference:.0f}, ratio {ours / reference:.1f}")
    benchmark.extra_info.update(ours=ours, encoded=encoded, vtk=reference)
    if size < 224:
        assert ours >= 3 * reference


def reference_speed(size):
    """VTK's speed, in a process of its own: it ends the EGL display that all contexts share."""
    pytest.importorskip("vtkmodules.vtkRenderingOpenGL2")
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    process = spawn.Process(target=measure_vtk, args=(size, queue))
    process.start()
    found = queue.get(timeout=300)
    process.join()
    return found


def measure_vtk(size, queue):
    os.environ["LP_NUM_THREADS"] = "0"  # as the context of gl does
    sys.path.insert(0, str(Path(__file__).parent))
    from vtk_renderer import VtkRenderer

    simulator = GlSimulator()
    assets = simulator._assets
    names = {
        "panoramas": {name: i for i, name in enumerate(assets.panoramas.names)},
        "materials": assets.materials.index,
    }
    images = (assets.materials, assets.panoramas.pixels)
    renderer = VtkRenderer(size, assets.mesh, *images, names)
    made = planned(simulator, size)()[:: IMAGES // 60]
    for scene in made:
        renderer.draw(scene)
    queue.put(speed(lambda: [renderer.draw(scene) for scene in made], len(made)))


def both(start, size, queue):
    """Renders for some seconds from a common moment on; how many images it made."""
    with opened(GlSimulator()) as simulator:
        scenes = planned(simulator, size)()
        list(simulator.render(scenes))
        start.wait()
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 4:
            count += sum(1 for _ in simulator.render(scenes[:60]))
        queue.put(count / (time.perf_counter() - began))


def together(processes, size=128):
    spawn = multiprocessing.get_context("spawn")
    start, queue = spawn.Barrier(processes), spawn.Queue()
    workers = [spawn.Process(target=both, args=(start, size, queue)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    rates = [queue.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    return sum(rates)


def test_two_processes(benchmark, simulator, simulator_cache):
    if not benchmark.enabled or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("measured with --benchmark-enable, on two free cores")
    one, two = (benchmark.pedantic(together, (1,), rounds=1), together(2))
    print(f"\n128 px: one process {one:.0f} images/s, two {two:.0f}, ratio {two / one:.2f}")
    benchmark.extra_info.update(one=one, two=two)


MEMORY = r"""
import json, re, sys
from pathlib import Path
from benchmark.cli.main import main
assert main(sys.argv[1:]) == 0
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**10
print(json.dumps(peak))
"""


@pytest.mark.parametrize("images", [400, 1600])
def test_memory_of_a_worker(benchmark, simulator, simulator_cache, images, tmp_path):
    """One process renders a dataset of 4 categories; its peak does not depend on the size."""
    if not benchmark.enabled:
        pytest.skip("measured with --benchmark-enable")
    command = [
        sys.executable, "-c", MEMORY, "render", "--config", "11111111", "--classes", "4",
        "--images-per-class", str(images), "--jobs", "1", "-o", str(tmp_path / "set"),
    ]  # fmt: skip

    def run():
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    peak = benchmark.pedantic(run, rounds=1)
    print(f"\n{4 * images} images of 128 px: peak {peak:.0f} MiB")
    assert peak <= MAX_MIB


def processor_seconds(*command):
    """Processor time of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_start_of_a_small_dataset(benchmark, simulator, simulator_cache, tmp_path):
    """20 images of 20 categories, with warm caches, next to the imports that every start needs."""
    if not benchmark.enabled:
        pytest.skip("measured with --benchmark-enable")
    command = ["render", "--config", "11111111", "--classes", "20", "--images-per-class", "1"]

    def run(name):
        main = [sys.executable, "-m", "t2sbench"]
        return processor_seconds(*main, *command, "-o", str(tmp_path / name))

    first = run("first")
    warm = min(benchmark.pedantic(run, ("second",), rounds=1), run("third"))
    libraries = "import click, moderngl, numpy, PIL.Image, pyarrow.parquet, pydantic, rich.progress"
    imports = processor_seconds(sys.executable, "-c", libraries)
    print(
        f"\n20 images: {warm:.2f} s of processor time, {warm / imports:.1f} times the imports "
        f"({imports:.2f} s); before that {first:.2f} s"
    )
    benchmark.extra_info.update(warm=warm, imports=imports)
    assert warm <= MAX_START_SECONDS


def test_sampling_is_a_small_part(benchmark, simulator):
    scenes = planned(simulator, 64)
    seconds = benchmark.pedantic(scenes, rounds=3)
    assert len(seconds) == IMAGES
    assert len({re.sub(r"index=\d+", "", str(scene)) for scene in seconds}) == IMAGES


def test_pixels_are_not_all_alike(simulator):
    """The measurements above render a picture, not an empty frame."""
    images = [r.pixels for r in simulator.render(planned(simulator, 64)()[::20])]
    assert min(np.std(image) for image in images) > 8
