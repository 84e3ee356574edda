"""For the tests of instrumented code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from one_logger.api.config import OneLoggerConfig
from one_logger.api.context import CURRENT_SPAN
from one_logger.api.provider import OneLoggerProvider
from one_logger.api.recorder import NOOP_RECORDER, Recorder

__all__ = ["configured"]


@contextmanager
def configured(config: OneLoggerConfig, recorder: Recorder) -> Iterator[OneLoggerProvider]:
    """Configure the process for one block. At its end the recorder is closed and the earlier configuration is back.

    Args:
        config: The configuration.
        recorder: The recorder.
    """
    provider = OneLoggerProvider.instance()
    before = provider._config, provider._recorder, CURRENT_SPAN.get()
    provider._config, provider._recorder = None, NOOP_RECORDER
    CURRENT_SPAN.set(None)
    try:
        provider.configure(config, recorder)
        yield provider
    finally:
        try:
            recorder.close()
        finally:
            provider._config, provider._recorder = before[:2]
            CURRENT_SPAN.set(before[2])
