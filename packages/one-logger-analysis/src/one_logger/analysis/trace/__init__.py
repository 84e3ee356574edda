"""A run as a trace, for trace viewers: Perfetto's page, Chrome's, and what reads their formats."""

from one_logger.analysis.trace.file import FORMATS, TraceSummary, write_trace
from one_logger.analysis.trace.moments import MomentError, moment

__all__ = ["FORMATS", "MomentError", "TraceSummary", "moment", "write_trace"]
