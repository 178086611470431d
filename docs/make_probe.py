"""Make a probe for ``t2sbench task2vec --probe FILE``: ``python docs/make_probe.py -o FILE``.

Pre-trains a small network on rendered images (about three minutes on a core) or on the images of
a pack. Its weights repeat on one kind of machine only, and vectors of different probes do not
compare: share the file to share vectors. ``--half`` made the packaged probe.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from pyarrow import parquet
from safetensors.torch import save_file

from benchmark.core.errors import InvalidFileError, InvalidInputError
from benchmark.core.files import sha256_file, write_atomically
from benchmark.pretraining.backbone_io import (
    PretrainedBackbone,
    portable,
    save_backbone,
    weights_digest,
)
from benchmark.pretraining.networks import build_backbone, find_network
from benchmark.pretraining.pretrain import Execution, pretrain
from benchmark.pretraining.recipes import MINI
from benchmark.pretraining.training_set import TrainingSet
from benchmark.rendering.request import DatasetRequest, choose_categories
from benchmark.rendering.run import render_dataset
from benchmark.rendering.shards import shard_file
from benchmark.simulators.registry import find_simulator
from benchmark.task2vec.embedding import balanced_choice
from benchmark.task2vec.probe import PACKAGED_CARD_KEY
from benchmark.tasks.decoding import decode_images, read_rgb
from benchmark.tasks.pack import ImagePack, open_pack

# Objects stand upright in their own materials, at random distances, in random light, on random
# backgrounds. With all eight switches on, a network learns almost nothing from so few small images
# (loss 4.53 of 4.61 after seven epochs, against 3.01).
CONFIGURATION = "01111010"


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("probe.safetensors"),
    show_default=True,
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PACK.parquet",
    help="Train on the images of a pack.  [default: rendered images]",
)
@click.option("--network", default="mini-resnet", show_default=True)
@click.option("--size", type=click.IntRange(8), default=32, show_default=True, help="In pixels.")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--classes", type=click.IntRange(2), default=100, show_default=True)
@click.option("--images", type=click.IntRange(2), default=100, show_default=True, help="Per class.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--half", is_flag=True, help="Round filters to 16 bits, as in the packaged probe.")
def main(output: Path, data: Path | None, **given: Any) -> None:  # noqa: ANN401 - options
    """Pre-train a probe and write it."""
    network, epochs, size, seed = (given[n] for n in ("network", "epochs", "size", "seed"))
    find_network(network)  # before minutes of work
    if data is None:
        training = rendered_images(given["classes"], given["images"], size, seed)
    else:
        training = pack_images(open_pack(data), given["images"], size, seed)
    recipe = dataclasses.replace(
        MINI,
        name="probe",
        epochs=epochs,
        image_size=size,
        precision="float32",
        warmup_epochs=min(MINI.warmup_epochs, epochs / 4),
    )
    made = pretrain(
        training,
        network=network,
        recipe=recipe,
        seed=seed,
        execution=Execution(device=given["device"], curve=report),
    )
    (write_half if given["half"] else save_backbone)(made, output)
    sys.stdout.write(f"{output}: SHA-256 {sha256_file(output)}\n")


def rendered_images(classes: int, per_class: int, size: int, seed: int) -> TrainingSet:
    """Render images with the embedded simulator."""
    choice = find_simulator("gl")
    simulator = choice.build()
    request = DatasetRequest(
        choice,
        simulator.capabilities.space.parse(CONFIGURATION),
        choose_categories(simulator.assets(), classes),
        per_class,
        size=size,
        seed=seed,
    )
    encoded: list[bytes] = []
    labels: list[int] = []
    with tempfile.TemporaryDirectory(prefix="probe-") as scratch:
        # In other processes, as in the pipeline: OpenGL drivers and torch both contain LLVM.
        folder, workers = Path(scratch) / "images", max(2, len(os.sched_getaffinity(0)))
        render_dataset(request, folder, workers=workers)
        for number in range(request.n_shards):
            table = parquet.read_table(folder / shard_file(request, number))
            encoded += [image["bytes"] for image in table["image"].to_pylist()]
            labels += table["label"].to_pylist()
    pixels = np.stack([np.asarray(read_rgb(image)).transpose(2, 0, 1) for image in encoded])
    return TrainingSet(pixels, np.array(labels), len(request.categories))


def pack_images(pack: ImagePack, per_class: int, size: int, seed: int) -> TrainingSet:
    """Draw training images of a pack, evenly from its classes."""
    count, rng = pack.n_classes * per_class, np.random.default_rng(seed)
    rows = pack.train[balanced_choice(pack.labels[pack.train], count, rng)]
    if not len(rows):
        raise InvalidInputError(f"No training images in {pack.path}.")
    pixels = decode_images(pack, size, margin=1)
    return TrainingSet(np.asarray(pixels[rows]), pack.labels[rows], pack.n_classes)


def report(epoch: int, epochs: int, values: Mapping[str, float]) -> None:
    """Print the progress of an epoch."""
    sys.stderr.write(f"epoch {epoch} of {epochs}, loss {values['loss']:.2f}\n")


def write_half(made: PretrainedBackbone, path: Path) -> None:
    """Write filters in 16 bits, statistics and offsets in full, as the packaged probe.

    Raises:
        InvalidFileError: When weights are too large for 16 bits.
    """
    state = portable(made.backbone.state_dict())
    small = {name: t.half() if t.ndim > 1 else t for name, t in state.items()}
    if not all(torch.isfinite(tensor).all() for tensor in small.values()):
        raise InvalidFileError(path, ["weights are too large for 16 bits"], "Omit --half.")
    rounded = build_backbone(made.card.network, made.card.seed, drop_path=made.card.drop_path)
    rounded.load_state_dict({name: t.to(state[name].dtype) for name, t in small.items()})
    card = made.card.model_copy(update={"weights_sha256": weights_digest(rounded)})
    metadata = {PACKAGED_CARD_KEY: card.model_dump_json()}
    write_atomically(path, lambda scratch: save_file(small, scratch, metadata))


if __name__ == "__main__":  # rendering starts processes
    main()
