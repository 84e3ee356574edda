"""The facade of one-logger: what instrumented code imports. A no-op until an application configures it."""

from one_logger.api.config import OneLoggerConfig, OneLoggerErrorHandlingStrategy
from one_logger.api.context import carry_context, child_environment, current_span
from one_logger.api.provider import OneLoggerProvider
from one_logger.api.recorder import NOOP_RECORDER, ROOT, NoOpRecorder, Recorder, Root
from one_logger.api.timed_span import (
    TimedSpan,
    configure_one_logger,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)

__all__ = [
    "NOOP_RECORDER",
    "ROOT",
    "NoOpRecorder",
    "OneLoggerConfig",
    "OneLoggerErrorHandlingStrategy",
    "OneLoggerProvider",
    "Recorder",
    "Root",
    "TimedSpan",
    "carry_context",
    "child_environment",
    "configure_one_logger",
    "current_span",
    "get_recorder",
    "record_error",
    "record_event",
    "timed_span",
]
