"""An exporter that writes records to a logger of the application."""

from __future__ import annotations

import logging

from one_logger.core import OneLoggerError, RecordExporter, read_records
from one_logger.core.checks import check_type, shown
from one_logger.exporter.logger.line import format_line


class LoggerExporter(RecordExporter):
    """Writes each record as one line to a `logging.Logger`: errors at level ERROR, telemetry data errors at WARNING.

    `format_line` makes the line, and `parse_line` reads it back. No handler is added and no level changed.

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
        for record in read_records(lines):
            level = self._levels.get(record["type"], self._level)
            if self._logger.isEnabledFor(level):
                self._logger.log(level, "%s", format_line(record))
        lines.clear()
