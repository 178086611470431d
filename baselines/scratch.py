"""Scratch: no pre-training at all (Task2Sim, section 5.1; the paper reports fine-tuning only)."""

from __future__ import annotations

from baselines.live_only import LiveOnly


class Scratch(LiveOnly):
    """A randomly initialised network."""

    pretraining = "none"
