"""Folders and distributions that take the place of a package of t2sbench are reported."""

import base64
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmark", "baselines", "task2sim", "taskonomy", "t2sbench")
API = "import t2sbench; t2sbench.tasks()"
COMMAND = "import sys; from t2sbench.__main__ import run_main; sys.argv[0] = 't2sbench'; run_main()"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with t2sbench as pip installs it from a wheel."""
    folder = tmp_path / "site-packages"
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "tasks.yaml", folder / "benchmark")
    install(folder, "t2sbench", [p for p in folder.rglob("*") if p.is_file()])
    return folder


def install(folder: Path, name: str, files: list[Path]) -> None:
    """Write the metadata of a distribution with these files."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    rows = []
    for path in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        rows.append(f"{path.relative_to(folder)},sha256={digest.rstrip('=')},\n")
    (info / "RECORD").write_text("".join(rows))


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def python(
    *code: str, path: list[Path], cwd: Path, flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess:
    """Run ``python -c``, which has the current folder first on its path, as a notebook has."""
    start = f"import sys; sys.path[1:1] = {[str(p) for p in path]!r}; "
    return subprocess.run(
        [sys.executable, *flags, "-c", start + code[0], *code[1:]],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_clean_installation_is_silent(site, tmp_path):
    write(tmp_path / "empty" / "benchmark" / "data.txt")  # a folder without code is no package
    for words in ([API], [COMMAND, "ls", "methods"]):
        done = python(*words, path=[site], cwd=tmp_path / "empty")
        assert done.returncode == 0, done.stderr


def test_a_folder_of_the_user_shadows_ours(site, tmp_path):
    shadow = write(tmp_path / "work" / "benchmark" / "__init__.py").parent
    done = python(API, path=[site], cwd=tmp_path / "work")
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("ImportError")
    assert str(shadow) in error
    assert "another folder" in error


def test_the_command_line_reports_it_without_a_traceback(site, tmp_path):
    write(tmp_path / "work" / "taskonomy" / "__init__.py")
    script = write(tmp_path / "bin" / "t2sbench", f"import sys; sys.path += {[str(site)]!r}\n")
    script.write_text(script.read_text() + "from t2sbench.__main__ import run_main; run_main()\n")
    done = subprocess.run(
        [sys.executable, script, "ls", "tasks"],
        env={"PYTHONPATH": str(tmp_path / "work")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert "'taskonomy'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_editable_installation_of_another_project_shadows_ours(site, tmp_path):
    """Its folder is on the path through a .pth file, and nothing records its files."""
    other = write(tmp_path / "other" / "src" / "baselines" / "__init__.py").parents[1]
    done = python(API, path=[other, site], cwd=tmp_path)
    assert done.returncode == 1
    assert str(other) in done.stderr
    assert "virtual environment" in done.stderr


def test_a_package_loaded_earlier_is_another_one(site, tmp_path):
    write(tmp_path / "work" / "benchmark" / "__init__.py")
    code = f"import benchmark; sys.path.remove({str(tmp_path / 'work')!r}); {API}"
    done = python(f"sys.path[0] = {str(tmp_path / 'work')!r}; {code}", path=[site], cwd=tmp_path)
    assert done.returncode == 1
    assert str(tmp_path / "work" / "benchmark") in done.stderr


def test_a_half_removed_package(site, tmp_path):
    (site / "benchmark" / "__init__.py").unlink()
    # Without other packages: the one that runs the tests would be found instead.
    done = python(API, path=[site], cwd=tmp_path, flags=("-S",))
    assert done.returncode == 1
    assert "pip install --force-reinstall" in done.stderr


@pytest.mark.parametrize("words", [[API], [COMMAND, "ls", "tasks"]])
def test_a_missing_file(site, tmp_path, words):
    (site / "benchmark" / "runs" / "plan.py").unlink()
    done = python(*words, path=[site], cwd=tmp_path)
    assert done.returncode in {1, 2}
    assert str(site / "benchmark" / "runs" / "plan.py") in done.stderr
    assert "pip install --force-reinstall" in done.stderr


@pytest.mark.parametrize("words", [[API], [COMMAND, "ls", "tasks"]])
@pytest.mark.parametrize("file", ["benchmark/__init__.py", "benchmark/suite.py"])
def test_another_distribution_wrote_into_a_package(site, tmp_path, words, file):
    install(site, "other", [write(site / file, "'''Other.'''\n")])
    done = python(*words, path=[site], cwd=tmp_path)
    assert done.returncode in {1, 2}
    assert "'other'" in done.stderr
    assert str(site / file) in done.stderr
    assert "pip install --force-reinstall" in done.stderr
