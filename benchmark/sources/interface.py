"""Interface of sources of pre-training images.

A source is a class. Its constructor's keyword arguments are its options; a first argument
``real_images`` without a default receives the run's collection of real images. Sources register in
the entry-point group ``t2sbench.sources``; see ``docs/sources.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.tasks.task_data import TaskData

# Largest size of the images of one category, which are in memory together.
_MAX_BYTES = 2**31


@dataclass(frozen=True)
class Amount:
    """Number and size of the images of a data set.

    Attributes:
        classes: Number of categories.
        images_per_class: Images of each category.
        size: Side of the images in pixels.
    """

    classes: int
    images_per_class: int
    size: int

    def to_json(self) -> dict[str, int]:
        """Return all fields, for keys."""
        return asdict(self)


class ImageSource:
    """Base of sources.

    Attributes:
        version: Raised by the authors when the same inputs give other images.
        licence: Licence of the images; empty if it is not stated.
        per_task: True if the images depend on the downstream task, of which a source may use the
            training part only.
    """

    version: str = "1"
    licence: str = ""
    per_task: bool = False

    def identity(self) -> dict[str, Any]:
        """Return digests of all data that the images depend on, by name, as JSON values.

        Version, options, amount, seed and task are added by the harness.
        """
        return {}

    def check(self, amount: Amount) -> None:
        """Refuse an amount that the source cannot give; called before any work.

        Raises:
            InvalidInputError: If the images of one category take more than 2 GiB.
        """
        found = amount.images_per_class * amount.size**2 * 3
        if found > _MAX_BYTES:
            raise InvalidInputError(
                f"{amount.images_per_class:,} images of {amount.size} pixels take "
                f"{found / 2**30:.1f} GiB for each category; a source can give 2 GiB. Choose a "
                "profile with fewer images of a category, or smaller ones."
            )

    def draw(
        self, amount: Amount, seed: int, task: TaskData | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of one category after the other.

        The same arguments give the same bytes. All random numbers come from generators that are
        made here from ``seed``.

        Args:
            amount: Number and size of the images.
            seed: Seed of the data set.
            task: Downstream task; None unless the source is ``per_task``.

        Yields:
            uint8 ``(images_per_class, size, size, 3)``, ``classes`` times.
        """
        raise NotImplementedError
