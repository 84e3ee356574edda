"""Mappings and sequences of mixed values become JSON."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core import Attributes, Event, Span

_Pair = namedtuple("_Pair", ["a", "b"])  # noqa: PYI024 - as the job may have it


class _Sizes(Enum):
    SMALL = MappingProxyType({"width": 1})


def _text(value: object) -> str:
    text = Attributes({"a": value})["a"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1}, '{"a":1}'),
        ({}, "{}"),
        ({"a": None}, '{"a":null}'),
        ([None, 1], "[null,1]"),
        ([1, "a"], '[1,"a"]'),
        ([True, 1], "[true,1]"),
        ([[1, 2], [3, 4]], "[[1,2],[3,4]]"),
        ((1, [2, {"a": (3,)}]), '[1,[2,{"a":[3]}]]'),
        ([_Pair(1, "x")], '[[1,"x"]]'),
        (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        (Attributes({"a": 1}), '{"a":1}'),
        (_Sizes.SMALL, '{"width":1}'),
        ({"nan": math.nan, "inf": [-math.inf]}, '{"nan":"NaN","inf":["-Infinity"]}'),
        ({"big": 2**63, "bigs": [1, -(2**64)]}, '{"big":"9223372036854775808","bigs":[1,"-18446744073709551616"]}'),
        ({1: "a", False: "b", None: "c", 2.5: "d"}, '{"1":"a","false":"b","null":"c","2.5":"d"}'),
        ({np.int64(3): np.float64(0.5), "n": np.array([1, 2])}, '{"3":0.5,"n":[1,2]}'),
        ({PurePosixPath("/a"): PurePosixPath("/b")}, '{"/a":"/b"}'),
        ({"quote": '"\\\n\u2028'}, '{"quote":"\\"\\\\\\n\\u2028"}'),
    ],
)
def test_nested_values_are_json(value: object, text: str) -> None:
    """A mapping, and a sequence of several types, becomes JSON, by the same rules as the record's own."""
    assert _text(value) == text


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


def _expected(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, list):
        return [_expected(item) for item in value]
    if isinstance(value, dict):
        return {name: _expected(item) for name, item in value.items()}
    return value


@given(st.dictionaries(st.text(), _VALUES))
def test_json_says_what_the_value_was(value: dict[str, object]) -> None:
    """Whatever is nested in a mapping is read back from the JSON as it was."""
    assert json.loads(_text(value), parse_constant=pytest.fail) == _expected(value)


def _recursive() -> list[object]:
    values: list[object] = [None]
    values.extend([values, {"self": values}] * 1_000)
    return values


@pytest.mark.parametrize(
    "value",
    [
        {"a": "x" * 10**6},
        [None, *range(10**5)],
        {number: number for number in range(10**5)},
        [["x" * 40_000, "y" * 40_000], "z"],
        {"n" * 100_000: 1},
        {"\u2028" * 20_000: {"b": {"c": 1}}},
        _recursive(),
    ],
    ids=["text", "list", "dict", "texts", "name", "name of escapes", "recursive"],
)
def test_what_is_huge_or_recursive_is_cut_to_valid_json(value: object) -> None:
    """What is too long ends early, says so by `...`, and is valid JSON all the same."""
    text = _text(value)
    assert "..." in text
    assert 1_000 < len(text) < 200_000
    json.loads(text)


def test_what_json_does_not_know_is_its_repr_and_is_reported(reports: Callable[[], list[str]]) -> None:
    """A value that is exported as its `repr` inside of a mapping is logged as one that stands alone is."""
    assert _text({"price": Decimal("0.1")}) == '{"price":"Decimal(\'0.1\')"}'
    assert _text({(1, 2): 1, 1j: 2}) == '{"[1,2]":1,"1j":2}'
    Attributes({"nested odd": {"price": Decimal("0.1")}, "nested fine": {"price": None}})
    (report,) = [report for report in reports() if "nested" in report]
    assert "'nested odd'" in report


def test_a_mapping_that_another_thread_changes_is_read() -> None:
    """A mapping that grows and shrinks while it is exported does not raise."""
    values: dict[object, object] = dict.fromkeys(range(1000))
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            values["more"] = 1
            del values["more"]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert len(json.loads(_text(values))) in (1_000, 1_001)
    finally:
        done.set()
        thread.join()


def test_none_is_left_out() -> None:
    """An attribute that is None is left out wherever it is given, and changes nothing that was there."""
    given: dict[str, Any] = {"a": 1, "b": None}
    span = Span("work", given, given)
    span.set_attribute("a", None)
    span.set_attributes({"a": None, "c": 2})
    span.stop(given)
    assert dict(span.attributes) == {"a": 1, "c": 2}
    assert dict(Event("step", given).attributes) == dict(Attributes(given)) == {"a": 1}
    assert Attributes(given) == given
