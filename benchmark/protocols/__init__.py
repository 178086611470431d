"""Evaluation protocols at work: from a backbone and a task's images to predictions and accuracy.

:func:`benchmark.protocols.evaluate.evaluate` is the one entrance; the names, versions and fixed
hyperparameters of the protocols stand in :mod:`benchmark.protocols.registry`.
"""
