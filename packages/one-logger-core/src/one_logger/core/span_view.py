"""A span as one exporter sees it."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.core.attributes import Attributes, AttributeValue
from one_logger.core.span import Span

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any


def _viewed(name: str) -> Any:
    """An attribute of a view, read from the viewed span each time."""
    return property(lambda view: getattr(view.viewed, name))


class SpanView(Span):
    """A live view of a span, with another parent and added attributes. For code between a recorder and one exporter.

    Args:
        viewed: The span, which another thread may be using.
        parent_span_id: The id of the parent that the exporter sees; None for a root.
    """

    __slots__ = ("_added", "_parent", "viewed")

    holder = None

    def __init__(self, viewed: Span, parent_span_id: int | None) -> None:
        self.viewed = viewed
        self._parent = parent_span_id
        self._added: dict[str, AttributeValue] = {}

    name = _viewed("name")
    trace_id = _viewed("trace_id")
    span_id = _viewed("span_id")
    start_unix_ns = _viewed("start_unix_ns")
    start_monotonic_ns = _viewed("start_monotonic_ns")
    end_unix_ns = _viewed("end_unix_ns")
    end_monotonic_ns = _viewed("end_monotonic_ns")
    thread = _viewed("thread")
    problem = _viewed("problem")
    ancestor = _viewed("ancestor")
    open_ancestor = _viewed("open_ancestor")
    _later_attributes = _viewed("_later_attributes")
    _start_event_attributes = _viewed("_start_event_attributes")
    _stop_event_attributes = _viewed("_stop_event_attributes")
    _status = _viewed("_status")

    @property
    def parent_span_id(self) -> int | None:  # type: ignore[override]  # read only, as the view is
        """The id of the parent that the exporter sees."""
        return self._parent

    @property
    def _initial_attributes(self) -> dict[str, AttributeValue]:  # type: ignore[override]  # likewise
        own: dict[str, AttributeValue] = self.viewed._initial_attributes
        return {**own, **self._added} if self._added else own

    def set_initial_attributes(self, attributes: Mapping[str, object]) -> None:
        """Add attributes to the view. The span itself doesn't change."""
        self._added.update(Attributes(attributes))

    @property
    def adds(self) -> bool:
        """Whether attributes were added."""
        return bool(self._added)
