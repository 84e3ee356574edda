"""Conditions on attributes that a configuration file can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from one_logger.core import AttributeValue, OneLoggerError
from one_logger.core.spi import safe_repr

Test = Callable[[AttributeValue], bool]

_MISSING = object()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(value: object, wanted: object) -> bool:
    """Whether two values are the same to whoever wrote a condition: 1 and 1.0 are, 1 and true are not."""
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


_NUMERIC: dict[str, Callable[[float], Test]] = {
    "below": lambda bound: lambda value: _is_number(value) and value < bound,  # type: ignore[operator]
    "at_most": lambda bound: lambda value: _is_number(value) and value <= bound,  # type: ignore[operator]
    "above": lambda bound: lambda value: _is_number(value) and value > bound,  # type: ignore[operator]
    "at_least": lambda bound: lambda value: _is_number(value) and value >= bound,  # type: ignore[operator]
}
_OTHERS = ("equals", "not_equals", "one_of", "exists")


class Conditions:
    """Conditions on attributes, all of which have to hold."""

    def __init__(self, argument: str, conditions: Mapping[str, object]) -> None:
        self._tests: list[tuple[str, Test, bool]] = []
        for name, condition in conditions.items():
            place = f"{argument}[{safe_repr(name, 100)}]"
            if not isinstance(name, str):
                raise OneLoggerError(f"{place} is about {type(name).__name__}; expected an attribute's name, a text.")
            if isinstance(condition, Mapping):
                for key, operand in condition.items():
                    self._tests.append((name, *_test(place, key, operand)))
            else:
                self._tests.append((name, *_test(place, "equals", condition)))

    def hold(self, attributes: Mapping[str, AttributeValue]) -> bool:
        """Whether all of them hold for these attributes."""
        for name, test, if_missing in self._tests:
            value = attributes.get(name, _MISSING)
            if not (if_missing if value is _MISSING else test(value)):  # type: ignore[arg-type]  # it is not missing
                return False
        return True


def _test(place: str, key: object, operand: object) -> tuple[Test, bool]:
    """A condition as a function, and what holds if the attribute is missing."""
    if isinstance(key, str) and key in _NUMERIC:
        if not _is_number(operand):
            raise OneLoggerError(f"{place}.{key} is {safe_repr(operand, 100)}; expected a number.")
        return _NUMERIC[key](operand), False  # type: ignore[arg-type]  # a number
    if key == "equals":
        return lambda value: _equal(value, operand), False
    if key == "not_equals":
        return lambda value: not _equal(value, operand), True
    if key == "one_of":
        if not isinstance(operand, (list, tuple)):
            raise OneLoggerError(f"{place}.one_of is {safe_repr(operand, 100)}; expected a list of values.")
        return lambda value: any(_equal(value, each) for each in operand), False
    if key == "exists":
        if not isinstance(operand, bool):
            raise OneLoggerError(f"{place}.exists is {safe_repr(operand, 100)}; expected true or false.")
        return lambda _: operand, not operand
    known = ", ".join([*_OTHERS, *_NUMERIC])
    raise OneLoggerError(f"{place} has {safe_repr(key, 100)}, which is no condition; expected one of {known}.")
