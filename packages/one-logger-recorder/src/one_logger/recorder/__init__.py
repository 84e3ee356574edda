"""The recorder of one-logger: from the instrumented call to the exporters."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from one_logger.api.spi import ExporterStats
    from one_logger.recorder.configuration import (
        ConfigProblem,
        ExporterConfigError,
        build_exporters,
        build_processors,
        configure,
    )
    from one_logger.recorder.default_recorder import DefaultRecorder
    from one_logger.recorder.processors.enricher import Enricher
    from one_logger.recorder.processors.filters import EventFilter, SpanFilter
    from one_logger.recorder.processors.processed_exporter import ProcessedExporter
    from one_logger.recorder.processors.processor import Decision, Processor
    from one_logger.recorder.processors.sampling import RateSampler, RatioSampler, TailSampler
    from one_logger.recorder.processors.summarizer import Summarizer

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

_MODULES = {
    "Decision": "one_logger.recorder.processors.processor",
    "DefaultRecorder": "one_logger.recorder.default_recorder",
    "Enricher": "one_logger.recorder.processors.enricher",
    "EventFilter": "one_logger.recorder.processors.filters",
    "ExporterStats": "one_logger.api.spi",
    "ProcessedExporter": "one_logger.recorder.processors.processed_exporter",
    "Processor": "one_logger.recorder.processors.processor",
    "RateSampler": "one_logger.recorder.processors.sampling",
    "RatioSampler": "one_logger.recorder.processors.sampling",
    "SpanFilter": "one_logger.recorder.processors.filters",
    "Summarizer": "one_logger.recorder.processors.summarizer",
    "TailSampler": "one_logger.recorder.processors.sampling",
}
"""Each name is imported when it is first used: pytest loads our plugin in every run, and needs none of them for it."""


if not TYPE_CHECKING:  # for a type checker, a name that is not there is a mistake

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(_MODULES.get(name, f"{__name__}.configuration")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
