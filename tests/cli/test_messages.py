"""Commands and options that messages name."""

import ast
import re
from pathlib import Path

import click
import pytest

from benchmark.cli.main import cli
from benchmark.core.owners import IMPORT_NAMES

ROOT = Path(__file__).parents[2]
QUOTED = re.compile(r"'t2sbench ([^'\n]+)'")


def quoted_commands():
    """Every command that a text of this package quotes, with its file."""
    files = [path for name in (*IMPORT_NAMES, "t2sbench") for path in (ROOT / name).rglob("*.py")]
    for path in sorted(files):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            elif isinstance(node, ast.JoinedStr):
                parts = (getattr(part, "value", "X") for part in node.values)
                text = "".join(part if isinstance(part, str) else "X" for part in parts)
            for words in QUOTED.findall(text):
                yield path.relative_to(ROOT).as_posix(), words


@pytest.mark.parametrize(("path", "words"), sorted(set(quoted_commands())))
def test_a_quoted_command_has_the_options_that_it_is_quoted_with(path, words):
    command, context, rest = cli, click.Context(cli), words.split()
    while rest and isinstance(command, click.Group):
        name = rest[0].partition("|")[0]
        found = command.get_command(context, name)
        if found is None:
            assert not re.fullmatch(r"[a-z][a-z0-9-]*", name), f"{path}: no command '{name}'"
            return
        command, rest = found, rest[1:]
    known = {option for one in command.get_params(context) for option in one.opts}
    known |= {option for one in command.get_params(context) for option in one.secondary_opts}
    if "--X" in words:  # a name that is known at run time only
        return
    named = {
        word.strip("[](),.").partition("=")[0] for word in rest if word.startswith(("-", "[-"))
    }
    assert named <= known, f"{path}: '{words}'"
