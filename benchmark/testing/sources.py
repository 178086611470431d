"""Tests that every source of images must pass; inherit them in a test suite.

Example:
    In ``test_my_source.py``, run by pytest::

        from benchmark.testing import SourceContract
        from my_package import MySource


        class TestMySource(SourceContract):
            def make(self):
                return MySource()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InvalidInputError
from benchmark.core.files import canonical_json
from benchmark.sources.interface import Amount, ImageSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.tasks.task_data import TaskData

_AMOUNT = Amount(classes=3, images_per_class=5, size=24)


def _require(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


class SourceContract:
    """Contract of a source; each ``test_`` method checks one rule.

    Override :meth:`make`, and :meth:`task` if the source is ``per_task``.
    """

    def make(self) -> ImageSource:
        """A fresh source.

        Raises:
            NotImplementedError: Until a subclass overrides it.
        """
        raise NotImplementedError("Override make: return a source.")

    def task(self) -> TaskData | None:
        """Task of a source that is ``per_task``."""
        return None

    def drawn(self, amount: Amount = _AMOUNT, seed: int = 0) -> list[NDArray[np.uint8]]:
        """Images of a fresh source, by category."""
        source = self.make()
        source.check(amount)
        return list(source.draw(amount, seed, self.task() if source.per_task else None))

    def test_it_gives_the_amount(self) -> None:
        """As many categories and images as asked for, as uint8 RGB squares."""
        for amount in (_AMOUNT, Amount(2, 1, 33)):
            found = self.drawn(amount)
            wanted = (amount.images_per_class, amount.size, amount.size, 3)
            _require(len(found) == amount.classes, f"draw must yield {amount.classes} arrays.")
            for images in found:
                _require(images.dtype == np.uint8, f"Images must be uint8 (got {images.dtype}).")
                _require(images.shape == wanted, f"Shape must be {wanted} (got {images.shape}).")

    def test_the_same_arguments_give_the_same_bytes(self) -> None:
        """Also after other random numbers were drawn in the process."""
        first = self.drawn()
        np.random.default_rng().random()
        again = self.drawn()
        same = all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        _require(same, "Equal arguments must give equal images: draw from a generator of the seed.")

    def test_seeds_differ(self) -> None:
        """Another seed gives other images."""
        pairs = zip(self.drawn(seed=0), self.drawn(seed=1), strict=True)
        _require(
            not all(np.array_equal(a, b) for a, b in pairs), "Seeds must give different images."
        )

    def test_images_differ(self) -> None:
        """Images of a category differ, and so do categories."""
        found = self.drawn()
        unique = {image.tobytes() for images in found for image in images}
        _require(len(unique) > len(found), "Images of a category must not all be equal.")

    def test_it_is_described(self) -> None:
        """Version and licence are texts, the identity is JSON, and the class has a docstring."""
        source = self.make()
        _require(source.version and isinstance(source.version, str), "version must be a text.")
        _require(isinstance(source.licence, str), "licence must be a text.")
        _require(type(source).__doc__, "The class needs a docstring, for 't2sbench show'.")
        canonical_json(source.identity())

    def test_an_amount_beyond_memory_is_refused(self) -> None:
        """Before any memory is allocated."""
        try:
            self.make().check(Amount(2, 10**9, 1024))
        except InvalidInputError:
            return
        raise AssertionError("check must refuse a category of 3 PiB: call super().check(amount).")
