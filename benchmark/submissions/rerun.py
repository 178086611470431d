"""Comparison of a submission with a rerun of its code, under other names of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidFileError, InvalidInputError, T2SBenchError
from benchmark.methods import Mixture
from benchmark.runs.scoring import read_decision
from benchmark.submissions.bundle import Rerun, decide, disguise, make_bundle

if TYPE_CHECKING:
    from benchmark.methods import Decision
    from benchmark.submissions.checks import Checked

# Probabilities of a mixture may differ by the rounding of sums taken in another order.
_TOLERANCE = 1e-9
_SHOWN = 20


def check_rerun(checked: Checked) -> Rerun:
    """Run the code of a submission again, isolated, and require the same decisions.

    Raises:
        InvalidFileError: With the cells that differ.
        InvalidInputError: When the code is absent, is not the submitted one, or fails.
    """
    rerun = decide(make_bundle(checked), checked.folder)
    if differences(checked, rerun, disguise(checked.context.table.tasks)):
        same = decide(make_bundle(checked, rename=False), checked.folder)
        names = {name: name for name in checked.context.table.tasks}
        cause = (
            "It decides otherwise with the names and order unchanged, too: code, options or "
            "versions differ from the submitted ones, or it draws numbers outside 'rng'."
            if differences(checked, same, names)
            else "With the names and order unchanged it agrees: the method depends on task names "
            "or on the order of the tasks. Use their embeddings and rewards only."
        )
        require_same(checked, rerun, cause)
    return rerun


def require_same(checked: Checked, rerun: Rerun, cause: str = "") -> None:
    """Require that a rerun made the decisions of a submission, with as many queries.

    Args:
        checked: A submission without faults.
        rerun: Decisions of its bundle.
        cause: Last line of the message.

    Raises:
        InvalidFileError: With the cells that differ.
        InvalidInputError: For decisions of another bundle.
    """
    if rerun.bundle != make_bundle(checked).digest:
        raise InvalidInputError(
            f"These decisions are of another bundle than that of {checked.submission.id}. Run "
            "'submit bundle' and 'submit decide' again."
        )
    found = differences(checked, rerun, disguise(checked.context.table.tasks))
    if found:
        more = len(found) - _SHOWN
        faults = [*found[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise InvalidFileError(f"the rerun of {checked.submission.id}", faults, cause)


def differences(checked: Checked, rerun: Rerun, names: dict[str, str]) -> list[str]:
    """Return the cells in which a rerun differs from a submission.

    Args:
        checked: The submission.
        rerun: Decisions of the rerun.
        names: Names of the tasks in the rerun.

    Returns:
        One text per cell, in the submission's order.
    """
    space = checked.context.table.space
    again = {(one.task, one.seed): one for one in rerun.decisions}
    found = []
    for item in checked.submission.decisions:
        second = again.get((names[item.task], item.seed))
        if second is None:
            found.append(f"{item}: the rerun has no decision")
            continue
        try:
            pair = read_decision(space, item), read_decision(space, second)
        except T2SBenchError as error:
            found.append(f"{item}: rerun: {error}")
            continue
        if not _same(*pair):
            found.append(f"{item}: submitted {_shown(pair[0])}, rerun {_shown(pair[1])}")
        elif item.queries != second.queries:
            found.append(f"{item}: submitted {item.queries} queries, rerun {second.queries}")
    return found


def _same(first: Decision, second: Decision) -> bool:
    if isinstance(first, Mixture) and isinstance(second, Mixture):
        return np.allclose(first.probabilities, second.probabilities, rtol=0, atol=_TOLERANCE)
    return first == second


def _shown(decision: Decision) -> str:
    return "a mixture" if isinstance(decision, Mixture) else str(decision)
