"""The spans as one exporter with processors of its own sees them."""

from __future__ import annotations

from one_logger.core import Span
from one_logger.core.spi import SpanView
from one_logger.recorder.processors.pipeline import Pipeline
from one_logger.recorder.processors.processor import Choice

MAX_HIDDEN = 16_384
"""How many stopped spans that were not exported are remembered, as children of theirs may start later."""


class Node:
    """A span that is open, as one exporter sees it. It is a `Place`."""

    __slots__ = ("ancestor", "choice", "is_exported", "is_open", "is_sampled", "parent", "shown")

    choice: Choice

    def __init__(self, shown: Span, ancestor: Node | None, *, is_sampled: bool) -> None:
        self.shown = shown
        self.ancestor = ancestor
        self.parent = shown.parent_span_id
        """The id of the nearest span around it that the exporter sees."""
        self.is_open = True
        self.is_exported = False
        self.is_sampled = is_sampled


class SpanTree:
    """Keeps the open spans, and the stopped ones that were not exported. For one thread."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._open: dict[int, Node] = {}
        self._adopted: dict[int, None] = {}
        self._hidden: dict[int, tuple[int | None, bool]] = {}

    def known(self, span: Span) -> Node | None:
        """The node of a span, if it is open."""
        return self._open.get(span.span_id)

    def node(self, span: Span) -> Node:
        """The node of a span. Adopts a span started before the fork, whose start never came here.

        Its stop may never come either, so only a limited number of these are kept.
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
        """Make the node of a span, and have the processors decide on it."""
        parent, ancestor, sampled = self._place(span)
        shown = span if parent == span.parent_span_id else SpanView(span, parent)
        node = self._open[span.span_id] = Node(shown, ancestor, is_sampled=sampled)
        choice = node.choice = self._pipeline.choose(span.name, sampled=sampled)
        node.is_exported = not choice.dropped and not choice.deferrers
        if self._pipeline.starters and (not choice.dropped or choice.observers):
            view = SpanView(span, parent)
            self._pipeline.attributes(view, choice.depth, view.set_initial_attributes)
            if view.adds:
                node.shown = view
        return node

    def stop(self, node: Node) -> None:
        """Forget a stopped span, except for what children that start later need."""
        span_id = node.shown.span_id
        node.is_open = False
        while node.ancestor is not None and not node.ancestor.is_open:
            node.ancestor = node.ancestor.ancestor  # so that a long chain of stopped spans is freed
        self._open.pop(span_id, None)
        self._adopted.pop(span_id, None)
        if not node.is_exported:
            self._hidden[span_id] = (node.parent, node.is_sampled)
            if len(self._hidden) > MAX_HIDDEN:
                del self._hidden[next(iter(self._hidden))]

    def _place(self, span: Span) -> tuple[int | None, Node | None, bool]:
        """The id of the parent that is exported, the node around it, and whether the trace is sampled."""
        parent = span.parent_span_id
        if parent is not None:
            around = self._open.get(parent) or self._inherited(span, parent)
            if around is not None:
                return (parent if around.is_exported else around.parent), around, around.is_sampled
            if parent in self._hidden:
                return self._hidden[parent][0], None, self._hidden[parent][1]
            if span.ancestor is not None:
                return parent, None, True
        return parent, None, not self._pipeline.samplers or self._pipeline.samples(span.trace_id)

    def _inherited(self, span: Span, parent: int) -> Node | None:
        """A span around this one that was started before this process was forked."""
        ancestor = span.ancestor
        if ancestor is None or ancestor.span_id != parent or ancestor.end_unix_ns is not None:
            return None
        return self.node(ancestor)
