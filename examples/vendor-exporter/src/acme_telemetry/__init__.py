"""Telemetry of one-logger in a SQLite database."""

from acme_telemetry.default_config import default_config
from acme_telemetry.sqlite_exporter import SQLiteExporter

__all__ = ["SQLiteExporter", "default_config"]
