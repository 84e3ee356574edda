"""The arguments that a class or function takes by name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from types import SimpleNamespace
from typing import Any, get_type_hints

from one_logger.core.spi import near_miss
from one_logger.recorder.configuration.section import Section
from one_logger.recorder.configuration.shape import MismatchError, Schema, Shape, shape_of

Target = Callable[..., object]


class Signature:
    """The arguments that a class or function takes by name.

    An annotation that cannot be evaluated, as its names are imported for type checkers only, is ignored. A target
    without a signature, as in C, takes any argument.
    """

    def __init__(self, target: Target, without: Collection[str] = ()) -> None:
        self._shapes: dict[str, Shape] = {}
        self._defaults: dict[str, object] = {}
        self._open_ended = False  # it takes others as well
        try:
            parameters = inspect.signature(target).parameters
        except (TypeError, ValueError):
            self._open_ended = True
            return
        namespace = _namespace(target)
        for name, parameter in parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                self._open_ended = True
            elif parameter.kind not in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY) and name not in without:
                self._shapes[name] = shape_of(_evaluated(parameter.annotation, namespace), name)
                if parameter.default is not parameter.empty:
                    self._defaults[name] = parameter.default

    def check(
        self, values: Mapping[str, object], section: Section, called: str, *, at: str = "", partial: bool = False
    ) -> dict[str, object]:
        """Convert values by name for the parameters. Mistakes become problems of the section.

        `called` is the target's name in messages, `at` the key of the values in the section. If `partial`, arguments
        may be missing.
        """
        path = (at,) if at else ()
        arguments: dict[str, object] = {}
        for name, value in values.items():
            if name in self._shapes:
                shape = self._shapes[name]
                try:
                    arguments[name] = shape.convert(
                        section.with_placeholders(value, (*path, name)) if shape.has_placeholders else value
                    )
                except MismatchError as error:
                    section.mismatch(error.given, error.expected, (*path, name, *error.path))
            elif self._open_ended:
                arguments[name] = value
            else:
                hint = near_miss(name, self._shapes) or f"it takes {', '.join(self._shapes) or 'none'}."
                section.problem((*path, name), f"is no argument of {called}; {hint}")
        for name in [] if partial else self._required:
            if name not in values:
                wanted = f"Expected {self._shapes[name].expected}."
                section.problem((*path, name), f"is missing; {called} needs it. {wanted}")
        return arguments

    def schema(self, descriptions: Mapping[str, str], *, partial: bool = False) -> Schema:
        """The arguments as the JSON Schema of an object, with descriptions by name. If `partial`, none is required."""
        properties: dict[str, Schema] = {}
        for name, shape in self._shapes.items():
            properties[name] = dict(shape.schema)
            default = self._defaults.get(name)
            if isinstance(default, (str, bool, int, float)) and not isinstance(default, Enum):
                properties[name]["default"] = default
            if name in descriptions:
                properties[name]["description"] = descriptions[name]
        required = {} if partial else {"required": self._required}
        return {"type": "object", "properties": properties, "additionalProperties": self._open_ended, **required}

    @property
    def _required(self) -> list[str]:
        return [name for name in self._shapes if name not in self._defaults]


def _namespace(target: Target) -> dict[str, Any]:
    """The globals in which the annotations of a signature are evaluated."""
    function = target
    if isinstance(target, type):
        function = next((vars(c)[m] for c in target.__mro__ for m in ("__init__", "__new__") if m in vars(c)), target)
    module = vars(sys.modules[target.__module__]) if target.__module__ in sys.modules else {}
    return getattr(inspect.unwrap(function), "__globals__", module)


def _evaluated(annotation: object, namespace: dict[str, Any]) -> object:
    if annotation is inspect.Parameter.empty:
        return Any
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), namespace, include_extras=True)["it"]
    except Exception:  # evaluating an annotation runs code, which may raise anything
        return Any
