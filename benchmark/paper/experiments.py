"""The paper's tables and figures as data: methods, seeds, sizes, protocols and split of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmark.core.errors import InvalidInputError, UnknownNameError
from benchmark.pipeline.profiles import expand, find_profile

if TYPE_CHECKING:
    from benchmark.pipeline.profiles import Profile

Kind = Literal["ladder", "averages", "bars", "probabilities", "curves", "neighbours"]

_SEEDS = (0, 1)
_ALL = (
    *("scratch", "random", "domain-randomization", "imagenet", "task2sim"),  # the paper's
    *("task2sim-released", "single-best", "nearest-task", "walsh-gp"),
)
#: Seeds by method. A seed of ``random`` is one draw of a configuration, hence one more.
METHODS = {name: (0, 1, 2) if name == "random" else _SEEDS for name in _ALL}
_SMALL, _LARGE = "mini", "mini-95c-10k"
#: Profiles of the paper's sizes, small and large.
PAPER_SIZES = ("paper-100c-40k", "paper-237c-100k")


def _of(*names: str) -> dict[str, tuple[int, ...]]:
    return {name: METHODS[name] for name in names}


@dataclass(frozen=True)
class Experiment:
    """A table or figure of the paper, and the measurements that remake it.

    Attributes:
        name: Name that users type.
        kind: Form of the result.
        title: Contents in one line.
        paper: Setting of the paper that its profiles do not state.
        split: Split of the judged tasks.
        methods: Seeds by method.
        profiles: Profiles or series to measure.
        papers: Profiles of the paper's sizes, in the order of ``profiles``.
        protocols: Evaluation protocols.
        tasks: Judged tasks; all prepared ones of the split when empty.
        axis: Varied field of the profile, for curves.
    """

    name: str
    kind: Kind
    title: str
    paper: str = ""
    split: str = "seen"
    methods: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    papers: tuple[str, ...] = PAPER_SIZES
    protocols: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    axis: str = ""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of any method."""
        return tuple(sorted({seed for own in self.methods.values() for seed in own} or _SEEDS))

    def at(self, profiles: Sequence[str]) -> Experiment:
        """Return the experiment at other profiles; without any, it keeps its own.

        An experiment at one size takes the last profile. Next to a profile of the paper's name
        stand the published values of this size.

        Raises:
            InvalidInputError: For curves, without a series of profiles.
        """
        if not profiles:
            return self
        chosen = list(profiles)
        if self.kind == "curves":
            chosen = [name for name in profiles if len(expand(name, {})) > 1]
            if not chosen:
                raise InvalidInputError(
                    f"{self.name} needs a series of profiles (got {', '.join(profiles)}). Name "
                    f"one with --profile, such as {self.profiles[0]}."
                )
        if self.kind != "averages":
            chosen = chosen[-1:]
        papers = [
            name if name in PAPER_SIZES else self.papers[min(place, len(self.papers) - 1)]
            for place, name in enumerate(chosen)
        ]
        return replace(self, profiles=tuple(chosen), papers=tuple(papers))

    def sizes(self) -> dict[str, tuple[Profile, str]]:
        """Return the measured profiles and the paper's size for each, by the profile's name.

        Raises:
            T2SBenchError: For an unknown profile or a faulty file.

        Example:
            >>> {name: paper for name, (_, paper) in EXPERIMENTS["fig3"].sizes().items()}
            {'mini-95c-10k': 'paper-237c-100k'}
        """
        found: dict[str, tuple[Profile, str]] = {}
        for number, name in enumerate(self.profiles):
            paper = self.papers[min(number, len(self.papers) - 1)]
            for base, changes in expand(name, {}):
                profile = find_profile(base, changes)
                found[profile.name] = (profile, paper)
        return found


def _averages(name: str, split: str) -> Experiment:
    return Experiment(
        name,
        "averages",
        f"Average accuracy over the {split} tasks, by size of pre-training and protocol",
        split=split,
        methods=METHODS,
        profiles=(_SMALL, _LARGE),
        protocols=("knn5", "linear", "finetune"),
    )


def _bars(name: str, split: str) -> Experiment:
    return Experiment(
        name,
        "bars",
        f"Accuracy on each of the {split} tasks, fine-tuning, large size",
        split=split,
        methods=METHODS,
        profiles=(_LARGE,),
        papers=PAPER_SIZES[1:],
        protocols=("finetune",),
    )


def _curves(name: str, quantity: str, series: str, axis: str, paper: str) -> Experiment:
    return Experiment(
        name,
        "curves",
        f"Average accuracy over the seen tasks against the number of {quantity}, fine-tuning",
        paper=paper,
        methods=_of("scratch", "domain-randomization", "imagenet", "task2sim"),
        profiles=(series,),
        papers=PAPER_SIZES[1:],
        protocols=("finetune",),
        axis=axis,
    )


#: All experiments, in the order of the paper.
EXPERIMENTS: Mapping[str, Experiment] = {
    one.name: one
    for one in (
        Experiment(
            "table1",
            "ladder",
            "Linear probing as variations are added to the images one after another",
            profiles=(_LARGE,),
            papers=PAPER_SIZES[1:],
            protocols=("linear",),
        ),
        _averages("table2", "seen"),
        _averages("table3", "unseen"),
        _bars("fig3", "seen"),
        _bars("fig4", "unseen"),
        Experiment(
            "fig5",
            "probabilities",
            "Probability that Task2Sim varies a parameter, for each task",
            methods={"task2sim": _SEEDS},
        ),
        _curves(
            "fig6",
            "categories",
            "mini-by-classes",
            "classes",
            "up to 237 categories of 1,000 images each",
        ),
        _curves(
            "fig7",
            "objects of each category",
            "mini-by-objects",
            "objects_per_class",
            "237 categories, up to 200,000 images",
        ),
        _curves(
            "fig8",
            "images",
            "mini-by-images",
            "n_images",
            "237 categories, 50,000 to 1,000,000 images",
        ),
        Experiment(
            "fig9",
            "neighbours",
            "Nearest training images of three test images of CUB",
            split="unseen",
            methods=dict.fromkeys(("task2sim", "domain-randomization", "imagenet"), (0,)),
            profiles=(_LARGE,),
            papers=PAPER_SIZES[1:],
            protocols=("knn5",),
            tasks=("CUB",),
        ),
    )
}


def find_experiments(names: Iterable[str]) -> list[Experiment]:
    """Return the experiments of some names, in the order of the paper; ``all`` names every one.

    Raises:
        UnknownNameError: For another name.

    Example:
        >>> [one.name for one in find_experiments(["fig3", "table2"])]
        ['table2', 'fig3']
    """
    wanted = set(names)
    for name in wanted.difference(EXPERIMENTS, {"all"}):
        raise UnknownNameError("table or figure", name, (*EXPERIMENTS, "all"))
    return [one for name, one in EXPERIMENTS.items() if {name, "all"} & wanted]


class LiveRun(NamedTuple):
    """One run of a measurement: every method with every seed, profile, protocol and task."""

    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    profiles: tuple[str, ...]
    protocols: tuple[str, ...]
    split: str
    tasks: tuple[str, ...]

    def contains(self, other: LiveRun) -> bool:
        """Return True if every cell of the other run is one of this run."""
        tasks = not self.tasks or (bool(other.tasks) and set(other.tasks) <= set(self.tasks))
        pairs = zip(other[:4], self[:4], strict=True)
        return (
            tasks
            and self.split in (other.split, "all")
            and all(set(few) <= set(many) for few, many in pairs)
        )


def live_runs(
    experiments: Iterable[Experiment], seeds: Sequence[int] | None = None
) -> list[LiveRun]:
    """Return few runs that measure some experiments.

    Args:
        experiments: Experiments; those without methods to run are passed over.
        seeds: Only these seeds. A seed that no experiment states applies to all methods.

    Example:
        >>> runs = live_runs([EXPERIMENTS["table2"], EXPERIMENTS["table3"], EXPERIMENTS["fig3"]])
        >>> [(len(run.methods), run.seeds, run.split) for run in runs]
        [(9, (0, 1), 'all'), (1, (2,), 'all')]
    """
    splits: dict[LiveRun, set[str]] = {}
    for one in experiments:
        for methods, own in _seeds_of(one, seeds).items():
            rest = (one.profiles, one.protocols, "all", one.tasks)
            splits.setdefault(LiveRun(methods, own, *rest), set()).add(one.split)
    kept: list[LiveRun] = []
    for run, found in splits.items():
        narrow = run if len(found) > 1 else run._replace(split=found.pop())
        if not any(other.contains(narrow) for other in kept):
            kept = [*(other for other in kept if not narrow.contains(other)), narrow]
    return kept


def _seeds_of(
    experiment: Experiment, wanted: Sequence[int] | None
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Seeds by the methods that have them in common."""
    stated = {seed for own in METHODS.values() for seed in own}
    found: dict[tuple[str, ...], tuple[int, ...]] = {}
    for seed in sorted(stated) if wanted is None else wanted:
        owners = experiment.methods.items()
        names = tuple(name for name, own in owners if seed in own or seed not in stated)
        if names and experiment.protocols:
            found[names] = (*found.get(names, ()), seed)
    return found
