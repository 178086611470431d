"""Write the entry that a pull request adds: ``python read_entry.py BASE HEAD OUT``.

HEAD is a stranger's commit. It is neither checked out nor executed: files are read from the object
store of git, after these checks: HEAD changes one folder ``leaderboards/entries/ID/`` only, and
leaves a flat folder of few, small, regular files with plain names. Prints ``id=ID``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_ENTRIES = "leaderboards/entries"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_MOST_FILES = 8
_MOST_BYTES = 1_000_000


def git(*words: str) -> str:
    """Output of a git command."""
    done = subprocess.run(["git", *words], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "backslashreplace")


def faults(changed: list[str], files: list[tuple[str, str, int]]) -> list[str]:
    """Reasons against an entry.

    Args:
        changed: Paths that the pull request changes.
        files: (path, mode of git, bytes) of every file of the entry.
    """
    found = [
        f"{path!r} is not a file of {_ENTRIES}/ID/. Make another pull request of other changes."
        for path in changed
        if not re.fullmatch(rf"{_ENTRIES}/{_NAME}/{_NAME}", path)
    ]
    identifiers = sorted({path.split("/")[2] for path in changed if path.count("/") > 2})
    if len(identifiers) > 1:
        found.append(
            f"A pull request adds one entry; this one has {', '.join(map(repr, identifiers))}."
        )
    found += [
        f"{path!r} is no regular file (mode {mode})."
        for path, mode, _ in files
        if mode not in {"100644", "100755"}
    ]
    if not files:
        found.append("The pull request leaves no entry.")
    if len(files) > _MOST_FILES or sum(size for *_, size in files) > _MOST_BYTES:
        found.append(f"An entry has at most {_MOST_FILES} files and {_MOST_BYTES:,} bytes.")
    return found


def main() -> int:
    """Write the entry; the exit code is 2 if it is refused."""
    base, head, out = sys.argv[1:]
    changed = git("diff", "--name-only", "--no-renames", "-z", f"{base}...{head}").split("\0")[:-1]
    folders = {"/".join(path.split("/")[:3]) for path in changed if path.startswith(f"{_ENTRIES}/")}
    files = []
    for line in git("ls-tree", "-r", "-l", "-z", head, "--", *sorted(folders)).split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        mode, _, _, size = facts.split()
        files.append((path, mode, int(size) if size.isdecimal() else 0))
    found = faults(changed, files if folders else [])
    if found:
        sys.stderr.writelines(f"{fault}\n" for fault in found)
        return 2
    for path, _, _ in files:
        target = Path(out, *path.split("/")[2:])
        target.parent.mkdir(parents=True, exist_ok=True)
        content = subprocess.run(
            ["git", "cat-file", "blob", f"{head}:{path}"], capture_output=True, check=True
        )
        target.write_bytes(content.stdout)
    sys.stdout.write(f"id={files[0][0].split('/')[2]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
