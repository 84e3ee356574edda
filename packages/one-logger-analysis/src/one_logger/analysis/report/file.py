"""Writes the file of a report."""

from __future__ import annotations

import os
import time

from one_logger.analysis.output_file import output_file
from one_logger.analysis.report.content import content_of
from one_logger.analysis.report.page import page
from one_logger.analysis.run import Run


def write_report(run: Run, path: str | os.PathLike[str]) -> int:
    """Write a run as one HTML page. The file is there once it is whole.

    Args:
        run: The run.
        path: Where to write.

    Returns:
        The size of the file, in bytes.

    Raises:
        OSError: The file cannot be written.
    """
    data = page(content_of(run), time.time_ns()).encode()
    with output_file(path) as file:
        file.write(data)
    return len(data)
