"""Small requests of the toy simulator."""

import pytest

from benchmark.rendering.request import DatasetRequest
from benchmark.simulators.registry import find_simulator
from benchmark.space import PAPER_SPACE


@pytest.fixture(scope="session")
def make_request():
    def make(config="01101101", categories=("disc", "pair", "clover"), **changes):
        settings = {"images_per_class": 10, "size": 16, "shard_size": 8, **changes}
        return DatasetRequest(
            settings.pop("simulator", None) or find_simulator("toy"),
            PAPER_SPACE.parse(config),
            tuple(categories),
            **settings,
        )

    return make
