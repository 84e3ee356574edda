"""The validations and tests of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from one_logger.core import Event, Span, Timestamp
from one_logger.training_telemetry.names import AttributeName, EventName, SpanName
from one_logger.training_telemetry.sums import Sums

if TYPE_CHECKING:
    from one_logger.training_telemetry.training import Training


class Evaluations:
    """The validations and tests of a process.

    Args:
        training: What the process trains.

    Attributes:
        times: The times of all iterations of validations.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self.times = Sums()
        self._began_ns: int | None = None
        self._completed_before: dict[str, int] = {}

    def begin_iteration(self, at: Timestamp) -> Span | None:
        """One batch of a validation begins; one that has not ended does not count. Its span, if it has one."""
        training = self._training
        self._began_ns = at.monotonic_ns
        if not training.config.iteration_spans:
            return None
        left = training.latest(SpanName.VALIDATION_SINGLE_ITERATION)
        if left is not None:
            training.finish(left, at)
        return training.begin(SpanName.VALIDATION_SINGLE_ITERATION, None, at)

    def end_iteration(self, at: Timestamp, exception: BaseException | None = None) -> None:
        """It ends, and counts unless by an exception."""
        began, self._began_ns = self._began_ns, None
        if began is not None and exception is None:
            self.times.add(at.monotonic_ns - began)
        span = self._training.latest(SpanName.VALIDATION_SINGLE_ITERATION)
        if span is not None:
            self._training.finish(span, at, exception)

    def end(self, span: Span, at: Timestamp, exception: BaseException | None = None) -> None:
        """A validation or a test ends."""
        training, completed = self._training, self._training.completed
        attributes: dict[str, object] = {
            AttributeName.MONOTONIC_NS: at.monotonic_ns,
            AttributeName.CURRENT_ITERATION: max(0, completed - 1),
            AttributeName.INTERVAL: max(0, completed - self._completed_before.get(span.name, 0)),
        }
        self._completed_before[span.name] = completed
        name = EventName.TESTING_METRICS_UPDATE
        if span.name == SpanName.VALIDATION_LOOP:
            name = EventName.VALIDATION_METRICS_UPDATE
            attributes |= self.times.iteration_attributes()
        training.recorder.event(span, Event(name, attributes, at))
        training.finish(span, at, exception)
