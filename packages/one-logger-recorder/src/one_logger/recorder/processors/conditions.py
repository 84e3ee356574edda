"""Conditions on attributes that a configuration file can hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from one_logger.core import AttributeValue, Event, OneLoggerError
from one_logger.core.spi import shown

Test = Callable[[AttributeValue], bool]

_MISSING = object()


def is_number(value: object) -> bool:
    """Whether a value is a number: a bool is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(value: object, wanted: object) -> bool:
    """Whether two values are equal as people see it: 1 and 1.0 are, 1 and true are not."""
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


_NUMERIC: dict[str, Callable[[Any, Any], bool]] = {
    "below": operator.lt,
    "at_most": operator.le,
    "above": operator.gt,
    "at_least": operator.ge,
}
_OTHERS = ("equals", "not_equals", "one_of", "exists")


class Conditions:
    """Conditions on attributes, all of which have to hold. The guide (docs/processors.md, "Filters") lists them."""

    def __init__(self, argument: str, conditions: Mapping[str, object]) -> None:
        self._tests: list[tuple[str, Test, bool]] = []
        for name, condition in conditions.items():
            place = f"{argument}[{shown(name)}]"
            if not isinstance(name, str):
                raise OneLoggerError(f"{place} is about {type(name).__name__}; expected an attribute's name, a text.")
            tests = condition if isinstance(condition, Mapping) else {"equals": condition}
            self._tests += [(name, *_test(place, key, operand)) for key, operand in tests.items()]

    def hold(self, event: Event) -> bool:
        """Whether all of them hold for the attributes of an event."""
        for name, test, if_missing in self._tests:
            value = event.attributes.get(name, _MISSING)
            if not (if_missing if value is _MISSING else test(value)):  # type: ignore[arg-type]  # it is not missing
                return False
        return True


def _test(place: str, key: object, operand: object) -> tuple[Test, bool]:
    """A condition as a function, and its result if the attribute is missing."""
    if isinstance(key, str) and key in _NUMERIC:
        if not is_number(operand):
            raise OneLoggerError(f"{place}.{key} is {shown(operand)}; expected a number.")
        compare = _NUMERIC[key]
        return lambda value: is_number(value) and compare(value, operand), False
    if key == "equals":
        return lambda value: _equal(value, operand), False
    if key == "not_equals":
        return lambda value: not _equal(value, operand), True
    if key == "one_of":
        if not isinstance(operand, (list, tuple)):
            raise OneLoggerError(f"{place}.one_of is {shown(operand)}; expected a list of values.")
        return lambda value: any(_equal(value, each) for each in operand), False
    if key == "exists":
        if not isinstance(operand, bool):
            raise OneLoggerError(f"{place}.exists is {shown(operand)}; expected true or false.")
        return lambda _: operand, not operand
    known = ", ".join([*_OTHERS, *_NUMERIC])
    raise OneLoggerError(f"{place} has {shown(key)}, which is no condition; expected one of {known}.")
