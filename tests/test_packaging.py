"""The distribution is complete: imports are declared, files travel, names are registered once."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import grimp
import pytest
import yaml
from packaging.requirements import Requirement

from benchmark.core.errors import UnavailableError
from benchmark.core.extras import require

ROOT = Path(__file__).parent.parent
PACKAGES = ("benchmark", "baselines", "task2sim", "taskonomy", "t2sbench")


def canonical(name: str) -> str:
    return name.casefold().replace("_", "-")


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Top-level names of all other packages that ours import, lazily or not."""
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True)
    external = {m.split(".")[0] for m in graph.modules if graph.is_module_squashed(m)}
    return external - set(sys.stdlib_module_names)


def names(requirements) -> set[str]:
    return {canonical(Requirement(text).name) for text in requirements}


def for_users(project) -> dict[str, list[str]]:
    """Extras by name, without those of developers."""
    extras = project["optional-dependencies"]
    return {name: texts for name, texts in extras.items() if name not in {"bench", "dev"}}


def test_every_import_is_declared(project, imported):
    owners = metadata.packages_distributions()
    declared = names(project["dependencies"]).union(*map(names, for_users(project).values()))
    undeclared = {
        name
        for name in imported
        if not {canonical(owner) for owner in owners.get(name, [name])} & declared
    }
    assert undeclared == set()


def test_every_declared_dependency_is_imported(project, imported):
    owners = metadata.packages_distributions()
    used = {canonical(owner) for name in imported for owner in owners.get(name, [name])}
    by_name = {"huggingface-hub", "t2sbench", "tdw"}  # loaded by importlib
    for texts in [project["dependencies"], *for_users(project).values()]:
        assert names(texts) - used - by_name == set()


def test_extras_are_built_from_extras(project):
    extras = project["optional-dependencies"]
    (everything,) = extras["all"]
    # Trackio limits the version of Pillow.
    assert Requirement(everything).extras == set(for_users(project)) - {"all", "trackio"}
    assert "t2sbench[all]" in extras["dev"]


def test_required_extras_exist(project):
    """Each call of require() names an extra and packages of it, as plugins do."""
    extras = project["optional-dependencies"]
    for path in ROOT.glob("[bt]*/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require"):
                continue
            constants = [getattr(argument, "value", None) for argument in node.args]
            extra, _, *packages = [c if isinstance(c, str) else None for c in constants]
            if extra is not None:
                assert {p for p in packages if p} <= names(extras[extra]), path
    for values in project["entry-points"].values():
        for value in values.values():
            for extra in re.findall(r"\[(\w+)\]", value):
                assert extra in extras


def test_a_missing_extra_is_named_with_its_pip_line(without_packages):
    without_packages("torch", "trimesh")
    with pytest.raises(UnavailableError) as caught:
        require("live", "Live scoring")
    assert str(caught.value) == "Live scoring needs torch, trimesh: pip install 't2sbench[live]'"
    require("live", "Rendering", "moderngl")
    require("plots", "Plotting")


def test_the_released_table_names_its_extra_before_any_download(without_packages, monkeypatch):
    from benchmark.rewards import released

    without_packages("torch")
    monkeypatch.setattr(released, "fetch", lambda source: pytest.fail(f"fetched {source}"))
    with pytest.raises(UnavailableError, match=r"torch.*t2sbench\[live\]"):
        released.build_released(Path("released"))


# A process in which no installed package can be imported but core dependencies and t2sbench.
CORE_CODE = """
import contextlib, io, shlex, sys
from importlib import abc, metadata

class OnlyCore(abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is no core dependency", name=name)

sys.meta_path.insert(0, OnlyCore())
find = metadata.distribution

def distribution(name):
    if name in {absent!r}:
        raise metadata.PackageNotFoundError(name)
    return find(name)

metadata.distribution = distribution
from benchmark.cli.main import main

for words in [
    "ls methods",
    "table effects gl-mini",
    "run -m single-best -m similarity-vote --plugin {plugin} --split unseen -o results",
    "compare results results",
    "submit pack -m similarity-vote --plugin {plugin} --author A --description D. -o mine",
    "submit check mine",
    "leaderboard build --records results -o boards",
]:
    code = main(shlex.split(words))
    assert code == 0, (words, code)
for extra, words in {{
    "live": [
        "run -m oracle --live",
        "table fetch released",
        "table build -o measured",
        "task2vec USPS -o vectors.safetensors",
        "taxonomy measure --tasks USPS",
        "preview switches --category teapot-1 -o a.png",
        "render --config 00000000 -o set",
    ],
    "data": ["data fetch USPS --accept-licence", "data prepare CUB --from .", "data check USPS"],
    "hub": ["render --config 00000000 -o set --push-to-hub me/set"],
}}.items():
    for command in words:
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream):
            code = main(shlex.split(command))
        assert code == 2, (command, code)
        printed = stream.getvalue()
        assert f"pip install 't2sbench[{{extra}}]'" in printed, (command, printed)
"""


@pytest.fixture(scope="module")
def optional_modules(project) -> set[str]:
    """Top-level names of installed packages that a core installation lacks."""
    found, queue = {"t2sbench"}, sorted(names(project["dependencies"]))
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        for text in metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                queue.append(canonical(requirement.name))
    owners = metadata.packages_distributions()
    optional = {m for m, given in owners.items() if not {canonical(d) for d in given} & found}
    return optional - set(PACKAGES)


def test_a_core_installation_runs_and_builds_boards(project, optional_modules, tmp_path):
    """Cached runs, boards and submissions need no extra; other commands name theirs."""
    assert {"torch", "moderngl", "matplotlib", "PIL"} <= optional_modules
    absent = names(text for texts in for_users(project).values() for text in texts)
    absent -= {"t2sbench", *names(project["dependencies"])}
    plugin = ROOT / "docs" / "examples" / "my_method.py"
    code = CORE_CODE.format(blocked=optional_modules, absent=absent, plugin=plugin)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_names_equal_folder_names(project):
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]
    assert hatch["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert all((ROOT / name / "__init__.py").is_file() for name in PACKAGES)


def test_the_citation_names_this_version(project):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in project["authors"]
    ]


def test_every_entry_point_loads(project):
    for group, entries in project["entry-points"].items():
        installed = {e.name: e for e in metadata.entry_points(group=group)}
        for name, value in entries.items():
            assert installed[name].value == value
            installed[name].load()


def test_the_readme_renders_anywhere():
    """Images have absolute addresses, so that package indexes show them; each is in the tree."""
    base = "https://raw.githubusercontent.com/t2sbench/t2sbench/main/"
    for address in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert address.startswith(base)
        assert (ROOT / address.removeprefix(base)).is_file()


def test_the_tree_holds_no_downloaded_data():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    forbidden = ("reward_db.json", ".pt", ".pth", ".pkl")
    assert [name for name in listed if name.endswith(forbidden)] == []


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_the_data(tmp_path: Path):
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
            if path.suffix in {".py", ".yaml", ".typed", ".csv", ".safetensors"}:
                assert path.relative_to(ROOT).as_posix() in held
    assert {"benchmark/tasks.yaml", "benchmark/paper/records/fig5.csv"} <= held
    for path in (ROOT / "benchmark" / "rewards" / "tables").rglob("*.*"):
        assert path.relative_to(ROOT).as_posix() in held
