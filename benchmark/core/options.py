"""Options of plug-ins: keyword arguments of a class, read from texts typed by users."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from benchmark.core.errors import InvalidInputError, UnknownNameError

OptionValue = str | int | float | bool


def option_defaults(factory: Any) -> dict[str, OptionValue]:  # noqa: ANN401 - a user's class
    """Options of a class with their defaults: the constructor's arguments that have a default.

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
    """Read typed options, each as the type that its argument declares.

    Args:
        kind: Kind of the plug-in, for messages: ``method``.
        name: Name of the plug-in.
        factory: The class.
        texts: Typed texts, by option name.

    Raises:
        UnknownNameError: For an option that the class does not have.
        InvalidInputError: For a text of another type.
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
            f"Option {name}.{key} must be {getattr(kind, '__name__', kind)} (got '{text}'). "
            f"{error.errors()[0]['msg']}."
        ) from error
    return value
