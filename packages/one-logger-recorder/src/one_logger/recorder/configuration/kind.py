"""What an entry can be about: an exporter or a processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from one_logger.core import Exporter
from one_logger.recorder.processors.processor import Processor


class Kind(NamedTuple):
    """What the entries of a list are about."""

    noun: str
    one: str
    base: type
    base_name: str
    group: str
    """The group of entry points that give classes a name: `type` in an entry."""
    keys: tuple[str, ...]
    """What an entry may have."""
    distributions: Mapping[str, str] = {}
    """Which distribution has which of them, for those who have not installed it."""


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
