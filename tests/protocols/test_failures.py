import pytest
import torch

from benchmark.core.errors import UnavailableError
from benchmark.protocols.failures import DeviceMemoryError, memory_guard

CPU = torch.device("cpu")


def test_real_exhaustion_suggests_half_the_batch():
    sentence = "Expected a batch of 64 images .* memory of cpu, .* Try a batch size of 32."
    with pytest.raises(DeviceMemoryError, match=sentence), memory_guard(64, CPU):
        torch.empty(1 << 55)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_other_forms_of_exhaustion(error):
    with pytest.raises(UnavailableError, match="Use smaller images"), memory_guard(2, CPU):
        raise error


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="must match"), memory_guard(2, CPU):
        torch.ones(2) + torch.ones(3)
