"""Measured values beside those of a table that has the same cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.runs.live_scorer import LiveScorer

if TYPE_CHECKING:
    from benchmark.runs.execution import Plan


@dataclass(frozen=True)
class Comparison:
    """How measured values differ from a table's.

    Attributes:
        cells: Cells that both have.
        equal: How many are equal.
        mean_difference: Measured minus cached, percentage points.
        largest: Largest difference without its sign.
    """

    cells: int
    equal: int
    mean_difference: float
    largest: float


def compare_live(plan: Plan) -> Comparison | None:
    """Compare a run's measured cells with its table; None when it has none of them."""
    from benchmark.runs.execution import existing_records

    scorer = plan.context.scorer
    assert isinstance(scorer, LiveScorer)  # noqa: S101 - asked for with --live
    records, _ = existing_records(plan.request.output)
    differences = []
    for record in records:
        chosen = record.decision.configuration if record.decision else None
        if record.cell not in plan.wanted or record.accuracy is None or chosen is None:
            continue
        configuration = plan.context.table.space.parse(chosen)
        cached = scorer.cached_value(record.task.name, configuration, record.seed)
        if cached is not None:
            differences.append(record.accuracy - cached)
    if not differences:
        return None
    return Comparison(
        len(differences),
        sum(abs(difference) < 1e-9 for difference in differences),
        sum(differences) / len(differences),
        max(map(abs, differences)),
    )
