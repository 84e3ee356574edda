"""Holding the arguments that a configuration gives against the signature that is to take them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any, get_type_hints

from one_logger.recorder.configuration.conversion import MismatchError, convert, expected
from one_logger.recorder.configuration.problem import Path, near_miss
from one_logger.recorder.configuration.section import Section


def parameters(target: Callable[..., object], without: Collection[str] = ()) -> dict[str, inspect.Parameter] | None:
    """The parameters that can be given by name, their annotations evaluated. None if nobody can tell them.

    An annotation that cannot be evaluated, as its names are imported for type checkers only, becomes `Any`.

    Args:
        target: A class or function.
        without: Parameters that are none of the configuration's business.
    """
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):  # a class written in C may have none
        return None
    namespace = _namespace(target)
    return {
        name: parameter.replace(annotation=_evaluated(parameter.annotation, namespace))
        for name, parameter in signature.parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY) and name not in without
    }


def check_arguments(
    target: Callable[..., object],
    called: str,
    values: Mapping[str, object],
    section: Section,
    path: Path,
    *,
    without: Collection[str] = (),
    partial: bool = False,
) -> dict[str, object]:
    """The values as the parameters of `target` want them. What is wrong with them becomes problems of the section.

    Args:
        target: A class or function.
        called: What it is called in messages.
        values: The arguments, by name.
        section: What they are part of.
        path: Where they stand in it.
        without: Parameters that are none of the configuration's business.
        partial: Whether required arguments may be missing: they come from elsewhere.
    """
    known = parameters(target, without)
    if known is None:
        return dict(values)
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    known = {name: parameter for name, parameter in known.items() if parameter.kind is not parameter.VAR_KEYWORD}
    arguments: dict[str, object] = {}
    for name, value in values.items():
        if name in known:
            try:
                arguments[name] = convert(value, known[name].annotation, name)
            except MismatchError as error:
                place = (*path, name, *error.path)
                section.problem(place, f"is {section.shown(error.given, place)}; expected {error.expected}.")
        elif open_ended:
            arguments[name] = value
        else:
            takes = f"it takes {', '.join(known)}." if known else "it takes none."
            section.problem((*path, name), f"is no argument of {called}; {near_miss(name, list(known)) or takes}")
    for name, parameter in known.items():
        if name not in values and parameter.default is parameter.empty and not partial:
            wanted = expected(parameter.annotation, name)
            section.problem((*path, name), f"is missing; {called} needs it. Expected {wanted}.")
    return arguments


def _namespace(target: Callable[..., object]) -> dict[str, Any]:
    """Where the names in the annotations of a signature mean something."""
    function = target
    if isinstance(target, type):
        function = next((vars(c)[m] for c in target.__mro__ for m in ("__init__", "__new__") if m in vars(c)), target)
    function = inspect.unwrap(function)
    module = vars(sys.modules[target.__module__]) if target.__module__ in sys.modules else {}
    return getattr(function, "__globals__", module)


def _evaluated(annotation: object, namespace: dict[str, Any]) -> object:
    if annotation is inspect.Parameter.empty:
        return Any
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), namespace)["it"]
    except Exception:  # evaluating an annotation runs code, which may raise anything
        return Any
