"""The page on guarding a method and the action at the root, run as programs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guard.md").read_text()
BEST, WORST = "(weights @ self.gains).argmax()", "(weights @ self.gains).argmin()"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with a method and its committed results."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "docs" / "examples" / "my_method.py", folder)
    make = re.findall(r"^\$ (t2sbench run.*)$", blocks("console")[0], re.MULTILINE)
    done = shell("\n".join(make), folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def worse(project, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """The project after a change for the worse, and the outcome of the script for any CI system."""
    folder = shutil.copytree(project, tmp_path_factory.mktemp("worse") / "project")
    text = (folder / "my_method.py").read_text()
    assert BEST in text
    (folder / "my_method.py").write_text(text.replace(BEST, WORST))
    (script,) = blocks("sh")
    return folder, shell(script, folder)


def test_the_script_for_any_ci_system(worse):
    folder, done = worse
    assert done.returncode == 1, done.stderr
    assert "limit regret:+0.02" in (folder / "summary.md").read_text()
    assert len(json.loads((folder / "changes.json").read_text())["breaches"]) == 1


def test_the_hook_of_pre_commit_passes_without_a_change(project):
    hook = yaml.safe_load(blocks("yaml")[1])["repos"][0]["hooks"][0]
    assert re.search(hook["files"], "my_method.py")
    done = shell(hook["entry"], project)
    assert done.returncode == 0, done.stderr


def test_the_action_with_the_inputs_of_the_page(worse):
    folder, _ = worse
    compare = yaml.safe_load(blocks("yaml")[0])["jobs"]["compare"]["steps"][-1]
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    assert set(compare["with"]) <= set(action["inputs"])
    given = {name: one.get("default", "") for name, one in action["inputs"].items()}
    given |= compare["with"] | {"methods": "similarity-vote\n", "splits": "unseen"}
    variables = {
        name: given[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]
        for name, value in step["env"].items()
    }
    summary = folder / "step-summary.md"
    done = shell(step["run"], folder, GITHUB_STEP_SUMMARY=str(summary), **variables)
    assert done.returncode == 1, done.stderr
    assert "**Limits broken:" in summary.read_text()
    assert "similarity-vote" in summary.read_text()
    found = json.loads((folder / given["json"]).read_text())
    assert found["limits"] == ["regret:+0.02", "task:CUB:-1"]
