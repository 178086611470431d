"""Objects of a folder of meshes: their files, names and categories, and the files left out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import real_path

SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
LAYOUT = f"category/object{{{','.join(SUFFIXES)}}} or category/object/model.obj with its textures"

# Common formats that are not read: a library of these alone would look empty.
_OTHER = re.compile(
    r"\.(3ds|3mf|abc|blend|c4d|dae|fbx|lwo|ma|max|mb|off|pcd|pts|step|stp|usd[acz]?|vtk|wrl|x3d|xyz)"
)
_PARTS = frozenset({"train", "training", "val", "valid", "validation", "dev", "test", "testing"})
# Words that tell forms of one object apart, as in nontextured.ply and textured.obj.
_FORMS = re.compile(
    r"(^|[_\-. ])((non|un)?textured|colou?red|visual|collision|coarse|convex|vhacd|decimated|"
    r"simplified|normali[sz]ed|lod\d*|lowpoly|highpoly)(?=$|[_\-. ])"
)
_HEAD_BYTES = 2**16


@dataclass(frozen=True)
class MeshFile:
    """One object's file.

    Attributes:
        category: Name of the category.
        name: Name of the object, unique in its category.
        path: The file.
    """

    category: str
    name: str
    path: Path


@dataclass(frozen=True)
class Finding:
    """A fault of a file.

    Attributes:
        path: The file, relative to the library's folder; empty for the library.
        reason: The fault in a few words.
        skipped: True if it is left out.
    """

    path: str
    reason: str
    skipped: bool = True

    def __str__(self) -> str:
        text = f"{'left out, ' if self.skipped else ''}{self.reason}"
        return f"{self.path}: {text}" if self.path else text


def find_meshes(folder: Path) -> tuple[list[MeshFile], list[Finding]]:
    """Find the objects of a library's folder, in a fixed order.

    A folder inside a category may hold one object or many, at any depth. Files of one name, or of
    names that differ by words such as ``textured``, are forms of one object: a textured form is
    preferred. If all folders are parts of a dataset (``train``, ``test``), the categories are one
    level deeper. Hidden files and folders do not count.

    Args:
        folder: Folder with a folder per category.

    Raises:
        InvalidInputError: If the folder is missing or holds no mesh.
    """
    if not folder.is_dir():
        what = "is a file, not a folder of meshes" if folder.exists() else "does not exist"
        raise InvalidInputError(f"{folder} {what}. Lay out a folder of meshes as {LAYOUT}.")
    search = _Search(folder)
    found = list(search.objects())
    if not found:
        reasons = "".join(f" {finding}." for finding in search.findings[:5])
        raise InvalidInputError(f"No meshes in {folder}.{reasons} Lay out the folder as {LAYOUT}.")
    return found, search.findings


class _Search:
    """Walk through a library's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._real = folder, real_path(folder)
        self._others: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def objects(self) -> Iterator[MeshFile]:
        """Objects in a fixed order, by category."""
        for category, roots in sorted(self._categories().items()):
            chosen = [path for root in roots for path in self._chosen(root)]
            if not chosen:
                self._leave_out(roots[0], "no meshes")
            top = roots[0] if len(roots) == 1 else self._folder
            names = _names(chosen, top)
            for path in sorted(chosen, key=names.__getitem__):
                yield MeshFile(category, names[path], path)
        if self._others:
            kinds = ", ".join(f"{suffix}: {n}" for suffix, n in sorted(self._others.items()))
            count = sum(self._others.values())
            self.findings.append(
                Finding("", f"{count} files of formats that are not read ({kinds})")
            )

    def _categories(self) -> dict[str, list[Path]]:
        """Folders of each category; several if it has parts."""
        folders, files = self._listed(self._folder)
        for path in self._meshes(files):
            self._leave_out(path, "not in the folder of a category")
        if folders and all(path.name.casefold() in _PARTS for path in folders):
            names = ", ".join(path.name for path in folders)
            self.findings.append(Finding("", f"{names} are taken together", skipped=False))
            inner = []
            for part in folders:
                below, files = self._listed(part)
                inner += below
                for path in self._meshes(files):
                    self._leave_out(path, "not in the folder of a category")
            folders = inner
        found = defaultdict(list)
        for path in folders:
            found[path.name].append(path)
        return found

    def _chosen(self, root: Path) -> Iterator[Path]:
        """One mesh file for each object below a category's folder."""
        stack, visited = [root], set()
        while stack:
            folder = stack.pop()
            real = real_path(folder)
            if real in visited or (folder != root and real_path(root).is_relative_to(real)):
                self._leave_out(folder, "a link to a folder that is read already")
                continue
            visited.add(real)
            below, files = self._listed(folder)
            stack += reversed(below)
            yield from self._forms(list(self._meshes(files)), direct=folder == root)

    def _listed(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Visible folders and files of a folder, sorted."""
        try:
            paths = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
        except OSError as error:
            self._leave_out(folder, error.strerror or "unreadable")
            return [], []
        folders, files = [], []
        for path in paths:
            if not path.is_dir():
                files.append(path)
            elif self._allowed(path):
                folders.append(path)
        return folders, files

    def _meshes(self, files: list[Path]) -> Iterator[Path]:
        """Usable mesh files among ``files``; the others are counted or named."""
        for path in files:
            suffix = path.suffix.casefold()
            if _OTHER.fullmatch(suffix):
                self._others[suffix] += 1
            elif suffix in SUFFIXES and self._allowed(path):
                if path.is_file():
                    yield path
                else:
                    self._leave_out(path, "not a file" if path.exists() else "missing")

    def _allowed(self, path: Path) -> bool:
        try:
            path.name.encode()
            if real_path(path).is_relative_to(self._real):
                return True
            self._leave_out(path, "a link that leads out of the folder")
        except (UnicodeEncodeError, OSError, RuntimeError):  # RuntimeError: a circle of links
            self._leave_out(path, "a name or link that cannot be read")
        return False

    def _leave_out(self, path: Path, reason: str) -> None:
        name = path.relative_to(self._folder).as_posix()
        self.findings.append(Finding(name.encode(errors="backslashreplace").decode(), reason))

    def _forms(self, paths: list[Path], *, direct: bool) -> Iterator[Path]:
        """One file for each object of a folder: the best of its forms.

        Args:
            paths: Mesh files of the folder.
            direct: True for a category's own folder, whose files are objects by their names.
        """
        forms = defaultdict(list)
        for path in paths:
            stem = path.stem.casefold()
            forms[stem if direct else _FORMS.sub("", stem)].append(path)
        named = forms.get(paths[0].parent.name.casefold()) if paths and not direct else None
        if named:  # a folder with a mesh of its own name is one object
            forms = defaultdict(list, {"": paths})
        for same in forms.values():
            best = min(named or same, key=_rank)
            yield best
            for path in same:
                if path != best:
                    self._leave_out(path, f"{best.name} stands for the same object")


def _names(paths: list[Path], top: Path) -> dict[Path, str]:
    """Names of objects: the path below ``top``, or that of a folder that holds nothing else."""
    inside = Counter(parent for path in paths for parent in path.relative_to(top).parents)
    names, taken = {}, set()
    for path in paths:
        relative = path.relative_to(top)
        name = relative.with_suffix("")
        for parent in relative.parents[:-1]:
            if inside[parent] > 1:
                break
            name = parent
        text = name.as_posix() if name.as_posix() not in taken else relative.as_posix()
        taken.add(text)
        names[path] = text
    return names


def _rank(path: Path) -> tuple[int, int, str, int]:
    """Order among the forms of one object: textured, coloured, shortest name, format."""
    return -_texture_level(path), len(path.stem), path.stem, SUFFIXES.index(path.suffix.casefold())


def _texture_level(path: Path) -> int:
    """2 for a file with textures, 1 with colours, 0 else, from its first bytes."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        suffix = path.suffix.casefold()
        if suffix in {".glb", ".gltf"}:
            return 2 if b'"images"' in head else 1 if b'"materials"' in head else 0
        if suffix == ".ply":
            return 2 if b"TextureFile" in head else 1 if b"property uchar red" in head else 0
        library = re.search(rb"(?m)^\s*mtllib\s+(.+?)\s*$", head) if suffix == ".obj" else None
        if library is None:
            return 0
        material = path.parent / library[1].decode()
        return 2 if material.is_file() and b"map_Kd" in material.read_bytes()[:_HEAD_BYTES] else 1
    except (OSError, ValueError):
        return 0
