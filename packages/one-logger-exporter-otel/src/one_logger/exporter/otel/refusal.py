"""Why a batch was not taken, and what may be done about it."""

from __future__ import annotations

from enum import Enum


class Remedy(Enum):
    """What may help."""

    RETRY = "send it again later"
    SPLIT = "send it in parts: something in it, or its size, is the reason"
    NONE = "nothing"
    UNKNOWN = "nobody can say"


class RefusedError(Exception):
    """A batch was not taken.

    Args:
        reason: Why, in a few words.
        remedy: What may help.
        retry_after: For how long the peer wants to be left alone, in seconds.
    """

    def __init__(self, reason: str, remedy: Remedy, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.remedy = remedy
        self.retry_after = retry_after
