import pytest
import torch

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.pretraining import devices
from benchmark.pretraining.devices import resolve_device, resolve_precision
from benchmark.pretraining.errors import DeviceMemoryError, memory_guard

CPU = torch.device("cpu")


def test_devices_by_name(monkeypatch):
    assert resolve_device("cpu") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto", local_rank=1) == torch.device("cuda:1")
    with pytest.raises(UnavailableError, match=r"'cuda:2'.* 2 GPUs"):
        resolve_device("cuda:2")
    with pytest.raises(InvalidInputError, match="'gpu'"):
        resolve_device("gpu")


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("flags : fpu avx512_bf16 sse", torch.bfloat16),
        ("flags : fpu avx512f", torch.float32),
        ("Features : fp asimd bf16", torch.bfloat16),
        ("", torch.float32),
    ],
)
def test_bfloat16_where_the_processor_multiplies_it(monkeypatch, flags, dtype):
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    monkeypatch.setattr(devices.Path, "read_text", lambda *_, **__: f"processor : 0\n{flags}\n")
    assert resolve_precision("auto", CPU) == dtype
    assert resolve_precision("float32", CPU) == torch.float32
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16


def test_other_systems_take_float32(monkeypatch):
    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    assert resolve_precision("auto", CPU) == torch.float32


def test_exhausted_memory_suggests_half_the_batch():
    with (
        pytest.raises(DeviceMemoryError, match=r"64 images.* batch size of 32"),
        memory_guard(64, CPU),
    ):
        torch.empty(2**55)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("out"), MemoryError(), RuntimeError("CUDA out of memory.")]
)
def test_other_forms_of_exhausted_memory(error):
    with pytest.raises(DeviceMemoryError, match="smaller images"), memory_guard(2, CPU):
        raise error


def test_other_errors_pass_the_guard():
    with pytest.raises(RuntimeError, match="shapes"), memory_guard(64, CPU):
        torch.zeros(2, 3) @ torch.zeros(2, 3)
