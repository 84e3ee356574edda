"""Look at what one-logger has recorded: is it all there, what happened, and where did the time go."""

from one_logger.analysis.errors import ReadError
from one_logger.analysis.run import Answer, Run
from one_logger.analysis.state import RunState
from one_logger.analysis.verification import StreamState, Verification

__all__ = ["Answer", "ReadError", "Run", "RunState", "StreamState", "Verification"]
