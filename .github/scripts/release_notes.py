"""Check a release and print its notes: ``python release_notes.py vVERSION``, in the repository.

The tag, ``pyproject.toml``, ``CITATION.cff`` and the changelog must state the same version, and the
changelog a date for it. The notes are the changelog's section.
"""

import re
import sys
import tomllib
from pathlib import Path


def main() -> int:
    """Print the notes; the exit code is 2 if the versions differ."""
    version = sys.argv[1].removeprefix("v")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    citation = re.search(
        r"^version: (\S+)$", Path("CITATION.cff").read_text(encoding="utf-8"), re.M
    )
    changelog = Path("CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |^\[|\Z)"
    section = re.search(heading, changelog, re.M | re.S)
    stated = {"pyproject.toml": project, "CITATION.cff": citation[1] if citation else "none"}
    faults = [f"{file}: version {one}" for file, one in stated.items() if one != version]
    if not section or not section[1].strip():
        faults.append(f"CHANGELOG.md: no section '## [{version}] - YEAR-MONTH-DAY' with changes")
    if faults:
        sys.stderr.write(f"The tag {sys.argv[1]} does not fit:\n" + "\n".join(faults) + "\n")
        return 2
    sys.stdout.write(section[1].strip() + "\n" if section else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
