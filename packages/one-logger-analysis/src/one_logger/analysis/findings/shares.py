"""What takes time that the job could compute in: loading data, and checkpoints that block."""

from __future__ import annotations

from statistics import median

from one_logger.analysis.findings.facts import MINIMUM_STEPS, Facts, PathFacts, Timing
from one_logger.analysis.findings.finding import WARNING_SHARE, Finding, duration, percent, severity_of_share
from one_logger.analysis.findings.names import is_checkpoint_save, is_data_loading


def find_data_loading(facts: Facts, excess: dict[tuple[str, str], int]) -> list[Finding]:
    """The finding that loading data takes 10 % or more of the steps of the median rank.

    Args:
        facts: What is known of the run.
        excess: What single long spans took beyond the median, by stream and path: these are findings of their own.
    """
    shares, path = _shares(facts, [path for path in facts.paths if is_data_loading(path.name)], excess, MINIMUM_STEPS)
    if path is None or (share := median(shares)) < WARNING_SHARE:
        return []
    return [
        Finding(
            "data_loading",
            severity_of_share(share),
            f"Loading data ({path.name}) takes {percent(share)} of the steps.",
            {"span": path.path, "share": round(share, 4), "streams": len(shares), "count": path.ended},
        )
    ]


def find_checkpoints(facts: Facts, excess: dict[tuple[str, str], int]) -> list[Finding]:
    """The finding that saving checkpoints takes 10 % or more of the loop of the median rank."""
    saving = [path for path in facts.paths if is_checkpoint_save(path.name) and path.path not in facts.overlapping]
    shares, path = _shares(facts, saving, excess, 1)
    if path is None or (share := median(shares)) < WARNING_SHARE:
        return []
    each = median(
        timings[path.path].total_ns / timings[path.path].steps
        for timings in facts.timings_of.values()
        if path.path in timings
    )
    return [
        Finding(
            "checkpoints",
            severity_of_share(share),
            f"Saving checkpoints ({path.name}) takes {percent(share)} of the loop, {duration(each)} each time, and "
            "everything waits for it.",
            {"span": path.path, "share": round(share, 4), "each_ns": int(each), "count": path.ended},
        )
    ]


def _shares(
    facts: Facts, paths: list[PathFacts], excess: dict[tuple[str, str], int], least: int
) -> tuple[list[float], PathFacts | None]:
    """For each stream the share that the highest of these paths takes of the loop, and the path that takes most."""
    known = {path.path for path in paths}
    outermost = [path for path in paths if known.isdisjoint(facts.ancestors(path.path))]
    totals = {path.path: 0 for path in outermost}
    shares = []
    for stream, timings in facts.timings_of.items():
        found = [timings[path] for path in totals if path in timings and timings[path].steps >= least]
        blocking = [timing for timing in found if _blocks(facts, timings, timing)]
        if not blocking:
            continue
        taken = 0
        for timing in blocking:
            totals[timing.path] += timing.total_ns
            taken += timing.total_ns - excess.get((stream, timing.path), 0)
        whole = max(facts.loop_time(stream, timing.path) for timing in blocking)
        shares.append(taken / max(1, whole))
    if not shares:
        return [], None
    return shares, facts.by_path[max(totals, key=lambda path: totals[path])]


def _blocks(facts: Facts, timings: dict[str, Timing], timing: Timing) -> bool:
    """Whether the spans run in the thread of what is above them, which so waits for them."""
    above = facts.by_path[timing.path].parent
    if above is None or above not in timings:
        return timing.thread == 0
    return (timing.thread, timing.last_thread) == (timings[above].thread, timings[above].last_thread)
