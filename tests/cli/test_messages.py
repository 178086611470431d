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


def texts_of(folder):
    """Every text of the code of a folder but docstrings, with its file; "X" for values."""
    for path in sorted(folder.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        parts = {id(part) for node in nodes for part in getattr(node, "values", ())}
        parts |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            text = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value if id(node) not in parts else ""
            elif isinstance(node, ast.JoinedStr):
                values = (getattr(part, "value", "X") for part in node.values)
                text = "".join(part if isinstance(part, str) else "X" for part in values)
            yield path.relative_to(ROOT).as_posix(), text


def quoted_commands():
    """Every command that a text of this package quotes, with its file."""
    for name in (*IMPORT_NAMES, "t2sbench"):
        for path, text in texts_of(ROOT / name):
            for words in QUOTED.findall(text):
                yield path, words


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


#: Rooms whose messages are those of a few commands.
ROOMS = {
    "benchmark/leaderboard": ("leaderboard", "compare", "report"),
    "benchmark/paper": ("paper",),
    "benchmark/planning": ("run", "paper", "table"),
    "benchmark/rendering": ("render", "preview"),
    "benchmark/submissions": ("submit",),
    "benchmark/task2vec": ("task2vec",),
    "taxonomy": ("taxonomy",),
}


def options_of(command):
    """Options of a command and of those below it."""
    found = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found |= options_of(command.get_command(click.Context(command), name))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_an_option_outside_of_a_quoted_command_is_one_of_the_command_that_prints_it(room):
    commands = (cli.get_command(click.Context(cli), name) for name in ROOMS[room])
    known = set[str]().union(*map(options_of, commands))
    for path, text in texts_of(ROOT / room):
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", QUOTED.sub("", text)))
        assert named <= known, f"{path}: {text!r}"
