from tests.live.conftest import tiny_data

__all__ = ["tiny_data"]
