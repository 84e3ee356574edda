"""`configure`: everything that an application has to do, in one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from one_logger.api import (
    NOOP_RECORDER,
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    Recorder,
)
from one_logger.api.spi import disabled_by_environment
from one_logger.core import Exporter, OneLoggerError
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError
from one_logger.recorder.processors.processor import Processor

TYPE_CHECKING = False  # what is only needed for a configuration that is read is imported then
if TYPE_CHECKING:
    from one_logger.recorder.configuration.file import ConfigFile

_UNKNOWN = "unknown_service:python"
"""The name of an application that has none (OpenTelemetry semantic conventions, `service.name`)."""


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
) -> Recorder:
    """Configure this process: find the exporters, build them and a recorder, and give it to the provider.

    To be called once, at start-up. Reads the configuration file, and does no other input or output: an exporter opens
    its file or connection later, in its own thread. In a process that is disabled, by `ONE_LOGGER_DISABLED` or by
    `enable_for_current_rank`, nothing is read and nothing imported.

    What is wrong with the configuration is one error, `ExporterConfigError`. Under `PROPAGATE_EXCEPTIONS` it is raised.
    Under the other strategies, and if it cannot be told which strategy is wanted, it is logged, and telemetry stays
    off: nothing is recorded, and the job runs on.

    Args:
        application_name: As in `OneLoggerConfig`, like all up to `custom_metadata`. None: what `config` says or, if it
            doesn't, the section `one_logger` of the file.
        session_tag: See there.
        world_size: See there.
        rank: See there.
        enable_for_current_rank: See there. If it is given here, a process that is not enabled doesn't read the file; a
            function gets the rank that is known without it.
        error_handling_strategy: See there.
        custom_metadata: See there.
        config: A `OneLoggerConfig`, which then says it all, or a mapping with some of its arguments.
        exporters: Entries as in the guide, or exporters. None: what the file or installed packages say.
        config_file: The path of the file. None: `ONE_LOGGER_EXPORTER_CONFIG_PATH`, else
            `one_logger_exporters_config.yaml`, `.yml` or `.json` in the working directory.
        inherit: True: `exporters`, or the file if there are none, add to the next source instead of replacing it.
        recorder: Options of `DefaultRecorder`, such as `flush_interval`. They go before those in the file.
        processors: Entries as in the guide to processors, or processors. None: what the file says.

    Returns:
        The recorder of this process.

    Raises:
        OneLoggerError: Under `PROPAGATE_EXCEPTIONS`, if something is wrong.
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
    attempt = _Attempt({key: value for key, value in given.items() if value is not None}, config)
    try:
        attempt.configure(exporters, config_file, inherit, recorder, processors)
    except Exception as error:
        attempt.give_up(error)
    return OneLoggerProvider.instance().recorder


def build_exporters(
    exporters: Sequence[Mapping[str, object] | Exporter] | None = None,
    *,
    config_file: str | os.PathLike[str] | None = None,
    inherit: bool | None = None,
) -> dict[str, Exporter]:
    """The exporters that are configured, by name: for applications that make their recorder themselves.

    Args:
        exporters: As in `configure`.
        config_file: As in `configure`.
        inherit: As in `configure`.

    Raises:
        ExporterConfigError: Something is wrong with the configuration; it lists everything that is.
    """
    from one_logger.recorder.configuration.building import construct
    from one_logger.recorder.configuration.resolution import read, resolve

    resolution = resolve(exporters, read(config_file), inherit)
    return construct(resolution.entries, [], resolution.problems).exporters


def build_processors(
    processors: Sequence[Mapping[str, object] | Processor] | None = None,
    *,
    config_file: str | os.PathLike[str] | None = None,
) -> list[Processor]:
    """The processors that are configured, in their order: for applications that make their recorder themselves.

    Args:
        processors: As in `configure`.
        config_file: As in `configure`.

    Raises:
        ExporterConfigError: Something is wrong with the configuration; it lists everything that is.
    """
    from one_logger.recorder.configuration.building import construct
    from one_logger.recorder.configuration.resolution import read, resolve

    resolution = resolve((), read(config_file), processors=processors)
    return construct([], resolution.processors, resolution.problems).processors


class _Attempt:
    """One call of `configure`.

    Args:
        given: The arguments of `OneLoggerConfig` that were given to it.
        config: What was given as `config`.
    """

    def __init__(self, given: dict[str, object], config: object) -> None:
        self._given = given
        self._config = config
        self._wanted_strategy: object = given.get("error_handling_strategy")
        if isinstance(config, OneLoggerConfig):
            self._learn_strategy(config.error_handling_strategy)
        elif isinstance(config, Mapping):
            self._learn_strategy(config.get("error_handling_strategy"))

    def _learn_strategy(self, strategy: object) -> None:
        if self._wanted_strategy is None:
            self._wanted_strategy = strategy

    @property
    def _propagates(self) -> bool:
        wanted = self._wanted_strategy
        name = wanted.value if isinstance(wanted, OneLoggerErrorHandlingStrategy) else wanted
        return isinstance(name, str) and name.lower() == OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS.value

    def give_up(self, error: Exception) -> None:
        """Deal with what is wrong as the strategy says."""
        if self._propagates:
            if isinstance(error, OneLoggerError):
                raise error
            raise OneLoggerError(
                f"configure() failed with {type(error).__name__}, which is a mistake in it."
            ) from error
        import logging

        message = str(error) if isinstance(error, OneLoggerError) else f"It failed with {type(error).__name__}."
        logging.getLogger("one_logger").error("configure() has switched telemetry off. %s", message)

    def configure(
        self,
        exporters: object,
        config_file: str | os.PathLike[str] | None,
        inherit: bool | None,
        recorder: Mapping[str, object] | None,
        processors: object,
    ) -> None:
        """Do what `configure` is for."""
        provider = OneLoggerProvider.instance()
        problems: list[ConfigProblem] = []
        self._take_mapping(problems)
        if disabled_by_environment() or not self._enabled_by_code():
            provider.configure(self._complete_config(None, problems, _UNKNOWN), NOOP_RECORDER)
            return

        from one_logger.recorder.configuration.building import close, construct
        from one_logger.recorder.configuration.resolution import read, resolve
        from one_logger.recorder.default_recorder import DefaultRecorder

        file = read(config_file)
        config: OneLoggerConfig | None = None
        with suppress(ExporterConfigError):  # its problems are raised together with those of the exporters
            config = self._complete_config(file, problems)
        if config is not None and not config.enable_for_current_rank:
            provider.configure(config, NOOP_RECORDER)
            return
        resolution = resolve(exporters, file, inherit, recorder, processors)
        problems += resolution.problems
        if config is None or problems:
            raise ExporterConfigError(problems)
        built = construct(resolution.entries, resolution.processors, resolution.problems)
        options: Any = resolution.recorder  # checked
        try:
            made = DefaultRecorder(built.exporters, processors=built.processors, **options)
        except Exception:
            close(built.exporters, resolution.entries)
            raise
        if not resolution.present:
            _warn_of_no_exporters()
        provider.configure(config, made)

    def _take_mapping(self, problems: list[ConfigProblem]) -> None:
        """Read what was given as `config`, if it is a mapping. The arguments beside it are stronger."""
        if self._config is None or isinstance(self._config, OneLoggerConfig):
            return
        from one_logger.recorder.configuration.one_logger_section import from_section
        from one_logger.recorder.configuration.section import Section
        from one_logger.recorder.configuration.sources import CODE

        self._given = {**from_section(Section(CODE, ("config",), problems), self._config), **self._given}
        self._config = None

    def _enabled_by_code(self) -> bool:
        """Whether what is given in the code lets this process record. It is known before anything is read."""
        if isinstance(self._config, OneLoggerConfig):
            return self._config.enable_for_current_rank
        known: dict[str, object] = {"application_name": _UNKNOWN}
        known |= {key: self._given[key] for key in ("rank", "enable_for_current_rank") if key in self._given}
        if "enable_for_current_rank" in known:
            # A function is called here and not again: what it has said takes its place.
            config = OneLoggerConfig.from_mapping(known)
            self._given["enable_for_current_rank"] = config.enable_for_current_rank
        return self._given.get("enable_for_current_rank") is not False

    def _complete_config(
        self, file: ConfigFile | None, problems: list[ConfigProblem], default_name: str | None = None
    ) -> OneLoggerConfig:
        """The configuration from the arguments and the file.

        Raises:
            ExporterConfigError: There are problems.
        """
        if isinstance(self._config, OneLoggerConfig) and not self._given:
            return self._config

        from one_logger.recorder.configuration.one_logger_section import from_section, made_of
        from one_logger.recorder.configuration.section import Section
        from one_logger.recorder.configuration.sources import CODE

        if self._config is not None:
            names = ", ".join(self._given)
            Section(CODE, ("config",), problems).problem(
                (), f"is a OneLoggerConfig, but {names} is given beside it; give one or the other."
            )
        in_file: dict[str, object] = {}
        if file is not None and "one_logger" in file.values:
            in_file = from_section(Section(file.source, ("one_logger",), problems), file.values["one_logger"])
            self._learn_strategy(in_file.get("error_handling_strategy"))
        default = {} if default_name is None else {"application_name": default_name}
        return made_of({**default, **in_file, **self._given}, file, problems)


def _warn_of_no_exporters() -> None:
    import logging

    logging.getLogger("one_logger").warning(
        "configure() has found no exporter: no file, no package and no argument names one, so nothing is exported. "
        "Give exporters=[] if that is what you want."
    )
