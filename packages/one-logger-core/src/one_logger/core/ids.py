"""Ids for traces, spans and streams, from a random generator of their own.

The operating system seeds it, also in a forked child. So `random.seed()` in the job does not repeat ids, and making ids
does not change the job's random numbers.
"""

from __future__ import annotations

from one_logger.core.process import call_after_fork

try:
    from _random import Random  # what random.Random builds on: importing that would take a fifth of our import time
except ImportError:
    from random import Random  # type: ignore[assignment]  # not CPython

_random = Random()  # noqa: S311 - ids have to be unique, not secret

random_bits = _random.getrandbits
"""A random number of so many bits. It may be zero; an id must not be."""


high_bits: int
"""The left half of this process' trace ids, with 64 zeros behind it: random, and not zero.

The right half is random for each trace, as W3C Trace Context Level 2 asks, section "Random Trace ID Flag". What all ids
of a process have in common takes no room in a compressed file.
"""


def new_trace_id() -> int:
    """A random 128-bit id other than zero (W3C Trace Context, section 3.2.2.3)."""
    return high_bits | random_bits(64)


def new_span_id() -> int:
    """A random 64-bit id other than zero (W3C Trace Context, section 3.2.2.4)."""
    return random_bits(64) or new_span_id()


def new_stream_id() -> str:
    """A random id for a stream of records: 16 hexadecimal digits."""
    return f"{random_bits(64):016x}"


def _begin() -> None:
    """Ids like those of no other process."""
    global high_bits  # noqa: PLW0603 - there is one process
    _random.seed()  # from os.urandom
    high_bits = (random_bits(64) or 1) << 64


_begin()
call_after_fork(_begin)
