"""Small inputs that once broke a promise of the command line."""

from __future__ import annotations

import pytest

from tests.fuzz.harness import Sandbox

_PIPE = ("pipe", "")
_ZERO = ("link", "/dev/zero")

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
