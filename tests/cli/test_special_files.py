"""Pipes, sockets and devices instead of files: an error at once, never a wait."""

import os
import signal
import socket

import pytest

from benchmark.cli.main import main

COMMANDS = [
    "run -m random --table card",
    "run -m random --tasks-file {}",
    "run -m random --plugin {}",
    "run -m random --live --profile {}",
    "run -m random -o folder",
    "select -m single-best --task2vec {}",
    "data adopt {} --task USPS",
    "data prepare USPS --from {}",
    "data prepare USPS --from usps",
    "data prepare SVHN --from svhn",
    "data prepare CUB --from cub",
    "data prepare ISIC --from isic",
    "pretrain --data {} -o out",
    "submit check {}",
    "table check card",
    "taxonomy affinity --samples {}",
    "taxonomy solve --budget 1 --transfers {}",
    "taxonomy solve --budget 1 --cost {}",
    "render --config 00000000 -o card",
    "verify card",
    "leaderboard build --records {} -o out",
    "leaderboard build --records folder -o out",
    "compare folder folder",
    "report folder",
    "status folder",
]
PIPES = [
    *("folder/records.jsonl", "card/card.json", "card/manifest.json"),
    *("usps/usps.bz2", "usps/usps.t.bz2", "svhn/train_32x32.mat", "svhn/test_32x32.mat"),
    *("cub/images.txt", "cub/train_test_split.txt"),
    "isic/ISIC2018_Task3_Training_GroundTruth.csv",
]


@pytest.fixture
def special(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "isic/ISIC2018_Task3_Training_Input").mkdir(parents=True)
    for name in (*PIPES, "pipe.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
    with socket.socket(socket.AF_UNIX) as place:
        place.bind("socket")

    def expire(*_):
        raise TimeoutError("the command waits")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["pipe.parquet", "socket", "/dev/zero"])
def test_special_files_are_refused(special, capsys, command, name):
    if name != "pipe.parquet" and "{}" not in command:
        return
    assert main(command.format(name).split()) in (2, 4)
    out = capsys.readouterr()
    assert "Traceback" not in out.err + out.out
    assert "Error" in out.err
