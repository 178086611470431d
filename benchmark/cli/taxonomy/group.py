"""The group of commands; each is imported when it is called."""

from __future__ import annotations

import importlib

import click

from benchmark.core.errors import UnknownNameError

_COMMANDS = {
    "affinity": ("affinity", "Affinities from a reward table or from samples per test item."),
    "solve": ("solve", "The best sources within a budget, and which serves what."),
    "novel": ("novel", "The best sources for one task that is served only."),
    "measure": ("measure", "Transfers between tasks, measured on their images."),
    "plot": ("plot", "Heat map of affinities, graph of the taxonomy, budget curve."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            raise UnknownNameError("command of taxonomy", cmd_name, _COMMANDS)
        module = importlib.import_module(f"benchmark.cli.taxonomy.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_LazyGroup)
def taxonomy() -> None:
    """Choose the few sources that serve all tasks (Taskonomy, Zamir et al., CVPR 2018).

    Sources are the configurations of a reward table (--table), or whatever a file of measured
    transfers names (--transfers).
    """
