"""What those share with the facade who write recorders, beside `one_logger.api` itself.

An application, or a library that is instrumented, has no use for it. What stands here is documented and changes only as
`one_logger.api` does.
"""

from one_logger.api.context import CURRENT_SPAN, SUPPRESSED
from one_logger.api.provider import disabled_by_environment
from one_logger.api.stats import ExporterStats

__all__ = ["CURRENT_SPAN", "SUPPRESSED", "ExporterStats", "disabled_by_environment"]
