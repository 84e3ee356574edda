"""Records as lines in the application's log."""

from one_logger.exporter.logger.line import format_line, parse_line
from one_logger.exporter.logger.logger_exporter import LoggerExporter

__all__ = ["LoggerExporter", "format_line", "parse_line"]
