"""Makes the JSON Schema of a configuration file from the code, so that the two cannot disagree."""

from __future__ import annotations

import inspect

from one_logger.api import OneLoggerConfig
from one_logger.recorder.configuration.checking import NOT_IN_RECORDER
from one_logger.recorder.configuration.installed import class_of_type, types
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR, Kind
from one_logger.recorder.configuration.problem import UnusableError
from one_logger.recorder.configuration.shape import Schema
from one_logger.recorder.configuration.signature import Signature, Target
from one_logger.recorder.default_recorder import DefaultRecorder

_SWITCH: Schema = {"type": ["boolean", "string"]}  # a text may refer to a variable
_PROCESSORS: Schema = {"type": "array", "items": {"$ref": "#/$defs/processor"}}


def configuration_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a configuration file.

    It has the arguments of all installed exporters and processors, and imports them all. Of one that cannot be
    imported, it has the name only.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of one-logger",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "one_logger": Signature(OneLoggerConfig).schema(_descriptions(OneLoggerConfig), partial=True),
            "recorder": Signature(DefaultRecorder, NOT_IN_RECORDER).schema(_descriptions(DefaultRecorder)),
            "inherit": {
                **_SWITCH,
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


def _entry(kind: Kind) -> Schema:
    names = types(kind)
    noun = kind.noun
    own: Schema = {"processors": {**_PROCESSORS, "description": "Processors for this exporter alone."}}
    return {
        "type": "object",
        "properties": {
            "type": {"type": "string", "examples": names, "description": f"The name of an installed {noun}."},
            "class_name": {"type": "string", "description": f"The {noun}'s class: package.module.Class."},
            "name": {"type": "string", "description": f"What the {noun} is called."},
            "enabled": {**_SWITCH, "default": True},
            "config": {"type": "object", "description": f"The arguments of the {noun}."},
            **(own if kind is EXPORTER else {}),
        },
        "oneOf": [{"required": ["type"]}, {"required": ["class_name"]}],
        "additionalProperties": False,
        "allOf": [_config_of(kind, name) for name in names],
    }


def _config_of(kind: Kind, name: str) -> Schema:
    """The schema of `config` in an entry of this type."""
    try:
        target = class_of_type(kind, name)
        config = Signature(target).schema(_descriptions(target))
    except UnusableError:
        config = {"type": "object"}
    enabled = {"not": {"properties": {"enabled": {"const": False}}, "required": ["enabled"]}}
    return {
        "if": {"properties": {"type": {"const": name}}, "required": ["type"], **enabled},
        "then": {"properties": {"config": config}, "required": ["config"] if config.get("required") else []},
    }


def _descriptions(target: Target) -> dict[str, str]:
    """The descriptions of arguments in a docstring of Google's style."""
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
