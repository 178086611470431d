"""The distribution is complete: imports are declared, files travel, names are registered once."""

import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PACKAGES = ("benchmark", "baselines", "task2sim", "taskonomy")


def canonical(name: str) -> str:
    return name.casefold().replace("_", "-")


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_import_is_declared(project):
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True)
    external = {m for m in graph.modules if graph.is_module_squashed(m)}
    imported = {m.split(".")[0] for m in external} - set(sys.stdlib_module_names)
    owners = metadata.packages_distributions()
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    # What only an extra declares is imported lazily; tests of the commands hold it to that.
    declared = {canonical(Requirement(text).name) for text in [*project["dependencies"], *extras]}
    undeclared = {
        name
        for name in imported
        if not {canonical(owner) for owner in owners.get(name, [name])} & declared
    }
    assert undeclared == set()


def test_every_declared_dependency_is_imported(project):
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True)
    imported = {m.split(".")[0] for m in graph.modules if graph.is_module_squashed(m)}
    owners = metadata.packages_distributions()
    used = {canonical(owner) for name in imported for owner in owners.get(name, [name])}
    extras = project["optional-dependencies"]
    texts = [*project["dependencies"], *extras["data"], *extras["meshes"], *extras["plots"]]
    unused = {
        Requirement(text).name for text in texts if canonical(Requirement(text).name) not in used
    }
    assert unused == set()


def test_import_names_equal_folder_names(project):
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]
    assert hatch["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert all((ROOT / name / "__init__.py").is_file() for name in PACKAGES)


def test_every_entry_point_loads(project):
    for group, entries in project["entry-points"].items():
        installed = {e.name: e for e in metadata.entry_points(group=group)}
        for name, value in entries.items():
            assert installed[name].value == value
            installed[name].load()


def test_the_tree_holds_no_downloaded_data():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    forbidden = ("reward_db.json", ".pt", ".pth", ".pkl")
    assert [name for name in listed if name.endswith(forbidden)] == []


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_the_tasks(tmp_path: Path):
    pytest.importorskip("hatchling")
    code = (
        f"import os; os.chdir({str(ROOT)!r}); from hatchling.build import build_wheel; "
        f"print(build_wheel({str(tmp_path)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.suffix in {".py", ".yaml", ".typed"}:
                assert path.relative_to(ROOT).as_posix() in held
    assert "benchmark/tasks/registry.yaml" in held
    assert "benchmark/task2vec/probe.safetensors" in held
    for path in (ROOT / "benchmark" / "tables").rglob("*.*"):
        assert path.relative_to(ROOT).as_posix() in held
