"""Results of a recommendation, as ``recommendation.json`` keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from benchmark.core.models import Frozen, Sha256
from benchmark.recommend.scores import Interval  # noqa: TC001 - pydantic needs it

#: Files and folders of a recommendation.
FACTS, REPORT, README = "recommendation.json", "report.html", "README.md"
VECTOR, SHEET, STANDARD_SHEET = "task2vec.safetensors", "sheet.png", "sheet-standard.png"
DATA, BACKBONE, PREPROCESS = "data", "backbone.safetensors", "preprocess.json"

#: Names of the networks that are compared, in the order of tables.
RECOMMENDED, STANDARD, RANDOMIZED, UNTRAINED = (
    "recommended",
    "one configuration for all",
    "domain randomization",
    "untrained",
)


class TaskFacts(Frozen):
    """The user's images.

    Attributes:
        name: Name of the task.
        source: Folder, file or data set, as given.
        digest: SHA-256 of images, labels and parts.
        classes: Names of the classes.
        train: Training images of each class.
        test: Test images of each class.
        split_rule: Rule that made the parts.
        left_out: Broken images: file and reason.
        repeated: Test images whose bytes are those of a training image.
        notes: Remarks of the reader.
    """

    name: str
    source: str
    digest: Sha256
    classes: tuple[str, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]
    split_rule: str
    left_out: tuple[str, ...] = ()
    repeated: int = 0
    notes: tuple[str, ...] = ()

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return sum(self.train)

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return sum(self.test)


class Neighbour(Frozen):
    """A task of the table, by its distance: one minus the cosine of the Task2Vec vectors."""

    task: str
    category: str
    distance: float


class Choice(Frozen):
    """The choice of a configuration.

    Attributes:
        method: Label of the method.
        table: Name of the reward table.
        table_profile: Profile under which its rewards were measured.
        learnt_from: Number of tasks that the method learnt from.
        configuration: The choice.
        standard: Configuration that is best on average over the learnt tasks.
        randomized: Configuration with every parameter varied.
        settings: Levels of these three, by parameter.
        gain: Expected gain of the choice over the standard one, in points of 5-NN accuracy; None
            if the method has no such estimate.
    """

    method: str
    table: str
    table_profile: str
    learnt_from: int
    configuration: str
    standard: str
    randomized: str
    settings: Mapping[str, tuple[str, str, str]]
    gain: Interval | None = None

    @property
    def is_standard(self) -> bool:
        """True if the choice is the standard one."""
        return self.configuration == self.standard

    def configuration_of(self, network: str) -> str | None:
        """Configuration of a network; None for random weights."""
        return {
            RECOMMENDED: self.configuration,
            STANDARD: self.standard,
            RANDOMIZED: self.randomized,
        }.get(network)


class Score(Frozen):
    """Accuracy of a network on the held-out images.

    Attributes:
        network: Name of the network, one of those above.
        protocol: Name of the protocol.
        accuracies: Accuracy of each seed, percent.
        accuracy: Mean over the seeds.
        ahead: Accuracy of the recommended network minus this one's, image by image; None for the
            recommended one, and for one of the same configuration.
    """

    network: str
    protocol: str
    accuracies: tuple[float, ...]
    accuracy: Interval
    ahead: Interval | None = None


class Evaluation(Frozen):
    """Accuracies on the held-out images.

    Attributes:
        seeds: Seeds of pre-training.
        covers_seeds: True if intervals cover the seeds of pre-training.
        scores: Scores by protocol and network.
    """

    seeds: tuple[int, ...]
    covers_seeds: bool
    scores: tuple[Score, ...]

    def of(self, protocol: str) -> list[Score]:
        """Scores of a protocol, in the order of the networks."""
        return [score for score in self.scores if score.protocol == protocol]

    @property
    def protocols(self) -> list[str]:
        """Names of the protocols."""
        return list(dict.fromkeys(score.protocol for score in self.scores))


class Dataset(Frozen):
    """The rendered dataset.

    Attributes:
        images: Number of images.
        classes: Number of categories.
        size: Side in pixels.
        seed: Seed of the scenes.
        digest: Digest of images and labels.
        simulator: Name and version.
    """

    images: int
    classes: int
    size: int
    seed: int
    digest: str
    simulator: str


class Network(Frozen):
    """The exported network.

    Attributes:
        name: Name of the network.
        library: Library whose names its weights have.
        code: Code that loads it.
        others: Code for other libraries, by their names.
        dimension: Length of its features.
        image_size: Side of its images in pixels.
        seed: Seed of pre-training.
        weights_sha256: Digest of the weights.
    """

    name: str
    library: str
    code: str
    others: Mapping[str, str] = {}
    dimension: int
    image_size: int
    seed: int
    weights_sha256: Sha256


class Facts(Frozen):
    """Everything that a recommendation found; parts that were not asked for are None.

    Attributes:
        request: What determines it: images, profile, method, table.
        version: Version of t2sbench.
        profile: Name of the profile.
        command: Command that repeats it.
        task: The images.
        nearest: Tasks of the table, the nearest first.
        choice: The configuration.
        dataset: The rendered dataset.
        network: The exported network.
        evaluation: Accuracies on the held-out images.
        seconds: Duration of each stage of the last run.
    """

    format_version: Literal[1] = 1
    request: Mapping[str, Any]
    version: str
    profile: str
    command: str
    task: TaskFacts
    nearest: tuple[Neighbour, ...] = ()
    choice: Choice | None = None
    dataset: Dataset | None = None
    network: Network | None = None
    evaluation: Evaluation | None = None
    seconds: Mapping[str, float] = {}
