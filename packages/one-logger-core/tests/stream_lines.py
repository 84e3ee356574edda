"""The lines of a stream, for the tests of what reads them."""

from one_logger.core import (
    ErrorEvent,
    Event,
    RecordEncoder,
    Resource,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
)


def stream_lines(records: int = 8, dropped: int = 0) -> list[str]:
    """The lines of one stream, closed."""
    encoder, span = RecordEncoder(Resource.create("job")), Span("wörk", {"a": [1, 2], "t": "x\n{}"})
    lines = [encoder.resource(), encoder.start(span)]
    for step in range(records - 4 - bool(dropped)):
        event = Event("step", {"step": step, "text": '{"v":1,"type":"end"}'})
        lines.append(encoder.event(event, span) if step % 3 else encoder.error(ErrorEvent("failed"), span))
    if dropped:
        error_type = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
        lines.append(encoder.telemetry_data_error(TelemetryDataError(error_type, "lost", dropped=dropped)))
    span.stop()
    return [*lines, encoder.stop(span), encoder.end()]


TWO_STREAMS = [line for pair in zip(stream_lines(), stream_lines(), strict=True) for line in pair]
"""The lines of two streams, in turn."""
