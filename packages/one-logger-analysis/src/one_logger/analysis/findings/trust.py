"""Whether the data is whole: what is missing, and where."""

from __future__ import annotations

from collections.abc import Sequence

from one_logger.analysis.findings.facts import Facts, StreamFacts
from one_logger.analysis.findings.finding import Finding, numbers, ranks
from one_logger.core.spi import counted


def is_whole(facts: Facts) -> bool:
    """Whether every stream was closed, nothing of it is missing, and there is a stream of every rank."""
    return (
        bool(facts.streams)
        and not facts.missing_ranks
        and all(stream.closed and not stream.missing_records and not stream.dropped for stream in facts.streams)
    )


def trust(facts: Facts) -> dict[str, object]:
    """What can be said of the data, in numbers and in a sentence."""
    gaps = sum(stream.missing_records for stream in facts.streams)
    dropped = sum(stream.dropped for stream in facts.streams)
    not_closed = sum(not stream.closed for stream in facts.streams)
    return {
        "whole": is_whole(facts),
        "streams": len(facts.streams),
        "records": sum(stream.records for stream in facts.streams),
        "missing_records": gaps,
        "dropped": dropped,
        "not_closed": not_closed,
        "missing_ranks": list(facts.missing_ranks),
        "sentence": _sentence(facts, gaps, dropped, not_closed),
    }


def _sentence(facts: Facts, gaps: int, dropped: int, not_closed: int) -> str:
    if not facts.streams:
        return "Nothing was read: there is no record."
    records = sum(stream.records for stream in facts.streams)
    read = f"{counted(records, 'record')} of {counted(len(facts.streams), 'stream')}"
    if is_whole(facts):
        return f"All there: {read}, all closed, nothing missing, nothing dropped."
    faults = [
        f"{counted(gaps, 'record')} missing" if gaps else "",
        f"{counted(dropped, 'record')} dropped" if dropped else "",
        f"{counted(len(facts.missing_ranks), 'rank')} missing" if facts.missing_ranks else "",
        f"{counted(not_closed, 'stream')} without an end" if not_closed else "",
    ]
    return f"Not all there: {read}; {', '.join(fault for fault in faults if fault)}."


def find_missing(facts: Facts) -> list[Finding]:
    """The findings about what is missing."""
    findings = []
    if not facts.streams:
        findings.append(Finding("nothing", "critical", "Nothing was read: there is no record.", {}))
    if facts.missing_ranks:
        world = max(stream.world_size or 0 for stream in facts.streams)
        findings.append(
            Finding(
                "missing_ranks",
                "critical",
                f"There is no record of {ranks(facts.missing_ranks)}, of {world} ranks.",
                {"ranks": list(facts.missing_ranks), "world_size": world},
            )
        )
    with_gaps = [stream for stream in facts.streams if stream.missing_records]
    if with_gaps:
        missing = sum(stream.missing_records for stream in with_gaps)
        findings.append(
            Finding(
                "gaps",
                "critical",
                f"{counted(missing, 'record is', 'records are')} missing in the files of "
                f"{_who(with_gaps)}: a file was cut, or lines were lost on the way.",
                {"ranks": _ranks(with_gaps), "streams": [s.stream for s in with_gaps], "records": missing},
            )
        )
    dropping = [stream for stream in facts.streams if stream.dropped]
    if dropping:
        dropped = sum(stream.dropped for stream in dropping)
        findings.append(
            Finding(
                "dropped",
                "warning",
                f"{_who(dropping).capitalize()} dropped {counted(dropped, 'record')}: the backend could not keep up.",
                {"ranks": _ranks(dropping), "streams": [s.stream for s in dropping], "records": dropped},
            )
        )
    return findings


def _ranks(streams: Sequence[StreamFacts]) -> list[int]:
    return sorted({stream.rank for stream in streams if stream.rank is not None})


def _who(streams: Sequence[StreamFacts]) -> str:
    known = _ranks(streams)
    if known:
        return f"rank {known[0]}" if len(known) == 1 else f"ranks {numbers(known)}"
    return streams[0].label if len(streams) == 1 else f"{len(streams)} streams"
