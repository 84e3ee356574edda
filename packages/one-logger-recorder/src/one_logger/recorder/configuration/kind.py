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
    own: Mapping[str, str]
    """The classes of the types that are always there. No other distribution can take their names."""
    distributions: Mapping[str, str] = {}
    """The distributions of our other types, as `pip` wants to hear them."""


_KEYS = ("type", "class_name", "name", "enabled", "config")

EXPORTER = Kind(
    "exporter",
    "an exporter",
    Exporter,
    "one_logger.core.Exporter",
    "one_logger.exporters",
    (*_KEYS, "processors"),
    {
        "file": "one_logger.exporter.file:FileExporter",
        "logger": "one_logger.exporter.logger:LoggerExporter",
        "memory": "one_logger.exporter.memory:InMemoryExporter",
    },
    {"otel": "'one-logger-exporter-otel[http]'", "kafka": "one-logger-exporter-kafka"},
)

PROCESSOR = Kind(
    "processor",
    "a processor",
    Processor,
    "one_logger.recorder.Processor",
    "one_logger.processors",
    _KEYS,
    {
        "enricher": "one_logger.recorder:Enricher",
        "event_filter": "one_logger.recorder:EventFilter",
        "rate_sampler": "one_logger.recorder:RateSampler",
        "ratio_sampler": "one_logger.recorder:RatioSampler",
        "span_filter": "one_logger.recorder:SpanFilter",
        "summarizer": "one_logger.recorder:Summarizer",
        "tail_sampler": "one_logger.recorder:TailSampler",
    },
)
