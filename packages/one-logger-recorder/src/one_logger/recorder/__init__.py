"""The recorder of one-logger: from the instrumented call to the exporters."""

from typing import TYPE_CHECKING

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
from one_logger.recorder.stats import ExporterStats

if TYPE_CHECKING:
    from one_logger.recorder.configuration import (
        ConfigProblem,
        ExporterConfigError,
        build_exporters,
        build_processors,
        configure,
    )
else:

    def __getattr__(name: str) -> object:
        """Import the configuration when it is asked for: a recorder that is made in code needs nothing of it."""
        if name in __all__:
            from one_logger.recorder import configuration

            return getattr(configuration, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
