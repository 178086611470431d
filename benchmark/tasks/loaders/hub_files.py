"""Checks of a folder before the library ``datasets`` reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import is_file, json_value, regular_bytes
from benchmark.core.yaml_files import parse
from benchmark.tasks.arrow_files import check_arrow
from benchmark.tasks.loaders.folders import files_below
from benchmark.tasks.parquet_files import check_contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Endings of data files.
ENDINGS = (".parquet", ".arrow")
_PARTS, _STATE, _README = "dataset_dict.json", "state.json", "README.md"
_REMEDY = "Correct it, or save the data set again with save_to_disk."
_MAX_README = 2**20


def data_files(folder: Path) -> list[Path]:
    """Visible data files of a folder and its sub-folders, sorted."""
    return sorted(path for path in files_below(folder) if path.suffix.casefold() in ENDINGS)


def is_saved(folder: Path) -> bool:
    """True for a data set or a part that ``save_to_disk`` wrote."""
    return any(is_file(folder / name) for name in (_PARTS, _STATE))


def has_configurations(folder: Path) -> bool:
    """True for a folder whose README says which files make the parts."""
    return "data_files" in _front_matter(folder / _README)


def check_files(folder: Path) -> None:
    """Check what the library would read: paths lead to files inside, of fitting contents.

    Raises:
        InvalidFileError: If a path leads out of the folder, or a file is damaged or holds far more
            than its size.
    """
    if is_saved(folder):
        _check_saved(folder)
        return
    _check_readme(folder / _README)
    for path in data_files(folder):
        if path.suffix.casefold() == ".parquet":
            check_contents(path)
        else:
            check_arrow(path)


def _check_saved(folder: Path) -> None:
    parts = [folder] if is_file(folder / _STATE) else []
    if is_file(folder / _PARTS):
        parts += [folder / name for name in _named(folder / _PARTS, "splits", "parts")]
    for part in parts:
        path = part / _STATE
        files = [part / name for name in _named(path, "_data_files", "files")]
        missing = [f"'{file.name}' is not a file" for file in files if not is_file(file)]
        if missing:
            raise InvalidFileError(path, missing, _REMEDY)
        for file in files:
            check_arrow(file)


def _named(path: Path, key: str, what: str) -> list[str]:
    """Names that a file of ``save_to_disk`` lists: texts, or objects with the name of a file."""
    try:
        entries = json_value(regular_bytes(path))[key]
        found = [str(one["filename"] if isinstance(one, dict) else one) for one in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidFileError(path, [f"no list of {what}"], _REMEDY) from error
    faults = [f"'{name}' leads out of the folder" for name in found if _leads_out(name)]
    if faults:
        raise InvalidFileError(path, faults, _REMEDY)
    return found


def _check_readme(path: Path) -> None:
    text = _front_matter(path)
    if "data_files" not in text:
        return
    value = parse(path, text).value
    patterns = _texts(value.get("configs") if isinstance(value, dict) else None)
    faults = [f"'{pattern}' leads out of the folder" for pattern in patterns if _leads_out(pattern)]
    if faults:
        raise InvalidFileError(path, faults, "Name files inside the folder.")


def _front_matter(path: Path) -> str:
    """The YAML text at the beginning of a README; empty without one."""
    if not is_file(path):
        return ""
    with path.open("rb") as stream:
        text = stream.read(_MAX_README).decode(errors="replace")
    found = re.match(r"\s*---\s*\n(.*?)\n---\s*(\n|$)", text, re.DOTALL)
    return found[1] if found else ""


def _leads_out(path: str) -> bool:
    """True for addresses, absolute paths and ``..``. Links are followed: hub caches hold links."""
    return (
        "://" in path
        or "::" in path
        or path.startswith(("/", "\\", "~"))
        or ".." in re.split(r"[/\\]", path)
    )


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any YAML value
    """All texts of the configurations; names of parts are none that lead out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
