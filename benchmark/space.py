"""Finite space of simulator settings, and the notations of its points.

The paper (Mishra et al., CVPR 2022, section 4) uses eight on/off switches, 256 points; a space
here has any number of named categorical parameters with any number of levels. A configuration
is written as a bit string (``01101101``: one digit per parameter), in named form
(``object_rotation=1,...``), or, for the paper's space, as the released tuple key
(``0_1_1_1_0_3_0_0_1``: nine fields in the order of the released reward file).
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.errors import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LEVEL = re.compile(r"(?! )[^,=|\x00-\x1f]+(?<! )")
_MAX_LEVELS = 36  # one character per parameter: 0-9, a-z
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

#: Largest number of configurations of a table.
MAX_CONFIGURATIONS = 65_536
#: Largest number of configurations with contrasts: their matrix has half a gigabyte.
MAX_CONTRASTS = 8192


@dataclass(frozen=True)
class Parameter:
    """One named categorical setting.

    Attributes:
        name: Lower-case identifier.
        levels: Name of each level, in order; at least two.
        most_varied: Level that varies its quantity most; the last one by default.
    """

    name: str
    levels: tuple[str, ...]
    most_varied: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"Invalid parameter name '{self.name}'. Use lower-case letters, digits and "
                "underscores, as in 'light_colour'."
            )
        if not 2 <= len(self.levels) <= _MAX_LEVELS or len(set(self.levels)) != len(self.levels):
            raise InvalidInputError(
                f"Parameter '{self.name}' must have 2 to {_MAX_LEVELS} distinct levels "
                f"(got {list(self.levels)})."
            )
        for level in self.levels:
            if not _LEVEL.fullmatch(level):
                raise InvalidInputError(
                    f"Invalid level '{level}' of parameter '{self.name}'. Use printable "
                    "characters without ',', '=' and '|', and no space at either end."
                )
        if not self.most_varied:
            object.__setattr__(self, "most_varied", self.levels[-1])
        if self.most_varied not in self.levels:
            raise UnknownNameError(f"level of '{self.name}'", self.most_varied, self.levels)

    def __str__(self) -> str:
        last = self.most_varied == self.levels[-1]
        more = "" if last else f"; most varied: {self.most_varied}"
        return f"{self.name} ({'|'.join(self.levels)}{more})"

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of the effects of the levels after the first, as tables and sheets show them.

        Example:
            >>> Parameter("fog", ("off", "on")).effects
            ('fog',)
            >>> Parameter("fog", ("none", "thin", "thick")).effects
            ('fog=thin', 'fog=thick')
        """
        if len(self.levels) == 2:
            return (self.name,)
        return tuple(f"{self.name}={level}" for level in self.levels[1:])


@dataclass(frozen=True, order=True)
class Configuration:
    """One point of a space: the chosen level of every parameter, in the space's order.

    Example:
        >>> str(Configuration((0, 1, 1, 0, 1, 1, 0, 1)))
        '01101101'
    """

    levels: tuple[int, ...]

    def __str__(self) -> str:
        return "".join(_DIGITS[level] for level in self.levels)


@dataclass(frozen=True)
class ParameterSpace:
    """All combinations of the levels of some parameters.

    Points are numbered 0 to ``size - 1``, the first parameter being the most significant digit,
    so that index order is the order of the bit strings.

    Raises:
        InvalidInputError: If there is no parameter or a name occurs twice.
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if not names or len(set(names)) != len(names):
            raise InvalidInputError(
                f"A space needs at least one parameter, and distinct names (got {names})."
            )

    def __str__(self) -> str:
        return ", ".join(map(str, self.parameters))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of levels of each parameter."""
        return tuple(len(parameter.levels) for parameter in self.parameters)

    @property
    def size(self) -> int:
        """Number of configurations.

        Example:
            >>> PAPER_SPACE.size
            256
        """
        return math.prod(self.shape)

    @property
    def most_varied(self) -> Configuration:
        """Configuration with every parameter at its most varied level.

        Example:
            >>> str(PAPER_SPACE.most_varied)
            '11111111'
        """
        return Configuration(tuple(p.levels.index(p.most_varied) for p in self.parameters))

    def single_changes(self) -> Iterator[tuple[str, Configuration]]:
        """Yield the configurations that differ from the first in one parameter.

        Each has the name of its effect, :attr:`Parameter.effects`.

        Example:
            >>> next(PAPER_SPACE.single_changes())
            ('object_rotation', Configuration(levels=(1, 0, 0, 0, 0, 0, 0, 0)))
        """
        for place, parameter in enumerate(self.parameters):
            for level, name in enumerate(parameter.effects, start=1):
                levels = [0] * len(self.parameters)
                levels[place] = level
                yield name, Configuration(tuple(levels))

    def __iter__(self) -> Iterator[Configuration]:
        return map(Configuration, itertools.product(*map(range, self.shape)))

    def __contains__(self, configuration: object) -> bool:
        return (
            isinstance(configuration, Configuration)
            and len(configuration.levels) == len(self.shape)
            and all(0 <= a < n for a, n in zip(configuration.levels, self.shape, strict=True))
        )

    def check(self, configuration: object) -> Configuration:
        """Return a configuration after a check that it is a point of this space.

        Raises:
            InvalidInputError: If it is not.
        """
        if not isinstance(configuration, Configuration) or configuration not in self:
            shape = "x".join(map(str, self.shape))
            shown = getattr(configuration, "levels", configuration)
            raise InvalidInputError(
                f"{shown!r} is not a configuration of the {shape} space. "
                "Build it with ParameterSpace.parse or ParameterSpace.at."
            )
        return configuration

    def at(self, index: int) -> Configuration:
        """Configuration number ``index``.

        Example:
            >>> str(PAPER_SPACE.at(109))
            '01101101'
        """
        if not 0 <= index < self.size:
            raise InvalidInputError(f"The index must be 0 to {self.size - 1} (got {index}).")
        levels = []
        for count in reversed(self.shape):
            index, level = divmod(int(index), count)
            levels.append(level)
        return Configuration(tuple(reversed(levels)))

    def index(self, configuration: Configuration) -> int:
        """Number of a configuration; the inverse of :meth:`at`."""
        number = 0
        for level, count in zip(self.check(configuration).levels, self.shape, strict=True):
            number = number * count + level
        return number

    def level_matrix(self) -> NDArray[np.int64]:
        """Levels of all configurations, int64 ``(size, n_parameters)``, in index order."""
        import numpy as np

        return np.array([configuration.levels for configuration in self], dtype=np.int64)

    def parse(self, text: str) -> Configuration:
        """Read a bit string, a named form or (paper's space only) a released tuple key.

        Named form may leave parameters out; they take level 0. A level is its name or, if no level
        has this name, its number.

        Raises:
            InvalidInputError: If the text fits none of the three forms.

        Example:
            >>> str(PAPER_SPACE.parse("light_colour=1, materials=random"))
            '00010001'
            >>> str(PAPER_SPACE.parse("0_1_1_1_0_3_0_0_1"))
            '01011101'
        """
        text = text.strip()
        if "=" in text:
            return self._parse_named(text)
        if "_" in text and self == PAPER_SPACE:
            return parse_tuple_key(text)
        levels = tuple(_DIGITS.find(digit) for digit in text)
        if Configuration(levels) not in self:
            raise InvalidInputError(
                f"'{text}' is not a configuration. Write {len(self.shape)} digits, one per "
                f"parameter ({', '.join(self.names)}), such as '{self.at(0)}', or "
                f"'{self.names[0]}=1'."
            )
        return Configuration(levels)

    def _parse_named(self, text: str) -> Configuration:
        chosen = dict.fromkeys(self.names, 0)
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, level = (part.strip() for part in item.partition("="))
            if name not in chosen:
                raise UnknownNameError("parameter", name, self.names)
            chosen[name] = self._parse_level(name, level)
        return Configuration(tuple(chosen.values()))

    def _parse_level(self, name: str, level: str) -> int:
        known = self.parameters[self.names.index(name)].levels
        if level in known:
            return known.index(level)
        if level.isdecimal() and len(level) < 9 and int(level) < len(known):
            return int(level)
        raise UnknownNameError(f"level of '{name}'", level, known)

    def named(self, configuration: Configuration) -> str:
        """Named form, every parameter spelt out; :meth:`parse` reads it back.

        Example:
            >>> ParameterSpace((Parameter("fog", ("none", "thin", "thick")),)).named(
            ...     Configuration((2,)))
            'fog=thick'
        """
        levels = self.check(configuration).levels
        return ",".join(
            f"{parameter.name}={parameter.levels[level]}"
            for parameter, level in zip(self.parameters, levels, strict=True)
        )

    def to_json(self) -> list[dict[str, object]]:
        """Convert the space to JSON; :func:`space_from_json` reads it."""
        found: list[dict[str, object]] = []
        for p in self.parameters:
            found.append({"name": p.name, "levels": list(p.levels)})
            if p.most_varied != p.levels[-1]:  # left out else: digests of spaces contain this form
                found[-1]["most_varied"] = p.most_varied
        return found


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Orthonormal contrasts of a space, without the constant.

    Attributes:
        matrix: float64 ``(N, N - 1)``.
        uses: bool ``(N - 1, n_parameters)``: the non-constant factors of each column.
    """

    matrix: NDArray[np.float64]
    uses: NDArray[np.bool_]

    @property
    def orders(self) -> NDArray[np.int64]:
        """Number of non-constant factors of each column."""
        orders: NDArray[np.int64] = self.uses.sum(axis=1)
        return orders


@functools.cache
def contrasts(shape: tuple[int, ...]) -> Contrasts:
    """Return the contrasts of parameters with these numbers of levels.

    They are Kronecker products of contrasts of the parameters; of switches, Walsh functions.

    Raises:
        InvalidInputError: For more than :data:`MAX_CONTRASTS` configurations.

    Example:
        >>> contrasts((2, 2)).orders.tolist()
        [1, 1, 2]
        >>> (2 * abs(contrasts((2, 2)).matrix)).round(9).tolist()[0]
        [1.0, 1.0, 1.0]
    """
    import numpy as np

    size = math.prod(shape)
    if size > MAX_CONTRASTS:
        raise InvalidInputError(
            f"The contrasts of a space of {size:,} configurations need a matrix of {size:,} x "
            f"{size:,} numbers; at most {MAX_CONTRASTS:,} x {MAX_CONTRASTS:,} are possible. Choose "
            "a space with fewer levels or parameters, or a method without contrasts."
        )
    factors = [
        np.linalg.qr(np.column_stack([np.ones(levels), np.eye(levels)[:, 1:]]))[0]
        for levels in shape
    ]
    matrix = functools.reduce(np.kron, factors)
    uses = np.array(list(itertools.product(*map(range, shape)))) > 0
    return Contrasts(matrix[:, 1:], uses[1:])


def space_from_json(value: Sequence[Mapping[str, object]]) -> ParameterSpace:
    """Read the output of :meth:`ParameterSpace.to_json`, for a space of a table.

    Raises:
        InvalidInputError: For anything else, and for more than :data:`MAX_CONFIGURATIONS`
            configurations, which are counted, not enumerated.

    Example:
        >>> space_from_json(PAPER_SPACE.to_json()) == PAPER_SPACE
        True
    """
    parameters = []
    # A parameter has two levels or more: with this many, their product need not be computed.
    is_too_large = len(value) >= MAX_CONFIGURATIONS.bit_length()
    for item in () if is_too_large else value:
        name, levels = item.get("name"), item.get("levels")
        if not isinstance(name, str) or not isinstance(levels, list | tuple):
            raise InvalidInputError(
                f"A parameter needs a 'name' and a list of 'levels' (got {dict(item)})."
            )
        most_varied = str(item.get("most_varied", ""))
        parameters.append(Parameter(name, tuple(map(str, levels)), most_varied))
    if is_too_large or math.prod(len(p.levels) for p in parameters) > MAX_CONFIGURATIONS:
        raise InvalidInputError(
            f"A space of {len(value)} parameters has more than {MAX_CONFIGURATIONS:,} "
            "configurations, the limit of tables. Declare fewer parameters or levels."
        )
    return ParameterSpace(tuple(parameters))


#: The paper's space (Task2Sim, section 4 and figure 3): eight switches, in the order in which the
#: released generator numbers its 256 sets.
PAPER_SPACE = ParameterSpace(
    (
        Parameter("object_rotation", ("canonical", "random")),
        Parameter("object_distance", ("fixed", "random")),
        Parameter("light_intensity", ("fixed", "random")),
        Parameter("light_colour", ("fixed", "random")),
        Parameter("light_direction", ("fixed", "random")),
        Parameter("focus_blur", ("none", "random")),
        Parameter("background", ("fixed", "random")),
        Parameter("materials", ("native", "random")),
    )
)

# The released key sorts its nine fields by their own names: background, blur, light colour,
# light direction, light intensity, materials (1 native, 3 random), camera pose (always 0),
# object rotation, object distance. Each entry: the parameter (of eight) that it holds.
_TUPLE_FIELDS: tuple[int | None, ...] = (6, 5, 3, 4, 2, 7, None, 0, 1)
_MATERIALS_FIELD = 5


def tuple_key(configuration: Configuration) -> str:
    """Key of a configuration of the paper's space in the released reward file.

    Example:
        >>> tuple_key(Configuration((0, 1, 1, 0, 1, 1, 0, 1)))
        '0_1_0_1_1_3_0_0_1'
    """
    levels = PAPER_SPACE.check(configuration).levels
    fields = [0 if source is None else levels[source] for source in _TUPLE_FIELDS]
    fields[_MATERIALS_FIELD] = 1 + 2 * fields[_MATERIALS_FIELD]
    return "_".join(map(str, fields))


def parse_tuple_key(key: str) -> Configuration:
    """Configuration of a released key; the inverse of :func:`tuple_key`.

    Raises:
        InvalidInputError: If the key is not one of the 256.

    Example:
        >>> str(parse_tuple_key("1_1_1_1_1_1_0_0_1"))
        '01111110'
    """
    try:
        return _tuple_keys()[key]
    except KeyError:
        raise InvalidInputError(
            f"'{key}' is not a released key: nine fields such as '0_1_0_1_1_3_0_0_1' "
            "(materials 1 or 3, camera pose 0)."
        ) from None


@functools.cache
def _tuple_keys() -> dict[str, Configuration]:
    return {tuple_key(configuration): configuration for configuration in PAPER_SPACE}
