"""Profiles: everything between a configuration and a score, as data.

The packaged profiles are in ``profiles.yaml``; users' files have the same form.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, ValidationError, model_validator

from benchmark.core.errors import (
    InvalidInputError,
    UnknownNameError,
    validation_faults,
)
from benchmark.core.files import digest
from benchmark.core.models import Frozen
from benchmark.core.yaml_files import read_model_yaml
from benchmark.sources.interface import Amount

#: File of the profiles of the package.
PACKAGED = Path(__file__).with_name("profiles.yaml")
_ENDINGS = (".yaml", ".yml")
# Fields that hold several values, each with a dotted name.
_GROUPS = ("evaluation", "simulator_options")
_REMEDY = "docs/live-scoring.md describes the form of the file."

Count = Annotated[int, Strict(), Field(ge=1, lt=2**31)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+=,-]*$", max_length=120)]
Precision = Literal["auto", "float32", "bfloat16"]


class EvaluationProfile(Frozen):
    """Scoring of tasks under a profile.

    Attributes:
        linear_epochs: Epochs of ``linear``; the paper's 50.
        linear_min_steps: Batches below which ``linear`` has more epochs.
        finetune_epochs: Epochs of ``finetune``; the paper's 50.
        precision: Arithmetic of networks on tasks' images; "auto" is bfloat16 where the device
            multiplies it in hardware.
    """

    linear_epochs: Count = 50
    linear_min_steps: Annotated[int, Strict(), Field(ge=0, lt=2**31)] = 12_000
    finetune_epochs: Count = 50
    precision: Precision = "float32"


class Profile(Frozen):
    """Amount of rendering, and training on it.

    Attributes:
        name: Name that users type.
        summary: One sentence.
        simulator: Name of the simulator.
        simulator_options: Its options, as texts; missing ones have their defaults.
        classes: Categories, the first so many of the simulator's library.
        objects_per_class: At most so many objects of each category; None for all.
        images_per_class: Images of each category.
        size: Side of rendered images in pixels.
        encoding: Encoding of rendered images: ``jpeg`` as in the paper, or ``png``.
        network: Name of the backbone.
        recipe: Name of the pre-training recipe; images of tasks have its ``image_size``.
        cpu_threads: Threads that train on a processor; None for all. Sums of floats depend on it,
            so it is part of a backbone's identity: with one thread, digits do not depend on the
            number of processes.
        evaluation: Scoring of tasks.
    """

    name: Name
    summary: str = ""
    simulator: str = "gl"
    simulator_options: Mapping[str, str] = {}
    classes: Annotated[int, Strict(), Field(ge=2)]
    objects_per_class: Count | None = None
    images_per_class: Count
    size: Annotated[int, Strict(), Field(ge=8)]
    encoding: Literal["jpeg", "png"] = "jpeg"
    network: str
    recipe: str
    cpu_threads: Count | None = None
    evaluation: EvaluationProfile = EvaluationProfile()

    @property
    def n_images(self) -> int:
        """Images of a rendered dataset."""
        return self.classes * self.images_per_class

    @property
    def amount(self) -> Amount:
        """Number and size of the pre-training images, for sources."""
        return Amount(self.classes, self.images_per_class, self.size)

    @property
    def digest(self) -> str:
        """SHA-256 of everything but name and summary: equal profiles, equal digests."""
        return digest(self.model_dump(mode="json", exclude={"name", "summary"}))

    def changed(self, changes: Mapping[str, Any]) -> Profile:
        """Return the profile with other values of some fields, and a name that states them.

        Args:
            changes: Values by field; fields of ``evaluation`` and options of the simulator have
                dotted names. Values that the profile already has change nothing, not even the name.

        Raises:
            UnknownNameError: For an unknown field.
            InvalidInputError: For a value that does not fit.

        Example:
            >>> find_profile("mini").changed({"classes": 20, "images_per_class": 100}).name
            'mini+classes=20'
            >>> find_profile("mini").changed({"evaluation.finetune_epochs": 1}).name
            'mini+evaluation.finetune_epochs=1'
        """
        content, parts = self.model_dump(), []
        for path, value in sorted(changes.items()):
            group, field = self._place(path)
            holder = content[group] if group else content
            wanted = str(value) if group == "simulator_options" else value
            if holder.get(field) != wanted:
                holder[field] = wanted
                parts.append(f"{path}={value}")
        if not parts:
            return self
        name = f"{self.name}+{','.join(parts)}".lower()
        try:
            return Profile.model_validate({**content, "name": name})
        except ValidationError as error:
            raise InvalidInputError(
                f"Profile '{self.name}' cannot have {', '.join(parts)}: "
                f"{'; '.join(validation_faults(error))}. Change these values."
            ) from error

    @staticmethod
    def _place(path: str) -> tuple[str, str]:
        """Return group and name of a field; the group is empty for those of the profile."""
        group, _, field = path.rpartition(".")
        if group == "simulator_options" and field:
            return group, field  # the simulator checks its name
        fields = set(Profile.model_fields) - {"name", "summary", *_GROUPS}
        known = fields | {f"evaluation.{name}" for name in EvaluationProfile.model_fields}
        if path not in known:
            raise UnknownNameError("field of a profile", path, known)
        return group, field


class Sweep(Frozen):
    """A series of profiles: one profile with other values of some fields.

    Attributes:
        name: Name that users type.
        summary: One sentence.
        profile: Name of the profile that is varied.
        points: Values of the varied fields.
    """

    name: Name
    summary: str = ""
    profile: str
    points: tuple[Mapping[str, int | str], ...] = Field(min_length=1)


class _ProfileFile(Frozen):
    schema_version: Literal[1] = Field(alias="schema")
    profiles: tuple[Profile, ...] = ()
    sweeps: tuple[Sweep, ...] = ()

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [profile.name for profile in self.profiles]
        names += [sweep.name for sweep in self.sweeps]
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise ValueError(f"several profiles or series are named {', '.join(repeated)}.")
        if not names:
            raise ValueError("no profile and no series.")
        return self


def read_profiles(path: Path = PACKAGED) -> tuple[tuple[Profile, ...], tuple[Sweep, ...]]:
    """Read the profiles and sweeps of a file.

    Raises:
        InvalidFileError: With all faults of the file and their lines.
    """
    if path == PACKAGED:
        return _packaged()
    content = read_model_yaml(path, _ProfileFile, _REMEDY)
    return content.profiles, content.sweeps


@functools.cache
def _packaged() -> tuple[tuple[Profile, ...], tuple[Sweep, ...]]:
    content = read_model_yaml(PACKAGED, _ProfileFile, _REMEDY)
    return content.profiles, content.sweeps


def find_profile(name: str, changes: Mapping[str, Any] | None = None) -> Profile:
    """Return the profile of a name, with changes.

    Args:
        name: ``mini``, ``path/to/file.yaml`` for the only profile of a file, or
            ``path/to/file.yaml:mine`` for one of several.
        changes: Other values of some fields.

    Raises:
        UnknownNameError: For an unknown profile or field.
        InvalidFileError: For a faulty file.
        InvalidInputError: For a name of several profiles, or a value that does not fit.

    Example:
        >>> find_profile("paper-100c-40k").n_images
        40000
    """
    found = expand(name, changes or {})
    if len(found) > 1:
        raise InvalidInputError(
            f"'{name}' stands for {len(found)} profiles, which only 'run --live' takes. Name one "
            "profile (of a file: FILE.yaml:NAME), and change its fields with -P FIELD=VALUE."
        )
    ((base, changed),) = found
    file, own = parted(base)
    return next(one for one in read_profiles(file)[0] if one.name == own).changed(changed)


def expand(name: str, changes: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the profiles that a name stands for, each with its changes.

    A series stands for its points, and a file for all its profiles and series. A series of a file
    varies a profile of this file, or one of the package.

    Args:
        name: Name of a profile or series of the package, ``FILE.yaml``, or ``FILE.yaml:NAME``.
        changes: Other values of some fields, for every profile.

    Raises:
        UnknownNameError: For an unknown profile or series.
        InvalidFileError: If a file is faulty.

    Example:
        >>> expand("mini-by-objects", {"classes": 20})[0]
        ('mini', {'objects_per_class': 1, 'classes': 20})
        >>> expand("small", {})
        [('small', {})]
    """
    file, own = parted(name)
    profiles, sweeps = read_profiles(file)
    points: dict[str, tuple[str, tuple[Mapping[str, int | str], ...]]]
    points = {profile.name: ("", ({},)) for profile in profiles}
    points |= {sweep.name: (sweep.profile, sweep.points) for sweep in sweeps}
    if own not in points and (own or file == PACKAGED):
        where = "" if file == PACKAGED else f" of {file}"
        raise UnknownNameError(f"profile{where}", own, points)
    found = []
    for one in [own] if own else points:
        base, values = points[one]
        is_here = not base or any(profile.name == base for profile in profiles)
        at = base or one if file == PACKAGED or not is_here else f"{file}:{base or one}"
        found += [(at, {**value, **changes}) for value in values]
    return found


def parted(name: str) -> tuple[Path, str]:
    """Return file and name of a profile; an empty name stands for all of the file."""
    path, colon, own = name.rpartition(":")
    if colon and path.endswith(_ENDINGS):
        return Path(path), own
    return (Path(name), "") if name.endswith(_ENDINGS) else (PACKAGED, name)


def parse_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Return the changes of ``FIELD=VALUE`` texts; whole numbers are numbers, ``none`` is None.

    Raises:
        InvalidInputError: For a text without ``=``.

    Example:
        >>> parse_changes(["classes=20", "network=resnet18", "objects_per_class=none"])
        {'classes': 20, 'network': 'resnet18', 'objects_per_class': None}
    """
    changes: dict[str, Any] = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals or not field:
            raise InvalidInputError(
                f"'{text}' is not of the form FIELD=VALUE. Write for example classes=20."
            )
        plain = value.strip()
        number = int(plain) if plain.isdecimal() else plain
        changes[field.strip()] = None if plain == "none" else number
    return changes
