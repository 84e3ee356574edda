"""What the library has to say about itself, kept until a thread that may wait can log it.

An instrumented call never logs: a log handler may block, or record telemetry in turn. It leaves a report here, and a
worker of the recorder writes it to the logger `one_logger`.
"""

from __future__ import annotations

import os

from one_logger.core.counter import AtomicCounter
from one_logger.core.journal import Journal

MAX_KINDS = 1_024
"""How many kinds are told apart. What comes after that is counted under `OTHER`."""

MAX_KIND_CHARACTERS = 256
"""Of how many characters a kind consists; what is longer is cut."""

OTHER = "other"

_counts: dict[str, AtomicCounter] = {OTHER: AtomicCounter()}
_journal = Journal()

WARNING = 30  # logging.WARNING: `logging` is imported by the thread that writes, not by the job that imports us.


def report(kind: str, message: str, level: int = WARNING) -> int:
    """Count an occurrence of `kind`, and keep `message` to be logged if it is the first.

    Args:
        kind: What happened, for counting: the same text for the same mistake.
        message: The sentence to log.
        level: The level to log it at, as in `logging`.

    Returns:
        How many reports of `kind` there are now.
    """
    kind = kind[:MAX_KIND_CHARACTERS]
    counter = _counts.get(kind)
    if counter is None:
        if len(_counts) >= MAX_KINDS:
            counter = _counts[OTHER]
        else:
            counter = _counts.setdefault(kind, AtomicCounter())
    counter.add()
    occurrences = counter.value
    if occurrences == 1:
        _journal.log(level, message)
    return occurrences


def occurrences(kind: str) -> int:
    """How many reports of `kind` there were in this process."""
    counter = _counts.get(kind[:MAX_KIND_CHARACTERS])
    return counter.value if counter else 0


def write_reports() -> None:
    """Log what was kept. To be called from a thread that may block, never from an instrumented call."""
    _journal.write()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_journal.clear)
