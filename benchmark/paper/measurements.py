"""Measurements that exhibits are made from: records, and the data of figures 5 and 9.

A folder of measurements holds, anywhere below it, records (``*.jsonl``), ``fig5.csv``,
``fig9.csv``, and reward tables of the paper's Table 1.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import ValidationError

from benchmark.core.errors import InvalidFileError, UnavailableError, validation_faults
from benchmark.core.models import Frozen
from benchmark.rewards.ladder import step_configurations
from benchmark.rewards.storage import CARD, read_table
from benchmark.runs.record_file import OTHER_LINES, current_records, iterate_records

if TYPE_CHECKING:
    from benchmark.paper.experiments import Experiment
    from benchmark.rewards.table import RewardTable
    from benchmark.runs.record import Record

_Row = TypeVar("_Row", bound=Frozen)
# Journals of a table builder have the same ending as records.
_JOURNALS = ".measured"


class Probability(Frozen):
    """Probability that Task2Sim gives to the varied level of a parameter.

    Attributes:
        table: Rewards that it learnt from.
        table_sha256: Their digest.
        task: Task that it chooses for.
        side: Side of the task.
        seed: Seed of its training.
        parameter: Parameter of the simulator.
        probability: Probability of the last level.
    """

    table: str
    table_sha256: str
    task: str
    side: str
    seed: int
    parameter: str
    probability: float


class Neighbour(Frozen):
    """Training image that is near a test image.

    Attributes:
        method: Method whose choice the backbone is pre-trained on.
        profile: Profile of pre-training.
        task: Task of the images.
        data_sha256: Digest of its prepared data.
        query: Number of the test image in the data.
        query_class: Its class.
        rank: 1 for the nearest training image.
        neighbour: Number of the training image in the data.
        neighbour_class: Its class.
        similarity: Cosine of the two features.
    """

    method: str
    profile: str
    task: str
    data_sha256: str
    query: int
    query_class: str
    rank: int
    neighbour: int
    neighbour_class: str
    similarity: float


def shipped_folder() -> Path:
    """Return the folder of the measurements that come with the package."""
    package = Path(__file__).resolve().parent
    checkout = package.parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / "leaderboards").is_dir():
        return checkout / "leaderboards" / "records" / "live"
    return package / "records"


@dataclass(frozen=True)
class Measurements:
    """Measurements of some folders.

    Attributes:
        folders: The folders; one that does not exist holds nothing.
        name: Name of their content, for messages.
        given: Records of live scores, if they were read before; else those of the folders.
    """

    folders: tuple[Path, ...]
    name: str
    given: tuple[Record, ...] | None = None

    @classmethod
    def of(cls, folders: Sequence[Path]) -> Measurements:
        """Return the measurements of some folders, or those that come with the package.

        Raises:
            InvalidFileError: For a folder that does not exist.
        """
        for folder in folders:
            if not folder.is_dir():
                raise InvalidFileError(folder, ["no such folder"], "Check the path of --records.")
        if folders:
            return cls(tuple(folders), ", ".join(map(str, folders)))
        return cls((shipped_folder(),), "the package")

    @cached_property
    def records(self) -> list[Record]:
        """Current records of live scores.

        Raises:
            InvalidFileError: At a broken line.
        """
        if self.given is not None:
            return current_records(self.given)
        files = [
            path
            for folder in self.folders
            for path in sorted(folder.rglob("*.jsonl"))
            if path.name not in OTHER_LINES
        ]
        found = (
            record
            for path in files
            if not any(part.endswith(_JOURNALS) for part in path.parts)
            for record in iterate_records(path)
        )
        return [one for one in current_records(found) if one.source.kind == "live"]

    def of_experiment(self, experiment: Experiment) -> list[Record]:
        """Return the records of an experiment.

        Raises:
            UnavailableError: Without any.
        """
        sizes = experiment.sizes()
        alike = [
            record
            for record in self.records
            if record.method.label in experiment.methods
            and record.protocol.name in experiment.protocols
            and record.split == experiment.split
            and not record.debug
        ]
        found = [record for record in alike if record.source.id in sizes]
        if not found:
            others = sorted({record.source.id for record in alike})
            hint = f" It has records of {', '.join(others)}: name one with --profile." * bool(
                others
            )
            raise self._missing(experiment, f"records under {', '.join(sizes)}", hint)
        return found

    def _missing(self, experiment: Experiment, what: str, hint: str = "") -> UnavailableError:
        return UnavailableError(
            f"No {what} of {experiment.name} in {self.name}.{hint} Measure with 't2sbench paper "
            f"{experiment.name} --live -o DIR', or name a folder of measurements with --records."
        )

    def ladder(self, experiment: Experiment) -> RewardTable:
        """Return the reward table of the paper's Table 1: of several, the one with most rewards.

        Raises:
            UnavailableError: Without one.
            InvalidFileError: For a damaged one.
        """
        cards = [path for folder in self.folders for path in sorted(folder.rglob(CARD))]
        tables = [read_table(path.parent) for path in cards]
        wanted = [
            table
            for table in tables
            if table.profile in experiment.sizes() and table.protocol in experiment.protocols
        ]
        if not wanted:
            raise self._missing(experiment, "reward table")
        return max(wanted, key=_n_steps)

    def rows(self, experiment: Experiment, model: type[_Row]) -> list[_Row]:
        """Return the different rows of the experiment's CSV files.

        Raises:
            UnavailableError: Without a file.
            InvalidFileError: With all faults of a file.
        """
        name = f"{experiment.name}.csv"
        paths = [path for folder in self.folders for path in sorted(folder.rglob(name))]
        if not paths:
            raise self._missing(experiment, "data")
        return list(dict.fromkeys(row for path in paths for row in _read_rows(path, model)))


def _n_steps(table: RewardTable) -> int:
    """Number of rewards of the rows of Table 1."""
    steps = step_configurations(table.space, f"Table '{table.id}'")
    found = table.values[:, [table.space.index(one) for one in steps]]
    return int(np.isfinite(found).sum())


def _read_rows(path: Path, model: type[_Row]) -> list[_Row]:
    found, faults = [], []
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                found.append(model.model_validate(row))
            except ValidationError as error:
                faults += [f"line {number}: {fault}" for fault in validation_faults(error)]
    if faults or not found:
        raise InvalidFileError(path, faults or ["no rows"], "Measure it again.")
    return found
