"""The recorder and the configuration of this process."""

from __future__ import annotations

import os

from one_logger.api.config import OneLoggerConfig, OneLoggerErrorHandlingStrategy
from one_logger.api.recorder import NOOP_RECORDER, NoOpRecorder, Recorder
from one_logger.core import OneLoggerError, SpanContext
from one_logger.core.spi import diagnostics, located

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Self


class OneLoggerProvider:
    """The configuration and the recorder of this process. There is only one: `OneLoggerProvider.instance()`.

    Nothing is recorded, and nothing but the facade costs time, until `configure` is called, where the environment has
    `ONE_LOGGER_DISABLED=true`, and on ranks that the configuration does not enable.
    """

    __slots__ = ("_config", "_recorder")

    NOTHING = NOOP_RECORDER
    """The recorder of a process that is not configured."""

    _config: OneLoggerConfig | None
    _recorder: Recorder

    def __new__(cls) -> Self:
        """The one provider: if there were a second one, it could be configured, and nothing would record with it."""
        return _PROVIDER  # type: ignore[return-value]  # there are no others

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it as the provider of the process that loads it."""
        return OneLoggerProvider, ()

    @staticmethod
    def instance() -> OneLoggerProvider:
        """The provider of this process."""
        return _PROVIDER

    def configure(self, config: OneLoggerConfig, recorder: Recorder) -> None:
        """Set what this process records with. Call it once, at start-up. It reads no file and waits for no network.

        A second call is a telemetry error and changes nothing, unless the first recorder was closed before.

        Args:
            config: The configuration.
            recorder: The recorder.

        Raises:
            OneLoggerError: An argument is of the wrong type, or, under `PROPAGATE_EXCEPTIONS`, this is a second call.
        """
        if not isinstance(config, OneLoggerConfig) or not isinstance(recorder, Recorder):
            raise OneLoggerError(
                f"configure() was given {type(config).__name__} and {type(recorder).__name__}; "
                "expected a OneLoggerConfig and a Recorder."
            )
        if self._config is not None and not self._recorder.closed:
            self._configured_twice(self._config)
            return
        if config.enable_for_current_rank and not disabled_by_environment():
            recorder.attach(config, _parent_from_environment())
            self._recorder = recorder
        else:
            self._recorder = NoOpRecorder(behind=recorder)
        self._config = config

    def _configured_twice(self, config: OneLoggerConfig) -> None:
        message = (
            "configure() was called a second time; the first configuration stays. "
            "Call it once per process, or close the recorder before."
        )
        report, where = located(message)
        self._recorder.telemetry_data_error(report, where)
        if config.error_handling_strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS:
            raise OneLoggerError(report)
        diagnostics.report("configured twice", message)
        diagnostics.write_reports()
        if config.error_handling_strategy is OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR:
            self.force_disable_logging()

    def __repr__(self) -> str:
        return f"<OneLoggerProvider: {self._config or 'not configured'}, {self._recorder!r}>"

    @property
    def recorder(self) -> Recorder:
        """The recorder. It records nothing if none is configured or telemetry is disabled."""
        return self._recorder

    @property
    def config(self) -> OneLoggerConfig | None:
        """The configuration; None until `configure` is called."""
        return self._config

    @property
    def one_logger_ready(self) -> bool:
        """Whether `configure` was called."""
        return self._config is not None

    @property
    def one_logger_enabled(self) -> bool:
        """Whether `configure` was called and telemetry is not disabled."""
        return self._config is not None and not isinstance(self._recorder, NoOpRecorder)

    def force_disable_logging(self) -> None:
        """Stop recording. What was recorded is delivered; `recorder.close()` still closes the exporters."""
        if not isinstance(self._recorder, NoOpRecorder):
            self._recorder = NoOpRecorder(behind=self._recorder)


def recorder_here() -> Recorder:
    """The recorder of this process: what a pickled recorder becomes."""
    return _PROVIDER._recorder


def disabled_by_environment() -> bool:
    """Whether the environment disables telemetry in this process: `ONE_LOGGER_DISABLED=true`."""
    return os.environ.get("ONE_LOGGER_DISABLED", "").strip().lower() in ("true", "1", "yes", "on")


def _parent_from_environment() -> SpanContext | None:
    """The span that the parent process put into the environment. A malformed one is ignored, as W3C asks."""
    try:
        return SpanContext.from_traceparent(os.environ.get("TRACEPARENT", ""))
    except OneLoggerError:
        return None


_PROVIDER = object.__new__(OneLoggerProvider)
_PROVIDER._config, _PROVIDER._recorder = None, NOOP_RECORDER
