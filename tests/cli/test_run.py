import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.cli.main import main

FLAKY = """
class Flaky:
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
    def select(self, task, rng):
        if task.name == "AID":
            raise RuntimeError("not today")
        return self.space.at(1)
METHODS = {"flaky": Flaky}
"""


@pytest.fixture
def run(small_table_folder: Path, tmp_path: Path):
    def do(*words: str) -> int:
        return main(
            ["run", "--table", str(small_table_folder), "-o", str(tmp_path / "out"), *words]
        )

    return do


def test_prints_and_writes_result_tables(run, tmp_path: Path, capsys):
    assert run("-m", "random", "-m", "single-best", "-m", "oracle", "--seeds", "0-1") == 0
    captured = capsys.readouterr()
    for word in ("random", "single-best", "oracle", "CUB", "AID", "USPS"):
        assert word in captured.out
    markdown = (tmp_path / "out" / "unseen.md").read_text()
    assert "**" in markdown
    rows = json.loads((tmp_path / "out" / "unseen.json").read_text())
    assert rows
    assert (tmp_path / "out" / "unseen.csv").read_text().count("\n") >= 4


def test_a_dry_run_writes_nothing(run, tmp_path: Path, capsys):
    assert run("-m", "random", "-m", "scratch", "--dry-run") == 0
    assert "random: seeds 0,1,2,3,4; judge CUB, AID, USPS" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_failed_cells_exit_3_and_can_be_retried(run, tmp_path: Path, capsys):
    plugin = tmp_path / "flaky.py"
    plugin.write_text(FLAKY)
    assert run("-m", "flaky", "--plugin", str(plugin), "--seeds", "0") == 3
    assert "flaky on AID, seed 0: RuntimeError: not today" in capsys.readouterr().err
    out = str(tmp_path / "out")
    assert main(["status", out]) == 0
    assert "failed: flaky on AID" in capsys.readouterr().out
    assert main(["retry", out]) == 2
    assert f"--plugin {plugin}" in capsys.readouterr().err
    assert main(["retry", out, "--plugin", str(plugin)]) == 3
    plugin.write_text(FLAKY.replace('"AID"', '"none"'))
    assert main(["retry", "--missing", out]) == 0
    assert main(["retry", "--failed", out, "--plugin", str(plugin)]) == 0
    capsys.readouterr()
    assert main(["retry", out]) == 0
    assert "No cells" in capsys.readouterr().out


def test_failed_cells_are_done_again_and_never_pass_as_done(run, tmp_path: Path, capsys):
    plugin = tmp_path / "flaky.py"
    plugin.write_text(FLAKY)
    words = ("-m", "flaky", "--plugin", str(plugin), "--seeds", "0")
    assert run(*words) == run(*words) == 3
    assert "1 cells to do, 2 done" in capsys.readouterr().err
    assert run(*words, "--overwrite", "missing") == 3
    printed = capsys.readouterr().err
    assert "0 cells to do, 3 done" in printed
    assert "1 cell failed" in printed
    assert run(*words, "--timeout", "10") == 3


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "soon"])
def test_time_limits_are_finite(run, tmp_path: Path, number, capsys):
    assert run("-m", "random", "--timeout", number) == 2
    assert "Invalid value for '--timeout'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_broken_last_line_is_reported_and_done_again(run, tmp_path: Path, capsys):
    run("-m", "single-best", "--seeds", "0")
    path = tmp_path / "out" / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-50])
    for words in (["status"], ["report"], ["retry", "--failed"]):
        capsys.readouterr()
        assert main([*words, str(path.parent)]) == 0
        assert "broken line" in "".join(capsys.readouterr())
    assert run("-m", "single-best", "--seeds", "0") == 0
    error = capsys.readouterr().err
    assert "skipped a broken line" in error
    assert "1 cells to do, 2 done" in error


def test_missing_cells_are_counted_and_done(run, tmp_path: Path, capsys):
    assert run("-m", "single-best", "--seeds", "0-1") == 0
    path = tmp_path / "out" / "records.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    capsys.readouterr()
    assert main(["status", str(path.parent)]) == 0
    assert "Missing cells: 2" in capsys.readouterr().out
    assert main(["retry", "--failed", str(path.parent)]) == 0
    assert "No cells" in capsys.readouterr().out
    assert main(["retry", str(path.parent)]) == 0
    assert capsys.readouterr().out.count("ok: single-best") == 2


def test_named_tasks_are_judged_whatever_their_side(run, tmp_path: Path, capsys):
    assert run("-m", "random", "--tasks", "CUB", "--tasks", "EuroSAT", "--seeds", "0") == 0
    assert "CUB" in (tmp_path / "out" / "unseen.csv").read_text()
    assert "EuroSAT" in (tmp_path / "out" / "seen.csv").read_text()


def test_scratch_shows_why_it_has_no_score(run, capsys):
    assert run("-m", "scratch", "-m", "random", "--seeds", "0") == 0
    assert "scratch: no reward" in capsys.readouterr().err
    assert run("-m", "scratch") == 2
    captured = capsys.readouterr()
    assert "scratch: no reward" in captured.err
    assert captured.out == ""


def test_fit_and_select(small_table_folder: Path, small_table, tmp_path: Path, capsys):
    from benchmark.tasks.vectors import write_embeddings

    model = tmp_path / "model"
    words = ["--table", str(small_table_folder), "-O", "epochs=3", "-O", "hidden=8"]
    assert main(["fit", *words, "-o", str(model)]) == 0
    write_embeddings(small_table.embeddings, tmp_path / "t2v.safetensors")
    capsys.readouterr()
    choose = ["select", "--model", str(model), "--task2vec", str(tmp_path / "t2v.safetensors")]
    assert main(choose) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all("object_rotation=" in line for line in lines)
    assert main([*choose, "--probabilities"]) == 0
    assert "light_colour: fixed 0." in capsys.readouterr().out


def test_select_prints_the_expected_gain(small_table_folder: Path, small_table, tmp_path, capsys):
    from benchmark.tasks.vectors import write_embeddings

    words = ["-m", "walsh-gp", "--table", str(small_table_folder)]
    assert main(["fit", *words, "-o", str(tmp_path / "model")]) == 0
    write_embeddings(small_table.embeddings, tmp_path / "t2v.safetensors")
    capsys.readouterr()
    files = ["--model", str(tmp_path / "model"), "--task2vec", str(tmp_path / "t2v.safetensors")]
    assert main(["select", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 8
    assert all("expected gain over single-best: " in line for line in lines[1::2])
    assert main(["show", "walsh-gp"]) == 0
    shown = capsys.readouterr().out
    assert "TrashNet: " in shown
    assert "95 % interval" in shown


@pytest.mark.parametrize("damage", ["truncate", "missing"])
def test_a_damaged_model_is_one_sentence(small_table_folder, tmp_path: Path, damage, capsys):
    model = tmp_path / "model"
    words = ["--table", str(small_table_folder), "-O", "epochs=1", "-O", "hidden=8"]
    main(["fit", *words, "-o", str(model)])
    weights = next(model.glob("*.safetensors"))
    if damage == "truncate":
        weights.write_bytes(weights.read_bytes()[:40])
    else:
        weights.unlink()
    capsys.readouterr()
    assert main(["select", "--model", str(model), "--task2vec", "x.safetensors"]) == 2
    assert "Traceback" not in capsys.readouterr().err


SLOW = """
import os, time
from pathlib import Path
class Slow:
    def fit(self, tasks, rewards, rng):
        self.space = rewards.space
        Path(os.environ["PIDS"], str(os.getpid())).touch()
    def select(self, task, rng):
        if task.name == "USPS":
            time.sleep(60)
        return self.space.at(0)
class Other(Slow):
    pass
METHODS = {"slow": Slow, "other": Other}
"""


@pytest.fixture
def slow_run(small_table_folder: Path, tmp_path: Path):
    """A real process, stopped in the middle of its work once two cells are on disk."""
    plugin, pids, path = tmp_path / "slow.py", tmp_path / "pids", tmp_path / "out" / "records.jsonl"
    plugin.write_text(SLOW)
    pids.mkdir()

    def stop(number: int, *words: str) -> tuple[int, bytes, Path]:
        # A shell's background job ignores SIGINT and hands that down: ask for the default again.
        start = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from benchmark.cli.main import run_main\nif __name__ == '__main__': run_main()"
        )
        command = [sys.executable, "-c", start, "run", "-m", "slow", "-m", "other", "--seeds", "0"]
        command += ["--plugin", str(plugin), "--table", str(small_table_folder), *words]
        command += ["--no-isolation"]  # the plug-in writes outside its folder
        process = subprocess.Popen(
            [*command, "-o", str(path.parent)],
            stderr=subprocess.PIPE,
            env={**os.environ, "PIDS": str(pids)},
        )
        while not (path.exists() and path.read_bytes().count(b"\n") >= 2):
            assert process.poll() is None, "it ended before two cells were on disk"
            time.sleep(0.05)
        assert any(pids.iterdir())
        process.send_signal(number)
        _, error = process.communicate(timeout=30)
        return process.returncode, error, path

    return stop


def alive(pids: Path) -> list[str]:
    return [pid.name for pid in pids.iterdir() if Path("/proc", pid.name).exists()]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_finished_cells_and_leaves_nobody_behind(slow_run, tmp_path: Path, jobs):
    code, error, path = slow_run(signal.SIGINT, "-j", jobs)
    assert code == 130
    assert b"Traceback" not in error
    assert b"Finished cells are kept" in error
    assert path.read_bytes().count(b"\n") >= 2
    assert alive(tmp_path / "pids") == []


def test_workers_do_not_outlive_a_killed_run(slow_run, tmp_path: Path):
    slow_run(signal.SIGKILL, "-j", "2")
    while alive(tmp_path / "pids"):
        time.sleep(0.05)


def test_one_of_two_equal_runs_does_the_cells(small_table_folder: Path, tmp_path: Path):
    (tmp_path / "slow.py").write_text(SLOW.replace("sleep(60)", "sleep(3)"))
    (tmp_path / "pids").mkdir()
    command = [sys.executable, "-m", "t2sbench", "run", "-m", "slow", "--seeds", "0", "-o", "out"]
    command += ["--plugin", "slow.py", "--table", str(small_table_folder), "--no-isolation"]
    environment = {**os.environ, "PIDS": str(tmp_path / "pids")}
    two = [
        subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=60)[1] for process in two]
    codes = [process.returncode for process in two]
    assert sorted(codes) == [0, 2], errors
    refusal = errors[codes.index(2)]
    assert "out" in refusal
    assert "Traceback" not in refusal
    lines = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    assert len({json.loads(line)["cell"] for line in lines}) == len(lines) == 3


def test_commands_that_write_records_hold_their_folder(run, tmp_path: Path, capsys):
    from benchmark.core.files import held

    out = tmp_path / "out"
    assert run("-m", "random", "--seeds", "0") == 0
    before = (out / "records.jsonl").read_bytes()
    with held(out, "a test"):
        assert run("-m", "random", "--seeds", "0", "--overwrite", "always") == 2
        assert main(["retry", str(out)]) == 2
        assert capsys.readouterr().err.count(f"{out} is in use") == 2
        assert run("-m", "random", "--seeds", "0", "--dry-run") == 0
        assert main(["status", str(out)]) == main(["report", str(out)]) == 0
    assert (out / "records.jsonl").read_bytes() == before
    assert run("-m", "random", "--seeds", "0", "--overwrite", "always") == 0


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("{} | head -1; exit ${{PIPESTATUS[0]}}", 0),
        ("{} > /dev/full", 2),
        ("{} 2> /dev/full", 0),
        ("{} >&- 2>&-", 0),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii {}", 0),
    ],
)
def test_outputs_of_any_kind_lose_no_table(small_table_folder, tmp_path: Path, command, code):
    words = f"{sys.executable} -m t2sbench run -m random --seeds 0 -o out --table"
    found = subprocess.run(
        ["bash", "-c", command.format(f"{words} {small_table_folder}")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    assert {"records.jsonl", "unseen.md"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("isolation", ["--isolation", "--no-isolation"])
def test_the_traceback_of_a_method_is_kept(run, tmp_path: Path, isolation, capsys):
    plugin, odd = tmp_path / "flaky.py", 'import json\n            json.loads("{")'
    plugin.write_text(FLAKY.replace('raise RuntimeError("not today")', odd))
    words = ["-m", "flaky", "--plugin", str(plugin), "--seeds", "0", isolation]
    place = 'File "flaky.py", line 8, in select'
    assert run(*words) == 3
    assert place not in capsys.readouterr().err
    assert run(*words, "--verbose") == 3
    shown = capsys.readouterr().err
    assert place in shown
    assert 'json.loads("{")' in shown
    lines = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    found = [json.loads(line)["error"] for line in lines]
    (trace, _) = [error["traceback"] for error in found if error]
    assert place in trace
    assert "cells.py" not in trace
    assert trace.splitlines()[-1].startswith("json.decoder.JSONDecodeError")


def test_the_traceback_of_an_import_is_shown(run, tmp_path: Path, capsys):
    (tmp_path / "wrong.py").write_text("import os\nos.nothing\n")
    for isolation in ("--isolation", "--no-isolation"):
        words = ["-m", "x", "--plugin", str(tmp_path / "wrong.py"), "--verbose", isolation]
        assert run(*words) == 2
        shown = capsys.readouterr().err
        assert 'File "wrong.py", line 2' in shown
        assert "click" not in shown


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_traceback_of_a_simulator_is_shown(tmp_path: Path, jobs, capsys):
    (tmp_path / "sim.py").write_text(
        "from benchmark.simulators.toy import ToySimulator\n"
        "class Bad(ToySimulator):\n"
        "    name = 'bad'\n"
        "    def render(self, scenes):\n"
        "        return [1 / 0 for _ in scenes]\n"
        "SIMULATORS = {'bad': Bad}\n"
    )
    words = ["render", "--simulator", "bad", "--plugin", str(tmp_path / "sim.py"), "-o", "set"]
    words += ["--config", "0" * 8, "--classes", "2", "--images-per-class", "2", "-j", jobs]
    assert main([*words, "--verbose"]) == 2
    shown = capsys.readouterr().err
    assert 'File "sim.py", line 5, in render' in shown
    assert "rendering/run.py" not in shown


def test_pipes_and_long_names_are_refused(run, tmp_path: Path, capsys):
    pipe, long = str(tmp_path / "pipe"), "a" * 5000
    os.mkfifo(pipe)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "records.jsonl")
    for place in (pipe, long, "/dev/zero"):
        assert run("-m", "random", "--tasks-file", place) == 2
        assert run("-m", "random", "--plugin", place) == 2
        assert run("-m", "random", "-o", place) == 2
        assert main(["status", place]) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert main(["status", str(tmp_path / "folder")]) == 2
    assert run("-m", "random", "-o", str(tmp_path / "folder")) == 2


def test_a_folder_that_vanishes_ends_the_run(small_table_folder, tmp_path: Path):
    import shutil

    import t2sbench as t2s
    from benchmark.core.errors import StorageError

    out = tmp_path / "out"
    with pytest.raises(StorageError, match="out"):
        t2s.run(
            "random",
            table=small_table_folder,
            output=out,
            on_record=lambda _record: shutil.rmtree(out),
        )
    assert not out.exists()


def test_records_written_since_the_plan_are_not_done_again(small_table_folder, tmp_path: Path):
    import t2sbench as t2s
    from benchmark.core.errors import StorageError

    settings = {"table": small_table_folder, "seeds": [0], "output": tmp_path / "out"}
    with pytest.raises(StorageError, match="out"):
        t2s.run("random", on_plan=lambda _plan: t2s.run("random", **settings), **settings)
    assert len(t2s.load_results(tmp_path / "out")) == 3


def test_a_report_prints_and_writes_the_tables_of_all_splits(run, tmp_path: Path, capsys):
    run("-m", "random", "--seeds", "0")
    run("-m", "oracle", "--seeds", "0", "--split", "seen")
    run("-m", "single-best", "--seeds", "0")
    out = tmp_path / "out"
    written = {path.name: path.read_bytes() for path in out.glob("*seen*")}
    assert len(written) == 12
    for name in written:
        (out / name).unlink()
    capsys.readouterr()
    assert main(["report", str(out), "--split", "unseen"]) == 0
    shown = capsys.readouterr().out
    assert "random" in shown
    assert "single-best" in shown
    assert "oracle" not in shown.partition("Regret")[0]
    assert not (out / "seen.md").exists()
    assert main(["report", str(out)]) == 0
    assert {path.name: path.read_bytes() for path in out.glob("*seen*")} == written
    assert main(["report", str(out), "--split", "all"]) == 0
    assert main(["report", str(out), "--split", "leave-one-task-out"]) == 2
    assert "Known: seen, unseen" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "none")]) == 2


def test_a_report_of_several_folders_needs_one_for_its_files(
    run, small_table_folder: Path, tmp_path: Path, capsys
):
    run("-m", "random", "--seeds", "0")
    words = ["run", "-m", "single-best", "--seeds", "0", "--table", str(small_table_folder)]
    assert main([*words, "-o", str(tmp_path / "other")]) == 0
    both = [str(tmp_path / "out"), str(tmp_path / "other")]
    capsys.readouterr()
    assert main(["report", *both]) == 2
    assert "-o" in capsys.readouterr().err
    assert main(["report", *both, "-o", str(tmp_path / "both")]) == 0
    shown = capsys.readouterr()
    assert "random" in shown.out
    assert "single-best" in shown.out
    assert "both/unseen" in shown.err
    assert len(list((tmp_path / "both").iterdir())) == 6


def test_a_later_run_hides_no_earlier_rows(run, tmp_path: Path, capsys):
    run("-m", "random", "--seeds", "0")
    capsys.readouterr()
    run("-m", "single-best", "--seeds", "0")
    assert "random" not in capsys.readouterr().out
    assert "| random" in (tmp_path / "out" / "unseen.md").read_text()
