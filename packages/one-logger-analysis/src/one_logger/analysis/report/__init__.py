"""A run as one HTML page."""

from one_logger.analysis.report.file import write_report

__all__ = ["write_report"]
