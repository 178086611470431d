"""The probe that comes with the package, so that vectors compare wherever they were computed.

A probe that every machine pre-trains for itself has other weights on every kind of machine. This
one is ``suite_probe(ProbeRequest())``, made once, its weights rounded to 16 bits; the script
``docs/make_probe.py`` makes such a file anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from benchmark.core.errors import InvalidFileError
from benchmark.core.files import sha256_file, write_atomically
from benchmark.pretraining.backbone_io import BackboneCard, portable, weights_digest
from benchmark.pretraining.networks import build_backbone
from benchmark.task2vec.probe import make_probe

if TYPE_CHECKING:
    from benchmark.pretraining.backbone_io import PretrainedBackbone
    from benchmark.task2vec.probe import Probe

PATH = Path(__file__).parent / "probe.safetensors"
SHA256 = "88dbf76c9c75c9367d3ee0404f4d61f88cc4a8bb528eaa8013ab0e22bdc88f8d"

_CARD = "t2sbench.probe"


def packaged_probe() -> Probe:
    """The probe of the package: ``mini-resnet`` at 32 pixels, 2,240 filters.

    Raises:
        InvalidFileError: When the installed file is not the one that was shipped.
    """
    try:
        found = sha256_file(PATH)
    except OSError:
        found = "missing"
    if found != SHA256:
        raise InvalidFileError(
            PATH, [f"sha256 is {found}, but {SHA256} was shipped"], "Install t2sbench again."
        )
    with safe_open(PATH, framework="pt") as stream:
        card = BackboneCard.model_validate_json(stream.metadata()[_CARD])
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    backbone = build_backbone(card.network, card.seed, drop_path=card.drop_path)
    wanted = backbone.state_dict()
    backbone.load_state_dict({name: t.to(wanted[name].dtype) for name, t in tensors.items()})
    origin = (
        f"comes with the package; pre-trained on {card.images:,} rendered images of "
        f"{card.classes} classes"
    )
    return make_probe(backbone, f"packaged {card.network}", origin, card.image_size, card)


def write_probe(made: PretrainedBackbone, path: Path) -> str:
    """Write a backbone as the package holds its probe; SHA-256 of the file.

    Filters are rounded to 16 bits, statistics and offsets are kept.
    """
    state = portable(made.backbone.state_dict())
    small = {n: t.half() if t.ndim > 1 else t for n, t in state.items()}
    rounded = build_backbone(made.card.network, made.card.seed, drop_path=made.card.drop_path)
    rounded.load_state_dict({n: t.to(state[n].dtype) for n, t in small.items()})
    if not all(torch.isfinite(tensor).all() for tensor in small.values()):
        raise InvalidFileError(
            path, ["weights are too large for 16 bits"], "Keep them as they are."
        )
    card = made.card.model_copy(update={"weights_sha256": weights_digest(rounded)})
    metadata = {_CARD: card.model_dump_json()}
    write_atomically(path, lambda scratch: save_file(small, scratch, metadata))
    return sha256_file(path)
