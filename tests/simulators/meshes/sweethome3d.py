"""Unpacks Sweet Home 3D furniture libraries (``.sh3f``) into a folder of meshes.

Debian's package ``sweethome3d-furniture`` holds five of them, 820 models under CC0 and CC-BY.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import inside, write_bytes

_CATALOGUE = "PluginFurnitureCatalog.properties"
_LARGEST_FILE = 256 * 2**20


def unpack_sh3f(archive: Path, folder: Path) -> int:
    """Write every model with its textures to ``folder/category/archive-model/``; how many.

    Args:
        archive: A furniture library.
        folder: Folder of the categories; existing ones are kept.

    Raises:
        InvalidFileError: When the archive is no furniture library.
        InvalidInputError: When a name in it leads out of the folder.
    """
    try:
        with zipfile.ZipFile(archive) as library:
            entries = read_properties(library.read(_CATALOGUE).decode("latin-1"))
            models = _models(entries)
            for category, model in models:
                _copy(library, model, folder / category / f"{archive.stem}-{model.stem}")
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise InvalidFileError(
            archive, [f"no furniture library: {error}"], "Give a .sh3f file."
        ) from error
    return len(models)


def read_properties(text: str) -> dict[str, str]:
    r"""Keys and values of a Java properties file, escapes of characters included.

    Example:
        >>> read_properties("# comment\ncategory#1=Salle \\u00e0 manger\n")
        {'category#1': 'Salle à manger'}
    """
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            found[key] = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value)
    return found


def _models(entries: Mapping[str, str]) -> list[tuple[str, PurePosixPath]]:
    """Category and path of every model."""
    models = []
    for key, value in entries.items():
        if key.startswith("model#"):
            category = entries.get(f"category#{key.removeprefix('model#')}", "other")
            plain = re.sub(r"[^a-z0-9]+", "-", category.casefold()).strip("-")
            models.append((plain or "other", PurePosixPath(value.lstrip("/"))))
    return models


def _copy(library: zipfile.ZipFile, model: PurePosixPath, folder: Path) -> None:
    """The model's own folder in the archive, or the single file."""
    parent = f"{model.parent}/"
    alone = str(model.parent) == "."
    for entry in library.infolist():
        wanted = entry.filename == str(model) if alone else entry.filename.startswith(parent)
        if not wanted or entry.is_dir():
            continue
        if entry.file_size > _LARGEST_FILE:
            raise InvalidInputError(
                f"Expected files of at most {_LARGEST_FILE:,} bytes, but got {entry.filename} of "
                f"{entry.file_size:,}. Leave it out of the archive."
            )
        name = entry.filename if alone else entry.filename.removeprefix(parent)
        write_bytes(inside(folder, name), library.read(entry))
