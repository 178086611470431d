"""Make the probe that comes with the package anew: ``python docs/make_probe.py [BACKBONE]``.

Without a file, the probe is rendered for and pre-trained first (about three minutes). Its weights
repeat on one kind of machine only; vectors of another probe do not compare with those of the last.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmark.core.store import CellStore
from benchmark.pretraining.backbone_io import PretrainedBackbone, load_backbone
from benchmark.task2vec.packaged import PATH, write_probe
from benchmark.task2vec.suite_probe import ProbeRequest, suite_probe


def main() -> None:
    """Write the file, and print what ``packaged.SHA256`` must be."""
    if len(sys.argv) > 1:
        made = load_backbone(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            probe = suite_probe(ProbeRequest(), CellStore(Path(scratch)), say=print)
        assert probe.card.pretraining is not None  # noqa: S101 - the suite's probes have one
        made = PretrainedBackbone(probe.backbone, probe.card.pretraining)
    sys.stdout.write(f"{write_probe(made, PATH)} {PATH.stat().st_size} bytes\n")


if __name__ == "__main__":  # rendering starts processes
    main()
