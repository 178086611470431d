import json

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.state import load_state, save_state

STATE = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "counts": np.array(3),
    "names": ["CUB", "DTD"],
    "rate": 0.1,
}


def test_a_state_is_read_back(tmp_path):
    save_state(tmp_path / "a", STATE, {"seed": 1})
    state, facts = load_state(tmp_path / "a", "")
    assert facts == {"seed": 1}
    assert state.keys() == STATE.keys()
    assert (state["names"], state["rate"]) == (["CUB", "DTD"], 0.1)
    for name in ("weights", "counts"):
        np.testing.assert_array_equal(state[name], STATE[name])
        assert state[name].dtype == STATE[name].dtype


def test_equal_states_give_equal_bytes(tmp_path):
    save_state(tmp_path / "a", STATE, {"z": 1, "a": 2})
    save_state(tmp_path / "b", dict(reversed(STATE.items())), {"a": 2, "z": 1})
    for file in ("state.json", "state.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_changed_number_is_noticed(tmp_path):
    save_state(tmp_path, STATE, {})
    path = tmp_path / "state.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match="sha256"):
        load_state(tmp_path, "")


@pytest.mark.parametrize("file", ["state.json", "state.safetensors"])
def test_a_missing_file_is_named(tmp_path, file):
    save_state(tmp_path, STATE, {})
    (tmp_path / file).unlink()
    with pytest.raises(InvalidFileError, match=file):
        load_state(tmp_path, "")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\xff", '{"format_version": 2}'])
def test_another_description_is_refused(tmp_path, text):
    save_state(tmp_path, STATE, {})
    (tmp_path / "state.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidFileError, match=r"state\.json"):
        load_state(tmp_path, "Train again.")


def test_a_pickle_is_refused(tmp_path):
    from benchmark.core.files import sha256_bytes

    save_state(tmp_path, STATE, {})
    (tmp_path / "state.safetensors").write_bytes(b"\x80\x04N.")
    path = tmp_path / "state.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"sha256": sha256_bytes(b"\x80\x04N.")})
    )
    with pytest.raises(InvalidFileError, match="safetensors"):
        load_state(tmp_path, "")


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), np.array([object()])])
def test_other_values_are_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(InvalidInputError, match=r"bad|JSON"):
        save_state(tmp_path, {"bad": value}, {})
    assert not list(tmp_path.iterdir())
