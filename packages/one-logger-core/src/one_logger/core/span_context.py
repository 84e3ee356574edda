"""The ids of a span, as other processes get them."""

from __future__ import annotations

from one_logger.core.errors import OneLoggerError
from one_logger.core.text import safe_repr

_LENGTHS = (2, 32, 16, 2)  # of the version, the two ids and the flags, in hexadecimal digits
_DIGITS = frozenset("0123456789abcdef")

SAMPLED = 0x01
"""The trace flag of a span that may be recorded (W3C Trace Context, section 3.2.2.5.1)."""


class SpanContext:
    """The ids that identify a span in any process.

    Args:
        trace_id: 128 bit, not zero.
        span_id: 64 bit, not zero.
        trace_flags: 8 bit, as in W3C Trace Context, section 3.2.2.5.

    Raises:
        OneLoggerError: An id or the flags are out of range.
    """

    __slots__ = ("_span_id", "_trace_flags", "_trace_id")

    def __init__(self, trace_id: int, span_id: int, trace_flags: int = SAMPLED) -> None:
        if not isinstance(trace_id, int) or not 0 < trace_id < 1 << 128:
            raise OneLoggerError(
                f"trace_id is {safe_repr(trace_id, 100)}; a trace id is a number from 1 to 2**128 - 1."
            )
        if not isinstance(span_id, int) or not 0 < span_id < 1 << 64:
            raise OneLoggerError(f"span_id is {safe_repr(span_id, 100)}; a span id is a number from 1 to 2**64 - 1.")
        if not isinstance(trace_flags, int) or not 0 <= trace_flags < 1 << 8:
            raise OneLoggerError(
                f"trace_flags is {safe_repr(trace_flags, 100)}; trace flags are a number from 0 to 255."
            )
        self._trace_id = trace_id
        self._span_id = span_id
        self._trace_flags = trace_flags

    @classmethod
    def from_traceparent(cls, text: str) -> SpanContext:
        """The context in a W3C `traceparent` (W3C Trace Context, section 3.2).

        Args:
            text: Such as `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.

        Raises:
            OneLoggerError: The text is no `traceparent`, or one of its ids is zero.
        """
        parts = text.strip().split("-") if isinstance(text, str) else []
        version, *numbers = parts[:4] or [""]
        # Version ff is forbidden. Version 00 ends with the flags; later versions may have more.
        if (
            tuple(map(len, parts[:4])) != _LENGTHS
            or not _DIGITS.issuperset("".join(parts[:4]))
            or version == "ff"
            or (version == "00" and len(parts) > 4)
        ):
            raise OneLoggerError(
                f"{safe_repr(text, 100)} is no traceparent; expected version-trace_id-span_id-flags in lower-case "
                "hexadecimal, such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01."
            )
        return cls(*[int(number, 16) for number in numbers])

    @property
    def trace_id(self) -> int:
        """The id of the trace, 128 bit."""
        return self._trace_id

    @property
    def span_id(self) -> int:
        """The id of the span, 64 bit."""
        return self._span_id

    @property
    def trace_flags(self) -> int:
        """The trace flags, 8 bit."""
        return self._trace_flags

    @property
    def sampled(self) -> bool:
        """Whether the span may be recorded (W3C Trace Context, section 3.2.2.5.1, "Sampled flag")."""
        return self._trace_flags & SAMPLED != 0

    @property
    def traceparent(self) -> str:
        """The W3C `traceparent` text, version 00 (W3C Trace Context, section 3.2)."""
        return f"00-{self._trace_id:032x}-{self._span_id:016x}-{self._trace_flags:02x}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpanContext):
            return NotImplemented
        return self.traceparent == other.traceparent

    def __hash__(self) -> int:
        return hash((self._trace_id, self._span_id, self._trace_flags))

    def __repr__(self) -> str:
        return f"SpanContext.from_traceparent({self.traceparent!r})"


INVALID_SPAN_CONTEXT = SpanContext.__new__(SpanContext)
"""The context of a span that is not recorded. Its ids are zero (W3C Trace Context, sections 3.2.2.3 and 3.2.2.4)."""
INVALID_SPAN_CONTEXT._trace_id = INVALID_SPAN_CONTEXT._span_id = INVALID_SPAN_CONTEXT._trace_flags = 0
