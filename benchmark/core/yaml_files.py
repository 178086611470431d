"""YAML files read with line numbers, so that every fault of a file names its line.

Read with :func:`read_document`, add :meth:`Document.validation_faults`, :meth:`Document.refuse`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from benchmark.core.errors import InvalidFileError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Location = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_LISTED = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
# YAML 1.1 reads 1e-5 as text, for want of a dot; everybody means the number.
_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
# What pydantic calls by Python's names.
_KINDS = {
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "model_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
}


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a file: the line, counted from 1, and what it is."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass
class Document:
    """The plain value of a YAML file, and the line of every part of it.

    Attributes:
        path: The file.
        value: Mappings, lists, text, numbers, booleans and None.
        lines: Line of each location; a location is the keys and indices that lead there.
        faults: What was wrong with the text itself, such as keys that occur twice.
    """

    path: Path
    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def note(self, where: yaml.Node | yaml.Event, text: str) -> None:
        """Add a fault at the line where a part of the YAML begins."""
        self.faults.append(Fault(_line(where), text))

    def line(self, location: Sequence[str | int]) -> int:
        r"""Line of a location, or of the nearest part of the file that holds it.

        Example:
            >>> document = parse(Path("a.yaml"), "first: 1\nsecond:\n  - third: 3\n")
            >>> document.line(("second", 0, "third")), document.line(("second", 0, "fourth"))
            (3, 3)
        """
        here: Location = ()
        for part in location:
            if (*here, part) in self.lines:
                here = (*here, part)
        return self.lines.get(here, 1)

    def validation_faults(
        self,
        error: ValidationError,
        model: type[BaseModel],
        label: Callable[[Location], str] = lambda _: "",
    ) -> list[Fault]:
        """What pydantic found, as faults with lines.

        Args:
            error: What ``model`` raised on :attr:`value`.
            model: The model of the whole file; its fields serve the did-you-mean.
            label: Words to put before the fault at a location, such as ``"task 'CUB': "``.

        Returns:
            One fault for each of pydantic's errors.
        """
        return [
            Fault(self.line(item["loc"]), label(item["loc"]) + _sentence(item, model))
            for item in error.errors(include_url=False)
        ]

    def refuse(self, faults: Sequence[Fault] = (), remedy: str = "") -> None:
        """Do nothing when there is no fault, here or in :attr:`faults`; else list them all.

        Args:
            faults: More faults of this file.
            remedy: What the user may do about them.

        Raises:
            InvalidFileError: With all faults, in the order of their lines.
        """
        found = sorted({*self.faults, *faults})
        if found:
            listed = [str(fault) for fault in found[:MAX_LISTED]]
            if len(found) > MAX_LISTED:
                listed.append(f"and {len(found) - MAX_LISTED} more. Mend these first.")
            raise InvalidFileError(self.path, listed, remedy)


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Args:
        path: The file.

    Returns:
        Its value with lines; faults that do not prevent reading are in it, not raised.

    Raises:
        InvalidFileError: When the file is missing, too large, not UTF-8, empty or not YAML.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InvalidFileError(path, [_why_unreadable(error)]) from error
    if len(content) > MAX_BYTES:
        raise InvalidFileError(path, [f"expected at most {MAX_BYTES:,} bytes. Split the file."])
    try:
        return parse(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"expected UTF-8, but got the byte 0x{content[error.start]:02x}. Save as UTF-8."
        raise InvalidFileError(path, [str(Fault(line, text))]) from error


def parse(path: Path, text: str) -> Document:
    r"""Read YAML text.

    Args:
        path: The file that it came from, for messages.
        text: The YAML.

    Returns:
        Its value with lines.

    Raises:
        InvalidFileError: When the text is empty or not YAML, or uses aliases or deep nesting.

    Example:
        >>> parse(Path("a.yaml"), "a: 1e-5\nb: [yes, text]").value
        {'a': 1e-05, 'b': [True, 'text']}
        >>> str(parse(Path("a.yaml"), "a: 1\na: 2").faults[0])
        "line 2: key 'a' is already on line 1. Keep one of the two."
    """
    document = Document(path)
    try:
        _check_events(document, text)
        document.refuse()
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise InvalidFileError(path, [str(_syntax_fault(error, text))]) from error
    if root is None:
        raise InvalidFileError(path, ["expected some YAML, but got an empty file."])
    document.value = _plain(document, root, ())
    return document


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "expected a file, but there is none. Check the path."
    if isinstance(error, IsADirectoryError):
        return "expected a file, but got a folder. Name a file inside it."
    return f"expected a readable file, but got: {error}. Check the path and its permissions."


def _line(where: yaml.Node | yaml.Event) -> int:
    mark: Any = where.start_mark  # None in the stubs only
    return int(mark.line) + 1


def _check_events(document: Document, text: str) -> None:
    # Aliases can make a small file enormous or endless, and deep nesting overflows the stack of
    # whoever walks it; the event stream shows both before anything is built.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            alias = _short(str(event.anchor))
            document.note(
                event, f"expected plain values, but got the alias '*{alias}'. Write it out."
            )
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            document.note(event, f"expected at most {MAX_DEPTH} levels, but got more. Flatten it.")
            return


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    line = (mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))) + 1
    return Fault(line, f"expected YAML, but {problem}. Check quotes, colons and indentation.")


def _plain(document: Document, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401 - YAML
    document.lines.setdefault(location, _line(node))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(document, node)
    if node.tag not in {f"{_TAG}map", f"{_TAG}seq"}:
        document.note(node, _tag_fault(node))
    if isinstance(node, yaml.MappingNode):
        pairs = _items(document, node, location)
        return {key: _plain(document, child, (*location, key)) for key, child in pairs}
    return [_plain(document, child, (*location, i)) for i, child in enumerate(node.value)]


def _items(
    document: Document, node: yaml.MappingNode, location: Location
) -> Iterator[tuple[str, yaml.Node]]:
    """The first of each key of a mapping; the others, and keys that are not text, are faults."""
    for key, child in node.value:
        if not isinstance(key, yaml.ScalarNode):
            document.note(key, "expected a text key, but got a list or mapping. Write text.")
        elif (*location, key.value) in document.lines:
            first = document.lines[(*location, key.value)]
            text = f"key '{_short(key.value)}' is already on line {first}. Keep one of the two."
            document.note(key, text)
        else:
            document.lines[(*location, key.value)] = _line(key)
            yield key.value, child


def _scalar(document: Document, node: yaml.ScalarNode) -> str | int | float | bool | None:
    if node.tag not in _PLAIN_TAGS:
        document.note(node, _tag_fault(node))
        return str(node.value)
    if node.tag == f"{_TAG}str" and not node.style and _NUMBER.fullmatch(node.value):
        return float(node.value)
    make: Callable[[yaml.ScalarNode], Any] | None = _constructors().get(node.tag)
    try:
        return str(node.value) if make is None else make(node)
    except (ValueError, KeyError, IndexError):  # an explicit !!int on text; a number too long
        kind, value = node.tag.removeprefix(_TAG), _short(node.value)
        document.note(
            node, f"expected {kind}, but got '{value}'. Remove the tag or quote the text."
        )
        return str(node.value)


@functools.cache
def _constructors() -> Mapping[str, Callable[[yaml.ScalarNode], Any]]:
    safe = yaml.constructor.SafeConstructor()
    kinds = ("int", "float", "bool", "null")
    return {f"{_TAG}{kind}": getattr(safe, f"construct_yaml_{kind}") for kind in kinds}


def _tag_fault(node: yaml.Node) -> str:
    tag = _short(str(node.tag).replace(_TAG, "!!"))
    return f"expected plain values, but got the tag '{tag}'. Remove it."


def _sentence(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    location: Location = item["loc"]
    key = _short(str(location[-1])) if location else "the file"
    if item["type"] == "missing":
        return f"missing '{key}'"
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        return f"unknown key '{key}'. {did_you_mean(key, known) or 'Remove it.'}"
    if item["type"] == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    name = ".".join(str(part) for part in location[-2:] if isinstance(part, str)) or "file"
    found = item["input"]
    return f"'{_short(name)}': expected {_expected(item)}, but got {_shown(found)}.{_remedy(item)}"


def _expected(item: Mapping[str, Any]) -> str:
    if item["type"] in _KINDS:
        return _KINDS[item["type"]]
    words = re.sub(r"^\w+ should (be )?", "", str(item["msg"]))
    return f"it to {words}" if words.startswith(("have", "match")) else words


def _remedy(item: Mapping[str, Any]) -> str:
    found = item["input"]
    if item["type"] in {"enum", "literal_error"} and isinstance(found, str):
        hint = did_you_mean(found, re.findall(r"'([^']*)'", str(item["msg"])))
        return f" {hint}" if hint else ""
    if item["type"] == "string_type" and isinstance(found, bool | int | float):
        return " Put it in quotes."
    return ""


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that the model knows at a location of its file."""
    models = [model]
    for part in location:
        fields = [(name, info) for found in models for name, info in found.model_fields.items()]
        chosen = [info.annotation for name, info in fields if part == (info.alias or name)]
        models = [found for annotation in chosen for found in _models_in(annotation)] or models
    return [info.alias or name for found in models for name, info in found.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _short(text: str, limit: int = 60) -> str:
    printable = text if text.isprintable() else repr(text)[1:-1]
    return printable if len(printable) <= limit else printable[: limit - 3] + "..."


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return f"'{_short(value)}'" if isinstance(value, str) else _short(repr(value))
