"""Measure the method portfolio over k on the released table.

``python docs/make_portfolio_curve.py`` writes ``docs/portfolio.csv`` and the picture
``docs/images/portfolio.svg``.
"""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from benchmark.core.files import write_text
from benchmark.runs.execution import execute, make_plan
from benchmark.runs.plan import MethodSpec, RunRequest, Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.runs.record import Record

DOCS = Path(__file__).parent
SPLITS = (Split.SEEN, Split.UNSEEN, Split.LEAVE_ONE_TASK_OUT)
REFERENCES = ("single-best", "nearest-task", "oracle")
KS = (*range(1, 13), 16, 20)


def measure() -> dict[str, dict[str, float]]:
    """Mean accuracy in percent by k or reference, then by split."""
    names = [*map(str, KS), *REFERENCES]
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for split in SPLITS:
        specs = [MethodSpec("portfolio", {"k": str(k)}) for k in KS]
        records = _run([*specs, *map(MethodSpec, REFERENCES)], split)
        for name in names:
            values = [r.accuracy for r in records if _name(r) == name and r.accuracy is not None]
            found[name][str(split)] = mean(values)
    return found


def _run(specs: list[MethodSpec], split: Split) -> list[Record]:
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as folder:
        request = RunRequest(tuple(specs), split, "released", seeds=(0,), output=Path(folder))
        execute(make_plan(request), records.append)
    return records


def _name(record: Record) -> str:
    options = record.method.options
    return str(options["k"]) if record.method.name == "portfolio" else record.method.name


def table_text(found: dict[str, dict[str, float]]) -> str:
    """The figures as CSV."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["k", *map(str, SPLITS)])
    for name, row in found.items():
        writer.writerow([name, *(f"{row[str(split)]:.3f}" for split in SPLITS)])
    return stream.getvalue()


def draw(found: dict[str, dict[str, float]]) -> Figure:
    """One panel per split: the curve over k, and the references as lines."""
    from matplotlib.figure import Figure

    from benchmark.plots.style import BLUE, GREEN, GREY, RED

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for number, split in enumerate(SPLITS, start=1):
        axes = figure.add_subplot(1, 3, number)
        values = [found[str(k)][str(split)] for k in KS]
        axes.plot(KS, values, "o-", color=BLUE, markersize=4, label="portfolio of k")
        for name, colour, dashes in zip(
            REFERENCES, (RED, GREEN, GREY), ("--", ":", "-."), strict=True
        ):
            axes.axhline(found[name][str(split)], color=colour, linestyle=dashes, label=name)
        axes.set_title(str(split).replace("-", " "))
        axes.set_xlabel("k")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean accuracy (%)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def main() -> None:
    """Measure and write."""
    from benchmark.plots.style import save_picture

    found = measure()
    write_text(DOCS / "portfolio.csv", table_text(found))
    save_picture(DOCS / "images" / "portfolio.svg", lambda: draw(found))


if __name__ == "__main__":
    main()
