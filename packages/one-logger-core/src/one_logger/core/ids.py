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

_random = Random()  # seeded from os.urandom  # noqa: S311 - ids have to be unique, not secret

random_bits = _random.getrandbits
"""A random number of so many bits. It may be zero; an id must not be."""


def new_trace_id() -> int:
    """A random 128-bit id other than zero (W3C Trace Context, section 3.2.2.3)."""
    return random_bits(128) or new_trace_id()


def new_span_id() -> int:
    """A random 64-bit id other than zero (W3C Trace Context, section 3.2.2.4)."""
    return random_bits(64) or new_span_id()


def new_stream_id() -> str:
    """A random id for a stream of records: 16 hexadecimal digits."""
    return f"{random_bits(64):016x}"


call_after_fork(_random.seed)
