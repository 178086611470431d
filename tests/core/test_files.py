from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import InvalidFileError, InvalidInputError, StorageError
from benchmark.core.files import canonical_json, digest, inside, write_atomically, write_text

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
