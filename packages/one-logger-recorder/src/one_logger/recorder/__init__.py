"""The recorder of one-logger: from the instrumented call to the exporters."""

from one_logger.api.stats import ExporterStats
from one_logger.recorder.configuration import (
    ConfigProblem,
    ExporterConfigError,
    build_exporters,
    build_processors,
    configure,
)
from one_logger.recorder.default_recorder import DefaultRecorder
from one_logger.recorder.processors import (
    Decision,
    Enricher,
    EventFilter,
    ProcessedExporter,
    Processor,
    RateSampler,
    RatioSampler,
    SpanFilter,
    Summarizer,
    TailSampler,
)

__all__ = [
    "ConfigProblem",
    "Decision",
    "DefaultRecorder",
    "Enricher",
    "EventFilter",
    "ExporterConfigError",
    "ExporterStats",
    "ProcessedExporter",
    "Processor",
    "RateSampler",
    "RatioSampler",
    "SpanFilter",
    "Summarizer",
    "TailSampler",
    "build_exporters",
    "build_processors",
    "configure",
]
