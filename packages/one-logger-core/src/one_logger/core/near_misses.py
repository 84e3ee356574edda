"""Finds the known name that was probably meant by an unknown one."""

from __future__ import annotations

from collections.abc import Iterable


def near_miss(given: str, known: Iterable[str], *, most: int = 1) -> str:
    """A question to put behind a semicolon: `did you mean 'x'?`.

    Args:
        given: The unknown name.
        known: The names that there are.
        most: How many of them to offer at most.

    Returns:
        The question. Empty if no known name is near.
    """
    from difflib import get_close_matches  # imported only when something is wrong

    near = get_close_matches(given, list(known), n=most)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""
