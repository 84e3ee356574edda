"""The name that was probably meant."""

from __future__ import annotations

from one_logger.core.checks import near_miss


def test_a_name_that_is_near_is_offered() -> None:
    """As a question that goes behind a semicolon."""
    assert near_miss("memroy", ["file", "memory"]) == "did you mean 'memory'?"


def test_several_may_be_offered() -> None:
    """The nearest first, as many as wanted at most."""
    known = {"linger_ms": 0, "linger_s": 0, "acks": 0}
    assert near_miss("linger_m", known, most=2) == "did you mean 'linger_ms' or 'linger_s'?"
    assert near_miss("linger_m", known) == "did you mean 'linger_ms'?"


def test_if_none_is_near_nothing_is_said() -> None:
    """So that the caller can list what there is."""
    assert near_miss("x", ["file", "memory"]) == ""
    assert near_miss("x", []) == ""
