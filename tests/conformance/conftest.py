"""Fixtures of conformance tests."""

import pytest


@pytest.fixture
def one_thread():
    """Train on one thread: small networks are slower on several."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
