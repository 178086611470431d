"""Sources by name: registered generators, and users' own images.

All distributions register theirs in one entry-point group; a user's file registers with a
dictionary ``SOURCES = {"my-source": MySource}``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import InvalidInputError, UnavailableError
from benchmark.core.files import digest, real_path
from benchmark.core.options import OptionValue, option_defaults, read_options
from benchmark.core.plugins import Plugin, find_plugin, known_plugins
from benchmark.sources.arrays import DATASET_VERSION, write_source
from benchmark.sources.collection import HUB, Collection, open_collection

if TYPE_CHECKING:
    from benchmark.sources.interface import Amount, ImageSource
    from benchmark.tasks.task_data import TaskData

#: Name of the source that is the run's collection of real images.
REAL_IMAGES = "real-images"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")
# Kinds of pre-training that are no sources.
_RESERVED = ("rendered", "none", REAL_IMAGES)
_FIRST = "real_images"


@dataclass(frozen=True, eq=False)
class NamedSource:
    """A source under the name of its row in records.

    Attributes:
        name: Name of the row.
        images: The source.
        plugin: Registration of its class; None for users' images.
        options: Options that differ from their defaults.
        code_sha256: Digest of the user's file that defines its class; None for others.
    """

    name: str
    images: ImageSource
    plugin: Plugin | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    code_sha256: str | None = None

    @property
    def version(self) -> str:
        """Version that the source states."""
        return self.images.version

    @property
    def origin(self) -> str:
        """Distribution or file that registers it; for users' images, the name of the data."""
        if self.plugin is not None:
            return self.plugin.origin
        return f"images {self.images.name}" if isinstance(self.images, Collection) else "images"

    @property
    def digest(self) -> str:
        """SHA-256 of everything that the images depend on, besides amount, seed and task."""
        return digest(self._origin())

    def _origin(self) -> dict[str, Any]:
        if self.plugin is None:
            return self.images.identity()
        own = {
            "source": self.plugin.name,
            "source_version": self.version,
            "options": dict(self.options),
        }
        if self.code_sha256 is not None:
            own["code"] = self.code_sha256
        return own | self.images.identity()

    def identity(self, amount: Amount, seed: int, task: TaskData | None = None) -> dict[str, Any]:
        """Return everything that the arrays of a data set depend on."""
        found = {
            "version": DATASET_VERSION,
            **self._origin(),
            **amount.to_json(),
            "seed": seed,
        }
        return found if task is None else found | {"task": task.digest}

    def write(self, amount: Amount, seed: int, folder: Path, task: TaskData | None = None) -> None:
        """Write a data set as arrays.

        Raises:
            T2SBenchError: As :func:`benchmark.sources.arrays.write_source`.
        """
        write_source(self.images, amount, seed, folder, task)


@dataclass(frozen=True)
class SourceSpec:
    """A source as the user named it; picklable, for worker processes.

    Attributes:
        name: Registered name, or the user's name of own images.
        place: Own images, as :func:`benchmark.sources.collection.open_collection` takes them;
            None for a registered source.
        options: Names and texts of options.
        plugins: Users' files with more sources.
    """

    name: str
    place: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    plugins: tuple[Path, ...] = ()

    @classmethod
    def parse(
        cls, text: str, options: Mapping[str, str] | None = None, plugins: Sequence[Path] = ()
    ) -> SourceSpec:
        """Read ``NAME`` of a registered source, or ``NAME=PLACE`` of own images.

        Raises:
            InvalidInputError: For a name that cannot be a row's, or options of own images.

        Example:
            >>> SourceSpec.parse("mine=photos/").place
            'photos/'
        """
        name, equals, place = text.partition("=")
        if not _NAME.fullmatch(name) or name in _RESERVED or (equals and not place):
            raise InvalidInputError(
                f"'{text}' does not name a source. Write NAME of a registered source (t2sbench ls "
                "sources), or NAME=PATH for own images: a name of letters, digits and . _ + - "
                f"other than {', '.join(_RESERVED)}."
            )
        if equals and options:
            raise InvalidInputError(
                f"Own images have no options (got {', '.join(options)} for '{name}'). Leave them "
                "out."
            )
        return cls(name, place or None, tuple(sorted((options or {}).items())), tuple(plugins))

    def absolute(self) -> SourceSpec:
        """Return the same source with absolute paths, for repetitions from elsewhere."""
        place = self.place
        if place is not None and not place.startswith(HUB):
            place = str(real_path(Path(place).expanduser()))
        files = tuple(real_path(path) for path in self.plugins)
        return SourceSpec(self.name, place, self.options, files)

    def check(self) -> None:
        """Check the name and the options without opening anything.

        Raises:
            UnknownNameError: For an unknown source or option.
            InvalidInputError: For an option of another type, or own images with the name of a
                registered source.
        """
        if self.place is None:
            self._plugin_and_options()
        elif self.name in known_plugins("source", self.plugins):
            raise InvalidInputError(
                f"'{self.name}' is a registered source. Give own images another name."
            )

    def open(self, real_images: Callable[[], Collection | None] = lambda: None) -> NamedSource:
        """Return the source, ready to draw.

        Args:
            real_images: Opens the run's collection, for sources that use it.

        Raises:
            T2SBenchError: As :meth:`check` and
                :func:`benchmark.sources.collection.open_collection`, or if the source needs real
                images and there are none.
        """
        self.check()
        if self.place is not None:
            return NamedSource(self.name, open_collection(self.place))
        plugin, options, changed = self._plugin_and_options()
        factory, given = plugin.load(), []
        if _FIRST in inspect.signature(factory).parameters:
            collection = real_images()
            if collection is None:
                raise UnavailableError(
                    f"Source '{self.name}' needs real images. Name them with --real-images PATH, "
                    "or set T2SBENCH_REAL_IMAGES."
                )
            given.append(collection)
        images = factory(*given, **options)
        return NamedSource(self.name, images, plugin, changed, plugin.code_sha256)

    def _plugin_and_options(
        self,
    ) -> tuple[Plugin, dict[str, OptionValue], dict[str, OptionValue]]:
        plugin = find_plugin("source", self.name, self.plugins)
        factory = plugin.load()
        if not callable(getattr(factory, "draw", None)):
            raise InvalidInputError(
                f"Source '{self.name}' ({factory!r}) has no draw. Make it a class that inherits "
                "benchmark.sources.interface.ImageSource; see docs/sources.md."
            )
        defaults = option_defaults(factory)
        given = read_options("source", self.name, factory, dict(self.options))
        changed = {key: value for key, value in given.items() if value != defaults[key]}
        return plugin, {**defaults, **given}, changed
