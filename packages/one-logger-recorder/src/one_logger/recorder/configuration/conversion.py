"""From what a file can hold to what an annotated parameter wants."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, is_typeddict

from one_logger.recorder.configuration.problem import Path
from one_logger.recorder.configuration.section import UNUSABLE

_WHOLE = re.compile(r"[+-]?\d{1,100}")
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>ns|us|µs|ms|s|min|m|h|d)")
_MILLISECOND, _SECOND = 10**6, 10**9
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": _MILLISECOND,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "min": 60 * _SECOND,
    "h": 3_600 * _SECOND,
    "d": 86_400 * _SECOND,
}
# What a parameter counts in can only be told by its name.
_IN_SECONDS = re.compile(r"(^|_)(timeout|interval|delay|duration|period|cool_?down|seconds|secs)$")
_IN_MILLISECONDS = re.compile(r"_(ms|millis|milliseconds)$")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_ONLY_CODE = ", which only code can give"


class MismatchError(Exception):
    """A value is not what a parameter wants.

    Args:
        expected: What it wants: `a whole number`.
        path: Where in the value the mismatch is.
        given: What stands there.
    """

    def __init__(self, expected: str, path: Path, given: object) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = path
        self.given = given


class _Wanted(NamedTuple):
    """What a value is wanted for."""

    annotation: object
    kind: type
    """The class that the annotation is about: `list` for `list[str]`."""
    name: str
    path: Path

    def mismatch(self, given: object) -> MismatchError:
        return MismatchError(expected(self.annotation, self.name), self.path, given)


def convert(value: object, annotation: object, name: str, path: Path = ()) -> object:
    """The value as the annotation wants it.

    Args:
        value: What the configuration has.
        annotation: The annotation of the parameter, evaluated. What it says that nobody can check is not checked.
        name: The name of the parameter, which may say in what it counts time.
        path: Where `value` stands in the value of the parameter.

    Raises:
        MismatchError: It cannot be had.
    """
    annotation = plain_annotation(annotation)
    if value is UNUSABLE:
        return value
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _one_of(value, annotation, arguments, name, path)
    if origin is Literal:
        return _choice(value, annotation, arguments, name, path)
    kind = origin or annotation
    if not isinstance(kind, type) or kind is object:
        return value
    wanted = _Wanted(annotation, kind, name, path)
    for convertible, conversion in _CONVERSIONS:
        if issubclass(kind, convertible):
            return conversion(value, wanted)
    container = container_of(kind)
    if container is not None:
        return _mapping(value, wanted) if container is dict else _list(value, container, wanted)
    try:
        fits = callable(value) if issubclass(kind, Callable) else isinstance(value, kind)  # type: ignore[arg-type]
    except TypeError:  # a protocol that cannot be asked
        return value
    if not fits:
        raise wanted.mismatch(value)
    return value


def expected(annotation: object, name: str) -> str:
    """What an annotation wants, in words."""
    annotation = plain_annotation(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        words = [expected(each, name) for each in arguments if each is not NoneType]
        in_files = [word for word in words if not word.endswith(_ONLY_CODE)]
        return " or ".join(dict.fromkeys(in_files or words))
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    kind = origin or annotation
    if not isinstance(kind, type) or kind is object:
        return "a value"
    if issubclass(kind, Enum):
        return f"one of {', '.join(member.name for member in kind)}"
    for known, words_of_known in _WORDS.items():
        if issubclass(kind, known):
            in_time = known in (int, float) and _counts_in(name) is not None
            return f"{words_of_known}, or a duration such as 500ms" if in_time else words_of_known
    container = container_of(kind)
    if container is not None:
        return "a mapping" if container is dict else "a list"
    return f"a {kind.__module__}.{kind.__qualname__}{_ONLY_CODE}"


def plain_annotation(annotation: object) -> object:
    """An annotation without what says nothing about the value."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):  # a NewType
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__"):  # a `type` statement
            annotation = annotation.__value__
        elif annotation is Any:
            return object
        else:
            return NoneType if annotation is None else annotation


def _one_of(value: object, union: object, annotations: tuple[object, ...], name: str, path: Path) -> object:
    if isinstance(value, str) and any(_is_path(each) for each in annotations):
        value = os.path.expanduser(value)
    converted: list[object] = []
    inside: MismatchError | None = None
    for annotation in annotations:
        try:
            result = convert(value, annotation, name, path)
        except MismatchError as error:
            inside = error if error.path != path else inside
            continue
        if type(result) is type(value) and result == value:  # no conversion is better than any
            return result
        converted.append(result)
    if converted:
        return converted[0]
    raise inside or MismatchError(expected(union, name), path, value)


def _choice(value: object, literal: object, choices: tuple[object, ...], name: str, path: Path) -> object:
    for choice in choices:
        if value == str(choice) or (type(value) is type(choice) and value == choice):
            return choice
    raise MismatchError(expected(literal, name), path, value)


def _is_path(annotation: object) -> bool:
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, os.PathLike)


def _none(value: object, wanted: _Wanted) -> object:
    if value is not None:
        raise wanted.mismatch(value)
    return None


def _text(value: object, wanted: _Wanted) -> object:
    if isinstance(value, str):
        return value
    mismatch = wanted.mismatch(value)
    if isinstance(value, (bool, int, float)):
        raise MismatchError(f"{mismatch.expected}; put it in quotes", wanted.path, value)
    raise mismatch


def _bool(value: object, wanted: _Wanted) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in (*_TRUE, *_FALSE):
        return value.strip().lower() in _TRUE
    raise wanted.mismatch(value)


def _int(value: object, wanted: _Wanted) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if _WHOLE.fullmatch(value.strip()):
            return int(value)
        duration = _duration(value, _counts_in(wanted.name))
        if duration is not None and duration.is_integer():
            return int(duration)
    raise wanted.mismatch(value)


def _float(value: object, wanted: _Wanted) -> object:
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            duration = _duration(value, _counts_in(wanted.name))
            if duration is not None:
                return duration
    raise wanted.mismatch(value)


def _time_span(value: object, wanted: _Wanted) -> object:
    if isinstance(value, timedelta):
        return value
    seconds = _duration(value, _SECOND) if isinstance(value, str) else value
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        try:
            return timedelta(seconds=seconds)
        except (OverflowError, ValueError):
            pass
    raise wanted.mismatch(value)


def _file_path(value: object, wanted: _Wanted) -> object:
    if isinstance(value, os.PathLike):
        return value
    if not isinstance(value, str):
        raise wanted.mismatch(value)
    return pathlib.Path(os.path.expanduser(value))


def _member(value: object, wanted: _Wanted) -> object:
    members: Iterable[object] = wanted.kind  # type: ignore[assignment]  # the class of an Enum
    for member in members:
        known = member.value if isinstance(member, Enum) else None
        names = (member.name.lower(), str(known).lower()) if isinstance(member, Enum) else ()
        if value is member or (isinstance(value, str) and value.lower() in names):
            return member
        if type(value) is type(known) and value == known:
            return member
    raise wanted.mismatch(value)


def _mapping(value: object, wanted: _Wanted) -> object:
    if not isinstance(value, Mapping):
        raise wanted.mismatch(value)
    arguments = get_args(wanted.annotation)
    item = arguments[1] if len(arguments) == 2 else Any
    return {key: convert(each, item, str(key), (*wanted.path, key)) for key, each in value.items()}


def _list(value: object, container: type, wanted: _Wanted) -> object:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise wanted.mismatch(value)
    given, arguments = list(value), get_args(wanted.annotation)
    annotations: Sequence[object] = [arguments[0] if arguments else Any] * len(given)
    if container is tuple and arguments and arguments[-1] is not ...:
        if len(given) != len(arguments):
            raise MismatchError(f"a list of {len(arguments)} values", wanted.path, value)
        annotations = arguments
    items = [
        convert(each, annotation, wanted.name, (*wanted.path, number))
        for number, (each, annotation) in enumerate(zip(given, annotations, strict=True))
    ]
    try:
        made: object = container(items)
    except TypeError:  # a list or mapping cannot be in a set
        raise MismatchError("a list without lists and mappings in it", wanted.path, value) from None
    return made


def container_of(kind: type) -> type | None:
    """What to make for an annotation such as `Sequence`: the first of Python's own containers that is one."""
    if is_typeddict(kind):
        return dict
    if getattr(kind, "_is_protocol", False):  # it may have no way to tell
        return None
    return next((each for each in (list, tuple, set, frozenset, dict) if issubclass(each, kind)), None)


def _duration(text: str, unit: int | None) -> float | None:
    """How many times `unit`, in nanoseconds, a duration such as `500ms` has. None if it is no duration."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or unit is None:
        return None
    return float(match["number"]) * _NANOSECONDS[match["unit"]] / unit


def _counts_in(name: str) -> int | None:
    """In what a parameter counts time, in nanoseconds, if it does."""
    if _IN_MILLISECONDS.search(name):
        return _MILLISECOND
    return _SECOND if _IN_SECONDS.search(name) else None


# The first one that fits is taken: a member of an IntEnum is an int, and so is a bool.
_CONVERSIONS: tuple[tuple[type, Callable[[object, _Wanted], object]], ...] = (
    (NoneType, _none),
    (Enum, _member),
    (str, _text),
    (bool, _bool),
    (int, _int),
    (float, _float),
    (timedelta, _time_span),
    (os.PathLike, _file_path),
)
_WORDS: dict[type, str] = {
    NoneType: "null",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    timedelta: "a duration such as 500ms, 30s or 1h",
    os.PathLike: "a path",
}
