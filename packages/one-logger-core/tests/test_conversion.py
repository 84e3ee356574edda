import datetime as dt
import math
import os
import uuid
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from one_logger.core import Attributes, AttributeValue
from one_logger.exporter.memory import InMemoryExporter


class _Mode(StrEnum):
    TRAIN = "train"


class _OldMode(str, Enum):
    TRAIN = "train"


class _Level(IntEnum):
    HIGH = 3


class _Shape(Enum):
    SQUARE = (2, 2)


class _LoudText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("not to be called")


class _LoudInt(int):
    def __repr__(self) -> str:
        raise RuntimeError("not to be called")


class _Stamp(dt.datetime):
    """A subclass from elsewhere, as pandas and pendulum have them."""


class _DriverUUID(uuid.UUID):
    """A subclass from elsewhere, as database drivers have them."""


class _TextPath:
    def __fspath__(self) -> str:
        return _LoudText("/data")


class _BrokenPath:
    def __fspath__(self) -> str:
        raise RuntimeError("no path")


class _BrokenRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class _NoTextRepr:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]  # that is the point


class _TextRepr:
    def __repr__(self) -> str:
        return _LoudText("text of a subclass")


class _HugeRepr:
    def __repr__(self) -> str:
        return "r" * 10_000_000


class _BrokenList(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no items")


@dataclass
class _Config:
    rate: float
    layers: list[object]


@dataclass
class _Account:
    user: str
    password: str = field(repr=False)


_Pair = namedtuple("_Pair", "a b")  # noqa: PYI024 - the kind without types


def _converted(value: object) -> AttributeValue:
    return Attributes({"conversion": value})["conversion"]


def _exported(value: object) -> object:
    """The value as an exporter writes it."""
    from one_logger.core import Resource

    exporter = InMemoryExporter()
    exporter.initialize(Resource({"value": value}))
    exporter.close()
    return exporter.records[0]["attributes"]["value"]


@pytest.mark.parametrize(
    ("value", "converted"),
    [
        (_Mode.TRAIN, "train"),
        (_OldMode.TRAIN, "train"),
        (_Level.HIGH, 3),
        (_LoudText("text"), "text"),
        (_LoudInt(5), 5),
        (2**127, 2**127),
        (-(2**127), -(2**127)),
        (10**5_000, 10**5_000),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
    ids=["StrEnum", "str-Enum", "IntEnum", "str", "int", "big", "negative", "beyond-4300-digits", "inf", "-inf"],
)
def test_values_of_subclasses_become_plain(value: object, converted: object) -> None:
    """An Enum becomes its value, an instance of a subclass the plain value; numbers of any size stay numbers."""
    assert _converted(value) == converted
    assert type(_converted(value)) is type(converted)


def test_enum_of_a_sequence_becomes_the_sequence() -> None:
    """An Enum whose value is a sequence becomes that sequence."""
    assert _converted(_Shape.SQUARE) == (2, 2)


def test_nan_stays_a_float() -> None:
    """NaN stays NaN."""
    value = _converted(math.nan)
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (PurePosixPath("/a/b"), "/a/b"),
        (PureWindowsPath("c:/a"), "c:\\a"),
        (Path("x"), "x"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (_DriverUUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), "2026-01-02T03:04:05.000006+00:00"),
        (_Stamp(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4, 5), "03:04:05"),
        (dt.timedelta(days=1, milliseconds=1), "1 day, 0:00:00.001000"),
        (dt.UTC, "UTC"),
    ],
    ids=[
        "path",
        "windows",
        "relative",
        "uuid",
        "uuid-subclass",
        "datetime",
        "subclass",
        "date",
        "time",
        "span",
        "zone",
    ],
)
def test_paths_ids_and_times_become_their_text(value: object, text: str) -> None:
    """A path, UUID, date, time or time span becomes its text, also if its class is a subclass."""
    assert _converted(value) == text


@pytest.mark.parametrize(
    ("values", "converted"),
    [
        ([], ()),
        ((), ()),
        (["a", "b"], ("a", "b")),
        ([True, False], (True, False)),
        ((1, 2), (1, 2)),
        ([0.5, 1.5], (0.5, 1.5)),
        ([1, 0.5], (1.0, 0.5)),
        (_Pair(1, 2), (1, 2)),
        ([_Mode.TRAIN, _OldMode.TRAIN, "x", _LoudText("y")], ("train", "train", "x", "y")),
        ([Path("a"), uuid.UUID(int=0)], ("a", "00000000-0000-0000-0000-000000000000")),
    ],
    ids=["empty", "empty-tuple", "str", "bool", "int", "float", "int-float", "namedtuple", "names", "texts"],
)
def test_sequences_of_one_type_become_tuples(values: object, converted: tuple[object, ...]) -> None:
    """A list or tuple of one type becomes a tuple of it; integers among floats become floats."""
    assert _converted(values) == converted
    assert [type(item) for item in _converted(values)] == [type(item) for item in converted]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value",
    [
        {1},
        frozenset({1}),
        3j,
        Decimal("0.1"),
        range(3),
        Ellipsis,
        int,
        {1: [2, {"a": (3,)}], 2: None}.keys(),
        set(),
    ],
    ids=repr,
)
def test_anything_else_becomes_its_repr(value: object) -> None:
    """A value of another type becomes its repr."""
    assert _converted(value) == repr(value)


def test_data_class_becomes_its_repr() -> None:
    """An instance of a data class becomes the text that its repr would be."""
    assert _converted(_Config(0.5, [1, 2])) == repr(_Config(0.5, [1, 2]))


def test_fields_hidden_from_the_repr_of_a_data_class_stay_hidden() -> None:
    """A field of a data class that is kept out of its repr, such as a password, is not exported."""
    assert _converted(_Account("me", "s3cret")) == repr(_Account("me", "s3cret")) == "_Account(user='me')"


@pytest.mark.parametrize(
    "value",
    [_BrokenRepr(), _NoTextRepr(), _BrokenPath(), _BrokenList([1]), [_BrokenRepr()], {"a": _NoTextRepr()}],
    ids=["raises", "no-text", "path", "list", "in-list", "in-dict"],
)
def test_value_that_cannot_be_read_becomes_a_text_that_says_so(value: object) -> None:
    """A value whose repr, path or items raise becomes a text with the name of the error."""
    text = _converted(value)
    assert isinstance(text, str)
    assert "RuntimeError" in text or "TypeError" in text


@pytest.mark.parametrize(
    "value",
    [_HugeRepr(), {_HugeRepr()}, _Config(0.5, ["x" * 10**6]), set(range(10**5))],
    ids=["repr", "nested", "text", "set"],
)
def test_repr_is_cut(value: object) -> None:
    """A repr has 1,024 characters at most."""
    text = _converted(value)
    assert isinstance(text, str)
    assert 100 < len(text) <= 1_024


def test_recursive_containers_end() -> None:
    """A list or dict that holds itself, in what becomes its repr, becomes a text that ends."""
    values: list[object] = [None]
    values.append(values)
    mapping: dict[str, object] = {"values": values}
    mapping["self"] = mapping
    assert "..." in str(_converted(_Config(0.5, values)))
    assert "..." in str(_converted(_Config(0.5, [mapping])))


def test_wide_and_deep_containers_cost_no_more_than_what_is_kept() -> None:
    """Of a container that holds itself many times, only the beginning is read."""
    values: list[object] = [None]
    values.extend([values] * 1_000)
    assert len(str(_converted(_Config(0.5, values)))) <= 1_024


def test_number_beyond_4300_digits_inside_a_container_does_not_raise() -> None:
    """A number whose decimal text Python refuses is given in hexadecimal where it is part of another value."""
    assert str(_converted({"n": 10**5_000})).startswith('{"n":"0x')
    assert str(_converted({10**5_000})).startswith("{0x")


def test_numbers_too_large_for_a_float_keep_their_digits() -> None:
    """A sequence of floats and an integer beyond their range does not lose what the integer was."""
    assert str(10**400)[:100] in str(_converted([10**400, 0.5]))


@pytest.mark.parametrize(
    "value", [_TextPath(), _TextRepr(), _LoudText("x"), [_LoudText("x")]], ids=["path", "repr", "str", "list"]
)
def test_texts_of_subclasses_can_be_exported(value: object) -> None:
    """A text that is an instance of a subclass of `str`, wherever it comes from, is exported as plain text."""
    assert _exported(value)


@pytest.mark.parametrize(
    ("value", "exported"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ([math.nan, 1.0], ["NaN", 1.0]),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        ([1, 2**64 - 1], ["1", str(2**64 - 1)]),
        (300_000_000, 300_000_000),
        (os.fsdecode(b"\xff"), "\ufffd"),
    ],
    ids=["nan", "inf", "-inf", "floats", "greatest", "big", "bigs", "int", "surrogate"],
)
def test_values_json_has_no_word_for_are_texts(value: object, exported: object) -> None:
    """NaN, infinities and integers beyond 64 bits are texts in a record, half a surrogate pair is U+FFFD."""
    assert _exported(value) == exported
