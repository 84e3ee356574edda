"""The errors that the job recorded, by kind."""

from __future__ import annotations

from one_logger.analysis.findings.facts import Facts
from one_logger.analysis.findings.finding import Finding, clock, ranks
from one_logger.core.spi import counted


def find_errors(facts: Facts) -> list[Finding]:
    """One finding for all errors of the run, with the most frequent kinds."""
    if not facts.errors:
        return []
    count = sum(error.times for error in facts.errors)
    kinds = [f"{error.kind} ({error.times})" for error in facts.errors]
    more = f" and {len(kinds) - 3} other kinds" if len(kinds) > 3 else ""
    of = sorted({rank for error in facts.errors for rank in error.ranks})
    first = min((error.first_time for error in facts.errors if error.first_time is not None), default=None)
    since = f"; the first at {clock(first)}" if first is not None else ""
    return [
        Finding(
            "errors",
            "warning",
            f"{counted(count, 'error was', 'errors were')} recorded{f' by {ranks(of)}' if of else ''}: "
            f"{', '.join(kinds[:3])}{more}{since}.",
            {"count": count, "kinds": len(kinds), "ranks": of, "first_time_unix_nano": first},
        )
    ]
