"""Thorough verification of prepared data: every image is decoded, every digest computed anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidFileError
from benchmark.tasks.card import pack_path
from benchmark.tasks.decoding import undecodable
from benchmark.tasks.images import shortened
from benchmark.tasks.task_data import TaskData, load_task_data

if TYPE_CHECKING:
    from benchmark.tasks.pack import ImagePack


@dataclass(frozen=True)
class Checked:
    """What a check found in good data.

    Attributes:
        data: The data.
        repeated: Test images whose bytes are those of a training image.
    """

    data: TaskData
    repeated: int


def check_task(
    name: str,
    folder: Path | None = None,
    *,
    workers: int = 1,
    tasks_files: tuple[Path, ...] = (),
) -> Checked:
    """Verify card, file digest, structure, counts, content digest and every image.

    Args:
        name: The task.
        folder: Folder of prepared tasks; None for the usual one.
        workers: Threads that decode.
        tasks_files: Users' files with tasks.

    Returns:
        What was found.

    Raises:
        UnknownNameError: When no registry has the task.
        UnavailableError: When its data are not there.
        InvalidFileError: When anything is wrong; lists all faults.
    """
    data = load_task_data(name, folder, tasks_files=tasks_files)
    faults = undecodable(data.pack, workers)
    found = replace(data.pack, known_digest="").digest
    if found != data.digest:
        faults.append(f"content digest is {found[:16]}..., but the card says {data.digest[:16]}...")
    if faults:
        raise InvalidFileError(
            data.pack.path if folder is None else pack_path(name, folder),
            shortened(faults),
            "Replace these images at the source and prepare the task again.",
        )
    return Checked(data, repeated_images(data.pack))


def repeated_images(pack: ImagePack) -> int:
    """Number of test images whose encoded bytes are those of a training image."""
    digests = [hashlib.sha256(image).digest() for image in pack.images()]
    training = {digests[row] for row in pack.train}
    return sum(digests[row] in training for row in pack.test)
