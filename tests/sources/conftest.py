from tests.pipeline.conftest import tiny_profile  # noqa: F401 - a fixture
