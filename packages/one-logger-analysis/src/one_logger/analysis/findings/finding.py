"""What was found out about a run, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

# A cause that costs less than 10 % is a note, from 20 % on it is critical: what TraceML's users settled on (#235).
WARNING_SHARE = 0.10
CRITICAL_SHARE = 0.20


@dataclass(frozen=True)
class Finding:
    """One thing that is true of a run.

    Attributes:
        kind: What it is about, for programs: `gaps`, `slow_rank`, `hang`, ...
        severity: `critical`: the run or its data is broken; `warning`: it costs 10 % or more; `info`: good to know.
        sentence: What was found, for people.
        evidence: The numbers that it follows from. Times are nanoseconds since the epoch, durations nanoseconds.
    """

    kind: str
    severity: Severity
    sentence: str
    evidence: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """The finding as `--json` prints it."""
        return {"finding": self.sentence, "severity": self.severity, "evidence": {"kind": self.kind, **self.evidence}}


def severity_of_share(share: float) -> Severity:
    """How bad it is that something takes this share of the time."""
    return "critical" if share >= CRITICAL_SHARE else "warning" if share >= WARNING_SHARE else "info"


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, the worst first; those of the same severity keep their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def duration(nanoseconds: float) -> str:
    """A duration in the unit that people would choose: `41.2 s`, `312 ms`, `1 h 02 min`."""
    seconds = nanoseconds / 1e9
    if seconds >= 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} min"
    if seconds >= 600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02} s"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def percent(share: float) -> str:
    """A share as people write it: `38 %`; below 10 with a decimal."""
    return f"{share * 100:.0f} %" if share >= 0.0995 else f"{share * 100:.1f} %"


def clock(unix_nano: int) -> str:
    """A time of the wall clock, in UTC, to the second."""
    return datetime.fromtimestamp(unix_nano // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def numbers(values: Iterable[int]) -> str:
    """Whole numbers in few words: `0-7, 12`. After ten ranges the rest is counted."""
    ranges: list[list[int]] = []
    for value in sorted(set(values)):
        if ranges and value == ranges[-1][1] + 1:
            ranges[-1][1] = value
        else:
            ranges.append([value, value])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:10]]
    left = sum(last - first + 1 for first, last in ranges[10:])
    return ", ".join(shown) + (f" and {left} more" if left else "")


def ranks(values: Iterable[int]) -> str:
    """Ranks as the subject of a sentence: `rank 7`, `ranks 0-7, 12`."""
    found = sorted(set(values))
    return f"rank {found[0]}" if len(found) == 1 else f"ranks {numbers(found)}"
