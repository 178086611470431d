"""Every format, valid and changed, through the command line.

``T2SBENCH_FUZZ=10000`` sets the number of inputs of all formats together; the default is a few
hundred that are always the same. Failing inputs, made small, are kept in ``build/fuzz``.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import traceback
from collections import defaultdict
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.formats import FIXED, FORMATS, base, command_words
from tests.fuzz.harness import Outcome, Sandbox, remove, write_tree
from tests.fuzz.mutations import mutated

_TOTAL = int(os.environ.get("T2SBENCH_FUZZ", "0"))
_KEPT = Path(__file__).parents[2] / "build" / "fuzz"
_WEIGHT = sum(one.weight for one in FORMATS.values())
_NUMBERS = count()
_SEEN: dict[str, list[Outcome]] = defaultdict(list)


@pytest.fixture(scope="module", autouse=True)
def figures():
    """Write inputs, slowest and largest command of each format of a run on request."""
    yield
    if _TOTAL:
        rows = {
            name: {
                "commands": len(found),
                "slowest_seconds": round(max(one.seconds for one in found), 2),
                "peak_mib": max(one.peak for one in found) >> 20,
            }
            for name, found in _SEEN.items()
        }
        _KEPT.mkdir(parents=True, exist_ok=True)
        process = os.environ.get("PYTEST_XDIST_WORKER", "all")  # each has formats of its own
        (_KEPT / f"figures-{process}.json").write_text(json.dumps(rows, indent=2) + "\n")


def check(name: str, seeds: list[int], folder: Path) -> list[Outcome]:
    """Make an input of a format, give it to a command, and check all promises.

    Args:
        name: The format.
        seeds: One change of the valid input each; the first also chooses the command.
        folder: Place of the sandbox.
    """
    one, draw = FORMATS[name], random.Random(repr(seeds))
    valid = base(name)
    tree = {path: content for path, content in valid.items() if not path.startswith(FIXED)}
    for seed in seeds[1:]:
        tree = mutated(tree, seed)
    if draw.random() < 0.7:
        tree = one.seal(tree, draw)
    fixed = {path: content for path, content in valid.items() if path.startswith(FIXED)}
    tree = {f"{one.under}{path}": content for path, content in tree.items()}
    if one.commands:
        commands = [
            words.split() for words in one.commands[seeds[0] % len(one.commands)].split("&&")
        ]
    else:
        commands = [command_words(random.Random(seeds[0]))]
    root = folder / f"{next(_NUMBERS):06d}"
    sandbox = Sandbox(root, {**fixed, **tree}, one.also, one.variables)
    try:
        found = [sandbox.run(*words) for words in commands]
    except BaseException:
        _keep(name, seeds, commands, {**fixed, **tree})
        raise
    finally:
        remove(sandbox.root)
    return found


def _keep(name: str, seeds: list[int], commands: list[list[str]], tree: dict) -> None:
    """Write a failing input; a smaller one with the same error replaces it."""
    error = traceback.format_exc()
    kind = error.strip().splitlines()[-1].partition(":")[0].rpartition(".")[2]
    place = _KEPT / f"{name}-{kind}"
    shutil.rmtree(place, ignore_errors=True)
    write_tree(tree, place / "in")
    place.mkdir(parents=True, exist_ok=True)
    words = "\n".join(shlex.join(["t2sbench", *one]) for one in commands)
    text = f"{name} {seeds}\n{words}\n\n{error}"
    (place / "report.txt").write_text(text, errors="backslashreplace")


def _examples(name: str) -> int:
    total = _TOTAL or 200
    return max(1, round(total * FORMATS[name].weight / _WEIGHT))


@pytest.mark.parametrize("name", FORMATS)
def test_changed_inputs(name, tmp_path):
    @settings(
        max_examples=_examples(name),
        derandomize=not _TOTAL,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=4))
    def holds(seeds):
        found = check(name, seeds, tmp_path)
        if seeds[0] % 10 == 0:
            again = check(name, seeds, tmp_path)
            assert [one.code for one in again] == [one.code for one in found]
        _SEEN[name] += found
        for outcome in found:
            if "--format json" in " ".join(outcome.words) and outcome.code == 0:
                json.loads(outcome.out)

    holds()


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].commands])
def test_valid_inputs_are_read(name, tmp_path):
    for number in range(len(FORMATS[name].commands)):
        for outcome in check(name, [number], tmp_path):
            assert number or outcome.code == 0, outcome
