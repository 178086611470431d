"""Steps of a recommendation, and their expected durations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from benchmark.planning.costs import Costs
from benchmark.recommend.results import RANDOMIZED, RECOMMENDED, STANDARD, UNTRAINED

if TYPE_CHECKING:
    from benchmark.pipeline.profiles import Profile
    from benchmark.recommend.results import Choice
    from benchmark.runs.context import Context

Only = Literal["choose", "render", "train"]
#: Protocols of the evaluation.
PROTOCOLS = ("knn5", "linear")
#: Fewest seeds of random weights, which cost little and differ more than pre-trained networks do.
UNTRAINED_SEEDS = 5

# Seconds of a step on one core of an AMD EPYC with AVX-512 and bfloat16, where this machine has
# made no like cell: those of every profile, and those of the profile mini.
_MEASURED = {"look": 2.0, "fit": 5.0, "embed": 25.0, "choose": 1.0, "sheet": 8.0, "report": 1.0}
_MEASURED_MINI = {"render": 10.0, "train": 15.0, "knn5": 1.0, "linear": 4.0}


@dataclass(frozen=True)
class Step:
    """A step of the work.

    Attributes:
        stage: ``look``, ``fit``, ``embed``, ``choose``, ``sheet``, ``render``, ``train``,
            ``evaluate`` or ``report``.
        subject: What is worked on, a few words.
        seconds: Expected duration; None if unknown.
    """

    stage: str
    subject: str
    seconds: float | None = None


class Observer(Protocol):
    """Receiver of the progress."""

    def on_plan(self, steps: Sequence[Step]) -> None:
        """These steps are left; called again when the choice is known."""

    def on_step(self, step: Step) -> None:
        """A step begins."""

    def on_done(self, step: Step) -> None:
        """A step is finished."""


class Plan:
    """Steps of a recommendation under a profile.

    Durations are those of like cells on this machine; see :class:`Costs`.

    Args:
        profile: The profile.
        seeds: Seeds of pre-training.
        only: Last stage; None for all.
        context: Table and tasks of the method.
    """

    def __init__(
        self, profile: Profile, seeds: Sequence[int], only: Only | None, context: Context
    ) -> None:
        self._profile, self._seeds, self._only = profile, tuple(seeds), only
        costs = Costs.of_store(context.registry, [profile])
        stages = {"render": costs.dataset(profile), "train": costs.backbone(profile)}
        self._known: dict[str, float | None] = {
            **{name: None if found is None else found.seconds for name, found in stages.items()},
            **{protocol: costs.typical(profile, protocol) for protocol in PROTOCOLS},
        }

    def first(self) -> list[Step]:
        """Steps up to the choice."""
        return [self._step(stage, "your images") for stage in ("look", "fit", "embed", "choose")]

    def rest(self, choice: Choice | None) -> list[Step]:
        """Steps after the choice; the most that there can be if it is not known."""
        steps = [self._step("sheet", "contact sheet")]
        if self._only != "choose":
            for network in self.trained(choice):
                steps += self._of_backbone(network)
        if self._only is None:
            for network in (*self.trained(choice), UNTRAINED):
                steps += [self.score(network, seed, p) for seed, p in self._scores(network)]
        return [*steps, self._step("report", "report")]

    def trained(self, choice: Choice | None) -> list[str]:
        """Networks to pre-train: one for each different configuration."""
        if self._only is not None:
            return [RECOMMENDED]
        names = [RECOMMENDED, STANDARD, RANDOMIZED]
        if choice is None:
            return names
        first = {choice.configuration_of(name): name for name in reversed(names)}
        return [name for name in names if name in first.values()]

    def seeds(self, network: str) -> tuple[int, ...]:
        """Seeds of a network in the evaluation."""
        if network != UNTRAINED:
            return self._seeds
        more = (seed for seed in range(UNTRAINED_SEEDS) if seed not in self._seeds)
        return tuple([*self._seeds, *more][: max(UNTRAINED_SEEDS, len(self._seeds))])

    def render(self, network: str, seed: int) -> Step:
        """The step that renders a network's images."""
        return self._step("render", f"{network}, seed {seed}")

    def train(self, network: str, seed: int) -> Step:
        """The step that pre-trains a network."""
        return self._step("train", f"{network}, seed {seed}")

    def score(self, network: str, seed: int, protocol: str) -> Step:
        """The step that scores a network."""
        return Step("evaluate", f"{protocol}, {network}, seed {seed}", self._seconds(protocol))

    def _of_backbone(self, network: str) -> list[Step]:
        seeds = self._seeds if self._only is None else self._seeds[:1]
        steps = [self.render(network, seed) for seed in seeds]
        if self._only != "render":
            steps += [self.train(network, seed) for seed in seeds]
        return steps

    def _scores(self, network: str) -> list[tuple[int, str]]:
        return [(seed, protocol) for seed in self.seeds(network) for protocol in PROTOCOLS]

    def _step(self, stage: str, subject: str) -> Step:
        return Step(stage, subject, self._seconds(stage))

    def _seconds(self, name: str) -> float | None:
        measured = _MEASURED | (_MEASURED_MINI if self._profile.name == "mini" else {})
        known = self._known.get(name)
        return measured.get(name) if known is None else known
