"""Records in memory, for tests."""

from one_logger.exporter.memory.memory_exporter import InMemoryExporter

__all__ = ["InMemoryExporter"]
