"""Processors: what stands between the instrumented call and the exporters. The guide is docs/processors.md."""

from one_logger.recorder.processors.enricher import Enricher
from one_logger.recorder.processors.filters import EventFilter, SpanFilter
from one_logger.recorder.processors.processed_exporter import ProcessedExporter
from one_logger.recorder.processors.processor import Decision, Processor
from one_logger.recorder.processors.sampling import RateSampler, RatioSampler, TailSampler
from one_logger.recorder.processors.summarizer import Summarizer

__all__ = [
    "Decision",
    "Enricher",
    "EventFilter",
    "ProcessedExporter",
    "Processor",
    "RateSampler",
    "RatioSampler",
    "SpanFilter",
    "Summarizer",
    "TailSampler",
]
