"""Guard against other distributions that write into the packages of t2sbench.

The packages have plain names (``benchmark``, ``baselines``, ``task2sim``, ``taskonomy``). pip lets
another distribution with a folder of the same name overwrite them without a warning, and removes
shared files when that distribution is uninstalled. ``t2sbench/__init__.py`` guards against folders
that come first on the import path; this module checks the installed files themselves.
"""

from __future__ import annotations

import base64
import csv
import hashlib
from importlib import metadata
from pathlib import Path

from benchmark.core.errors import UnavailableError

IMPORT_NAMES = ("benchmark", "baselines", "task2sim", "taskonomy")
_REINSTALL = "pip install --force-reinstall --no-deps t2sbench"


def check_import_owners() -> None:
    """Check that the installed files of t2sbench are complete and its own.

    An editable installation has no such files: nothing is checked.

    Raises:
        UnavailableError: When files are missing, overwritten or mixed with those of another
            distribution. The message names a file and the remedy.
    """
    try:
        ours = metadata.distribution("t2sbench")
    except metadata.PackageNotFoundError:  # a bare checkout
        return
    root = Path(str(ours.locate_file("")))
    recorded = _recorded_files(ours)
    if "benchmark/__init__.py" not in recorded:  # editable: the files are a checkout's
        return
    missing = [name for name in recorded if not (root / name).is_file()]
    if missing:
        raise UnavailableError(
            f"The installation of t2sbench lacks {len(missing)} of {len(recorded)} files, such as "
            f"{root / missing[0]}. Another package with such a folder may have been removed. "
            f"Run: {_REINSTALL}"
        )
    for package in IMPORT_NAMES:
        foreign = _foreign_file(root, package, recorded)
        if foreign is not None:
            raise UnavailableError(
                f"{_other_owner(package)} wrote {foreign} into the package '{package}' of "
                "t2sbench. Install t2sbench in a virtual environment of its own; or uninstall the "
                f"other package, then run: {_REINSTALL}"
            )


def _recorded_files(distribution: metadata.Distribution) -> dict[str, str]:
    """Files of the t2sbench packages and their digests, as pip recorded them."""
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    return {
        row[0]: row[1]
        for row in rows
        if row and row[0].partition("/")[0] in IMPORT_NAMES and "__pycache__" not in row[0]
    }


def _foreign_file(root: Path, package: str, recorded: dict[str, str]) -> Path | None:
    """A file at the top of a package that is not as recorded."""
    init = f"{package}/__init__.py"
    digest = hashlib.sha256((root / init).read_bytes()).digest()
    if recorded[init] != f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}":
        return root / init
    known = {name.split("/")[1] for name in recorded if name.startswith(f"{package}/")}
    found = sorted((root / package).iterdir())
    return next((p for p in found if p.name not in known and p.name[0] not in "._"), None)


def _other_owner(package: str) -> str:
    """The other distribution that has files in a package, as far as it is known."""
    for distribution in metadata.distributions():
        record = "\n" + (distribution.read_text("RECORD") or "")
        if distribution.metadata["Name"] != "t2sbench" and f"\n{package}/" in record:
            return f"The distribution '{distribution.metadata['Name']}'"
    return "Another program"
