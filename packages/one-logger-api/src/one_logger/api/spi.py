"""For those who write recorders: what they need besides `one_logger.api`.

Applications and instrumented libraries do not need it. It is documented, and changes only as `one_logger.api` does.
"""

from one_logger.api.context import ARRIVED, CURRENT_SPAN, SUPPRESSED
from one_logger.api.provider import disabled_by_environment
from one_logger.api.stats import ExporterStats

__all__ = ["ARRIVED", "CURRENT_SPAN", "SUPPRESSED", "ExporterStats", "disabled_by_environment"]
