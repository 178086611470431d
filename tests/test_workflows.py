"""Scripts and steps of the workflows, run as programs; rules that their linters do not know."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
ENTRY = "leaderboards/entries/mine"


def program(*words: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **variables,
    }
    return subprocess.run(
        list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def commit(repository: Path) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["add", "--all"], [*who, "commit", "--quiet", "--allow-empty", "-m", "x"]):
        done = program("git", *words, cwd=repository)
        assert done.returncode == 0, done.stderr
    return program("git", "rev-parse", "HEAD", cwd=repository).stdout.strip()


@pytest.fixture
def repository(tmp_path) -> tuple[Path, str]:
    """A clone with one entry on main, and the commit of main."""
    folder = tmp_path / "clone"
    (folder / "leaderboards" / "entries" / "old").mkdir(parents=True)
    (folder / "leaderboards" / "entries" / "old" / "submission.json").write_text("{}")
    (folder / "README.md").write_text("read me")
    assert program("git", "init", "--quiet", cwd=folder).returncode == 0
    return folder, commit(folder)


def read_entry(repository: tuple[Path, str], out: Path) -> subprocess.CompletedProcess:
    folder, base = repository
    head = commit(folder)
    assert program("git", "checkout", "--quiet", base, cwd=folder).returncode == 0
    script = GITHUB / "scripts" / "read_entry.py"
    return program(sys.executable, script, base, head, out, cwd=folder)


def add(repository: tuple[Path, str], path: str, text: str = "{}") -> Path:
    place = repository[0] / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def test_an_entry_is_written_as_it_is(repository, tmp_path):
    add(repository, f"{ENTRY}/submission.json", '{"id": "mine"}')
    add(repository, f"{ENTRY}/method.py", "METHODS = {}\n")
    done = read_entry(repository, tmp_path / "out")
    assert (done.returncode, done.stdout) == (0, "id=mine\n"), done.stderr
    assert sorted(p.name for p in (tmp_path / "out" / "mine").iterdir()) == [
        "method.py",
        "submission.json",
    ]
    assert (tmp_path / "out" / "mine" / "submission.json").read_text() == '{"id": "mine"}'


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "other"),
        (".github/workflows/ci.yml", "on: push"),
        (f"{ENTRY}/deep/method.py", ""),
        (f"{ENTRY}/.hidden", ""),
        (f"{ENTRY}/$(touch x)", ""),
        ("leaderboards/entries/second/submission.json", "{}"),
        (f"{ENTRY}/large.py", "#" * 1_000_001),
    ],
)
def test_other_changes_are_refused(repository, tmp_path, path, text):
    add(repository, f"{ENTRY}/submission.json")
    add(repository, path, text)
    done = read_entry(repository, tmp_path / "out")
    assert done.returncode == 2
    named = "bytes" if "large" in path else path.split("/")[2] if "second" in path else path
    assert named in done.stderr
    assert not (tmp_path / "out").exists()


def test_links_and_removed_entries_are_refused(repository, tmp_path):
    add(repository, f"{ENTRY}/submission.json")
    (repository[0] / ENTRY / "method.py").symlink_to("/etc/passwd")
    done = read_entry(repository, tmp_path / "out")
    assert done.returncode == 2
    assert "120000" in done.stderr
    shutil.rmtree(repository[0] / "leaderboards" / "entries" / "old")
    assert read_entry(repository, tmp_path / "out").returncode == 2


def test_an_earlier_entry_may_change(repository, tmp_path):
    add(repository, "leaderboards/entries/old/submission.json", '{"id": "old"}')
    assert read_entry(repository, tmp_path / "out").stdout == "id=old\n"


def test_a_log_is_quoted_without_markup(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("first\n```\n@everyone [link](https://x.org)\x1b[31m\n" + "long" * 200 + "\n")
    done = program(GITHUB / "scripts" / "quote.sh", "It failed.", log, cwd=tmp_path)
    assert done.returncode == 0
    head, blank, *lines = done.stdout.splitlines()
    assert (head, blank) == ("It failed.", "")
    assert all(re.match(" {4}", line) and len(line) <= 304 for line in lines)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("tag", "changelog", "faults"),
    [
        ("v1.2.0", "## [1.2.0] - 2026-01-02\n\n- Faster.\n", []),
        ("v1.3.0", "## [1.3.0] - 2026-01-02\n\n- Faster.\n", ["pyproject.toml", "CITATION.cff"]),
        ("v1.2.0", "## [Unreleased]\n\n- Faster.\n", ["CHANGELOG.md"]),
        ("v1.2.0", "## [1.2.0]\n\n- Faster.\n", ["CHANGELOG.md"]),
    ],
)
def test_a_release_states_one_version(tmp_path, tag, changelog, faults):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{changelog}\n## [1.1.0] - 2025-01-01\n")
    done = program(sys.executable, GITHUB / "scripts" / "release_notes.py", tag, cwd=tmp_path)
    assert done.returncode == (2 if faults else 0)
    assert done.stdout == ("" if faults else "- Faster.\n")
    assert all(file in done.stderr for file in faults)


def test_the_citation_states_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


@pytest.fixture(scope="module")
def rerun() -> dict:
    return yaml.safe_load((GITHUB / "workflows" / "submission-rerun.yml").read_text())


def test_the_code_of_an_entry_runs_without_rights(rerun):
    jobs = rerun["jobs"]
    assert rerun["permissions"] == jobs["rerun"]["permissions"] == {}
    executing = [name for name, job in jobs.items() if "submit decide" in yaml.dump(job)]
    assert executing == ["rerun"]
    assert "--network none" in yaml.dump(jobs["rerun"], width=1000)
    for name, job in jobs.items():
        text = yaml.dump(job)
        assert "secrets." not in text
        writes = "write" in job.get("permissions", {}).values()
        assert writes == ("github.token" in text) == (name == "comment")
    assert not any("checkout" in step.get("uses", "") for step in jobs["comment"]["steps"])


def step(workflow: dict, name: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a step by its name, as a workflow with ``shell: bash`` does."""
    steps = [s for job in workflow["jobs"].values() for s in job["steps"] if s.get("name") == name]
    assert set(variables) >= set(steps[0].get("env", {}))
    return program("bash", "-eo", "pipefail", "-c", steps[0]["run"], cwd=cwd, **variables)


@pytest.fixture
def pull_request(tmp_path) -> tuple[Path, str]:
    """A clone of main, and the commit of a fork that adds an entry of the example's method."""
    clone, fork = tmp_path / "clone", tmp_path / "fork"
    shutil.copytree(GITHUB / "scripts", clone / ".github" / "scripts")
    records = Path("leaderboards", "records", "gl-mini", "unseen-baselines.jsonl")
    (clone / records).parent.mkdir(parents=True)
    shutil.copy(ROOT / records, clone / records)
    assert program("git", "init", "--quiet", cwd=clone).returncode == 0
    commit(clone)
    assert program("git", "clone", "--quiet", clone, fork, cwd=tmp_path).returncode == 0
    plugin = ["-m", "similarity-vote", "--plugin", ROOT / "docs" / "examples" / "my_method.py"]
    about = ["--author", "A", "--description", "B.", "-o", fork / "leaderboards/entries/mine"]
    for words in (["run", *plugin], ["submit", "pack", *plugin, "--id", "mine", *about]):
        done = program("t2sbench", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    head = commit(fork)
    assert program("git", "remote", "add", "origin", fork, cwd=clone).returncode == 0
    return clone, head


def test_a_pull_request_is_checked_executed_again_and_answered(rerun, pull_request):
    clone, head = pull_request
    variables = {"GITHUB_OUTPUT": str(clone / "output"), "HEAD_SHA": head, "ID": "mine"}
    variables["GITHUB_STEP_SUMMARY"] = str(clone / "step.md")
    check = yaml.safe_load((GITHUB / "workflows" / "submission.yml").read_text())
    for name in ("Read the entry", "Check it"):
        done = step(check, name, clone, **variables)
        assert done.returncode == 0, done.stderr
    assert (clone / "output").read_text() == "id=mine\n"
    assert step(rerun, "Bundle the learnt rewards", clone, **variables).returncode == 0
    # The workflow does this in a container.
    done = program("t2sbench", "submit", "decide", "bundle", "-o", "decisions.json", cwd=clone)
    assert done.returncode == 0, done.stderr
    decisions = (clone / "decisions.json").read_text()
    configurations = re.findall(r'"[01]{8}"', decisions)
    other = decisions.replace(configurations[0], '"11111111"')
    (clone / "decisions.json").write_text(other)
    done = step(rerun, "Compare and score", clone, **variables)
    assert done.returncode == 2, done.stdout
    assert all(
        line.startswith("    ") for line in (clone / "summary.md").read_text().split("\n")[2:-1]
    )
    (clone / "summary.md").unlink()
    (clone / "decisions.json").write_text(decisions)
    done = step(rerun, "Compare and score", clone, **variables)
    assert done.returncode == 0, done.stdout
    summary = (clone / "summary.md").read_text()
    assert "single-best" in summary
    assert summary in (clone / "step.md").read_text()
    records = (clone / "leaderboards" / "records" / "mine.jsonl").read_text()
    assert '"isolated":true' in records


@pytest.mark.parametrize("kind", ["file", "link", "large", "none"])
def test_only_a_regular_file_of_decisions_leaves_the_container(rerun, tmp_path, kind):
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / "decisions.json"
    if kind == "link":
        (tmp_path / "secret").write_text("secret")
        left.symlink_to(tmp_path / "secret")
    elif kind != "none":
        left.write_text("{}" if kind == "file" else " " * 1_000_001)
    done = step(rerun, "Take the decisions", tmp_path)
    assert (done.returncode == 0) == (tmp_path / "decisions.json").exists() == (kind == "file")
