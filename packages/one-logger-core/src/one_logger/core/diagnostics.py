"""Reports of the library about itself, kept until a thread that may block logs them.

An instrumented call never logs: a log handler may block, or record telemetry itself. It leaves a report here, and a
worker of the recorder writes it to the logger `one_logger`.
"""

from __future__ import annotations

from one_logger.core.call_site import located
from one_logger.core.counter import AtomicCounter
from one_logger.core.journal import Journal
from one_logger.core.process import call_after_fork

MAX_KINDS = 1_024  # further ones count as OTHER
MAX_KIND_CHARACTERS = 256  # the rest is cut
OTHER = "other"

_counts: dict[str, AtomicCounter] = {OTHER: AtomicCounter()}
_journal = Journal()

WARNING = 30  # logging.WARNING, without an import of logging


def report(kind: str, message: str, level: int = WARNING) -> int:
    """Count a report of `kind`, and return how many there are now. The first one is kept and will be logged.

    Args:
        kind: The same text for the same mistake.
        message: The sentence to log. File and line of the job's call that has led here are added.
        level: The level, as in `logging`.
    """
    kind = kind[:MAX_KIND_CHARACTERS]
    counter = _counts.get(kind)
    if counter is None:
        counter = _counts[OTHER] if len(_counts) >= MAX_KINDS else _counts.setdefault(kind, AtomicCounter())
    counter.add()
    occurrences = counter.value
    if occurrences == 1:
        _journal.log(level, located(message)[0])
    return occurrences


def occurrences(kind: str) -> int:
    """How many reports of `kind` there were in this process."""
    counter = _counts.get(kind[:MAX_KIND_CHARACTERS])
    return counter.value if counter else 0


def write_reports() -> None:
    """Log the kept reports. Only for a thread that may block, never for an instrumented call."""
    _journal.write()


call_after_fork(_journal.clear)
