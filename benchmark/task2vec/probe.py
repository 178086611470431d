"""The probe network: whose Fisher information describes tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from benchmark.core.files import digest
from benchmark.pretraining.backbone_io import BackboneCard, Sha256, weights_digest
from benchmark.pretraining.networks import DropPathNorm
from benchmark.task2vec.fisher import filter_weights

if TYPE_CHECKING:
    from benchmark.pretraining.networks import Backbone

Positive = Annotated[int, Field(ge=1)]


class ProbeCard(BaseModel):
    """What embeddings must say of the probe: they compare only when it is the same.

    Attributes:
        name: A few words.
        network: Name of the backbone.
        origin: Where its weights come from, one sentence.
        image_size: Side of the images that it is shown, in pixels.
        dimension: Length of an embedding.
        weights_sha256: Digest of the weights.
        pretraining: Card of a backbone that the suite pre-trained, else None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    network: str
    origin: str
    image_size: Positive
    dimension: Positive
    weights_sha256: Sha256
    pretraining: BackboneCard | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of all that embeddings depend on: weights and image size."""
        return digest([self.network, self.weights_sha256, self.image_size])


@dataclass(frozen=True, eq=False)
class Probe:
    """A pre-trained backbone and its card."""

    backbone: Backbone
    card: ProbeCard

    @property
    def dimension(self) -> int:
        """Length of an embedding: 9,600 for a ResNet-18."""
        return self.card.dimension


def make_probe(
    backbone: Backbone,
    name: str,
    origin: str,
    image_size: int,
    pretraining: BackboneCard | None = None,
) -> Probe:
    """A probe of a backbone, which from then on drops no paths.

    Example:
        >>> from benchmark.pretraining.networks import build_backbone
        >>> make_probe(build_backbone("mini-resnet", 0), "random", "random weights", 32).dimension
        2240
    """
    for module in backbone.modules():
        if isinstance(module, DropPathNorm):
            module.drop_path = 0.0
    card = ProbeCard(
        name=name,
        network=backbone.name,
        origin=origin,
        image_size=image_size,
        dimension=sum(len(weight) for weight in filter_weights(backbone.trunk).values()),
        weights_sha256=weights_digest(backbone),
        pretraining=pretraining,
    )
    return Probe(backbone.eval(), card)
