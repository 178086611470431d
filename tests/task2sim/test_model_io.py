import json

import numpy as np
import pytest

from benchmark.core.errors import InvalidFileError, InvalidInputError
from task2sim.config import RELEASED
from task2sim.draws import draw_layers
from task2sim.model_io import load_policy, save_policy
from task2sim.policy import Policy


@pytest.fixture
def policy(made_up):
    space = made_up.space_of(2, 3)
    layers = draw_layers(np.random.default_rng(0), (12, 5, 5, 5))
    return Policy(space, *(array for layer in layers for array in (layer.weights, layer.biases)))


def test_what_was_saved_is_read_back(policy, tmp_path):
    save_policy(policy, tmp_path, {"tasks": ["CUB"]}, training=RELEASED, seed=7)
    found = load_policy(tmp_path)
    assert found.policy.space == policy.space
    assert (found.training, found.seed, found.metadata) == (RELEASED, 7, {"tasks": ["CUB"]})
    for name, array in policy.arrays().items():
        np.testing.assert_array_equal(getattr(found.policy, name), array)


def test_equal_policies_give_equal_bytes(policy, tmp_path):
    for name in ("a", "b"):
        save_policy(policy, tmp_path / name, {"z": 1, "a": 2})
    for file in ("policy.json", "policy.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert load_policy(tmp_path / "a").training is None


def test_a_changed_weight_is_noticed(policy, tmp_path):
    save_policy(policy, tmp_path)
    path = tmp_path / "policy.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match="sha256"):
        load_policy(tmp_path)


@pytest.mark.parametrize("file", ["policy.json", "policy.safetensors"])
def test_a_missing_file_is_named(policy, tmp_path, file):
    save_policy(policy, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(InvalidFileError, match=file):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format_version"),
        ({"extra": 1}, "extra"),
        ({"metadata": 3}, "metadata"),
        ({"seed": "x"}, "seed"),
        ({"training": {"epochs": 3}}, "batch_size"),
        ({"training": 3}, "training"),
        ({"space": [{"name": "p0"}]}, "not a policy's space and training"),
        ({"space": [{"name": "p0", "levels": ["a", "b"]}]}, "head_weights"),
    ],
)
def test_a_changed_description_is_refused(policy, tmp_path, change, message):
    save_policy(policy, tmp_path)
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InvalidFileError, match=message):
        load_policy(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\xff"])
def test_what_is_no_description_is_refused(policy, tmp_path, text):
    save_policy(policy, tmp_path)
    (tmp_path / "policy.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidFileError):
        load_policy(tmp_path)


def test_weights_that_are_no_safetensors_are_refused(policy, tmp_path):
    from benchmark.core.files import sha256_bytes

    save_policy(policy, tmp_path)
    (tmp_path / "policy.safetensors").write_bytes(b"\x80\x04N.")
    path = tmp_path / "policy.json"
    changed = {**json.loads(path.read_text()), "sha256": sha256_bytes(b"\x80\x04N.")}
    path.write_text(json.dumps(changed))
    with pytest.raises(InvalidFileError, match="not a safetensors file"):
        load_policy(tmp_path)


def test_metadata_that_is_not_json_is_refused_before_anything_is_written(policy, tmp_path):
    with pytest.raises(InvalidInputError, match="JSON"):
        save_policy(policy, tmp_path, {"bad": object()})
    assert not list(tmp_path.iterdir())
