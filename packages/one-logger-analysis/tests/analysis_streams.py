"""What a job has recorded, for tests: real files, written by the encoder."""

from __future__ import annotations

from pathlib import Path

from one_logger.core import ErrorEvent, Event, RecordEncoder, Resource, Span, TelemetryDataError, TelemetryDataErrorType


def lines(
    *,
    rank: int | None = 0,
    world_size: int | None = 1,
    name: str = "step",
    steps: int = 3,
    end: bool = True,
    dropped: int = 0,
) -> list[bytes]:
    """The lines of one stream: a span `application`, in it `steps` spans with an event each; one of them has an error.

    Args:
        rank: The rank of its process.
        world_size: How many ranks it says there are.
        name: The name of the inner spans.
        steps: How many of them.
        end: Whether the process came to its end, rather than being killed in the span `application`.
        dropped: How many records it says were dropped.
    """
    encoder = RecordEncoder(Resource.create("job", rank=rank, world_size=world_size, session_tag="session"))
    application = Span("application")
    written = [encoder.resource(), encoder.start(application)]
    for number in range(steps):
        step = Span(name, {"step": number}, parent=application)
        written.append(encoder.event(Event("seen", {"loss": number / 2}), step))
        if number == 1:
            written.append(encoder.error(ErrorEvent("It failed.", ValueError("no")), step))
        step.stop()
        written.append(encoder.start(step))
    if dropped:
        lost = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, "lost", dropped=dropped)
        written.append(encoder.telemetry_data_error(lost))
    if end:
        application.stop()
        written += [encoder.stop(application), encoder.end()]
    return [line.encode() for line in written]


def write(path: Path, written: list[bytes]) -> Path:
    """Write lines to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(written))
    return path
