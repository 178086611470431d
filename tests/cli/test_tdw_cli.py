"""Commands with simulator tdw, with the extra and without it."""

import sys
from pathlib import Path

import pytest

from benchmark.cli.main import main

ROOT = Path(__file__).parents[2]


def run(capsys, *words):
    code = main(list(words))
    seen = capsys.readouterr()
    return code, seen.out, seen.err


@pytest.fixture
def without_extra(without_packages):
    """The packages of the extra are not installed."""
    without_packages("tdw", "pyzmq", "flatbuffers")


def test_without_the_extra_the_list_says_how_to_install_it(capsys, without_extra):
    code, out, _ = run(capsys, "ls", "simulators")
    (line,) = (line for line in out.splitlines() if line.startswith("tdw"))
    assert code == 0
    assert "no (flatbuffers, pyzmq, tdw missing): pip install 't2sbench[tdw]'" in line
    assert next(line for line in out.splitlines() if line.startswith("gl")).endswith("yes")


def test_what_can_be_had_is_shown_with_and_without_the_extra(capsys, without_extra):
    code, out, _ = run(capsys, "show", "tdw")
    assert code == 0
    assert "pip install 't2sbench[tdw]'" in out
    for fact in (
        "567 in 119 categories, of 2,322 in 237 categories; 556 in 118",
        "323 in 70 categories, of 787 in 100 categories; 316 in 70",
        "Materials: 141 of 141. Panoramas: all 43.",
        "profile = '1.13'",
    ):
        assert fact in out


def test_a_missing_build_is_named_in_the_list(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("tdw", "zmq", "flatbuffers"):
        pytest.importorskip(name)
    code, out, _ = run(capsys, "ls", "simulators")
    assert code == 0
    assert "build" in next(line for line in out.splitlines() if line.startswith("tdw"))


def test_a_build_that_is_missing_is_one_sentence(capsys, tmp_path):
    pytest.importorskip("tdw")
    words = ["--classes", "1", "--images-per-class", "2", "-o", str(tmp_path / "set")]
    code, _, err = run(
        capsys, "render", "--simulator", "tdw", "-O", "build=/no/TDW.x86_64",
        "--config", "11111111", *words,
    )  # fmt: skip
    assert code == 2
    assert "Traceback" not in err
    assert "Error: " in err
    assert "'/no/TDW.x86_64'" in err
    assert "Note: 1,766 of the paper's 2,322 models are left out" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-O", "assets=papper"], "Did you mean 'paper'"),
        (["-O", "profile=1.12"], "TDW profile '1.12'"),
        (["-O", "assets=paper", "--encoding", "png"], "JPEG"),
        (["--classes", "200"], "1 to 118"),
    ],
)
def test_mistakes_are_explained(capsys, tmp_path, words, message):
    code, _, err = run(
        capsys,
        "render",
        "--simulator",
        "tdw",
        "--config",
        "00000000",
        *words,
        "-o",
        str(tmp_path / "set"),
    )
    assert code == 2
    assert "Traceback" not in err
    assert message in err


def test_the_former_option_of_assets_is_refused_with_the_new_one(capsys, tmp_path):
    code, _, err = run(
        capsys, "render", "--simulator", "tdw", "--assets", "paper", "--config", "00000000",
        "-o", str(tmp_path / "set"),
    )  # fmt: skip
    assert code == 2
    assert "-O assets=" in err


def test_a_dataset_from_the_command_line(capsys, tmp_path, monkeypatch):
    for name in ("tdw", "zmq", "flatbuffers"):
        pytest.importorskip(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    build = f"{sys.executable} -m tests.simulators.tdw.double --port {{port}}"
    code, out, err = run(
        capsys, "render", "--simulator", "tdw", "-O", "assets=paper", "-O", f"build={build}",
        "-O", "start_timeout=90", "-O", "objects=subset", "--config", "01101101", "--classes", "2",
        "--images-per-class", "6", "--size", "32", "--format", "imagefolder",
        "-o", str(tmp_path / "set"),
    )  # fmt: skip
    assert code == 0, err
    assert "12 images in" in out
    assert len(list((tmp_path / "set" / "train").glob("n*/*.jpg"))) == 12
