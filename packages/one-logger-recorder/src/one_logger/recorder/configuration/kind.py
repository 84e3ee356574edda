"""The two kinds of entries: exporters and processors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from one_logger.core import Exporter
from one_logger.recorder.processors.processor import Processor


class Kind(NamedTuple):
    """A kind of entries."""

    noun: str
    one: str
    base: type
    base_name: str
    group: str
    """The group of entry points whose names are the types of entries."""
    keys: tuple[str, ...]
    """The keys of an entry."""
    distributions: Mapping[str, str] = {}
    """The distributions of our own types, for the hint how to install a missing one."""


_KEYS = ("type", "class_name", "name", "enabled", "config")

EXPORTER = Kind(
    "exporter",
    "an exporter",
    Exporter,
    "one_logger.core.Exporter",
    "one_logger.exporters",
    (*_KEYS, "processors"),
    {
        **dict.fromkeys(("file", "logger", "memory"), "one-logger-core"),
        "otel": "'one-logger-exporter-otel[http]'",
        "kafka": "one-logger-exporter-kafka",
    },
)

PROCESSOR = Kind("processor", "a processor", Processor, "one_logger.recorder.Processor", "one_logger.processors", _KEYS)
