import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidFileError, InvalidInputError, StorageError
from benchmark.core.files import (
    canonical_json,
    digest,
    held,
    inside,
    scratch_folder,
    write_atomically,
    write_bytes,
    write_text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_digest_ignores_the_order_of_keys(value):
    assert digest(value) == digest(dict(reversed(list(value.items()))))


def test_canonical_json_is_compact_and_sorted():
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'.encode()


def test_canonical_json_refuses_objects():
    with pytest.raises(InvalidInputError, match="JSON"):
        canonical_json({"a": object()})


def test_a_failed_write_leaves_the_old_file_and_no_scratch(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def explode(scratch: Path) -> None:
        scratch.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        write_atomically(path, explode)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_while_writing_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def interrupt(scratch: Path) -> None:
        scratch.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupt)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("relative", ["../x", "/etc/passwd", "a/../../x"])
def test_paths_stay_inside(tmp_path: Path, relative: str):
    with pytest.raises(InvalidInputError, match="not a path inside"):
        inside(tmp_path, relative)


def test_links_may_not_lead_out(tmp_path: Path):
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(InvalidInputError, match="not a path inside"):
        inside(tmp_path, "link/passwd")


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "[" * 1000 + "]" * 1000])
def test_deep_json_is_a_fault(content, tmp_path: Path):
    from benchmark.core.files import json_value, read_model
    from benchmark.core.state import _Description

    (tmp_path / "a.json").write_text(f'{{"sha256": "", "facts": {{}}, "values": {{"a": {content}')
    with pytest.raises(InvalidFileError):
        read_model(tmp_path / "a.json", _Description, "")
    with pytest.raises(ValueError, match=r"levels|Expecting"):
        json_value(content.encode() + b"?")


def test_a_pipe_is_no_file_of_a_model(tmp_path: Path):
    import os

    from benchmark.core.files import read_model
    from benchmark.core.state import _Description

    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(InvalidFileError, match="pipe"):
        read_model(tmp_path / "a.json", _Description, "")


def test_pipes_and_devices_are_not_replaced(tmp_path: Path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(StorageError, match="pipe or device"):
            write_bytes(path, b"x")
        assert path.exists()
        assert not path.is_file()


def test_large_files_are_refused_by_their_size(tmp_path: Path):
    from benchmark.core.files import read_model
    from benchmark.core.state import _Description

    with (tmp_path / "a.json").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(InvalidFileError, match="larger than 33,554,432 bytes"):
        read_model(tmp_path / "a.json", _Description, "")


def test_a_folder_that_vanishes_while_it_is_held(tmp_path):
    folder = tmp_path / "out"
    with pytest.raises(StorageError, match="out vanished"), held(folder, "nobody"):
        shutil.rmtree(folder)
    with held(folder, "nobody"):
        pass
    assert list(folder.iterdir()) == []


def test_temporary_files_of_killed_processes_are_swept(tmp_path):
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from benchmark.core.files import write_atomically\n"
        "write_atomically(Path(sys.argv[1]), lambda path: os.kill(os.getpid(), 9))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "first")], check=False)
    (left,) = tmp_path.iterdir()
    other = tmp_path / "notes.tmp"
    other.write_text("")
    with scratch_folder(tmp_path, "in-use-") as scratch:
        assert not left.exists()
        code = "import sys\nfrom pathlib import Path\nfrom benchmark.core.files import write_text\n"
        code += "write_text(Path(sys.argv[1]), 'text')\n"
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "second")], check=True)
        assert scratch.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"second", "notes.tmp"}
