"""Pre-training in several processes: one per GPU, started by ``torchrun`` for one backbone.

Run as a module, this is what each of them does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from benchmark.core.errors import T2SBenchError, UnavailableError
from benchmark.core.files import write_bytes

_JOB, _ERROR = "job.json", "error.txt"
_LAST_LINES = 5


@dataclass(frozen=True)
class TrainingJob:
    """One backbone to train.

    Attributes:
        dataset: Folder of the images as arrays.
        target: File of the backbone.
        checkpoint: File that training goes on from.
        network: Name of the backbone.
        recipe: Name of the recipe.
        seed: Of weights, order and augmentation.
        device: ``auto``: the process's own GPU; or ``cpu``.
        threads: Threads of each process on a processor; None for PyTorch's choice.
    """

    dataset: str
    target: str
    checkpoint: str
    network: str
    recipe: str
    seed: int
    device: str
    threads: int | None = None


def train_in_processes(job: TrainingJob, processes: int, folder: Path) -> None:
    """Train a backbone by several processes, and wait for them.

    Args:
        job: What to train.
        processes: How many; each takes an equal part of every batch.
        folder: Where the job is described to them.

    Raises:
        T2SBenchError: What a process says of the user's part in its failure.
        UnavailableError: When they end for another reason.
    """
    write_bytes(folder / _JOB, orjson.dumps(asdict(job)))
    (folder / _ERROR).unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *(f"--nproc-per-node={processes}", "-m", "benchmark.pipeline.training", str(folder)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if (folder / _ERROR).is_file():
        raise T2SBenchError((folder / _ERROR).read_text(encoding="utf-8"))
    tail = " ".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
    raise UnavailableError(
        f"Expected {processes} processes to train '{job.network}', but they ended with code "
        f"{done.returncode}: {tail} Try one process (--processes 1)."
    )


def _train(folder: Path) -> None:
    import torch

    from benchmark.pipeline.datasets import read_training_set
    from benchmark.pretraining.backbone_io import save_backbone
    from benchmark.pretraining.pretrain import Execution, pretrain
    from benchmark.pretraining.recipes import recipe

    job = TrainingJob(**orjson.loads((folder / _JOB).read_bytes()))
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    trained = pretrain(
        read_training_set(Path(job.dataset)),
        network=job.network,
        recipe=recipe(job.recipe),
        seed=job.seed,
        execution=Execution(job.device, Path(job.checkpoint)),
    )
    if os.environ.get("RANK", "0") == "0":
        save_backbone(trained, Path(job.target))


if __name__ == "__main__":
    work = Path(sys.argv[1])
    try:
        _train(work)
    except T2SBenchError as error:
        write_bytes(work / _ERROR, str(error).encode())
        sys.exit(1)
