"""The JSON Schema of a configuration file, made from the code, so that the two cannot disagree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from datetime import timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from one_logger.api import OneLoggerConfig
from one_logger.recorder.configuration.arguments import parameters
from one_logger.recorder.configuration.conversion import container_of, plain_annotation
from one_logger.recorder.configuration.entry_points import NotLoadedError, class_of_type, installed
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR, Kind
from one_logger.recorder.default_recorder import DefaultRecorder

Schema = dict[str, Any]

# In the place of anything may stand a text that refers to environment variables.
_TEXT_FOR = {"boolean": {"type": ["boolean", "string"]}, "integer": {"type": ["integer", "string"]}}

_NOT_IN_FILES: Schema = {"not": {}}


def configuration_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a configuration file.

    It has the arguments of every exporter and processor that is installed: unlike anything else here, it imports them
    all. One that cannot be imported is in it by its name.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of one-logger",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "one_logger": _arguments(OneLoggerConfig, required=False),
            "recorder": _arguments(DefaultRecorder, without=("exporters", "processors")),
            "inherit": {
                **_TEXT_FOR["boolean"],
                "default": False,
                "description": "Whether these exporters are added to those of the installed packages.",
            },
            "exporters": {
                "type": "array",
                "items": {"$ref": "#/$defs/entry"},
                "description": "Where to export to. They replace those of the installed packages.",
            },
            "processors": {
                **_PROCESSORS,
                "description": "What every span and event goes through before it is exported, in this order.",
            },
        },
        "additionalProperties": False,
        "$defs": {"entry": _entry(EXPORTER), "processor": _entry(PROCESSOR)},
    }


_PROCESSORS: Schema = {"type": "array", "items": {"$ref": "#/$defs/processor"}}


def _entry(kind: Kind) -> Schema:
    points = {point.name: point for point in installed(kind.group)}
    noun = kind.noun
    own: Schema = {"processors": {**_PROCESSORS, "description": "Processors for this exporter alone."}}
    return {
        "type": "object",
        "properties": {
            "type": {"type": "string", "examples": list(points), "description": f"The name of an installed {noun}."},
            "class_name": {"type": "string", "description": f"The {noun}'s class: package.module.Class."},
            "name": {"type": "string", "description": f"What the {noun} is called."},
            "enabled": {**_TEXT_FOR["boolean"], "default": True},
            "config": {"type": "object", "description": f"The arguments of the {noun}."},
            **(own if kind is EXPORTER else {}),
        },
        "oneOf": [{"required": ["type"]}, {"required": ["class_name"]}],
        "additionalProperties": False,
        "allOf": [_config_of(kind, name) for name in points],
    }


def _config_of(kind: Kind, name: str) -> Schema:
    """What is allowed as `config` in an entry of this type."""
    try:
        config = _arguments(class_of_type(kind, name))
    except NotLoadedError:
        config = {"type": "object"}
    required = ["config"] if config.get("required") else []
    enabled = {"not": {"properties": {"enabled": {"const": False}}, "required": ["enabled"]}}
    return {
        "if": {"properties": {"type": {"const": name}}, "required": ["type"], **enabled},
        "then": {"properties": {"config": config}, "required": required},
    }


def _arguments(target: Callable[..., object], without: Collection[str] = (), *, required: bool = True) -> Schema:
    """The arguments of a class or function, as the properties of an object."""
    known = parameters(target, without)
    if known is None:
        return {"type": "object"}
    described = _descriptions(target)
    open_ended = [name for name, parameter in known.items() if parameter.kind is parameter.VAR_KEYWORD]
    named = {name: parameter for name, parameter in known.items() if name not in open_ended}
    schema: Schema = {
        "type": "object",
        "properties": {
            name: _argument(parameter) | ({"description": described[name]} if name in described else {})
            for name, parameter in named.items()
        },
        "additionalProperties": bool(open_ended),
    }
    if required:
        schema["required"] = [name for name, parameter in named.items() if parameter.default is parameter.empty]
    return schema


def _argument(parameter: inspect.Parameter) -> Schema:
    schema = _value(parameter.annotation)
    if isinstance(parameter.default, (str, bool, int, float)) and not isinstance(parameter.default, Enum):
        schema = {**schema, "default": parameter.default}
    return schema


def _value(annotation: object) -> Schema:  # noqa: C901 - one branch for each kind of annotation
    annotation = plain_annotation(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        choices: list[Schema] = []
        for choice in map(_value, arguments):
            if choice not in (*choices, _NOT_IN_FILES):
                choices.append(choice)
        return choices[0] if len(choices) == 1 else {} if {} in choices else {"anyOf": choices}
    if origin is Literal:
        return {"anyOf": [{"enum": list(arguments)}, {"type": "string", "pattern": r"\$\{"}]}
    kind = origin or annotation
    if kind is NoneType:
        return {"type": "null"}
    if not isinstance(kind, type):
        return {}
    if issubclass(kind, Enum):
        return {"type": ["string", "number"], "examples": [member.name for member in kind]}
    if issubclass(kind, bool):
        return _TEXT_FOR["boolean"]
    if issubclass(kind, int):
        return _TEXT_FOR["integer"]
    if issubclass(kind, (float, timedelta)):
        return {"type": ["number", "string"]}
    if issubclass(kind, str) or hasattr(kind, "__fspath__"):
        return {"type": "string"}
    container = container_of(kind)
    if container is dict:
        return {"type": "object"}
    if container is not None:
        of_one_kind = len(arguments) == 1 or arguments[-1:] == (...,)
        return {"type": "array", "items": _value(arguments[0]) if of_one_kind else {}}
    return {} if kind is object else _NOT_IN_FILES


def _descriptions(target: Callable[..., object]) -> dict[str, str]:
    """What the docstring says of each argument, where it has a section `Args:` as in Google's style."""
    found: dict[str, str] = {}
    in_arguments, name = False, ""
    for line in inspect.cleandoc(target.__doc__ or "").splitlines():
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        if depth == 0 and text:
            in_arguments, name = text == "Args:", ""
        elif in_arguments and depth == 4 and ":" in text:
            name, _, rest = text.partition(":")
            found[name] = rest.strip()
        elif in_arguments and name and text:
            found[name] = f"{found[name]} {text}"
    return found
