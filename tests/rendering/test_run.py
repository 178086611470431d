import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    StorageError,
    UnavailableError,
)
from benchmark.core.files import digest
from benchmark.rendering import shards as shards_module
from benchmark.rendering.dataset import locked, partial_folder, read_manifest, verify_dataset
from benchmark.rendering.run import render_dataset
from benchmark.simulators.interface import opened
from benchmark.simulators.sampling import SceneSampler
from benchmark.simulators.toy import ToySimulator

OUT = Path("out")


@pytest.fixture(autouse=True)
def own_datasets_cache(monkeypatch, tmp_path_factory):
    """The shared cache can hold another version of a folder with the same name."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("hf"))


class Watch:
    """Records its calls, and can interrupt."""

    def __init__(self, stop_after=None):
        self.total = self.already = self.images = 0
        self.stop_after = stop_after

    def on_start(self, total, already):
        self.total, self.already = total, already

    def on_images(self, count):
        self.images += count
        if self.stop_after is not None and self.images >= self.stop_after:
            raise KeyboardInterrupt


def digest_of(folder):
    return verify_dataset(folder)["digest"]


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture(scope="module")
def undisturbed(make_request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "set"
    render_dataset(make_request(), folder)
    return folder


def test_a_dataset_holds_what_was_asked_for(make_request, undisturbed):
    request, manifest = make_request(), verify_dataset(undisturbed)
    loaded = datasets.load_dataset(str(undisturbed), split="train")
    assert len(loaded) == manifest["images"] == 30
    assert loaded.features["label"].names == ["disc", "pair", "clover"]
    assert loaded["label"] == [0] * 10 + [1] * 10 + [2] * 10
    toy = ToySimulator()
    sampler = SceneSampler(toy.capabilities, request.configuration, toy.assets(), seed=0, size=16)
    row = loaded[17]
    scene = sampler.scene("pair", row["object"], row["index"])
    with opened(toy):
        (rendering,) = toy.render([scene])
    stream = io.BytesIO()
    Image.fromarray(rendering.pixels).save(stream, "JPEG", quality=92, subsampling="4:2:0")
    assert np.array_equal(np.asarray(row["image"]), np.asarray(Image.open(stream)))


def test_a_finished_folder_holds_nothing_else(undisturbed):
    names = sorted(files_of(undisturbed))
    assert names == ["README.md", *(f"data/train-{i:05}-of-00004.parquet" for i in range(4))]
    assert not partial_folder(undisturbed).exists()


def test_the_manifest_tells_how_it_was_made(make_request, undisturbed):
    manifest = read_manifest(undisturbed)
    assert manifest["identity"]["settings"].startswith("object_rotation=canonical,")
    assert manifest["identity"]["simulator"]["name"] == "toy"
    assert manifest["drivers"] == [{"engine": f"numpy {np.__version__}"}]
    assert "libjpeg" in manifest["made"]["encoder"]
    assert manifest["key"] == make_request().key(ToySimulator())


def test_twice_and_in_processes_gives_the_same_files(make_request, undisturbed):
    render_dataset(make_request(), OUT, workers=2)
    assert files_of(OUT) == files_of(undisturbed)
    assert digest_of(OUT) == digest_of(undisturbed)


def test_a_complete_dataset_is_left_alone(make_request, undisturbed):
    watch = Watch()
    again = render_dataset(make_request(), undisturbed, observer=watch)
    assert again.fresh == 0
    assert watch.images == 0


@pytest.mark.parametrize("layout", ["parquet", "imagefolder"])
@pytest.mark.parametrize("stop_after", [1, 9, 20, 29])
def test_interrupted_and_resumed_equals_undisturbed(make_request, layout, stop_after):
    request = make_request(layout=layout)
    render_dataset(request, Path("whole"))
    with pytest.raises(KeyboardInterrupt):
        render_dataset(request, OUT, observer=Watch(stop_after))
    assert not OUT.exists()
    watch = Watch()
    rendered = render_dataset(request, OUT, observer=watch)
    assert files_of(OUT) == files_of(Path("whole"))
    assert watch.already + watch.images == watch.total == 30
    assert rendered.fresh == watch.images
    assert watch.already == (stop_after - 1) // 8 * 8 or stop_after % 8


@pytest.mark.parametrize("damage", ["truncate", "remove", "marker", "swap"])
def test_damaged_shards_are_rendered_anew(make_request, undisturbed, damage):
    with pytest.raises(KeyboardInterrupt):
        render_dataset(make_request(), OUT, observer=Watch(25))
    partial = partial_folder(OUT)
    first, second = sorted(partial.glob("data/*.parquet"))[:2]
    if damage == "truncate":
        first.write_bytes(first.read_bytes()[:-100])
    elif damage == "remove":
        first.unlink()
    elif damage == "marker":
        (partial / shards_module.MARKERS / "00000.json").write_text('{"number": 0}')
    else:
        first.write_bytes(second.read_bytes())
    render_dataset(make_request(), OUT)
    assert files_of(OUT) == files_of(undisturbed)


def test_leftovers_of_a_killed_writer_are_swept(make_request, undisturbed):
    with pytest.raises(KeyboardInterrupt):
        render_dataset(make_request(), OUT, observer=Watch(9))
    partial = partial_folder(OUT)
    (partial / "data" / ".train-00002-of-00004.parquet.x8d7s").write_bytes(b"half")
    (partial / shards_module.MARKERS / ".00002.json.a7d8").write_bytes(b"half")
    render_dataset(make_request(), OUT)
    assert files_of(OUT) == files_of(undisturbed)


def test_other_arguments_are_refused(make_request, undisturbed):
    with pytest.raises(InvalidInputError, match="other arguments"):
        render_dataset(make_request(seed=1), undisturbed)
    with pytest.raises(KeyboardInterrupt):
        render_dataset(make_request(), OUT, observer=Watch(9))
    with pytest.raises(InvalidInputError, match=r"other arguments \(seed, size\)"):
        render_dataset(make_request(seed=1, size=17), OUT)


def test_foreign_places_are_refused(make_request):
    Path("file").write_text("mine")
    with pytest.raises(InvalidInputError, match="file is a file"):
        render_dataset(make_request(), Path("file"))
    Path("other").mkdir()
    Path("other/thesis.tex").write_text("mine")
    with pytest.raises(InvalidInputError, match="other files"):
        render_dataset(make_request(), Path("other"))
    assert Path("other/thesis.tex").read_text() == "mine"
    with pytest.raises(StorageError, match="file"):
        render_dataset(make_request(), Path("file/below"))


def test_an_empty_folder_is_used(make_request):
    OUT.mkdir()
    render_dataset(make_request(), OUT)
    assert verify_dataset(OUT)["images"] == 30


def test_two_renderers_do_not_share_a_folder(make_request):
    partial_folder(OUT).mkdir()
    with (
        locked(partial_folder(OUT)),
        pytest.raises(StorageError, match="another process renders into it"),
    ):
        render_dataset(make_request(), OUT)


@pytest.mark.parametrize("layout", ["parquet", "imagefolder"])
def test_a_full_disk_is_reported_and_survived(make_request, monkeypatch, layout):
    written = 0
    real_table, real_bytes = shards_module.write_atomically, Path.write_bytes

    def full():
        nonlocal written
        written += 1
        if written > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def atomically(path, write):
        def filling(scratch):
            full()
            write(scratch)

        real_table(path, filling)

    def plainly(path, content):
        if path.suffix == ".jpg":
            full()
        return real_bytes(path, content)

    request = make_request(layout=layout)
    with monkeypatch.context() as patch:
        patch.setattr(shards_module, "write_atomically", atomically)
        patch.setattr(Path, "write_bytes", plainly)
        with pytest.raises(StorageError, match="No space left on device"):
            render_dataset(request, OUT)
    assert not OUT.exists()
    render_dataset(request, OUT)
    assert verify_dataset(OUT)["images"] == 30


def test_a_dead_worker_is_reported(make_request, monkeypatch, tmp_path):
    # The plugin kills its process while it renders; the environment reaches spawned workers.
    (tmp_path / "deadly.py").write_text(
        "import os\nfrom benchmark.simulators.toy import ToySimulator\n"
        "class Deadly(ToySimulator):\n"
        "    def _draw(self, scene):\n"
        "        os._exit(9)\n"
    )
    info = tmp_path / "deadly-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[t2sbench.simulators]\ndeadly = deadly:Deadly\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    from benchmark.simulators.registry import find_simulator

    request = make_request(simulator=find_simulator("deadly"))
    with pytest.raises(UnavailableError, match="process died"):
        render_dataset(request, OUT, workers=2)
    assert not OUT.exists()


SCRIPT = """
from pathlib import Path
from benchmark.rendering.request import DatasetRequest
from benchmark.rendering.run import render_dataset
from benchmark.simulators.registry import find_simulator
from benchmark.space import PAPER_SPACE

toy = find_simulator("toy")
request = DatasetRequest(toy, PAPER_SPACE.at(0), ("disc",), 9, size=8, shard_size=3)
{guard}render_dataset(request, Path("out"), workers=2)
"""


def test_the_error_of_a_script_without_a_guard_names_it():
    Path("script.py").write_text(SCRIPT.format(guard=""))
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "__name__" in done.stderr.splitlines()[-1]
    assert "script.py" in done.stderr.splitlines()[-1]
    assert "another process" not in done.stderr, "its workers are quiet"
    Path("script.py").write_text(SCRIPT.format(guard="if __name__ == '__main__': "))
    subprocess.run(command, check=True)
    assert verify_dataset(OUT)["images"] == 9


def command(*extra):
    return [
        sys.executable, "-m", "benchmark.cli.main", "render", "--simulator", "toy", "--config",
        "11111111", "--classes", "8", "--images-per-class", "100", "--size", "48", "-o", "out",
        "--shard-size", "20", *extra,
    ]  # fmt: skip


def wait_for_shards(process, count):
    """Wait until a run has written this many shards."""
    while len(list(partial_folder(OUT).glob("data/*.parquet"))) < count:
        assert process.poll() is None, f"it ended before shard {count} was there"
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "count"), [("1", 3), ("2", 11)])
def test_killed_after_some_shards_and_resumed(workers, count):
    subprocess.run([*command(), "-o", "whole"], check=True, capture_output=True)
    process = subprocess.Popen(
        command("--jobs", workers), stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for_shards(process, count)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not OUT.exists(), "an unfinished dataset must not look finished"
    done = subprocess.run(command("--jobs", workers), check=True, capture_output=True, text=True)
    assert int(re.search(r"(\d+) of 800 images", done.stderr)[1]) >= 20 * (
        count - int(workers)
    )  # the last may lack its marker
    assert files_of(OUT) == files_of(Path("whole"))


def test_workers_do_not_outlive_a_killed_parent():
    process = subprocess.Popen(command("--jobs", "2"), stderr=subprocess.DEVNULL)
    wait_for_shards(process, 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    process.kill()
    process.wait()
    while any(Path(f"/proc/{child}").exists() for child in children):
        time.sleep(0.05)


def test_image_folders_suit_torchvision_and_datasets(make_request):
    render_dataset(make_request(layout="imagefolder", categories=("pair", "disc")), OUT)
    folder = ImageFolder(str(OUT / "train"))
    assert folder.classes == ["disc", "pair"]
    assert [label for _, label in folder.samples].count(1) == 10
    loaded = datasets.load_dataset(str(OUT), split="train")
    assert loaded.features["label"].names == ["disc", "pair"]
    assert len(loaded) == 20
    verify_dataset(OUT)


def test_png_keeps_the_pixels(make_request):
    render_dataset(make_request(encoding="png", categories=("disc",), images_per_class=2), OUT)
    row = datasets.load_dataset(str(OUT), split="train")[1]
    toy = ToySimulator()
    sampler = SceneSampler(
        toy.capabilities, make_request().configuration, toy.assets(), seed=0, size=16
    )
    with opened(toy):
        (rendering,) = toy.render([sampler.scene("disc", row["object"], row["index"])])
    assert np.array_equal(np.asarray(row["image"]), rendering.pixels)


@pytest.fixture
def change_manifest():
    """Change fields of the manifest in ``OUT``; ``seal`` renews the two digests."""

    def change(seal=True, **fields):
        path = OUT / "manifest.json"
        manifest = {**json.loads(path.read_text()), **fields}
        if seal:
            manifest["key"] = digest(manifest["identity"])
            manifest["digest"] = digest([shard["sha256"] for shard in manifest["shards"]])
        path.write_text(json.dumps(manifest))

    return change


def test_verification_finds_every_change(make_request):
    render_dataset(make_request(), OUT)
    verify_dataset(OUT)
    first, second, *_ = sorted(OUT.glob("data/*.parquet"))
    content = first.read_bytes()
    first.write_bytes(content[:200] + b"x" + content[201:])
    second.unlink()
    with pytest.raises(InvalidFileError) as caught:
        verify_dataset(OUT)
    assert caught.value.exit_code == 1
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        f"data/{first.name}",
        f"data/{second.name}",
    ]
    (OUT / "manifest.json").unlink()
    with pytest.raises(InvalidFileError, match=r"no manifest\.json"):
        verify_dataset(OUT)


@pytest.mark.parametrize("layout", ["parquet", "imagefolder"])
@pytest.mark.parametrize("damage", ["cut", "gone", "folder", "pipe"])
def test_render_finds_a_damaged_file_of_a_finished_dataset(make_request, layout, damage):
    request = make_request(layout=layout)
    render_dataset(request, OUT)
    file = sorted(path for path in OUT.rglob("*") if path.suffix in {".parquet", ".jpg"})[0]
    content = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(content[:100])
    elif damage == "folder":
        file.mkdir()
    elif damage == "pipe":
        os.mkfifo(file)
    for check in (lambda: render_dataset(request, OUT), lambda: verify_dataset(OUT)):
        with pytest.raises(InvalidFileError) as caught:
            check()
        assert "manifest.json" not in str(caught.value), "the files are damaged, not the manifest"
        assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"images": []},
        {"images": -1},
        {"images": 29},
        {"images": 1e308},
        {"key": 7},
        {"key": "0" * 64},
        {"digest": None},
        {"digest": "0" * 64},
        {"identity": []},
        {"shards": {}},
        {"shards": [[]]},
        {"shards": []},
    ],
)
def test_a_damaged_manifest_is_one_error(make_request, change_manifest, fields):
    request = make_request()
    render_dataset(request, OUT)
    change_manifest(seal=False, **fields)
    for check in (lambda: render_dataset(request, OUT), lambda: verify_dataset(OUT)):
        with pytest.raises(InvalidFileError, match=r"manifest\.json") as caught:
            check()
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, "\x00", '{"images": 1}'])
def test_a_file_that_is_no_manifest_is_one_error(make_request, text):
    request = make_request()
    render_dataset(request, OUT)
    (OUT / "manifest.json").write_text(text)
    for check in (lambda: render_dataset(request, OUT), lambda: verify_dataset(OUT)):
        with pytest.raises(InvalidFileError, match=r"manifest\.json"):
            check()


def test_shards_without_a_number_are_a_fault_of_the_manifest(make_request, change_manifest):
    request = make_request()
    render_dataset(request, OUT)
    shards = json.loads((OUT / "manifest.json").read_text())["shards"]
    del shards[1]["number"]
    change_manifest(shards=shards)
    with pytest.raises(InvalidFileError, match=r"shards\.1\.number"):
        render_dataset(request, OUT)
    shards[1]["number"] = 0
    change_manifest(shards=shards)
    with pytest.raises(InvalidFileError, match="shards"):
        render_dataset(request, OUT)


def test_paths_in_a_manifest_stay_inside(make_request, change_manifest):
    request = make_request()
    render_dataset(request, OUT)
    shards = json.loads((OUT / "manifest.json").read_text())["shards"]
    shards[0]["file"] = "../secret"
    change_manifest(shards=shards)
    for check in (lambda: render_dataset(request, OUT), lambda: verify_dataset(OUT)):
        with pytest.raises(InvalidInputError, match=r"\.\./secret"):
            check()


def test_rendering_imports_no_heavy_package():
    """pandas and torch take longer to import than a small dataset takes to render."""
    code = (
        "import sys, t2sbench as t2s\n"
        "t2s.render('00000000', 'set', simulator='toy', classes=1, images_per_class=1, size=16)\n"
        "print([name for name in ('pandas', 'torch', 'triton') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_shard_above_the_bound_of_a_column_is_refused():
    class Large(bytes):
        def __len__(self):
            return 2**30

    import pyarrow as pa

    with pytest.raises(InvalidInputError, match=r"2,147,483,648 bytes.*--shard-size"):
        shards_module._texts([Large(), Large()], pa.binary())


def test_zero_workers_are_refused(make_request):
    with pytest.raises(InvalidInputError, match=r"workers.* 0"):
        render_dataset(make_request(), OUT, workers=0)


@pytest.mark.slow
def test_the_embedded_simulator_gives_one_digest(make_request, simulator_cache):
    """With 1 or 2 workers, interrupted or not, whatever the shards: the same images."""
    from benchmark.simulators.registry import find_simulator

    request = make_request(
        "11111111",
        simulator=find_simulator("gl"),
        categories=("mug-1", "chair-1", "sedan"),
        size=32,
    )
    render_dataset(request, Path("one"))
    render_dataset(request, Path("two"), workers=2)
    with pytest.raises(KeyboardInterrupt):
        render_dataset(request, OUT, observer=Watch(17))
    render_dataset(request, OUT, workers=2)
    digests = {digest_of(Path(name)) for name in ("one", "two", "out")}
    assert len(digests) == 1
    (driver,) = read_manifest(OUT)["drivers"]
    assert set(driver) == {"renderer", "opengl", "vendor"}
    loaded = datasets.load_dataset("one", split="train")
    images = np.stack([np.asarray(row["image"]) for row in loaded])
    assert images.shape == (30, 32, 32, 3)
    assert (images.reshape(30, -1).std(axis=1) > 8).all()
