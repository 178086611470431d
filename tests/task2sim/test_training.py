import importlib.util
from pathlib import Path


def _load_examples():
    path = Path(__file__).with_name("examples.py")
    spec = importlib.util.spec_from_file_location("task2sim_examples", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
