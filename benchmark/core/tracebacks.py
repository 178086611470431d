"""Tracebacks of users' code: the frames of this package are left out."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from benchmark.core.owners import IMPORT_NAMES
from benchmark.core.texts import visible

_ROOT = Path(__file__).resolve().parents[2]
_OURS = tuple(f"{_ROOT / name}/" for name in (*IMPORT_NAMES, "t2sbench"))
_SITE = "/site-packages/"
_STANDARD = f"{sysconfig.get_path('stdlib')}/"
_BEGIN = "Traceback (most recent call last):\n"
_CALLERS = ("click/", "ray/")
_FRAME = '  File "'
_LONGEST = 4000


def author_traceback(error: BaseException) -> str:
    """Return the traceback of an error and its causes without the frames of this package.

    Errors of worker processes have one too. Files are named without their folders. The result is
    empty if only this package's code was executed.
    """
    for one in _chain(error):
        known = getattr(one, "author_traceback", "")  # of an isolated process
        if known:
            return str(known)
    text = "".join(traceback.format_exception(error))
    sections = map(_section, text.split(_BEGIN)[1:])
    found = "\n".join(dict.fromkeys(section for section in sections if section))
    return found if len(found) <= _LONGEST else f"...\n{found[-_LONGEST:]}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _section(text: str) -> str:
    """One traceback of a chain; empty without frames of an author."""
    lines = text.splitlines()
    frames: list[list[str]] = []
    for line in lines:
        if line.startswith(_FRAME):
            frames.append([line])
        elif frames and line.startswith("  "):
            frames[-1].append(line)
        else:
            break
    message = "\n".join(lines[sum(map(len, frames)) :]).partition('\n"""')[0].partition("\n\n")[0]
    message = re.sub(r"^t2sbench_plugin_\w+\.", "", message)
    kept = [frame for frame in frames if not frame[0].removeprefix(_FRAME).startswith(_OURS)]
    while kept and _is_caller(kept[0][0].removeprefix(_FRAME)):
        kept.pop(0)
    if not kept:
        return ""
    shown = [_short(line) for frame in kept for line in frame if line.strip(" ^~")]
    return "\n".join([_BEGIN.rstrip(), *map(visible, [*shown, *message.splitlines()])])


def _is_caller(path: str) -> bool:
    """True for files that call this package or its users' code: commands, imports, threads."""
    if _SITE in path:
        return path.partition(_SITE)[2].startswith(_CALLERS)
    return path.startswith(("<", _STANDARD))


def _short(line: str) -> str:
    if not line.startswith(_FRAME):
        return line
    path, quote, rest = line.removeprefix(_FRAME).rpartition('"')
    name = path.partition(_SITE)[2] or path.rpartition("/")[2]
    if not path.partition(_SITE)[2] and path.startswith(_STANDARD):
        name = path.removeprefix(_STANDARD)
    return f"{_FRAME}{name}{quote}{rest}"
