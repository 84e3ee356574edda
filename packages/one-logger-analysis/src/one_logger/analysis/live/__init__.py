"""Looking at a run while it is being written."""

from one_logger.analysis.live.live_run import LiveRun
from one_logger.analysis.live.tail import Tail

__all__ = ["LiveRun", "Tail"]
