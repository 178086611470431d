"""Profiles: everything between a configuration and a score, as data.

The packaged profiles are in ``profiles.yaml``; users' files have the same form.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, ValidationError

from benchmark.core.errors import (
    InvalidFileError,
    InvalidInputError,
    UnknownNameError,
    validation_faults,
)
from benchmark.core.files import digest
from benchmark.core.models import Frozen
from benchmark.core.yaml_files import read_model_yaml

_FILE = Path(__file__).with_name("profiles.yaml")
_REMEDY = "docs/live-scoring.md describes the form of the file."

Count = Annotated[int, Strict(), Field(ge=1)]
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
    linear_min_steps: Annotated[int, Strict(), Field(ge=0)] = 12_000
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
    def digest(self) -> str:
        """SHA-256 of everything but name and summary: equal profiles, equal digests."""
        return digest(self.model_dump(mode="json", exclude={"name", "summary"}))

    def changed(self, changes: Mapping[str, Any]) -> Profile:
        """Return the profile with other values of some fields, and a name that states them.

        Raises:
            UnknownNameError: For an unknown field.
            InvalidInputError: For a value that does not fit.

        Example:
            >>> find_profile("mini").changed({"classes": 20}).name
            'mini+classes=20'
        """
        if not changes:
            return self
        known = set(Profile.model_fields) - {"name", "summary"}
        for field in changes:
            if field not in known:
                raise UnknownNameError("field of a profile", field, known)
        parts = ",".join(f"{field}={value}" for field, value in sorted(changes.items()))
        content = {**self.model_dump(), **changes, "name": f"{self.name}+{parts}".lower()}
        try:
            return Profile.model_validate(content)
        except ValidationError as error:
            raise InvalidInputError(
                f"Profile '{self.name}' cannot have {parts}: "
                f"{'; '.join(validation_faults(error))}. Change these values."
            ) from error


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


@functools.cache
def read_profiles(path: Path = _FILE) -> tuple[tuple[Profile, ...], tuple[Sweep, ...]]:
    """Read the profiles and sweeps of a file.

    Raises:
        InvalidFileError: With all faults of the file and their lines.
    """
    content = read_model_yaml(path, _ProfileFile, _REMEDY)
    return content.profiles, content.sweeps


def find_profile(name: str, changes: Mapping[str, Any] | None = None) -> Profile:
    """Return the profile of a name, or the only one of a YAML file, with changes.

    Args:
        name: ``mini``, or ``path/to/file.yaml``.
        changes: Other values of some fields.

    Raises:
        UnknownNameError: For an unknown profile or field.
        InvalidFileError: For a faulty file.
        InvalidInputError: For a file with several profiles, or a value that does not fit.

    Example:
        >>> find_profile("paper-100c-40k").n_images
        40000
    """
    if name.endswith((".yaml", ".yml")):
        profiles, _ = read_profiles(Path(name))
        if len(profiles) != 1:
            raise InvalidInputError(
                f"{name} has {len(profiles)} profiles; a file that is named as a profile has one. "
                "Write one profile per file."
            )
        return profiles[0].changed(changes or {})
    known = {profile.name: profile for profile in read_profiles()[0]}
    if name not in known:
        sweeps = [sweep.name for sweep in read_profiles()[1]]
        if name in sweeps:
            raise InvalidInputError(
                f"'{name}' is a series of profiles, which only 'run --live' takes. Name one "
                "profile, and change its fields with -P FIELD=VALUE."
            )
        raise UnknownNameError("profile", name, [*known, *sweeps])
    return known[name].changed(changes or {})


def expand(name: str, changes: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the profiles of a name with their changes: several for a sweep, otherwise one.

    A file with a sweep stands for the sweep, which varies the file's profile or a known one.

    Raises:
        InvalidFileError: If a file is faulty, or has several sweeps.

    Example:
        >>> expand("mini-by-objects", {"classes": 20})[0]
        ('mini', {'objects_per_class': 1, 'classes': 20})
        >>> expand("small", {})
        [('small', {})]
    """
    if not name.endswith((".yaml", ".yml")):
        for sweep in read_profiles()[1]:
            if sweep.name == name:
                return [(sweep.profile, {**point, **changes}) for point in sweep.points]
        return [(name, dict(changes))]
    profiles, sweeps = read_profiles(Path(name))
    if not sweeps:
        return [(name, dict(changes))]
    if len(sweeps) > 1:
        raise InvalidFileError(name, [f"{len(sweeps)} sweeps"], "Write one sweep per file.")
    own = sweeps[0].profile in [profile.name for profile in profiles]
    base = name if own else sweeps[0].profile
    return [(base, {**point, **changes}) for point in sweeps[0].points]


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
