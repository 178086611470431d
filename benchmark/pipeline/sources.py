"""What a backbone of live scoring is pre-trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benchmark.space import Configuration


@dataclass(frozen=True)
class Source:
    """What a backbone is pre-trained on.

    Attributes:
        kind: ``rendered`` images, ``real-images``, or ``none``: random weights.
        configuration: Of rendered images.
    """

    kind: Literal["rendered", "real-images", "none"]
    configuration: Configuration | None = None

    @property
    def label(self) -> str:
        """A few words for listings.

        Example:
            >>> Source("none").label
            'untrained'
        """
        words = {"real-images": "real images", "none": "untrained"}
        return words.get(self.kind, f"configuration {self.configuration}")
