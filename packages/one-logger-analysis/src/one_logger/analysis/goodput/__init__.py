"""Goodput: which share of the time of a job, over all its restarts, went into training steps that count."""

from one_logger.analysis.goodput.account import CAUSES, Goodput, account
from one_logger.analysis.goodput.gather import goodput

__all__ = ["CAUSES", "Goodput", "account", "goodput"]
