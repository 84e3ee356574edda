"""What processors have decided of a span."""

from __future__ import annotations

import sys
from typing import NamedTuple


class Choice(NamedTuple):
    """What all processors together have decided of a span that starts."""

    depth: int
    """How many of them, from the first on, see what happens in it: those before the one that drops it, or all."""
    dropped: bool
    """Whether it is not exported."""
    observers: tuple[int, ...]
    """The places, among those, of the processors that want to see its stop although it is dropped."""
    deferrers: tuple[int, ...]
    """The places of the processors that decide when it stops. None of them has a say in a span that is dropped."""


ALL = Choice(sys.maxsize, False, (), ())
"""It is exported, and all processors see it."""
