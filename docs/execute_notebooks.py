"""Execute the notebooks of this folder: ``python docs/execute_notebooks.py [--check]``.

Every notebook is executed from the first cell and written with its outputs. With ``--check``
nothing is written; outputs that differ from the file are errors, except for pictures, which depend
on the version of matplotlib.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
_TIMEOUT = 600  # seconds per cell


def execute(path: Path) -> Any:  # noqa: ANN401 - nbformat has no types
    """Return the notebook with the outputs of a fresh kernel, which runs in an empty folder."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=_TIMEOUT, resources={"metadata": {"path": folder}}
        ).execute()
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
    return notebook


def texts(notebook: Any) -> list[list[Any]]:  # noqa: ANN401
    """Return the outputs of every code cell, without pictures."""
    return [
        [
            {kind: text for kind, text in output.get("data", {}).items() if kind != "image/png"}
            or output.get("text")
            for output in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def main() -> int:
    """Execute all notebooks; the exit code is 1 if a check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    different = 0
    for path in sorted(FOLDER.glob("*.ipynb")):
        made = execute(path)
        if not check:
            nbformat.write(made, path)
        elif texts(made) != texts(nbformat.read(path, as_version=4)):
            sys.stderr.write(f"{path}: outputs differ. Run: python {__file__}\n")
            different = 1
    return different


if __name__ == "__main__":
    sys.exit(main())
