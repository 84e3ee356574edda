"""What is raised when files cannot be read."""

from __future__ import annotations

from one_logger.core import OneLoggerError


class ReadError(OneLoggerError):
    """The input cannot be read. The message says which part of it, why, and what to do."""
