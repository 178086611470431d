"""YAML files read with line numbers, so that each fault of a file names its line."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml

from benchmark.core.errors import InvalidFileError, did_you_mean
from benchmark.core.files import check_regular

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Location = tuple[str | int, ...]
_Model = TypeVar("_Model", bound="BaseModel")

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_LISTED = 100
_MAX_DIGITS = 400  # more take long to convert, and Python refuses to print the longest numbers
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
# YAML 1.1 reads 1e-5, which has no dot, as text; users mean the number.
_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
# Plain words for pydantic's types.
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
    """Fault of a file: its line, counted from 1, and a sentence."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass
class Document:
    """Plain value of a YAML file, and the line of every part of it.

    Attributes:
        path: The file.
        value: Mappings, lists, text, numbers, booleans and None.
        lines: Line of each location; a location is a path of keys and indices.
        faults: Faults of the text itself, such as repeated keys.
    """

    path: Path
    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def note(self, where: yaml.Node | yaml.Event, text: str) -> None:
        """Add a fault at the first line of a part of the YAML."""
        self.faults.append(Fault(_line(where), text))

    def line(self, location: Sequence[str | int]) -> int:
        r"""Line of a location, or of the smallest part of the file that contains it.

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
        """Convert the errors of pydantic to faults with lines.

        Args:
            error: Error of ``model`` for :attr:`value`.
            model: Model of the whole file; its fields serve the did-you-mean.
            label: Returns a prefix for the faults of a location, such as ``"task 'CUB': "``.
        """
        return [
            Fault(self.line(item["loc"]), label(item["loc"]) + _sentence(item, model))
            for item in error.errors(include_url=False)
        ]

    def refuse(self, faults: Sequence[Fault] = (), remedy: str = "") -> None:
        """Raise an error that lists all faults in the order of their lines, if there are any.

        Args:
            faults: Faults besides :attr:`faults`.
            remedy: Last line of the error message.

        Raises:
            InvalidFileError: If there is a fault.
        """
        found = sorted({*self.faults, *faults})
        if found:
            listed = [str(fault) for fault in found[:MAX_LISTED]]
            if len(found) > MAX_LISTED:
                listed.append(f"and {len(found) - MAX_LISTED} more. Correct these first.")
            raise InvalidFileError(self.path, listed, remedy)


def read_model_yaml(
    path: Path,
    model: type[_Model],
    remedy: str,
    label: Callable[[Document, Location], str] = lambda _document, _location: "",
    check: Callable[[Document], list[Fault]] = lambda _document: [],
) -> _Model:
    """Read a YAML file into a pydantic model.

    Args:
        path: The file.
        model: Model of the whole file.
        remedy: Last line of the error message.
        label: Returns a prefix for the faults of a location, such as ``"task 'CUB': "``.
        check: Returns more faults of the plain values.

    Raises:
        InvalidFileError: If the file is missing or invalid; lists all faults with their lines.
    """
    from pydantic import ValidationError

    document = read_document(path)
    faults, content = check(document), None
    try:
        content = model.model_validate(document.value)
    except ValidationError as error:
        faults += document.validation_faults(error, model, functools.partial(label, document))
    document.refuse(faults, remedy)
    assert content is not None  # noqa: S101 - refuse() raised otherwise
    return content


def read_document(path: Path) -> Document:
    """Read a YAML file; faults that do not prevent reading are part of the result.

    Raises:
        InvalidFileError: If the file is missing, too large, not UTF-8, empty or not YAML.
    """
    try:
        check_regular(path)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InvalidFileError(path, [_why_unreadable(error)]) from error
    if len(content) > MAX_BYTES:
        raise InvalidFileError(path, [f"larger than {MAX_BYTES:,} bytes. Split the file."])
    try:
        return parse(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"not UTF-8: byte 0x{content[error.start]:02x}. Save the file as UTF-8."
        raise InvalidFileError(path, [str(Fault(line, text))]) from error


def parse(path: Path, text: str) -> Document:
    r"""Read YAML text; ``path`` is its file, for messages.

    Raises:
        InvalidFileError: If the text is empty or not YAML, or has aliases or deep nesting.

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
        raise InvalidFileError(path, ["the file is empty"])
    document.value = _plain(document, root, ())
    return document


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file. Check the path."
    if isinstance(error, IsADirectoryError):
        return "it is a folder. Name a file inside it."
    return f"not readable: {error}. Check the path and its permissions."


def _line(where: yaml.Node | yaml.Event) -> int:
    mark: Any = where.start_mark  # None in the stubs only
    return int(mark.line) + 1


def _check_events(document: Document, text: str) -> None:
    # Aliases can make a small file enormous or endless, and deep nesting overflows the stack. The
    # event stream shows both before anything is built.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            alias = _short(str(event.anchor))
            document.note(event, f"alias '*{alias}' is not allowed. Write the value out.")
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            document.note(event, f"more than {MAX_DEPTH} levels. Flatten the file.")
            return


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    line = (mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))) + 1
    return Fault(line, f"not YAML: {problem}. Check quotes, colons and indentation.")


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
    """Items of a mapping; repeated keys and keys that are not text become faults."""
    for key, child in node.value:
        if not isinstance(key, yaml.ScalarNode):
            document.note(key, "a key must be text, not a list or mapping")
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
    if make is None:
        return str(node.value)
    if len(node.value) <= _MAX_DIGITS:
        with suppress(ValueError, KeyError, IndexError):  # an explicit !!int on text
            value: str | int | float | bool | None = make(node)
            return value
    kind, value = node.tag.removeprefix(_TAG), _short(node.value)
    document.note(node, f"'{value}' is not of type {kind}. Remove the tag or quote the text.")
    return str(node.value)


@functools.cache
def _constructors() -> Mapping[str, Callable[[yaml.ScalarNode], Any]]:
    safe = yaml.constructor.SafeConstructor()
    kinds = ("int", "float", "bool", "null")
    return {f"{_TAG}{kind}": getattr(safe, f"construct_yaml_{kind}") for kind in kinds}


def _tag_fault(node: yaml.Node) -> str:
    tag = _short(str(node.tag).replace(_TAG, "!!"))
    return f"tag '{tag}' is not allowed. Remove it."


def _sentence(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    location: Location = item["loc"]
    key = _short(str(location[-1])) if location else "the file"
    if item["type"] == "missing":
        return f"missing '{key}'"
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        return f"unknown field '{key}'. {did_you_mean(key, known) or 'Remove it.'}"
    if item["type"] == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    name = ".".join(str(part) for part in location[-2:] if isinstance(part, str)) or "file"
    found = item["input"]
    return f"'{_short(name)}' must {_rule(item)} (got {_shown(found)}).{_remedy(item)}"


def _rule(item: Mapping[str, Any]) -> str:
    if item["type"] in _KINDS:
        return f"be {_KINDS[item['type']]}"
    words = re.sub(r"^\w+ should (be )?", "", str(item["msg"]))
    return words if words.startswith(("have", "match")) else f"be {words}"


def _remedy(item: Mapping[str, Any]) -> str:
    found = item["input"]
    if item["type"] in {"enum", "literal_error"} and isinstance(found, str):
        hint = did_you_mean(found, re.findall(r"'([^']*)'", str(item["msg"])))
        return f" {hint}" if hint else ""
    if item["type"] == "string_type" and isinstance(found, bool | int | float):
        return " Put it in quotes."
    return ""


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Fields that the model allows at a location of its file."""
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
