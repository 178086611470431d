"""ImageNet subset: pre-training on as many real images (Task2Sim, section 5.1, "Imagenet*")."""

from __future__ import annotations

from baselines.live_only import LiveOnly


class ImageNetSubset(LiveOnly):
    """A network pre-trained on a subset of ImageNet with the same classes x images budget."""

    pretraining = "real-images"
