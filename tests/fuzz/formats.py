"""Small valid inputs of every format, and the commands that read them."""

from __future__ import annotations

import bz2
import functools
import io
import json
import os
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

from benchmark.cli.main import cli, main
from benchmark.core.files import canonical_json, digest, sha256_bytes
from benchmark.tasks.images import LabelledImages, encode_png
from tests.conftest import LIBRARY_HOME, build_record
from tests.fuzz.harness import Content, Tree, read_tree
from tests.fuzz.mutations import VALUES

_TABLE = Path(__file__).parents[1] / "data" / "small-table"
_TASK = "schema: 1\ntasks:\n  - {name: Two, side: unseen, classes: 2, split: {test: 2}}\n"
_PLUGIN = """\
class First:
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space

    def select(self, task, rng):
        return self.space.at(0)


METHODS = {"first": First}
"""

#: Files whose paths begin so are never changed.
FIXED = "fixed/"


@dataclass(frozen=True)
class Format:
    """Inputs of one kind.

    Attributes:
        make: Writes a valid input to a folder.
        commands: Commands that read it; an input is given to one of them, and to those after it
            that are joined by ``&&``.
        seal: Corrects the digests that a changed input has.
        also: Folders of the input that commands may write to.
        variables: Environment of the commands: folders of the input by name.
        weight: Share of the inputs, relative to others.
        under: Folder of the files that are changed.
    """

    make: Callable[[Path], object]
    commands: tuple[str, ...]
    seal: Callable[[Tree, random.Random], Tree] = lambda tree, draw: tree
    also: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0
    under: str = ""


@functools.cache
def base(name: str) -> Mapping[str, Content]:
    """Files of the valid input of a format."""
    quiet = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(quiet), redirect_stderr(quiet):
        place = {"T2SBENCH_CACHE": f"{folder}/cache", "T2SBENCH_DATA": f"{folder}/in/data"}
        with patch.dict(os.environ, place):
            (Path(folder) / "in").mkdir()
            FORMATS[name].make(Path(folder) / "in")
            return read_tree(Path(folder) / "in")


def _command(*words: object) -> None:
    if main([str(word) for word in words]) not in (0, 1):
        raise RuntimeError(f"the valid input is not made: {words}")


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _pixels(seed: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def _encoded(seed: int, form: str, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(_pixels(seed)).convert(mode).save(stream, format=form)
    return stream.getvalue()


def _folders(folder: Path) -> None:
    _write(folder / FIXED / "task.yaml", _TASK)
    for number in range(12):
        part, kind = ("train", "test")[number % 3 == 2], ("cat", "dog")[number % 2]
        _write(folder / "d" / part / kind / f"{number}.png", encode_png(_pixels(number)))


def _images(folder: Path) -> None:
    _write(folder / FIXED / "task.yaml", _TASK)
    for name in ("cat", "dog"):
        for number in range(4):
            path = folder / FIXED / "d" / name / f"{number}.png"
            _write(path, encode_png(_pixels(number + 4 * (name == "dog"))))
    for form, mode in (
        ("png", "RGB"), ("jpeg", "RGB"), ("gif", "P"), ("bmp", "RGB"), ("tiff", "RGB"),
        ("webp", "RGB"), ("ppm", "RGB"), ("avif", "RGB"),
    ):  # fmt: skip
        try:
            _write(folder / "fixed/d/dog" / f"a.{form}", _encoded(9, form, mode))
        except (KeyError, OSError, ValueError):  # a library without this codec
            continue
    stream = io.BytesIO()
    Image.fromarray(_pixels(1)[..., 0].astype(np.uint16) * 9).save(stream, format="PNG")
    _write(folder / "fixed/d/cat/deep.png", stream.getvalue())
    for path in sorted((folder / "fixed/d").rglob("*")):
        if path.stem in ("a", "deep"):
            path.rename(folder / path.relative_to(folder / "fixed").name)


def _labelled(count: int = 8) -> LabelledImages:
    encoded = [encode_png(_pixels(row)) for row in range(count)]
    labels = np.arange(count) % 2
    return LabelledImages(("a", "b"), labels, np.arange(count) < count // 2, encoded.__getitem__)


def _pack(folder: Path) -> None:
    from benchmark.tasks.pack import write_pack

    _write(folder / FIXED / "task.yaml", _TASK)
    write_pack(_labelled(), folder / "Two.parquet")


def _hub(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    _write(folder / FIXED / "task.yaml", _TASK)
    _write(folder / "d/README.md", "---\nlicense: mit\n---\n# Two\n")
    kinds = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["a", "b"]}}
    schema = {b"huggingface": json.dumps({"info": {"features": kinds}}).encode()}
    for part in ("train", "test"):
        images = [{"bytes": encode_png(_pixels(row)), "path": f"{row}.png"} for row in range(4)]
        content = pa.table({"image": images, "label": [0, 1, 0, 1]}).replace_schema_metadata(schema)
        stream = io.BytesIO()
        parquet.write_table(content, stream)
        _write(folder / "d/data" / f"{part}-00000-of-00001.parquet", stream.getvalue())


def _saved(folder: Path) -> None:
    """A data set of ``save_to_disk``, and an Arrow file with compression, in the other format."""
    import pyarrow as pa

    _write(folder / FIXED / "task.yaml", _TASK)
    kinds = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["a", "b"]}}
    schema = {b"huggingface": json.dumps({"info": {"features": kinds}}).encode()}
    images = [{"bytes": encode_png(_pixels(row)), "path": f"{row}.png"} for row in range(4)]
    content = pa.table({"image": images, "label": [0, 1, 0, 1]}).replace_schema_metadata(schema)
    files = {"saved/train/data.arrow": pa.ipc.new_stream, "arrow/train.arrow": pa.ipc.new_file}
    for number, (name, maker) in enumerate(files.items()):
        stream = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="lz4" if number else None)
        with maker(stream, content.schema, options=options) as writer:
            writer.write_table(content)
        _write(folder / name, stream.getvalue())
    _write(folder / "saved/dataset_dict.json", json.dumps({"splits": ["train"]}))
    _write(folder / "saved/train/dataset_info.json", json.dumps({"features": kinds}))
    state = {"_data_files": [{"filename": "data.arrow"}], "_fingerprint": "a", "_split": "train"}
    formats = dict.fromkeys(("_format_columns", "_format_type"), None)
    state |= {**formats, "_format_kwargs": {}, "_output_all_columns": False}
    _write(folder / "saved/train/state.json", json.dumps(state))


def _matlab(folder: Path) -> None:
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    (folder / "svhn").mkdir()
    for part, count in (("train", 3), ("test", 2)):
        images = rng.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        labels = np.array([10, *range(1, count)])[:, None]
        savemat(folder / "svhn" / f"{part}_32x32.mat", {"X": images, "y": labels})
    for number in range(1, 7):
        name = folder / FIXED / "flowers" / "jpg" / f"image_{number:05d}.jpg"
        _write(name, _encoded(number, "jpeg"))
    root = folder / FIXED / "flowers"
    savemat(root / "imagelabels.mat", {"labels": [[1, 2, 1, 2, 1, 2]]})
    savemat(root / "setid.mat", {"trnid": [[1, 2]], "valid": [[3]], "tstid": [[4, 5, 6]]})


def _hdf5(folder: Path) -> None:
    import h5py

    for part in ("train", "val"):
        with h5py.File(folder / f"cartoon_{part}.hdf5", "w") as file:
            file["images"] = np.stack([_pixels(row) for row in range(7)])
            file["labels"] = np.arange(7) + 1


def _lists(folder: Path) -> None:
    for name in ("usps.bz2", "usps.t.bz2"):
        values = " ".join(f"{i + 1}:{i / 128 - 1:.2f}" for i in range(256))
        _write(folder / "usps" / name, bz2.compress(f"1 {values}\n2 {values}\n".encode()))
    root = folder / "cub" / "CUB_200_2011"
    names = [f"{c:03d}.bird/{c}_{i}.jpg" for c in (1, 2) for i in range(3)]
    for number, name in enumerate(names):
        _write(root / "images" / name, _encoded(number, "jpeg"))
    _write(root / "images.txt", "".join(f"{i} {name}\n" for i, name in enumerate(names, 1)))
    _write(root / "classes.txt", "1 001.bird\n2 002.bird\n")
    _write(root / "image_class_labels.txt", "".join(f"{i} {(i + 2) // 3}\n" for i in range(1, 7)))
    _write(root / "train_test_split.txt", "".join(f"{i} {i % 2}\n" for i in range(1, 7)))
    root = folder / "weeds"
    for number in range(4):
        _write(root / "images" / f"{number}.jpg", _encoded(number, "jpeg"))
    rows = [f"{number}.jpg,{number % 2},c{number % 2}\n" for number in range(4)]
    _write(root / "labels.csv", "Filename,Label,Species\n" + "".join(rows))


def _samples(folder: Path) -> None:
    right = np.arange(10) < np.array([[9], [5], [4]])
    sources = np.array(["self", "A", "scratch"])
    np.savez(folder / "a.npz", sources=sources, T=right, U=right[::-1])


def _meshes(folder: Path) -> None:
    import trimesh

    from tests.simulators.meshes.gltf_files import UVS, GltfFile, box, png

    root = folder / "m"
    file = GltfFile()
    look = {"baseColorTexture": {"index": file.image(png((200, 60, 60)))}, "metallicFactor": 0.2}
    material = file.material(pbrMetallicRoughness=look, alphaMode="MASK")
    file.mesh(file.primitive(uvs=UVS, material=material)).glb(root / "a/red.glb")
    box().gltf(root / "b/box.gltf")
    (root / "c").mkdir()
    _write(root / "c/wood.png", encode_png(_pixels(2)))
    _write(root / "c/a.mtl", "newmtl m\nKd 0.5 0.2 0.2\nmap_Kd wood.png\n")
    corners = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 1\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    faces = "f 1/1 2/2 3/3\nf 1/1 3/3 4/4\nf 1/1 2/2 4/4\n"
    _write(root / "c/a.obj", f"mtllib a.mtl\n{corners}usemtl m\n{faces}")
    for name in ("d/ball.ply", "e/box.stl"):
        made = trimesh.creation.box((1, 2, 3))
        (root / name).parent.mkdir()
        made.export(root / name)
    made.export(root / "d/text.ply", encoding="ascii")


def _tasks(folder: Path) -> None:
    _write(
        folder / "tasks.yaml",
        _TASK + "  - name: More\n    side: seen\n    classes: 3\n    title: More things\n"
        "    home: https://example.org/more\n    licence: CC-BY-4.0\n"
        "    split: {train: 30, test: 15, rule: 'Two thirds: by name'}\n",
    )


def _profiles(folder: Path) -> None:
    _write(
        folder / "p.yaml",
        "schema: 1\nprofiles:\n  - name: tiny\n    simulator: toy\n    classes: 3\n"
        "    images_per_class: 4\n    size: 16\n    encoding: png\n    network: mini-resnet\n"
        "    recipe: mini\n    cpu_threads: 1\n"
        "    evaluation: {linear_epochs: 2, linear_min_steps: 0, finetune_epochs: 1}\n",
    )
    _table(folder / FIXED)
    _prepared(folder / FIXED)


def _table(folder: Path) -> None:
    for path in _TABLE.iterdir():
        _write(folder / "table" / path.name, path.read_bytes())


def _import(folder: Path) -> None:
    _write(
        folder / "space.yaml",
        "schema: 1\nparameters:\n  - {name: fog, levels: [none, thin, thick]}\n"
        "  - {name: camera, levels: [near, far]}\n",
    )
    rows = [
        f"{task},{fog}{camera},{seed},{10 * fog + 3 * camera + seed + 1},100\n"
        for task in ("EuroSAT", "CUB")
        for fog in range(3)
        for camera in range(2)
        for seed in (3, 1)
    ]
    _write(folder / "rewards.csv", "task,configuration,seed,reward,n_test\n" + "".join(rows))
    _write(
        folder / "references.csv",
        "task,reference,seed,reward\nEuroSAT,untrained,1,9.5\nCUB,untrained,3,7\n",
    )
    _write(folder / "vectors.safetensors", (_TABLE / "embeddings.safetensors").read_bytes())


def _records(folder: Path) -> None:
    _table(folder / FIXED)
    words = ("-m", "single-best", "-m", "random", "--seeds", "0-1", "-o", folder / FIXED / "r")
    _command("run", *words, "--table", folder / FIXED / "table")
    lines = (folder / FIXED / "r/records.jsonl").read_bytes().splitlines(keepends=True)
    shutil.rmtree(folder / FIXED / "r")
    failed = build_record("random", value=None).model_dump(mode="json")
    _write(folder / "a/records.jsonl", b"".join(lines))
    _write(folder / "b/records.jsonl", b"".join([*lines[4:], canonical_json(failed) + b"\n"]))


def _results(folder: Path) -> None:
    _table(folder / FIXED)
    words = ("-m", "single-best", "--seeds", "0-1", "--table", folder / FIXED / "table")
    _command("run", *words, "-o", folder / "r")


def _model(folder: Path) -> None:
    _command("fit", "-m", "nearest-task", "--table", _TABLE, "-o", folder / "model")
    _command("fit", "-m", "task2sim", "-O", "epochs=2", "--table", _TABLE, "-o", folder / "net")
    _write(folder / "vectors.safetensors", (_TABLE / "embeddings.safetensors").read_bytes())


def _checkpoints(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from benchmark.pretraining.backbone_io import save_backbone, untrained
    from tests.pipeline.conftest import write_tasks

    write_tasks(folder / FIXED / "data")
    backbone = untrained("mini-resnet", 0)
    save_backbone(backbone, folder / "own.safetensors")
    weights = backbone.backbone.state_dict()
    some = {f"module.{name}": value.half() for name, value in list(weights.items())[:8]}
    torch.save({"state_dict": some, "epoch": 3, "args": {"lr": 0.1}}, folder / "some.pth")
    save_file({name: value.contiguous() for name, value in some.items()}, folder / "b.safetensors")


_RENDER = (
    "render --simulator toy --config 01101101 --classes 2 --images-per-class 3 --size 16"
    " --shard-size 2 -j 1 -o {in}/ds"
)


def _dataset(folder: Path) -> None:
    _command(*_RENDER.replace("{in}", str(folder)).split())


def _submission(folder: Path) -> None:
    from benchmark.rewards.storage import read_any_table
    from benchmark.runs.execution import execute, make_plan
    from benchmark.runs.plan import MethodSpec, RunRequest, Split
    from benchmark.submissions.packing import PackRequest, pack
    from benchmark.tasks.registry import load_tasks

    _table(folder / FIXED)
    table = folder / FIXED / "table"
    plugin = folder / FIXED / "first.py"
    _write(plugin, _PLUGIN)
    results = folder / FIXED / "results"
    spec = MethodSpec("first", {}, (plugin,))
    request = RunRequest((spec,), Split("unseen"), str(table), seeds=(0, 1), output=results)
    execute(make_plan(request), lambda record: None)
    made = PackRequest(
        results=results, label="first", split=Split("unseen"), authors=("A",), description="First.",
        plugin_files=(plugin,),
    )  # fmt: skip
    pack(made, read_any_table(table), load_tasks(), folder / "s")


def _bundle(folder: Path) -> None:
    _submission(folder)
    words = ("--table", folder / FIXED / "table", "-o", folder / "bundle")
    _command("submit", "bundle", folder / "s", *words)
    (folder / "s").rename(folder / FIXED / "s")


def _transfers(folder: Path) -> None:
    rows = ["target,sources,affinity\n"]
    names = ("A", "B", "C", "D")
    for i, target in enumerate(names):
        rows.append(f"{target},self,0.{9 - i}\n")
        rows += [
            f"{target},{name},0.{i + 1}{j}\n" for j, name in enumerate(names) if name != target
        ]
    _write(folder / "t.csv", "".join([*rows, "A,B+C,0.5\n"]))
    _write(folder / "cost.yaml", "A: 2\nB: 0.5\nC: 1\nD: 3\n")
    _write(folder / "weight.yaml", "A: 1\nB: 2\n")


def _prepared(folder: Path) -> None:
    from benchmark.tasks.registry import load_data_tasks
    from benchmark.tasks.task_data import Description, write_task_data

    for name in ("EuroSAT", "USPS"):
        task = load_data_tasks()[name]
        write_task_data(task, _labelled(), Description(source="made"), folder / "data")


def _store(folder: Path) -> None:
    _table(folder / FIXED)
    with patch.dict(os.environ, {"T2SBENCH_CACHE": str(folder / "cache")}):
        _profiles(folder)
        (folder / "p.yaml").rename(folder / FIXED / "p.yaml")
        words = ("-m", "task2sim", "-O", "epochs=2", "--seeds", "0")
        _command("run", *words, "--table", folder / FIXED / "table", "-o", folder.parent / "r")
        _meshes(folder / FIXED)
        _command("preview", "library", "-O", f"objects={folder / FIXED / 'm'}", "-o",
                 folder.parent / "x.png")  # fmt: skip
    shutil.rmtree(folder / "cache/cells/texture")  # megabytes


def _plugins(folder: Path) -> None:
    _write(folder / "first.py", _PLUGIN)
    _table(folder / FIXED)


def _notes(folder: Path) -> None:
    _write(
        folder / "notes.yaml",
        "schema: 1\npacks:\n  - {task: Two, source: a mirror, licence: MIT, notes: [few]}\n",
    )
    _pack(folder / FIXED)
    _write(folder / FIXED / "task.yaml", _TASK)


def _none(folder: Path) -> None:
    _table(folder / FIXED)


def _seal_records(tree: Tree, draw: random.Random) -> Tree:
    """Give changed records identifiers that cover their content."""
    return {
        name: b"".join(map(_sealed_record, content.splitlines(keepends=True)))
        if name.endswith(".jsonl") and isinstance(content, bytes)
        else content
        for name, content in tree.items()
    }


def _sealed_record(line: bytes) -> bytes:
    try:
        value = json.loads(line)
        del value["record_id"]
        value["record_id"] = sha256_bytes(canonical_json(value))
        return canonical_json(value) + b"\n"
    except (ValueError, KeyError, TypeError, RecursionError):
        return line


def _seal_fields(card: str, fields: Mapping[str, str]) -> Callable[[Tree, random.Random], Tree]:
    """Put digests of files into a card: dotted names of fields by names of files."""

    def seal(tree: Tree, draw: random.Random) -> Tree:
        found = dict(tree)
        for name in [name for name in tree if name.endswith(card)]:
            try:
                value = json.loads(tree[name])
                for file, dotted in fields.items():
                    stem = name.removesuffix(card)
                    *path, last = dotted.split(".")
                    holder = functools.reduce(lambda h, k: h[k], path, value)
                    holder[last] = sha256_bytes(tree[stem + file])
                found[name] = json.dumps(value).encode()
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return found

    return seal


def _seal_dataset(tree: Tree, draw: random.Random) -> Tree:
    """Make a manifest agree with its files, as far as it has the fields."""
    try:
        value = json.loads(tree["ds/manifest.json"])
        for shard in value["shards"]:
            content = tree[f"ds/{shard['file']}"]
            shard["sha256"], shard["bytes"] = sha256_bytes(content), len(content)
        value["key"] = digest(value["identity"])
        value["digest"] = digest([shard["sha256"] for shard in value["shards"]])
        value["images"] = sum(shard["images"] for shard in value["shards"])
        return {**tree, "ds/manifest.json": json.dumps(value).encode()}
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return tree


_OWN = "--tasks-file {in}/fixed/task.yaml"
_PREPARE = f"data prepare Two {_OWN} --from {{in}}/"
_CHECK = f" && data check Two {_OWN}"
_IMPORT = "table import {in}/rewards.csv --protocol linear --space {in}/space.yaml"
_T = "--table {in}/fixed/table"
_TV = "taxonomy solve --transfers {in}/t.csv --cost {in}/cost.yaml --importance {in}/weight.yaml"
_TABLE_SEAL = _seal_fields(
    "card.json",
    {"rewards.parquet": "rewards_sha256", "embeddings.safetensors": "embeddings.file_sha256"},
)

FORMATS: Mapping[str, Format] = {
    "folders": Format(_folders, (_PREPARE + "d" + _CHECK,), weight=1.5),
    "images": Format(_images, (_PREPARE + "fixed/d" + _CHECK,), weight=2, under="fixed/d/dog/"),
    "pack": Format(
        _pack,
        (
            _PREPARE + "Two.parquet" + _CHECK,
            "data adopt {in}/Two.parquet --task Two --tasks-file {in}/fixed/task.yaml" + _CHECK,
        ),
    ),
    "hub": Format(_hub, (_PREPARE + "d" + _CHECK,)),
    "saved": Format(_saved, (_PREPARE + "saved" + _CHECK, _PREPARE + "arrow" + _CHECK)),
    "matlab": Format(
        _matlab,
        (
            "data prepare SVHN --from {in}/svhn",
            "data prepare Flowers102 --from {in}/fixed/flowers",
        ),
        weight=0.7,
    ),
    "hdf5": Format(_hdf5, ("data prepare PacsC --from {in}",), weight=0.7),
    "lists": Format(
        _lists,
        (
            "data prepare USPS --from {in}/usps",
            "data prepare CUB --from {in}/cub",
            "data prepare DeepWeeds --from {in}/weeds",
        ),
    ),
    "samples": Format(_samples, ("taxonomy affinity --samples {in}/a.npz -o a.csv",)),
    "meshes": Format(
        _meshes,
        ("preview library -O objects={in}/m --limit 4 --size 32 -o x.png",),
        # An empty cache takes long to fill; all inputs share one.
        variables={"T2SBENCH_CACHE": str(LIBRARY_HOME / "cache")},
        weight=2,
    ),
    "tasks": Format(
        _tasks,
        (
            "ls tasks --tasks-file {in}/tasks.yaml",
            "ls tasks --format json --tasks-file {in}/tasks.yaml",
            "show More --tasks-file {in}/tasks.yaml",
            "data ls --format json --tasks-file {in}/tasks.yaml",
        ),
    ),
    "profiles": Format(
        _profiles,
        (
            f"run --live --dry-run -m random {_T} --profile {{in}}/p.yaml -o o",
            "table build --dry-run --profile {in}/p.yaml --tasks EuroSAT -o o",
            "pretrain --config 01 --profile {in}/p.yaml -o o",
        ),
        variables={"T2SBENCH_DATA": FIXED + "data"},
    ),
    "import": Format(
        _import,
        (
            f"{_IMPORT} --with-gaps -o t",
            f"{_IMPORT} --embeddings {{in}}/vectors.safetensors -o t",
            f"{_IMPORT} --references {{in}}/references.csv -o t",
        ),
    ),
    "records": Format(
        _records,
        (
            f"leaderboard build --records {{in}}/a --records {{in}}/b {_T} -o b",
            "compare {in}/a {in}/b --json c.json",
            "report {in}/a {in}/b -o r",
            "compare {in}/a {in}/b --fail-on 1 --summary s.md",
        ),
        _seal_records,
        weight=1.5,
    ),
    "results": Format(
        _results,
        (
            "status {in}/r && report {in}/r -o o",
            "retry {in}/r --missing",
            f"run -m single-best --seeds 0-1 {_T} -o {{in}}/r",
        ),
        _seal_records,
        also=("r",),
    ),
    "tables": Format(
        _table,
        (
            "table check {in}/table",
            "table show {in}/table",
            "table effects {in}/table --format json",
            "run -m single-best --seeds 0 --table {in}/table -o o",
            "taxonomy solve --table {in}/table --budget 1-2 --time-limit 2",
        ),
        _TABLE_SEAL,
    ),
    "vectors": Format(
        _model,
        (
            "select --model {in}/model --task2vec {in}/vectors.safetensors",
            "select --model {in}/net --task2vec {in}/vectors.safetensors --probabilities",
        ),
        _seal_fields("state.json", {"state.safetensors": "sha256"}),
    ),
    "checkpoints": Format(
        _checkpoints,
        (
            "evaluate {in}/own.safetensors --tasks EuroSAT --protocol knn5 --size 16 -o o",
            "evaluate mini-resnet:{in}/some.pth --tasks EuroSAT --protocol knn5 --size 16 -o o",
            "evaluate resnet18:{in}/b.safetensors --tasks EuroSAT --protocol knn5 --size 16 -o o",
            "task2vec EuroSAT --probe resnet18:{in}/some.pth --size 16 --draws 8 -o v.safetensors",
        ),
        variables={"T2SBENCH_DATA": FIXED + "data"},
        weight=0.7,
    ),
    "datasets": Format(
        _dataset,
        ("verify {in}/ds", _RENDER + " && verify {in}/ds"),
        _seal_dataset,
        also=("ds", "ds.partial"),
    ),
    "submissions": Format(
        _submission,
        (
            f"submit check {{in}}/s {_T} --summary s.md",
            f"submit score {{in}}/s {_T} --records r",
            f"submit bundle {{in}}/s {_T} -o bundle",
        ),
    ),
    "bundles": Format(_bundle, ("submit decide {in}/bundle -o d.json",), weight=0.3),
    "transfers": Format(
        _transfers,
        (
            f"{_TV} --budget 0-3 --time-limit 2 -o a.json",
            "taxonomy solve --transfers {in}/t.csv --budget 2 --time-limit 2 --value sqrt",
            "taxonomy novel --target A --transfers {in}/t.csv --budget 1-2",
        ),
    ),
    "prepared": Format(
        _prepared,
        ("data check", "data ls --format json"),
        lambda tree, draw: {
            **tree,
            **_seal_fields("EuroSAT.card.json", {"EuroSAT.parquet": "parquet_sha256"})(tree, draw),
        },
        variables={"T2SBENCH_DATA": "data"},
        also=("data",),
    ),
    "store": Format(
        _store,
        (
            "cache ls --all",
            "cache prune --keep 1000",
            f"run -m task2sim -O epochs=2 --seeds 0 {_T} -o r",
        ),
        variables={"T2SBENCH_CACHE": "cache"},
        also=("cache",),
    ),
    "plugins": Format(
        _plugins,
        ("ls methods --plugin {in}/first.py", "show first --plugin {in}/first.py"),
        weight=0.5,
    ),
    "notes": Format(
        _notes,
        (f"data adopt {{in}}/fixed/Two.parquet --task Two --notes {{in}}/notes.yaml {_OWN}",),
        weight=0.5,
    ),
    "options": Format(_none, (), weight=2),
}

# Commands that work for long, or that fetch, even if all options are right.
_HEAVY = {
    "recommend", "doctor", "paper", "pretrain", "data fetch", "table fetch", "table build",
    "taxonomy measure", "leaderboard seeds", "preview switches", "preview source", "run",
    "submit decide", "evaluate", "task2vec", "table cost",
}  # fmt: skip
_OUTPUTS = ("-o", "--output", "--plot", "--json", "--summary")
# All categories take half a minute.
_SMALLER = {"preview library": ["--limit", "2"]}
_WORDS = (
    "", " ", "-", "--", "0", "-1", "1e999", "nan", "9" * 5000, "1-0", "0-9999999999", "1,,2", ",",
    "x=1", "=", "a=b=c", "epochs=nan", "é", "\x1b[2J", "\x9b", "\udc80", "a\nb", "../../x", "/",
    "/dev/zero", "/proc/self/mem", "/dev/stdin", "{in}", "{in}/absent", "{in}/fixed/table",
    "{in}/fixed/table/card.json", "{in}/pipe", "{root}/outside/secret.txt", "out", "x" * 5000, "~",
    "01101101", "11111111111", "toy", "gl", "random", "oracle", "CUB", "all", "small", "hub",
    "torchvision", "json", "1", "2", "3.5", "0x10", "1_000", "٣", "None", "$HOME", "%s", "{0}", "*",
)  # fmt: skip


@functools.cache
def _commands() -> tuple[tuple[str, ...], ...]:
    """Names of all commands, each with its options and flags."""
    import click

    found = []

    def walk(command: click.Command, path: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                walk(command.get_command(context, name), (*path, name))
            return
        options = [
            f"{'flag ' * bool(getattr(one, 'is_flag', False))}{one.opts[-1]}"
            for one in command.params
        ]
        found.append((" ".join(path), *options))

    walk(cli, ())
    return tuple(found)


def command_words(draw: random.Random) -> list[str]:
    """Draw a command with odd values."""
    path, *options = draw.choice(_commands())
    words = path.split()
    for option in draw.sample(options, min(len(options), draw.choice((1, 2, 2, 3, 5)))):
        value = str(draw.choice((*_WORDS, *_WORDS, *VALUES)))
        name = option.removeprefix("flag ")
        if name in ("--help", "--download", "--push-to-hub", "--device", "--processes"):
            continue
        if name.startswith("-"):
            words.append(name)
        if name in _OUTPUTS and value.startswith(("/", "{", "..")) and "/dev/" not in value:
            value = "out"  # an output that the user names may be anywhere
        if value == "/":
            value = "{root}"  # the machine's own records and images are no input of a test
        if name == option:
            words.append(re.sub("[\0\ud800-\udc7f]", "", value))  # no argument can hold it
    if path in _HEAVY:
        words.append("--help" if "--dry-run" not in "".join(options) else "--dry-run")
    return [*words, *_SMALLER.get(path, ())]
