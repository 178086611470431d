"""Downloads of the tasks whose files torchvision pins by a published checksum (MD5).

The other archives have no checksum that could be verified here, so none is invented: for them
the error says where the archive is and which command prepares it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.tasks.card import data_root

if TYPE_CHECKING:
    from benchmark.tasks.registry import Task

#: Arguments of torchvision's class, once for each part that a task needs.
PARTS: Mapping[str, tuple[Mapping[str, Any], ...]] = MappingProxyType(
    {
        "EuroSAT": ({},),
        "SVHN": ({"split": "train"}, {"split": "test"}),
        "DTD": ({"split": "train"},),
        "Flowers102": ({"split": "train"},),
        "Omniglot": ({"background": False},),
        "USPS": ({"train": True}, {"train": False}),
    }
)
_OPEN = ("MIT", "CC BY", "CC0")


def downloads(task: Task) -> Path:
    """Folder of a task's downloads."""
    return data_root() / "downloads" / task.name


def fetch(task: Task, *, accept_licence: bool = False) -> Path:
    """Download a task's archive with torchvision, which verifies it.

    Args:
        task: The task.
        accept_licence: The user has read terms that are not plainly open.

    Returns:
        The folder of the download.

    Raises:
        UnavailableError: If there is no pinned download, no torchvision or no network.
        InvalidInputError: If terms must be accepted first.
    """
    if task.name not in PARTS:
        raise UnavailableError(no_download(task))
    if not accept_licence and not task.licence.startswith(_OPEN):
        raise InvalidInputError(
            f"The licence of {task.name} is not open: {task.licence}. "
            f"Read {task.home}, and add --accept-licence if your use is allowed."
        )
    if os.environ.get("T2SBENCH_MIRROR"):
        raise UnavailableError(
            f"{task.name} cannot be downloaded while T2SBENCH_MIRROR is set. Unset it; mirrors "
            "hold reward tables only."
        )
    return torchvision_files(task, None, download=True)


def no_download(task: Task) -> str:
    """Reason why a task cannot be downloaded automatically, and the alternatives."""
    where = task.home or "where you have it"
    for_hub = any(loader.kind == "hub" for loader in task.loaders)
    manual = " ".join(loader.note for loader in task.loaders if loader.kind == "manual")
    ways = f"'t2sbench data prepare {task.name} --from DIR'"
    if for_hub:
        ways += f", or 't2sbench data prepare {task.name} --from hub'"
    return (
        f"No checksum is published for the archive of {task.name}. "
        f"Get it from {where} (licence: {task.licence}), unpack it, and run {ways}. {manual}"
    ).strip()


def torchvision_files(task: Task, root: Path | None, *, download: bool = False) -> Path:
    """Folder of torchvision's download of a task, verified as torchvision does.

    Args:
        task: The task.
        root: torchvision's root; :func:`downloads` if None.
        download: True to download missing files.

    Raises:
        UnavailableError: If torchvision has no such data set or is not installed, or the files
            are missing, damaged or cannot be downloaded.
    """
    if task.name not in PARTS:
        raise UnavailableError(no_download(task))
    root = downloads(task) if root is None else root
    try:
        from torchvision import datasets
    except ImportError as error:
        raise UnavailableError(
            "torchvision is not installed. Run pip install 't2sbench[data]'."
        ) from error
    if download:
        root.mkdir(parents=True, exist_ok=True)
    try:
        for arguments in PARTS[task.name]:
            getattr(datasets, task.name)(root=root, download=download, **arguments)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        reason = " ".join(str(error).split())[:200]
        remedy = "Check the network and try again" if download else "Run it with a network first"
        raise UnavailableError(
            f"torchvision has no complete download of {task.name} in {root}: {reason} "
            f"{remedy}: t2sbench data fetch {task.name}."
        ) from error
    return root
