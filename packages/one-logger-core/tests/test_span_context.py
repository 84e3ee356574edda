import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core import OneLoggerError, Span, SpanContext

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_SPAN = "b7ad6b7169203331"


def test_traceparent_is_read() -> None:
    """A `traceparent` gives trace id, span id and flags."""
    context = SpanContext.from_traceparent(f"00-{_TRACE}-{_SPAN}-00")
    assert context.trace_id == int(_TRACE, 16)
    assert context.span_id == int(_SPAN, 16)
    assert context.trace_flags == 0


def test_traceparent_is_written() -> None:
    """A context gives the `traceparent` it was read from."""
    assert SpanContext.from_traceparent(f"00-{_TRACE}-{_SPAN}-01").traceparent == f"00-{_TRACE}-{_SPAN}-01"


def test_small_ids_are_padded() -> None:
    """Ids are written with all their leading zeros."""
    assert SpanContext(1, 2).traceparent == "00-00000000000000000000000000000001-0000000000000002-01"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_any_context_is_read_back(trace_id: int, span_id: int, flags: int) -> None:
    """What is written of any context is read back as an equal one."""
    context = SpanContext(trace_id, span_id, flags)
    again = SpanContext.from_traceparent(context.traceparent)
    assert again == context
    assert hash(again) == hash(context)


@pytest.mark.parametrize(
    "text",
    [f" 00-{_TRACE}-{_SPAN}-01\n", f"01-{_TRACE}-{_SPAN}-01", f"cc-{_TRACE}-{_SPAN}-01-what-comes-later"],
    ids=["spaces", "later-version", "later-version-with-more"],
)
def test_traceparent_of_a_later_version_is_read(text: str) -> None:
    """Spaces around it do not matter, and a later version may go on after the flags."""
    assert SpanContext.from_traceparent(text) == SpanContext(int(_TRACE, 16), int(_SPAN, 16), 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"00-{_TRACE.upper()}-{_SPAN}-01",
        f"00-{_TRACE}-{_SPAN.upper()}-01",
        f"ff-{_TRACE}-{_SPAN}-01",
        f"0G-{_TRACE}-{_SPAN}-01",
        f"00-{'0' * 32}-{_SPAN}-01",
        f"00-{_TRACE}-{'0' * 16}-01",
        f"00-{_TRACE}-{_SPAN}-01-more",
        f"00-{_TRACE}-{_SPAN}-01-",
        f"01-{_TRACE}-{_SPAN}-01more",
        f"00-{_TRACE}-{_SPAN}",
        f"00-{_TRACE}-{_SPAN}-1",
        f"00-{_TRACE[1:]}-{_SPAN}-01",
        f"00-{_TRACE}-{_SPAN[1:]}-01",
        f"00_{_TRACE}_{_SPAN}_01",
        f"00-{_TRACE[:-1]}٣-{_SPAN}-01",
        f"00-{_TRACE}-{_SPAN}-01\n00-{_TRACE}-{_SPAN}-01",
    ],
    ids=[
        "empty",
        "short",
        "upper-trace",
        "upper-span",
        "version-ff",
        "version-no-hex",
        "zero-trace",
        "zero-span",
        "longer",
        "longer-empty",
        "later-without-dash",
        "no-flags",
        "one-digit-flags",
        "short-trace",
        "short-span",
        "underscores",
        "arabic-digit",
        "two-lines",
    ],
)
def test_invalid_traceparent_is_refused(text: str) -> None:
    """What W3C Trace Context does not allow raises the error of this project."""
    with pytest.raises(OneLoggerError):
        SpanContext.from_traceparent(text)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    """Texts that are no `traceparent` raise no other error."""
    with pytest.raises(OneLoggerError):
        SpanContext.from_traceparent(text)


@pytest.mark.parametrize(
    ("trace_id", "span_id", "flags"),
    [(0, 1, 1), (1 << 128, 1, 1), (-1, 1, 1), (1, 0, 1), (1, 1 << 64, 1), (1, -1, 1), (1, 1, 256), (1, 1, -1)],
)
def test_ids_out_of_range_are_refused(trace_id: int, span_id: int, flags: int) -> None:
    """An id of zero or of too many bits raises an error that names it."""
    with pytest.raises(OneLoggerError, match=r"(trace_id|span_id|trace_flags) is -?\d+;"):
        SpanContext(trace_id, span_id, flags)


def test_contexts_are_equal_by_value() -> None:
    """Contexts are equal if ids and flags are, and equal to nothing else."""
    assert SpanContext(1, 2) == SpanContext(1, 2)
    assert SpanContext(1, 2) != SpanContext(1, 2, 0)
    assert SpanContext(1, 2) != SpanContext(1, 2).traceparent
    assert len({SpanContext(1, 2), SpanContext(1, 2), SpanContext(2, 2)}) == 2


def test_context_of_a_span_is_recorded() -> None:
    """The context of a span has its ids, and flags that say it is recorded."""
    span = Span("work")
    assert span.context == SpanContext(span.trace_id, span.span_id, 1)
    assert repr(span.context) == f"SpanContext.from_traceparent('{span.context.traceparent}')"


@pytest.mark.parametrize(("flags", "sampled"), [(0, False), (1, True), (2, False), (255, True)])
def test_whether_the_trace_is_recorded_is_one_of_the_flags(flags: int, sampled: bool) -> None:
    """It is the lowest one, whatever the others are, and comes through the text."""
    assert SpanContext(1, 2, flags).sampled is sampled
    assert SpanContext.from_traceparent(SpanContext(1, 2, flags).traceparent).sampled is sampled
