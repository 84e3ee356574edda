from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, StrEnum
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core import Attributes, Resource, Span, diagnostics


class _Name(StrEnum):
    LOSS = "train.loss"


class _OldName(str, Enum):
    LOSS = "train.loss"


class _Colour(Enum):
    RED = 1


class _LoudText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("not to be called")


class _Broken(Mapping[str, object]):
    """A mapping that fails while it is read."""

    def __iter__(self) -> Iterator[str]:
        yield "a"
        raise RuntimeError("connection lost")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, name: str) -> object:
        return 1


class _Unbound:
    """Like the proxies of web frameworks: nothing can be asked of it outside a request, not even its class."""

    @property  # type: ignore[misc]  # that is what such proxies do
    def __class__(self) -> type:
        raise RuntimeError("working outside of request context")


def test_values_of_the_exported_types_are_kept() -> None:
    """Texts, booleans, integers, floats and bytes keep value and type."""
    given_values = {"s": "text", "b": True, "i": 7, "f": 0.5, "y": b"\x00\xff"}
    attributes = Attributes(given_values)
    assert attributes == given_values
    assert [type(value) for value in attributes.values()] == [str, bool, int, float, bytes]


def test_nothing_gives_no_attributes() -> None:
    """Without a mapping, or with an empty one, there are no attributes."""
    assert len(Attributes()) == len(Attributes(None)) == len(Attributes({})) == 0


def test_attributes_are_a_mapping() -> None:
    """Attributes can be looked up, iterated over in order, counted and compared."""
    attributes = Attributes({"b": 1, "a": 2})
    assert list(attributes) == ["b", "a"]
    assert attributes["a"] == 2
    assert attributes.get("c") is None
    assert attributes == {"a": 2, "b": 1}
    with pytest.raises(KeyError):
        attributes["c"]


def test_attributes_cannot_be_changed() -> None:
    """There is no way to set or delete an attribute."""
    attributes = Attributes({"a": 1})
    with pytest.raises(TypeError):
        attributes["a"] = 2  # type: ignore[index]  # that is the point
    with pytest.raises(TypeError):
        del attributes["a"]  # type: ignore[attr-defined]  # that is the point
    assert attributes == {"a": 1}


def test_repr_shows_the_values() -> None:
    """The repr of attributes shows names and values."""
    assert repr(Attributes({"a": 1})) == "Attributes({'a': 1})"


@pytest.mark.parametrize("make", [dict, OrderedDict, MappingProxyType, Attributes], ids=lambda make: make.__name__)
def test_any_mapping_is_taken(make: Callable[[dict[str, object]], Mapping[str, object]]) -> None:
    """Attributes are made from any mapping."""
    assert Attributes(make({"a": 1, "b": [1, 2]})) == {"a": 1, "b": (1, 2)}


def test_later_changes_of_the_mapping_are_not_seen() -> None:
    """A mapping that is changed after it was taken does not change the attributes, nor those of a span."""
    values: dict[str, object] = {"a": 1}
    attributes, span = Attributes(values), Span("work", values, values)
    values["a"] = 2
    values["b"] = 3
    assert attributes == span.attributes == span.start_event.attributes == {"a": 1}


def test_later_changes_of_a_nested_list_are_not_seen() -> None:
    """A list that is changed after it was taken does not change the attributes."""
    steps = [1, 2]
    attributes = Attributes({"steps": steps})
    steps.append(3)
    assert attributes["steps"] == (1, 2)


def test_the_mapping_is_not_changed() -> None:
    """The caller's mapping and the lists in it are left as they were."""
    nested = [1, 2.5]
    values = {"list": nested, 5: None, "enum": _Colour.RED}
    Attributes(values)  # type: ignore[arg-type]  # a name of another type is converted
    assert values == {"list": [1, 2.5], 5: None, "enum": _Colour.RED}
    assert values["list"] is nested
    assert [type(item) for item in nested] == [int, float]


@pytest.mark.parametrize(
    "name", [_Name.LOSS, _OldName.LOSS, _LoudText("train.loss")], ids=lambda name: type(name).__name__
)
def test_names_become_plain_texts(name: str) -> None:
    """The name of an attribute is a plain `str`: the value of an Enum, the characters of a subclass."""
    (text,) = Attributes({name: 1})
    assert text == "train.loss"
    assert type(text) is str


@pytest.mark.parametrize(
    "name", ["", "n" * 100_000, "with.dots and =|\"'\n", "東京"], ids=["empty", "huge", "syntax", "unicode"]
)
def test_any_text_is_a_name(name: str) -> None:
    """Names may be empty, of any length and of any characters."""
    assert Attributes({name: 1}) == {name: 1}


@pytest.mark.parametrize(
    ("name", "text"),
    [(7, "7"), (None, "None"), ((1, "a"), "(1, 'a')"), (_Colour.RED, "<_Colour.RED: 1>"), (b"x", "b'x'")],
    ids=["int", "none", "tuple", "enum", "bytes"],
)
def test_names_of_other_types_become_their_repr(name: object, text: str) -> None:
    """A name that is no text becomes its repr."""
    assert Attributes({name: 1}) == {text: 1}  # type: ignore[dict-item]  # that is the point


def test_name_of_another_type_is_reported(reports: Callable[[], list[str]]) -> None:
    """A name that is no text is reported once, however often it is given."""
    for _ in range(3):
        Attributes({(4, "a name"): 1})  # type: ignore[dict-item]  # that is the point
    (message,) = reports()
    assert "tuple" in message
    assert diagnostics.occurrences("attribute (4, 'a name')") == 3


def test_name_that_cannot_be_asked_its_class_does_not_raise() -> None:
    """A name that raises whatever is asked of it becomes some text."""
    ((name, value),) = Attributes({_Unbound(): 1}).items()  # type: ignore[dict-item]  # that is the point
    assert isinstance(name, str)
    assert value == 1


def test_name_with_a_failing_str_does_not_raise_for_an_odd_value() -> None:
    """Reporting a value of another type does not call methods of the name."""
    assert list(Attributes({_LoudText("loud name"): object()})) == ["loud name"]
    assert diagnostics.occurrences("attribute loud name") == 1


def test_report_of_an_odd_value_has_the_value_of_an_enum_name() -> None:
    """A value of another type is counted under the text of its name, not under the name of the Enum's member."""
    before = diagnostics.occurrences("attribute train.loss")
    Attributes({_OldName.LOSS: object()})
    Attributes({"train.loss": object()})
    assert diagnostics.occurrences("attribute train.loss") == before + 2


@pytest.mark.parametrize("values", [5, "text", [("a", 1)], {"a"}, object], ids=["int", "str", "pairs", "set", "class"])
def test_what_is_no_mapping_does_not_raise(values: object) -> None:
    """What is no mapping becomes one attribute that has its repr."""
    assert Attributes(values) == {"one_logger.invalid_attributes": repr(values)}  # type: ignore[arg-type]


def test_mapping_that_cannot_be_read_does_not_raise() -> None:
    """A mapping that raises while it is read becomes one attribute."""
    assert list(Attributes(_Broken())) == ["one_logger.invalid_attributes"]


def test_object_that_cannot_be_asked_its_class_does_not_raise() -> None:
    """An object that raises whatever is asked of it becomes one attribute."""
    assert list(Attributes(_Unbound())) == ["one_logger.invalid_attributes"]  # type: ignore[arg-type]


def test_what_is_no_mapping_is_counted() -> None:
    """Each time that something else is given for a mapping is counted."""
    before = diagnostics.occurrences("invalid attributes")
    Attributes(5)  # type: ignore[arg-type]
    Attributes(_Broken())
    assert diagnostics.occurrences("invalid attributes") == before + 2


def test_conversion_to_repr_is_logged_once_for_a_name(reports: Callable[[], list[str]]) -> None:
    """Values that become their repr are counted for each name, and logged the first time only."""
    for _ in range(5):
        Attributes({"odd one": 1j, "odd two": {1}, "fine": 1})
    assert diagnostics.occurrences("attribute odd one") == diagnostics.occurrences("attribute odd two") == 5
    assert diagnostics.occurrences("attribute fine") == 0
    one, two = reports()
    assert "'odd one'" in one
    assert "complex" in one
    assert "'odd two'" in two


def test_conversion_to_repr_is_not_logged_by_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    """Making attributes logs nothing itself: a log handler may block."""
    Attributes({"odd and quiet": object()})
    assert caplog.records == []


_SCALARS = st.text() | st.booleans() | st.integers() | st.floats() | st.binary()
_PLAIN = _SCALARS | st.lists(st.text()) | st.lists(st.integers()) | st.lists(st.floats()) | st.lists(st.binary())
_ODD = st.recursive(
    st.none()
    | st.binary().map(lambda content: memoryview(content))  # noqa: PLW0108 - mypy takes no generic class here
    | st.complex_numbers()
    | st.dates()
    | st.decimals()
    | st.uuids()
    | st.builds(object)
    | _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)
# Few names for odd values: each new one is remembered for ever, as it is to be logged once.
_ODD_NAMES = st.sampled_from(["", "odd", _Name.LOSS, _OldName.LOSS, _LoudText("loss"), 7, None, (1, 2)])


@given(st.dictionaries(st.text(), _PLAIN), st.dictionaries(_ODD_NAMES, _SCALARS | st.integers(0, 9).map(str)))
def test_plain_values_survive(plain: dict[str, object], more: dict[object, object]) -> None:
    """Values of the exported types come out equal, whatever their names."""
    attributes = Attributes({**plain, **more})  # type: ignore[dict-item]  # names of other types
    replaced = Attributes(more)  # type: ignore[arg-type]  # names of other types
    for name, value in plain.items():
        if name not in replaced:
            assert repr(attributes[name]) == repr(tuple(value) if isinstance(value, list) else value)


@given(st.dictionaries(st.text(), _PLAIN), st.dictionaries(st.sampled_from(["", "odd", _Name.LOSS, 7, None]), _ODD))
def test_anything_becomes_attributes(plain: dict[str, object], odd: dict[object, object]) -> None:
    """Making attributes never raises, gives exported types only, and made from attributes gives the same."""
    attributes = Attributes({**plain, **odd})  # type: ignore[dict-item]  # names of other types
    for name, value in attributes.items():
        assert type(name) is str
        items = value if isinstance(value, tuple) else (value,)
        assert {type(item) for item in items} <= {str, bool, int, float, bytes}
        assert len({type(item) for item in items}) <= 1
    assert repr(Attributes(attributes)) == repr(attributes)
    assert repr(Attributes(dict(attributes))) == repr(attributes)


@given(st.integers() | st.text() | st.binary() | st.lists(st.integers()) | st.floats() | st.sets(st.text()))
def test_anything_but_a_mapping_becomes_one_attribute(values: object) -> None:
    """What is no mapping never raises and becomes one text."""
    ((name, value),) = Attributes(values).items()  # type: ignore[arg-type]
    assert name == "one_logger.invalid_attributes"
    assert isinstance(value, str)


_SCALARS = st.text() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(list(_Colour))
_ANY = st.one_of(
    _SCALARS,
    st.lists(_SCALARS),
    st.lists(st.integers() | st.floats(allow_nan=False)),
    st.none(),
    st.dictionaries(st.text(), _SCALARS),
)
_NAMES = st.text() | st.sampled_from([_Name.LOSS, 5, None])


@given(st.dictionaries(_NAMES, _ANY))
def test_attributes_equal_what_they_were_made_from(values: dict[str, object]) -> None:
    """Attributes are equal to their mapping, whatever is in it, from both sides, and to others made of it."""
    attributes = Attributes(values)
    assert attributes == values
    assert values == attributes
    assert attributes == MappingProxyType(values)
    assert attributes == Attributes(values)
    assert hash(attributes) == hash(Attributes(values))


@given(st.dictionaries(st.text(), _ANY), st.dictionaries(st.text(), _ANY))
def test_attributes_that_say_other_things_are_not_equal(one: dict[str, object], other: dict[str, object]) -> None:
    """Attributes are equal to each other, and hash alike, exactly if names and exported values are equal."""
    same = dict(Attributes(one)) == dict(Attributes(other))
    assert (Attributes(one) == Attributes(other)) is (Attributes(one) == other) is same
    if same:
        assert hash(Attributes(one)) == hash(Attributes(other))


def test_attributes_equal_lists_arrays_and_what_is_shown() -> None:
    """Lists, arrays and objects without a value of their own are compared by what is exported of them."""
    thing = object()
    attributes = Attributes({"list": [1, 2.5], "array": np.arange(3), "thing": thing})
    assert attributes == {"list": [1, 2.5], "array": np.arange(3), "thing": thing}
    assert attributes == {"list": (1.0, 2.5), "array": [0, 1, 2], "thing": repr(thing)}
    assert attributes != {"list": [1, 2], "array": np.arange(3), "thing": thing}
    assert attributes != {**attributes, "more": 1}


def test_attributes_are_not_equal_to_what_is_no_mapping() -> None:
    """Whatever else they are compared with is not equal, also if nothing can be asked of it."""
    for other in (None, [("a", 1)], "a", _Unbound()):
        assert (Attributes({"a": 1}) == other) is False


def test_repr_of_any_attributes_can_be_made() -> None:
    """The repr of attributes never raises, though that of an integer with thousands of digits does."""
    assert repr(Attributes({"huge": 10**5_000})).startswith("Attributes({'huge': 0x")
    assert repr(Resource({"huge": 10**5_000})).startswith("Resource({'huge': 0x")
