"""What an annotation allows: in words, as JSON Schema, and as a conversion of values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, is_typeddict

from one_logger.core.spi import WITH_PLACEHOLDERS
from one_logger.recorder.configuration.problem import Path
from one_logger.recorder.configuration.scalars import A_PATH, SCALARS, UnfitError, member_of, unit_of
from one_logger.recorder.configuration.section import UNUSABLE

Schema = dict[str, Any]

_NOT_IN_FILES: Schema = {"not": {}}


class MismatchError(Exception):
    """A value does not fit: what was expected, and the path and value that do not fit."""

    def __init__(self, expected: str, path: Path, given: object) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = path
        self.given = given


class Shape(NamedTuple):
    """What a parameter takes."""

    expected: str
    """In words: `a whole number`."""
    schema: Schema
    """As JSON Schema. A text with references to environment variables may stand for any other value."""
    conversion: Callable[[Any, Path], object]
    """Converts the value at a path, or raises a `ValueError`."""
    has_placeholders: bool = False
    """Whether braces in a text are placeholders."""

    def convert(self, value: object, path: Path = ()) -> object:
        """Convert the value at a path, or raise `MismatchError`."""
        if value is UNUSABLE:
            return value
        try:
            return self.conversion(value, path)
        except (ValueError, OverflowError) as error:
            better = str(error) if isinstance(error, UnfitError) else ""
        raise MismatchError(better or self.expected, path, value)


_ANYTHING = Shape("a value", {}, lambda value, _: value)


def shape_of(annotation: Any, name: str, within: tuple[object, ...] = ()) -> Shape:
    """The shape of a parameter. Its name may tell a unit of time; `within` are the `type` statements around it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        shape = shape_of(arguments[0], name, within)
        return shape._replace(has_placeholders=WITH_PLACEHOLDERS in arguments[1:])
    if hasattr(annotation, "__supertype__"):  # a NewType
        return shape_of(annotation.__supertype__, name, within)
    if hasattr(annotation, "__value__"):  # a `type` statement
        if annotation in within:
            return _ANYTHING._replace(conversion=lambda value, path: shape_of(annotation, name).convert(value, path))
        return shape_of(annotation.__value__, name, (*within, annotation))
    if origin in (Union, UnionType):
        return _union([shape_of(each, name, within) for each in arguments])
    if origin is Literal:
        return _literal(arguments)
    kind = NoneType if annotation is None else origin or annotation
    if not isinstance(kind, type) or kind in (object, Any):
        return _ANYTHING
    return _single(kind, name) or _container(kind, arguments, name, within) or _instance(kind)


def _single(kind: type, name: str) -> Shape | None:
    if issubclass(kind, Enum):
        names = [member.name for member in kind]
        schema: Schema = {"type": ["string", "number"], "examples": names}
        return Shape(f"one of {', '.join(names)}", schema, lambda value, _: member_of(kind, value))
    scalar = next((scalar for scalar in SCALARS if issubclass(kind, scalar[0])), None)
    if scalar is None:
        return None
    known, expected, in_json, conversion = scalar
    unit = unit_of(name)
    if unit is not None and known in (int, float):
        expected += ", or a duration such as 500ms"
    types = in_json if in_json in ("null", "string") else [in_json, "string"]
    return Shape(expected, {"type": types}, lambda value, _: conversion(value, unit))


def _literal(choices: tuple[object, ...]) -> Shape:
    def conversion(value: object, _: Path) -> object:
        for choice in choices:
            if value == str(choice) or (type(value) is type(choice) and value == choice):
                return choice
        raise ValueError

    schema: Schema = {"anyOf": [{"enum": list(choices)}, {"type": "string", "pattern": r"\$\{"}]}
    return Shape(f"one of {', '.join(map(repr, choices))}", schema, conversion)


def _union(shapes: list[Shape]) -> Shape:
    def conversion(value: object, path: Path) -> object:
        if isinstance(value, str) and any(shape.expected == A_PATH for shape in shapes):
            value = os.path.expanduser(value)
        converted: list[object] = []
        inside: MismatchError | None = None
        for shape in shapes:
            try:
                result = shape.convert(value, path)
            except MismatchError as error:
                inside = error if error.path != path else inside
                continue
            if type(result) is type(value) and result == value:  # no conversion is better than any
                return result
            converted.append(result)
        if not converted:
            raise inside or UnfitError
        return converted[0]

    schemas: list[Schema] = []
    for shape in shapes:
        if shape.schema not in (*schemas, _NOT_IN_FILES):
            schemas.append(shape.schema)
    schema = {} if {} in schemas else schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    values = [shape for shape in shapes if shape.expected != "null"]
    words = [shape.expected for shape in values if shape.schema != _NOT_IN_FILES] or [each.expected for each in values]
    return Shape(" or ".join(dict.fromkeys(words)), schema if schemas else _NOT_IN_FILES, conversion)


def _container(kind: type, arguments: tuple[object, ...], name: str, within: tuple[object, ...]) -> Shape | None:
    """The shape of a list or mapping, converted to the first of Python's containers that fits."""
    if is_typeddict(kind):
        return _mapping(Any)
    if getattr(kind, "_is_protocol", False):  # it may have no way to tell
        return None
    made = next((each for each in (list, tuple, set, frozenset, dict) if issubclass(each, kind)), None)
    if made is None:
        return None
    if made is dict:
        return _mapping(arguments[1] if len(arguments) == 2 else Any)
    items = [shape_of(each, name, within) for each in arguments if each is not ...] or [_ANYTHING]
    return _list(made, items, fixed=made is tuple and arguments[-1:] not in ((), (...,)))


def _mapping(annotation: object) -> Shape:
    def conversion(value: object, path: Path) -> object:
        if not isinstance(value, Mapping):
            raise ValueError
        return {key: shape_of(annotation, str(key)).convert(each, (*path, key)) for key, each in value.items()}

    return Shape("a mapping", {"type": "object"}, conversion)


def _list(made: type, items: list[Shape], *, fixed: bool) -> Shape:
    """A list of items of the first shape or, if `fixed`, with one item of each shape."""

    def conversion(value: object, path: Path) -> object:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise ValueError
        given = list(value)
        if fixed and len(given) != len(items):
            raise UnfitError(f"a list of {len(items)} values")
        shapes = items if fixed else items[:1] * len(given)
        converted = [shapes[number].convert(each, (*path, number)) for number, each in enumerate(given)]
        try:
            return made(converted)
        except TypeError:  # a list or mapping cannot be in a set
            raise UnfitError("a list without lists and mappings in it") from None

    return Shape("a list", {"type": "array", "items": {} if len(items) > 1 else items[0].schema}, conversion)


def _instance(kind: type) -> Shape:
    """An instance of a class, which only code can give."""

    def conversion(value: object, _: Path) -> object:
        try:
            fits = callable(value) if issubclass(kind, Callable) else isinstance(value, kind)  # type: ignore[arg-type]
        except TypeError:  # a protocol that cannot be asked
            return value
        if not fits:
            raise ValueError
        return value

    return Shape(f"a {kind.__module__}.{kind.__qualname__}, which only code can give", _NOT_IN_FILES, conversion)
