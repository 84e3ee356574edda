"""What one exporter has been shown of the spans, and what not."""

from __future__ import annotations

from one_logger.core import Span
from one_logger.recorder.processors.pipeline import Choice, Pipeline
from one_logger.recorder.processors.span_view import SpanView

MAX_HIDDEN = 16_384
"""How many spans are remembered that have stopped and were not shown: children of theirs may start later."""


class Node:
    """A span that is open, as the exporter sees it.

    Args:
        span: The span as it was recorded.
        shown: The span as the exporter sees it, if it does.
        around: The span around it, if that is open.
    """

    __slots__ = ("around", "choice", "depth", "hidden", "open", "parent", "shown", "span", "undecided", "unsampled")

    def __init__(self, span: Span, shown: Span, around: Node | None) -> None:
        self.span = span
        self.shown = shown
        self.around = around
        self.parent = shown.parent_span_id
        """The id of the nearest span around it that the exporter sees."""
        self.open = True
        self.hidden = False
        """Whether the exporter does not see it, or not yet."""
        self.undecided = False
        self.unsampled = False
        self.depth = 0
        """How many processors see what happens in it."""
        self.choice: Choice


class SpanTree:
    """The spans that are open, and those that have stopped and were not shown. For one thread.

    Args:
        pipeline: The processors, which decide what is shown.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._open: dict[int, Node] = {}
        self._adopted: dict[int, None] = {}
        self._hidden: dict[int, tuple[int | None, bool]] = {}

    def known(self, span: Span) -> Node | None:
        """What is known of a span, if it is open."""
        return self._open.get(span.span_id)

    def node(self, span: Span) -> Node:
        """What is known of a span. One whose start did not come here, as a process before the fork got it, is taken in.

        Its stop may not come here either, so only a number of these are kept.
        """
        node = self._open.get(span.span_id)
        if node is None:
            node = self.start(span)
            self._adopted[span.span_id] = None
            if len(self._adopted) > MAX_HIDDEN:
                oldest = next(iter(self._adopted))
                del self._adopted[oldest]
                self._open.pop(oldest, None)
        return node

    def start(self, span: Span) -> Node:
        """Take in a span, and have the processors decide on it."""
        parent, around, unsampled = self._place(span)
        shown = span if parent == span.parent_span_id else SpanView(span, parent)
        node = self._open[span.span_id] = Node(span, shown, around)
        pipeline = self._pipeline
        node.unsampled = unsampled
        limit = pipeline.samplers[0].place if unsampled else pipeline.size
        node.choice = (None if unsampled else pipeline.known.get(span.name)) or pipeline.choose(span.name, limit)
        node.depth = limit if node.choice.depth is None else node.choice.depth
        node.hidden = unsampled or node.choice.depth is not None
        if node.choice.deferrers and not node.hidden:
            node.hidden = node.undecided = True
        if pipeline.starters and (not node.hidden or node.undecided or node.choice.observers):
            self._add_attributes(node)
        return node

    def stop(self, node: Node) -> None:
        """Keep a span that has stopped in mind only as far as children of it may come."""
        span_id = node.span.span_id
        node.open = False
        while node.around is not None and not node.around.open:
            node.around = node.around.around  # what has stopped must not hold on to others that have
        self._open.pop(span_id, None)
        self._adopted.pop(span_id, None)
        if node.hidden:
            self._hidden[span_id] = (node.parent, node.unsampled)
            if len(self._hidden) > MAX_HIDDEN:
                del self._hidden[next(iter(self._hidden))]

    def shown(self, node: Node | None) -> Node | None:
        """The nearest span that is open and shown, from `node` on outwards."""
        while node is not None and (node.hidden or not node.open):
            node = node.around
        return node

    def _place(self, span: Span) -> tuple[int | None, Node | None, bool]:
        """The parent that is shown, the span around it, and whether the trace is not sampled."""
        parent = span.parent_span_id
        if parent is not None:
            around = self._open.get(parent) or self._inherited(span, parent)
            if around is not None:
                return (around.parent if around.hidden else parent), around, around.unsampled
            if parent in self._hidden:
                return self._hidden[parent][0], None, self._hidden[parent][1]
            if span.ancestor is not None:
                return parent, None, False
        return parent, None, bool(self._pipeline.samplers) and not self._pipeline.samples(span.trace_id)

    def _inherited(self, span: Span, parent: int) -> Node | None:
        """A span around this one that was started before this process was forked."""
        ancestor = span.ancestor
        if ancestor is None or ancestor.span_id != parent or ancestor.end_unix_ns is not None:
            return None
        return self.node(ancestor)

    def _add_attributes(self, node: Node) -> None:
        view = SpanView(node.span, node.parent)
        self._pipeline.attributes(view, node.depth, view.set_initial_attributes)
        if view.adds:
            node.shown = view
