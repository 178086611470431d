"""Scratch: no pre-training at all (Task2Sim, section 5.1; the paper reports fine-tuning only)."""

from __future__ import annotations

from baselines.live_only import LiveOnly


class Scratch(LiveOnly):
    """A randomly initialised network, fine-tuned."""

    pretraining = "none"
    protocols = ("finetune",)


class Untrained(LiveOnly):
    """A randomly initialised network under every protocol.

    What frozen random features are worth: a reference that the paper does not have.
    """

    pretraining = "none"
