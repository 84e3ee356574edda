"""Parents and ancestors of spans, and the span that is none."""

import gc
from collections.abc import Callable

import pytest

from one_logger.core import NOOP_SPAN, NoOpSpan, OneLoggerError, Span, SpanContext, Status, Timestamp
from one_logger.core.spi import diagnostics


def _chain(span: Span) -> list[Span]:
    spans = []
    current: Span | None = span
    while current is not None:
        spans.append(current)
        current = current.ancestor
    return spans


def test_child_is_in_the_trace_of_its_parent() -> None:
    """A child has the trace of its parent, and an id of its own."""
    parent = Span("parent")
    child = Span("child", parent=parent)
    assert child.trace_id == parent.trace_id
    assert child.parent_span_id == parent.span_id
    assert child.span_id != parent.span_id
    assert child.ancestor is child.open_ancestor is parent


def test_parent_may_have_ended() -> None:
    """A span may be started in one that has ended: it is its child, and the open one around that is its ancestor."""
    outer = Span("outer")
    parent = Span("parent", parent=outer)
    parent.stop()
    child = Span("child", parent=parent)
    assert child.parent_span_id == parent.span_id
    assert child.ancestor is outer


def test_parent_may_be_in_another_process() -> None:
    """A parent known by its context alone gives trace and parent id, and is no ancestor in this process."""
    child = Span("child", parent=SpanContext(5, 7))
    assert (child.trace_id, child.parent_span_id) == (5, 7)
    assert child.ancestor is None
    assert child.open_ancestor is None


def test_parent_that_is_not_recorded_is_none() -> None:
    """A span started in the no-op span is a root."""
    for parent in (NOOP_SPAN, NOOP_SPAN.context):
        span = Span("work", parent=parent)
        assert span.parent_span_id is None
        assert span.trace_id != 0
        assert span.ancestor is None


def test_parent_of_another_type_does_not_raise() -> None:
    """A parent that is none does not raise: the span is a root and says what was wrong."""
    span = Span("work", parent="00-1-2-01")  # type: ignore[arg-type]  # that is the point
    assert span.parent_span_id is None
    assert span.problem is not None


def test_open_ancestor_passes_over_spans_that_have_ended() -> None:
    """The nearest span around that is open is found, however many between have ended."""
    spans = [Span("outermost")]
    for number in range(5):
        spans.append(Span(str(number), parent=spans[-1]))
    for span in spans[1:-1]:
        span.stop()
    assert spans[-1].open_ancestor is spans[0]
    assert spans[-1].ancestor is spans[0]
    spans[0].stop()
    assert spans[-1].open_ancestor is None


def test_stopping_a_parent_leaves_its_children_open() -> None:
    """A child may outlive its parent and keeps its place in the trace."""
    parent = Span("parent")
    child = Span("child", parent=parent)
    parent.stop()
    assert child.is_recording()
    assert child.parent_span_id == parent.span_id


def test_chain_of_ended_spans_is_not_kept() -> None:
    """Of spans each started in the one before, which has ended by then, none is kept."""
    span = Span("0")
    for number in range(1_000):
        following = Span(str(number), parent=span)
        span.stop()
        span = following
    assert len(_chain(span)) <= 3


@pytest.mark.parametrize("open_at_once", [1, 2, 3, 8])
def test_chain_of_overlapping_spans_is_not_kept(open_at_once: int) -> None:
    """Spans each started in the one before, of which some are open at a time, are not kept once they have ended."""
    spans = [Span("0")]
    for number in range(1_000):
        spans.append(Span(str(number), parent=spans[-1]))
        if len(spans) > open_at_once:
            spans.pop(0).stop()
    assert len(_chain(spans[-1])) <= 2 * open_at_once + 1


def test_spans_in_an_open_span_are_not_kept() -> None:
    """A span that stays open keeps none of the spans that were started in it."""
    outer = Span("outer")
    gc.collect()
    before = sum(type(kept) is Span for kept in gc.get_objects())
    for _ in range(1_000):
        inner = Span("inner", parent=outer)
        Span("innermost", parent=inner).stop()
        inner.stop()
    gc.collect()
    assert sum(type(kept) is Span for kept in gc.get_objects()) <= before + 1
    assert outer.is_recording()


_USES: dict[str, Callable[[Span], object]] = {
    "stop": lambda span: span.stop({"a": 1}, stop_time=Timestamp(1, 1)),
    "set_attribute": lambda span: span.set_attribute("a", 1),
    "set_attributes": lambda span: span.set_attributes({"a": 1}),
    "set_initial_attributes": lambda span: span.set_initial_attributes({"a": 1}),
    "set_status": lambda span: span.set_status(Status.ERROR),
    "report_late": lambda span: span.report_late("set_status"),
    "is_recording": lambda span: span.is_recording(),
    "context": lambda span: span.context.traceparent,
    "open_ancestor": lambda span: span.open_ancestor,
    "attributes": lambda span: span.attributes,
    "initial_attributes": lambda span: span.initial_attributes,
    "status": lambda span: span.status,
    "start_time": lambda span: span.start_time,
    "end_time": lambda span: span.end_time,
    "duration_ns": lambda span: span.duration_ns,
    "start_event_attributes": lambda span: span.start_event_attributes,
    "stop_event_attributes": lambda span: span.stop_event_attributes,
    "start_event": lambda span: span.start_event.attributes,
    "stop_event": lambda span: span.stop_event,
}
_FIELDS = [
    "ancestor",
    "end_monotonic_ns",
    "end_unix_ns",
    "holder",
    "name",
    "parent_span_id",
    "problem",
    "span_id",
    "start_monotonic_ns",
    "start_unix_ns",
    "thread",
    "trace_id",
]


def test_uses_of_the_no_op_span_are_complete() -> None:
    """The tests below try all that a span has in public."""
    assert {name for name in dir(Span) if not name.startswith("_")} == {*_USES, *_FIELDS}


@pytest.mark.parametrize("use", _USES.values(), ids=_USES)
def test_everything_works_on_the_no_op_span(use: Callable[[Span], object]) -> None:
    """Whatever an application does with a span works while nothing is recorded, too."""
    use(NOOP_SPAN)


@pytest.mark.parametrize("name", _FIELDS)
def test_every_field_of_the_no_op_span_can_be_read(name: str) -> None:
    """The plain attributes of the no-op span can be read."""
    getattr(NOOP_SPAN, name)


def test_no_op_span_keeps_nothing() -> None:
    """The no-op span is never open, has no ids, keeps nothing of what is done to it, and finds no mistake in it."""
    late = diagnostics.occurrences("set_status on an ended span")
    for name, use in _USES.items():
        if name != "context":
            use(NOOP_SPAN)
    assert isinstance(NOOP_SPAN, NoOpSpan)
    assert not NOOP_SPAN.is_recording()
    assert (NOOP_SPAN.trace_id, NOOP_SPAN.span_id, NOOP_SPAN.parent_span_id) == (0, 0, None)
    assert NOOP_SPAN.attributes == {}
    assert NOOP_SPAN.status is Status.UNSET
    assert NOOP_SPAN.stop() is False
    assert diagnostics.occurrences("set_status on an ended span") == late


def test_no_op_span_reports_nothing(reports: Callable[[], list[str]]) -> None:
    """What is done to the no-op span is not reported, though it never is open, nor what is wrong with it."""
    for _ in range(3):
        NOOP_SPAN.set_attribute(5, object())  # type: ignore[arg-type]  # that is the point
        NOOP_SPAN.set_attributes(5)  # type: ignore[arg-type]  # that is the point
        NOOP_SPAN.set_status(5)  # type: ignore[arg-type]  # that is the point
        NOOP_SPAN.stop(5)  # type: ignore[arg-type]  # that is the point
    assert reports() == []


def test_context_is_for_real_ids() -> None:
    """A context cannot be made of the ids of the no-op span."""
    with pytest.raises(OneLoggerError):
        SpanContext(NOOP_SPAN.trace_id, NOOP_SPAN.span_id)
