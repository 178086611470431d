"""ImageNet subset: pre-training on as many real images (Task2Sim, section 5.1, "Imagenet*")."""

from __future__ import annotations

from baselines.scratch import WithoutConfiguration


class ImageNetSubset(WithoutConfiguration):
    """A network pre-trained on a subset of ImageNet with the same classes x images budget."""

    pretraining = "real-images"
