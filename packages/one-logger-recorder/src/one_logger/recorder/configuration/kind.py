"""What an entry can be about: an exporter or a processor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from one_logger.core import Exporter
from one_logger.recorder.processors.processor import Processor


@dataclass(frozen=True)
class Kind:
    """What the entries of a list are about.

    Args:
        noun: What one of them is called in messages.
        base: The class that each is an instance of.
        base_name: What that class is called.
        group: The group of entry points that give classes a name: `type` in an entry.
        keys: What an entry may have.
        distributions: Which distribution has which of them, for those who have not installed it.
    """

    noun: str
    base: type
    base_name: str
    group: str
    keys: tuple[str, ...]
    distributions: Mapping[str, str] = field(default_factory=dict)

    @property
    def one(self) -> str:
        """The noun with its article."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"


_KEYS = ("type", "class_name", "name", "enabled", "config")

EXPORTER = Kind(
    "exporter",
    Exporter,
    "one_logger.core.Exporter",
    "one_logger.exporters",
    (*_KEYS, "processors"),
    {
        "file": "one-logger-core",
        "logger": "one-logger-core",
        "memory": "one-logger-core",
        "otel": "'one-logger-exporter-otel[http]'",
        "kafka": "one-logger-exporter-kafka",
    },
)

PROCESSOR = Kind("processor", Processor, "one_logger.recorder.Processor", "one_logger.processors", _KEYS)
