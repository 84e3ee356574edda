"""What is true of a run: whether its data is whole, what state it is in, what costs time, and who is slow."""

from one_logger.analysis.findings.finding import Finding
from one_logger.analysis.findings.verdict import Verdict, judge

__all__ = ["Finding", "Verdict", "judge"]
