"""The recorder of one-logger: from the instrumented call to the exporters."""

from typing import TYPE_CHECKING

from one_logger.api.spi import ExporterStats
from one_logger.recorder.default_recorder import DefaultRecorder
from one_logger.recorder.processors.enricher import Enricher
from one_logger.recorder.processors.filters import EventFilter, SpanFilter
from one_logger.recorder.processors.processed_exporter import ProcessedExporter
from one_logger.recorder.processors.processor import Decision, Processor
from one_logger.recorder.processors.sampling import RateSampler, RatioSampler, TailSampler
from one_logger.recorder.processors.summarizer import Summarizer

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
