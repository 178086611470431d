"""Numbers by task, such as importances and costs, as YAML files: ``CUB: 2.0``, one a line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from benchmark.core.errors import InvalidFileError, did_you_mean
from benchmark.core.yaml_files import Fault, read_document


def read_numbers(path: Path, known: Collection[str]) -> dict[str, float]:
    """Read one number per task.

    Args:
        path: YAML file, a mapping from names to numbers.
        known: Names that may occur.

    Returns:
        The numbers of the tasks that the file names.

    Raises:
        InvalidFileError: With all faults and their lines: no mapping, unknown names, repeated
            names, numbers that are negative or none.
    """
    document = read_document(path)
    if not isinstance(document.value, dict):
        raise InvalidFileError(path, ["expected lines like 'CUB: 2.0', but got something else"])
    faults = []
    for name, value in document.value.items():
        line = document.line((name,))
        if name not in known:
            hint = did_you_mean(name, sorted(known))
            faults.append(Fault(line, f"unknown task '{name}'. {hint or 'Remove it.'}"))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < float("inf"):
            faults.append(Fault(line, f"'{name}': expected a number, 0 or more, but got '{value}'"))
    document.refuse(faults)
    return {name: float(value) for name, value in document.value.items()}
