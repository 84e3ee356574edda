"""`configure`: sets up telemetry in one call."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence

from one_logger.api import (
    NOOP_RECORDER,
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    Recorder,
)
from one_logger.api.spi import disabled_by_environment
from one_logger.core import Exporter, OneLoggerError
from one_logger.core.spi import masked
from one_logger.recorder.configuration.building import build, build_recorder
from one_logger.recorder.configuration.checking import check, check_config, check_one_logger
from one_logger.recorder.configuration.file import read
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError, Source, code_source
from one_logger.recorder.configuration.resolution import resolve
from one_logger.recorder.configuration.section import Section, said
from one_logger.recorder.processors.processor import Processor

UNKNOWN_NAME = "unknown_service:python"
"""The name of an application that has none (OpenTelemetry semantic conventions, `service.name`)."""

_LOG = logging.getLogger("one_logger")
_NO_EXPORTER = (
    "configure() has found no exporter: no file, no package and no argument names one, so nothing is exported. "
    "Give exporters=[] if that is what you want."
)


def configure(
    application_name: str | None = None,
    *,
    session_tag: str | Callable[[], str] | None = None,
    world_size: int | None = None,
    rank: int | None = None,
    enable_for_current_rank: bool | Callable[[int], bool] | None = None,
    error_handling_strategy: OneLoggerErrorHandlingStrategy | str | None = None,
    custom_metadata: Mapping[str, object] | None = None,
    config: OneLoggerConfig | Mapping[str, object] | None = None,
    exporters: Sequence[Mapping[str, object] | Exporter] | None = None,
    config_file: str | os.PathLike[str] | None = None,
    inherit: bool | None = None,
    recorder: Mapping[str, object] | None = None,
    processors: Sequence[Mapping[str, object] | Processor] | None = None,
    replace: bool = False,
) -> Recorder:
    """Configure this process: find and build the exporters, and give a recorder with them to the provider.

    Call it once, at start-up. It reads the configuration file and does no other input or output: an exporter opens its
    file or connection later, on its own thread. In a process that is disabled, by `ONE_LOGGER_DISABLED` or by
    `enable_for_current_rank`, it reads no file and imports no exporter.

    On SIGTERM, what was recorded is delivered before the process ends, if nobody else handles that signal: so end jobs
    that are preempted, and workers of a pool. `recorder={"flush_on_signals": []}` leaves the signal alone.

    All problems of the configuration are one error, `ExporterConfigError`. Under `PROPAGATE_EXCEPTIONS` it is raised.
    Under the other strategies, and if the strategy cannot be read, it is logged, and telemetry stays off: nothing is
    recorded, and the job runs on.

    Args:
        application_name: As in `OneLoggerConfig`, like all up to `custom_metadata`. None: the value in `config` or else
            in the section `one_logger` of the file.
        session_tag: See there.
        world_size: See there.
        rank: See there.
        enable_for_current_rank: See there. If it is given here, a process that is not enabled does not read the file.
            A function gets the rank that is known without the file.
        error_handling_strategy: See there.
        custom_metadata: See there.
        config: A `OneLoggerConfig` instead of the arguments above, or a mapping with some of them.
        exporters: Entries as in the guide, or exporters. None: those of the file or of installed packages.
        config_file: The path of the file. None: `ONE_LOGGER_EXPORTER_CONFIG_PATH`, else
            `one_logger_exporters_config.yaml`, `.yml` or `.json` in the working directory.
        inherit: True: `exporters`, or the file if there are none, are added to the next source, and do not replace it.
        recorder: Options of `DefaultRecorder`, such as `flush_interval`. They override those in the file.
        processors: Entries as in the guide to processors, or processors. None: those of the file.
        replace: True: close the recorder of an earlier call, and configure anew, as a cell of a notebook does that is
            run again. Without it a second call is a telemetry error.

    Returns:
        The recorder of this process.

    Raises:
        OneLoggerError: Something is wrong, and the strategy is `PROPAGATE_EXCEPTIONS`.
    """
    given = {
        "application_name": application_name,
        "session_tag": session_tag,
        "world_size": world_size,
        "rank": rank,
        "enable_for_current_rank": enable_for_current_rank,
        "error_handling_strategy": error_handling_strategy,
        "custom_metadata": custom_metadata,
    }
    provider = OneLoggerProvider.instance()
    if replace and provider.one_logger_ready:
        provider.recorder.close()
    attempt = _Attempt({key: value for key, value in given.items() if value is not None}, config)
    code = code_source(exporters=exporters, inherit=inherit, recorder=recorder, processors=processors)
    try:
        attempt.configure(code, config_file)
    except Exception as error:
        attempt.give_up(error)
    return provider.recorder


def build_exporters(
    exporters: Sequence[Mapping[str, object] | Exporter] | None = None,
    *,
    config_file: str | os.PathLike[str] | None = None,
    inherit: bool | None = None,
) -> dict[str, Exporter]:
    """The configured exporters by name, for applications that make their recorder. Arguments are as in `configure`.

    Raises:
        ExporterConfigError: The configuration has problems. The error lists all of them.
    """
    code = code_source(exporters=exporters, inherit=inherit)
    checked = check(resolve(code, read(config_file), []))
    return build(dataclasses.replace(checked, processors=[])).exporters


def build_processors(
    processors: Sequence[Mapping[str, object] | Processor] | None = None,
    *,
    config_file: str | os.PathLike[str] | None = None,
) -> list[Processor]:
    """The configured processors, for applications that make their recorder. Arguments are as in `configure`.

    Raises:
        ExporterConfigError: The configuration has problems. The error lists all of them.
    """
    code = code_source(exporters=(), processors=processors)
    return build(check(resolve(code, read(config_file), []))).processors


def _signals_to_handle() -> list[signal.Signals]:
    """SIGTERM, unless it is handled already, or Python would not let us: it does on the main thread only."""
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    return [signal.SIGTERM] if unhandled and threading.current_thread() is threading.main_thread() else []


class _Attempt:
    """One call of `configure`."""

    def __init__(self, arguments: dict[str, object], config: object) -> None:
        self._arguments = arguments  # the strongest source first, weaker ones as they are read
        self._config = config
        self._problems: list[ConfigProblem] = []

    def configure(self, code: Source, config_file: str | os.PathLike[str] | None) -> None:
        """Configure the process. `code` has exporters, processors and the recorder's options."""
        provider = OneLoggerProvider.instance()
        self._read_config()
        off = disabled_by_environment() or not self._enabled_by_code()
        file = None if off else read(config_file)
        if off:
            self._arguments.setdefault("application_name", UNKNOWN_NAME)
        config = self._complete_config(file)
        if config is not None and (off or not config.enable_for_current_rank):
            provider.configure(config, NOOP_RECORDER)
            return
        if not off:
            resolution = check(resolve(code, file, self._problems))
            if config is not None:
                resolution.options.setdefault("flush_on_signals", _signals_to_handle())
                recorder = build_recorder(resolution)
                if not resolution.present:
                    _LOG.warning(_NO_EXPORTER)
                provider.configure(config, recorder)
                return
        raise ExporterConfigError(self._problems)

    def give_up(self, error: Exception) -> None:
        """Raise or log the error, as the strategy says."""
        given = isinstance(self._config, OneLoggerConfig) and self._config.error_handling_strategy
        strategy = self._arguments.get("error_handling_strategy") or given
        name = strategy.value if isinstance(strategy, OneLoggerErrorHandlingStrategy) else strategy
        if isinstance(name, str) and name.lower() == OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS.value:
            if isinstance(error, OneLoggerError):
                raise error
            raise OneLoggerError(
                f"configure() failed with {type(error).__name__}, which is a mistake in it."
            ) from error
        message = str(error) if isinstance(error, OneLoggerError) else f"It failed with {type(error).__name__}."
        _LOG.error("configure() has switched telemetry off. %s", masked(message))

    def _read_config(self) -> None:
        """Read the argument `config`: a mapping has arguments that others override, an object stands alone."""
        section = Section(code_source(), ("config",), self._problems)
        if isinstance(self._config, OneLoggerConfig):
            if self._arguments:
                names = ", ".join(self._arguments)
                section.problem((), f"is a OneLoggerConfig, but {names} is given beside it; give one or the other.")
        elif self._config is not None:
            self._arguments = check_one_logger(section.expand(self._config), section) | self._arguments

    def _enabled_by_code(self) -> bool:
        """Whether the code lets this process record. This is known before anything is read."""
        if isinstance(self._config, OneLoggerConfig):
            return self._config.enable_for_current_rank
        known = {key: value for key, value in self._arguments.items() if key in ("rank", "enable_for_current_rank")}
        if "enable_for_current_rank" in known:
            # A function is called here and not again: its answer takes its place.
            config = OneLoggerConfig.from_mapping({"application_name": UNKNOWN_NAME, **known})
            self._arguments["enable_for_current_rank"] = config.enable_for_current_rank
        return self._arguments.get("enable_for_current_rank") is not False

    def _complete_config(self, file: Source | None) -> OneLoggerConfig | None:
        """The configuration from arguments and file. None if there are problems."""
        if isinstance(self._config, OneLoggerConfig) and not self._problems:
            return self._config
        section = Section(code_source() if file is None else file, ("one_logger",), self._problems)
        for values, section in said(file, "one_logger", self._problems):
            self._arguments = check_one_logger(values, section) | self._arguments
        if not self._problems and "application_name" not in self._arguments:
            where = "a file" if file is None else file.label
            message = f"is missing; give it to configure(), or in the section one_logger of {where}."
            Section(code_source(), ("application_name",), self._problems).problem((), message)
        return None if self._problems else check_config(self._arguments, section)
