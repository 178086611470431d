"""Rendering in a process of its own, and training in one process per GPU.

A software renderer and PyTorch's compiler each contain a copy of LLVM. A process that loads both
can crash (see :mod:`benchmark.simulators.gl.context`), so processes that train do not render.

``torchrun`` starts the training processes for one backbone; each runs this file as a module.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from benchmark.core.beats import Curve, no_curve
from benchmark.core.errors import T2SBenchError, UnavailableError
from benchmark.core.files import canonical_json, write_bytes
from benchmark.core.processes import WorkerPool
from benchmark.rendering.dataset import partial_folder
from benchmark.rendering.run import render_dataset
from benchmark.rendering.shards import MARKERS

if TYPE_CHECKING:
    from benchmark.rendering.request import DatasetRequest
    from benchmark.simulators.interface import Simulator

_JOB, _ERROR = "job.json", "error.txt"
_BEATS = "beats.jsonl"
_LAST_LINES = 5
_POLL_SECONDS = 2.0


class Renderer:
    """A renderer in another process, which starts on first use.

    It keeps its simulator open from one dataset to the next.
    """

    def __init__(self) -> None:
        self._pool: WorkerPool | None = None

    def render(
        self, request: DatasetRequest, target: Path, workers: int = 1, curve: Curve = no_curve
    ) -> None:
        """Render a dataset into a folder, resuming an earlier attempt.

        Args:
            request: The dataset.
            target: Folder that appears when the dataset is complete.
            workers: Number of processes; several are started for this dataset alone.
            curve: Called from time to time with the number of images in finished shards.

        Raises:
            T2SBenchError: As :func:`benchmark.rendering.run.render_dataset`.
            WorkerDiedError: When the process dies.
        """
        if workers > 1:
            render_dataset(request, target, workers=workers)
            return
        if self._pool is None:
            self._pool = WorkerPool(1)
            # In a worker process, Python waits for children before it ends their pools; the queues
            # to them are closed at priority 10.
            end = {"cancel_futures": True}
            Finalize(self, self._pool.shutdown, kwargs=end, exitpriority=100)
        try:
            rendering = self._pool.submit(_render, request, target)
            markers, before = partial_folder(target.absolute()) / MARKERS, 0
            while wait([rendering], timeout=_POLL_SECONDS).not_done:
                shards = len(list(markers.glob("*"))) if markers.is_dir() else 0
                images = min(shards * request.shard_size, len(request))
                if images > before:
                    curve(images, len(request), {})
                before = images
            rendering.result()
        except BrokenProcessPool as error:
            pool, self._pool = self._pool, None
            raise pool.loss(
                f"Simulator '{request.simulator.name}' was rendering; its driver may have crashed. "
                "Check it with 't2sbench doctor'."
            ) from error

    def close(self) -> None:
        """End the process; idempotent."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


_ENGINES: dict[str, Simulator] = {}


def _render(request: DatasetRequest, target: Path) -> None:
    name = repr(request.simulator)
    if name not in _ENGINES:
        for engine in _ENGINES.values():
            engine.close()
        _ENGINES.clear()
        _ENGINES[name] = request.simulator.build()
    render_dataset(request, target, engine=_ENGINES[name])


@dataclass(frozen=True)
class TrainingJob:
    """One backbone to train.

    Attributes:
        dataset: Folder of the images as arrays.
        target: File of the backbone.
        checkpoint: File that interrupted training resumes from.
        network: Name of the network.
        recipe: Name of the recipe.
        seed: Seed of weights, order and augmentation.
        device: ``auto`` for the process's own GPU, or ``cpu``.
        threads: Threads of each process on a processor; None for PyTorch's choice.
        plugins: Users' files that may register network and recipe.
    """

    dataset: str
    target: str
    checkpoint: str
    network: str
    recipe: str
    seed: int
    device: str
    threads: int | None = None
    plugins: tuple[str, ...] = ()


def train_in_processes(
    job: TrainingJob, processes: int, folder: Path, curve: Curve = no_curve
) -> None:
    """Train a backbone by several processes, and wait for them.

    Args:
        job: The backbone.
        processes: Number of processes; each takes an equal part of every batch.
        folder: Folder of the description that they read.
        curve: Called after every epoch, as in :class:`benchmark.pretraining.pretrain.Execution`.

    Raises:
        T2SBenchError: The error that a process reports.
        UnavailableError: When processes end for another reason.
    """
    write_bytes(folder / _JOB, canonical_json(asdict(job)))
    (folder / _ERROR).unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *(f"--nproc-per-node={processes}", "-m", "benchmark.pipeline.subprocesses", str(folder)),
    ]
    (folder / _BEATS).write_bytes(b"")
    pipe = subprocess.PIPE
    with (
        (folder / _BEATS).open(encoding="utf-8") as beats,
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as done,
    ):
        try:
            stderr = _follow(done, beats, curve)
        except BaseException:
            done.kill()
            raise
    if done.returncode == 0:
        return
    if (folder / _ERROR).is_file():
        raise T2SBenchError((folder / _ERROR).read_text(encoding="utf-8"))
    tail = " ".join(stderr.strip().splitlines()[-_LAST_LINES:])
    raise UnavailableError(
        f"{processes} processes that trained '{job.network}' ended with code {done.returncode}: "
        f"{tail} Use one process (--processes 1)."
    )


def _follow(process: subprocess.Popen[str], beats: TextIO, curve: Curve) -> str:
    """Wait for the processes, and pass their epochs on; return their messages."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, stderr = process.communicate(timeout=_POLL_SECONDS)
        for line in beats.read().splitlines():
            curve(*json.loads(line))
        if process.returncode is not None:
            return stderr


def _train(folder: Path) -> None:
    import torch

    from benchmark.pretraining.backbone_io import save_backbone
    from benchmark.pretraining.networks import find_network
    from benchmark.pretraining.pretrain import Execution, pretrain
    from benchmark.pretraining.recipes import find_recipe
    from benchmark.sources.arrays import read_training_set

    job = TrainingJob(**json.loads((folder / _JOB).read_bytes()))
    plugins = tuple(map(Path, job.plugins))
    if job.threads is not None:
        torch.set_num_threads(job.threads)

    def curve(*point: Any) -> None:  # noqa: ANN401 - epoch, epochs and values
        with (folder / _BEATS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(point) + "\n")

    trained = pretrain(
        read_training_set(Path(job.dataset)),
        network=find_network(job.network, plugins),
        recipe=find_recipe(job.recipe, plugins),
        seed=job.seed,
        execution=Execution(job.device, Path(job.checkpoint), curve),
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
