"""Contact sheet of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError
from benchmark.rendering.sheets import Row, compose

if TYPE_CHECKING:
    from PIL.Image import Image

    from benchmark.sources.interface import Amount
    from benchmark.sources.registry import NamedSource
    from benchmark.tasks.task_data import TaskData


def source_sheet(
    source: NamedSource,
    amount: Amount,
    seed: int = 0,
    task: TaskData | None = None,
    title: str | None = None,
) -> Image:
    """Draw a sheet of a source: a row for each category.

    Args:
        source: The source.
        amount: Categories (rows), images of each (columns), and their size.
        seed: Seed of the data set.
        task: Downstream task, for a source that depends on it.
        title: Title of the sheet; by default source, task and seed.

    Raises:
        InvalidInputError: If the source needs a task, or cannot give the amount.
    """
    if source.images.per_task and task is None:
        raise InvalidInputError(
            f"Source '{source.name}' takes other images for each task. Name one with --task."
        )
    source.images.check(amount)
    used = task if source.images.per_task else None
    images = source.images.draw(amount, seed, used)
    rows = [Row(f"category {k}", list(found)) for k, found in enumerate(images, start=1)]
    name = source.name if used is None else f"{source.name} for {used.name}"
    return compose(title or f"{name}, seed {seed}", rows, amount.size)
