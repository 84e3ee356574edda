"""An exporter that writes records to a logger of the application."""

from __future__ import annotations

import logging

from one_logger.core import ExportError, OneLoggerError, RecordExporter, read_records
from one_logger.core.checks import check_type, shown
from one_logger.exporter.logger.line import format_line


class LoggerExporter(RecordExporter):
    """Writes each record as one line to a `logging.Logger`: errors at level ERROR, telemetry data errors at WARNING.

    `format_line` makes the line, and `parse_line` reads it back. No handler is added and no level changed. A record
    that the logger or its handlers throw away, because of their levels or because `logging.config` has disabled the
    logger, is lost, and counted as such. To leave records out, use processors.

    Args:
        logger: The logger, or its name.
        level: The level of all other records: a number, or a name such as `"INFO"`.

    Raises:
        OneLoggerError: `logger` is neither a logger nor a name, or there is no such level.
    """

    def __init__(self, logger: logging.Logger | str, level: int | str = logging.INFO) -> None:
        super().__init__()
        if isinstance(logger, str):
            logger = logging.getLogger(logger)
        check_type("logger", logger, (logging.Logger, logging.LoggerAdapter), "a logging.Logger or the name of one")
        self._logger = logger
        self._levels = {"error": logging.ERROR, "telemetry_data_error": logging.WARNING}
        known = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
        if type(known) is not int:
            raise OneLoggerError(f"level is {shown(level)}; expected a number, or a name such as 'INFO'.")
        self._level = known

    def write(self, lines: list[str]) -> None:
        """Log each record."""
        thrown_away, highest = [], 0
        for line, record in zip(list(lines), read_records(lines), strict=True):
            level = self._levels.get(record["type"], self._level)
            if self._takes(level):
                self._logger.log(level, "%s", format_line(record))
            else:
                thrown_away.append(line)
                highest = max(highest, level)
        lines[:] = thrown_away
        if thrown_away:
            name = logging.getLevelName(highest)
            raise ExportError(
                f"The logger {self._logger.name!r} throws away what is logged at level {name}: "
                "it is disabled, or its level or that of its handlers is higher. Enable it, or set the level.",
                lost=self.records_in(thrown_away),
            )

    def _takes(self, level: int) -> bool:
        """Whether a record of this level gets to a handler."""
        if not self._logger.isEnabledFor(level):
            return False
        logger: logging.Logger | None = (
            self._logger.logger if isinstance(self._logger, logging.LoggerAdapter) else self._logger
        )
        handlers: list[logging.Handler] = []
        while logger is not None:
            handlers += logger.handlers
            logger = logger.parent if logger.propagate else None
        if not handlers and logging.lastResort is not None:
            handlers = [logging.lastResort]
        return any(level >= handler.level for handler in handlers)
