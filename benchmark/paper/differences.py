"""Differences between a measurement and the paper's, in words, from records and registries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.pipeline.profiles import find_profile
from benchmark.tasks.registry import load_tasks

if TYPE_CHECKING:
    from benchmark.paper.experiments import Experiment
    from benchmark.pipeline.profiles import Profile
    from benchmark.rewards.card import DataEntry
    from benchmark.runs.record import Record

#: The paper's simulator; the profiles of its sizes name the embedded one.
_PAPER_SIMULATOR = "ThreeDWorld"


def differences(records: Sequence[Record], experiment: Experiment) -> list[str]:
    """Return what differs from the paper: tasks, sizes, networks, images and rewards.

    Args:
        records: Records of the measurement.
        experiment: Its description.
    """
    data = {record.task.name: record.task.data for record in records}
    measured = {record.source.id for record in records}
    sizes = {name: pair for name, pair in experiment.sizes().items() if name in measured}
    tasks = [] if experiment.tasks else task_differences(data, experiment.split)
    size = size_differences(sizes, experiment.paper)
    return [*tasks, *size, *_images(records), *_learnt(records)]


def task_differences(data: Mapping[str, DataEntry | None], split: str) -> list[str]:
    """Return a sentence on tasks that are missing, replaced or partial.

    Args:
        data: Facts about the images of the measured tasks; None where they are unknown.
        split: Side of the tasks.

    Example:
        >>> from benchmark.rewards.card import DataEntry
        >>> part = DataEntry(revision="1", digest="0" * 64, partial="20 classes instead of 200")
        >>> print(task_differences({"CUB": part, "AID": None}, "unseen")[0])
        Tasks: 2 of the paper's 8, without PacsC, PacsS, USPS, FMD, CactusAerial, ChestXPneumonia. \
Partial data: CUB (20 classes instead of 200).
    """
    known = {name: entry for name, entry in data.items() if entry is not None}
    replaced = {name: one.stands_in_for for name, one in known.items() if one.stands_in_for}
    paper = [task.name for task in load_tasks() if task.side == split]
    missing = [name for name in paper if name not in data and name not in replaced.values()]
    words = f"Tasks: {len(data)} of the paper's {len(paper)}"
    if replaced:
        pairs = ", ".join(f"{name} for {original}" for name, original in replaced.items())
        words = f"Tasks: {len(data)} for the paper's {len(paper)}, with stand-ins: {pairs}"
    if missing:
        words += f"{';' if replaced else ','} without {', '.join(missing)}"
    partial = [
        f"{name} ({one.partial})"
        for name, one in known.items()
        if one.partial and name not in replaced
    ]
    return [f"{words}." + f" Partial data: {'; '.join(partial)}." * bool(partial)]


def size_differences(sizes: Mapping[str, tuple[Profile, str]], paper: str = "") -> list[str]:
    """Return a sentence on each size of the paper and the profiles in its place.

    Args:
        sizes: Measured profiles and the paper's size for each, by name.
        paper: Setting of the paper, if it has no profile of its own.

    Example:
        >>> pair = (find_profile("mini"), "paper-100c-40k")
        >>> print(size_differences({"mini": pair})[0])
        Size: mini (40 categories of 100 images, 32 pixels; network mini-resnet6, recipe mini; \
simulator gl; fine-tuning of 8 epochs), the paper: 100 categories of 400 images, 256 pixels; \
network resnet50, recipe paper; simulator ThreeDWorld; fine-tuning of 50 epochs.
    """
    groups: dict[str, list[Profile]] = {}
    for profile, size in sizes.values():
        groups.setdefault(size, []).append(profile)
    lines = []
    for size, profiles in groups.items():
        names = ", ".join(profile.name for profile in profiles)
        theirs = find_profile(size)
        reference = paper or _amount([theirs])
        lines.append(
            f"Size: {names} ({_amount(profiles)}, {_training(profiles)}), the paper: {reference}, "
            f"{_training([theirs], _PAPER_SIMULATOR)}."
        )
    return lines


def _amount(profiles: Sequence[Profile]) -> str:
    objects = _values(profile.objects_per_class for profile in profiles)
    of = "" if objects == "None" else f" of {objects} objects"
    return (
        f"{_values(profile.classes for profile in profiles)} categories{of} of "
        f"{_values(profile.images_per_class for profile in profiles)} images"
    )


def _training(profiles: Sequence[Profile], simulator: str = "") -> str:
    return (
        f"{_values(profile.size for profile in profiles)} pixels; network "
        f"{_values(profile.network for profile in profiles)}, recipe "
        f"{_values(profile.recipe for profile in profiles)}; simulator "
        f"{simulator or _values(profile.simulator for profile in profiles)}; fine-tuning of "
        f"{_values(profile.evaluation.finetune_epochs for profile in profiles)} epochs"
    )


def _values(found: Iterable[object]) -> str:
    """Different values of several profiles.

    Example:
        >>> _values([10, 20, 20, 40])
        '10, 20 or 40'
    """
    *most, last = dict.fromkeys(map(str, found))
    return f"{', '.join(most)} or {last}" if most else last


def _images(records: Iterable[Record]) -> list[str]:
    """Sentence on the real images of the reference ``imagenet``."""
    found: dict[str, set[int]] = {}
    for record in records:
        if record.pretraining.kind == "real-images":
            name = record.pretraining.simulator.partition(":")[2]
            found.setdefault(name, set()).add(record.pretraining.n_images or 0)
    return [
        f"Real images: {name}, {_values(f'{count:,}' for count in sorted(counts))} of them; the "
        "paper takes as many of ImageNet as it renders."
        for name, counts in found.items()
    ]


def _learnt(records: Iterable[Record]) -> list[str]:
    """Sentence on the rewards that methods learn from."""
    tables = {record.method.learnt_table.id for record in records if record.method.learnt_table}
    words = (
        f"Methods learn from table {_values(sorted(tables or {''}))}; the paper's Task2Sim from "
        "5-NN accuracies of its own 256 sets of 40,000 images."
    )
    return [words] * bool(tables)
