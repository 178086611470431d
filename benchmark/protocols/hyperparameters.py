"""Learning rate, batch size and weight decay of every task.

They are the released code's best values per task (its linear and fine-tuning configurations), and
stand in ``tasks.yaml`` with everything else about a task, read and checked by
:mod:`benchmark.tasks.registry`. How they were searched is not published.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from benchmark.tasks.registry import Hyperparameters, load_tasks

if TYPE_CHECKING:
    from benchmark.tasks.registry import TaskRegistry


def hyperparameters_of(
    task: str, *, stands_in_for: str | None = None, registry: TaskRegistry | None = None
) -> Hyperparameters:
    """Training settings of a task.

    Args:
        task: Its name. A task that the registry lacks has the release's most frequent settings:
            learning rate 0.01, batches of 128, no weight decay.
        stands_in_for: The task in whose place it is scored: its settings are taken.
        registry: Where to look; by default the official tasks.

    Raises:
        UnknownNameError: When the registry lacks ``stands_in_for``.

    Example:
        >>> hyperparameters_of("Omniglot").finetune
        Training(lr=0.1, batch_size=128, weight_decay=1e-05)
        >>> hyperparameters_of("TrashNet", stands_in_for="FMD").linear.batch_size
        32
        >>> hyperparameters_of("my-fruit") == Hyperparameters()
        True
    """
    tasks = registry if registry is not None else _official()
    if stands_in_for is not None:
        return tasks[stands_in_for].hyperparameters
    return tasks[task].hyperparameters if task in tasks else Hyperparameters()


@functools.cache
def _official() -> TaskRegistry:
    return load_tasks()
