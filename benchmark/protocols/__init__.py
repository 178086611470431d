"""Evaluation protocols: from a backbone and a task's images to predictions and accuracy.

:func:`benchmark.protocols.evaluate.evaluate` runs a protocol; names, versions and fixed
hyperparameters are in :mod:`benchmark.protocols.registry`.
"""
