"""Options of plugins: the keyword arguments of a class, read from the texts that users type."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from benchmark.core.errors import InvalidInputError, UnknownNameError

OptionValue = str | int | float | bool


def option_defaults(factory: Any) -> dict[str, OptionValue]:  # noqa: ANN401 - a user's class
    """Options of a class and their defaults: the arguments of its constructor that have one.

    Example:
        >>> option_defaults(lambda size=3, name="a": None)
        {'size': 3, 'name': 'a'}
    """
    return {
        key: parameter.default
        for key, parameter in inspect.signature(factory).parameters.items()
        if parameter.default is not parameter.empty
    }


def read_options(
    kind: str,
    name: str,
    factory: Any,  # noqa: ANN401 - a user's class
    texts: Mapping[str, str],
) -> dict[str, OptionValue]:
    """The options that were typed, each read as the type its argument declares.

    Args:
        kind: What has the options, for messages: ``method``.
        name: Its name.
        factory: The class.
        texts: What was typed, by option name.

    Raises:
        UnknownNameError: For an option that the class does not have.
        InvalidInputError: For a text that does not fit the type.
    """
    defaults = option_defaults(factory)
    types = _option_types(factory, defaults)
    given: dict[str, OptionValue] = {}
    for key, text in texts.items():
        if key not in defaults:
            raise UnknownNameError(f"option of {kind} '{name}'", key, defaults)
        given[key] = _read_option(name, key, text, types[key])
    return given


def _option_types(factory: Any, defaults: Mapping[str, OptionValue]) -> dict[str, Any]:  # noqa: ANN401
    """Annotated type of every option; that of its default where the annotation says nothing."""
    try:
        hints = get_type_hints(factory.__init__)
    except (NameError, TypeError):  # annotations that only a type checker can resolve
        hints = {}
    return {key: hints.get(key, type(default)) for key, default in defaults.items()}


def _read_option(name: str, key: str, text: str, kind: Any) -> OptionValue:  # noqa: ANN401
    from pydantic import TypeAdapter, ValidationError

    try:
        value: OptionValue = TypeAdapter(kind).validate_strings(text)
    except ValidationError as error:
        raise InvalidInputError(
            f"Expected option {name}.{key} to be {getattr(kind, '__name__', kind)}, "
            f"but got '{text}'. {error.errors()[0]['msg']}."
        ) from error
    return value
