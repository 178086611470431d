"""Small inputs that once broke a promise of the command line."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tests.fuzz.harness import Sandbox

_TABLE = Path(__file__).parents[1] / "data" / "small-table"
_PIPE = ("pipe", "")
_ZERO = ("link", "/dev/zero")
_BUNDLE = (
    b'{"submission": "a", "method": "random", "version": "1", "options": {}, "code": null,'
    b' "space": [{"name": "a", "levels": ["0", "1"]}], "vectors": {}, "rewards": {},'
    b' "folds": [{"tasks": ["nan"], "rewards": [], "cells": []}]}'
)


def _svhn(images: np.ndarray) -> dict[str, bytes]:
    found = {}
    for part in ("train", "test"):
        stream = io.BytesIO()
        savemat(stream, {"X": images, "y": np.array([[10], [1]])})
        found[f"{part}_32x32.mat"] = stream.getvalue()
    return found


def _damaged_tiff() -> bytes:
    """An entry of its directory has more values than the file has bytes."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, format="TIFF")
    content = bytearray(stream.getvalue())
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for number in range(count):
        at = start + 2 + 12 * number
        if struct.unpack_from("<H", content, at) == (262,):
            struct.pack_into("<I", content, at + 4, 2**30)
    return bytes(content)


# name -> files, command, exit code, words of the message
FOUND = {
    "plug-in that is a link to itself": (
        {"a.py": ("link", "a.py")},
        "ls methods --plugin {in}/a.py",
        2,
        ("a.py",),
    ),
    "transfers from a pipe": (
        {"t.csv": _PIPE},
        "taxonomy solve --transfers {in}/t.csv --budget 1",
        2,
        ("t.csv", "pipe"),
    ),
    "cell whose description is a device": (
        {"cache/cells/store.json": b'{"version":1}', "cache/cells/fit/ab/abc/cell.json": _ZERO},
        "cache ls --all",
        0,
        (),
    ),
    "records that lead to another folder": (
        {"r/records.jsonl": ("link", "../../outside/secret.txt")},
        f"run -m single-best --seeds 0 --limit 1 --table {_TABLE} -o {{in}}/r",
        2,
        ("records.jsonl", "symbolic link"),
    ),
    "lock that leads to another folder": (
        {"r/.lease": ("link", "../../outside/new.txt")},
        f"run -m single-best --seeds 0 --limit 1 --table {_TABLE} -o {{in}}/r",
        2,
        ("symbolic link",),
    ),
    "bundle that learns from a task without a vector": (
        {"b/bundle.json": _BUNDLE},
        "submit decide {in}/b -o d.json",
        2,
        ("bundle.json", "'nan'"),
    ),
    "picture with damaged metadata": (
        {"d/a/1.tiff": _damaged_tiff(), "d/b/1.tiff": _damaged_tiff()},
        "data prepare EuroSAT --from {in}/d",
        2,
        ("a/1.tiff",),
    ),
    "pixels that are no numbers": (
        _svhn(np.full((32, 32, 3, 2), np.nan)),
        "data prepare SVHN --from {in}",
        2,
        ("train_32x32.mat", "255"),
    ),
    "complex pixels": (
        _svhn(np.full((32, 32, 3, 2), 1 + 1j)),
        "data prepare SVHN --from {in}",
        2,
        ("train_32x32.mat",),
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name, tmp_path):
    tree, words, code, facts = FOUND[name]
    variables = (
        {"T2SBENCH_CACHE": "cache"} if any(path.startswith("cache/") for path in tree) else {}
    )
    outcome = Sandbox(tmp_path / "box", tree, ("cache", "r"), variables).run(*words.split())
    assert outcome.code == code, outcome
    assert all(fact in outcome.err for fact in facts), outcome.err
