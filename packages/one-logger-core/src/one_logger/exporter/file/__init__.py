"""Records in a file, as JSON Lines."""

from one_logger.exporter.file.file_exporter import FileExporter

__all__ = ["FileExporter"]
