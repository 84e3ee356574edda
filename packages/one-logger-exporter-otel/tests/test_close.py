"""The end of a job, and forks: with a recorder around the exporter."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from one_logger.core import ExportError, Span
from one_logger.exporter.otel import OTelExporter, outbox

PROTOCOLS = ["http/protobuf", "grpc"]


@pytest.fixture
def silent_peer() -> Iterator[str]:
    """The endpoint of a peer that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


JOB = """
import sys, time
from one_logger.api import OneLoggerConfig, configure_one_logger, timed_span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

protocol, endpoint, events = sys.argv[1:]
recorder = DefaultRecorder({"otel": OTelExporter(protocol=protocol, endpoint=endpoint, events=events)})
configure_one_logger(OneLoggerConfig("tests"), recorder)
for _ in range(10):
    with timed_span("work"):
        pass
recorder.flush(0.2)
begin = time.monotonic()
closed = recorder.close(2)
print(closed, time.monotonic() - begin)
recorder.close(2)
sys.stdout.flush()
"""


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("events", ["span", "both"])
def test_peer_that_never_answers_does_not_hold_up_the_end(protocol: str, events: str, silent_peer: str) -> None:
    """`close(2)` returns in time and says that not all was delivered, and the process ends without delay."""
    with subprocess.Popen(
        [sys.executable, "-c", JOB, protocol, silent_peer, events],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        closed, seconds = process.stdout.readline().split()
        begin = time.monotonic()
        _, error = process.communicate(timeout=60)
    assert (closed, process.returncode) == ("False", 0), error
    assert float(seconds) < 2.5
    assert time.monotonic() - begin < 2.5
    assert all(line.startswith("Exporter otel") for line in error.splitlines()), error


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_forked_child_has_connections_of_its_own(protocol: str, collector: Any, service: str) -> None:
    """A child that is forked while the parent is connected records to the collector itself, and so does its parent."""
    if protocol == "grpc":
        env = os.environ | {"GRPC_ENABLE_FORK_SUPPORT": "1"}  # gRPC itself doesn't survive a fork without it
    else:
        env = dict(os.environ)
    endpoint = collector.endpoint(protocol)
    command = [sys.executable, "-W", "ignore:This process", "-c", FORK, protocol, endpoint, service]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    collector.wait_for(lambda: len(collector.of(service)) == 3)
    collector.settle()
    spans = sorted((span["name"], span["resource"]["process.pid"]) for span in collector.of(service))
    assert [name for name, _ in spans] == ["after", "before", "child"]
    assert spans[0][1] == spans[1][1] != spans[2][1]


FORK = """
import os, sys
from one_logger.api import OneLoggerConfig, configure_one_logger, timed_span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

protocol, endpoint, service = sys.argv[1:]
recorder = DefaultRecorder([OTelExporter(protocol=protocol, endpoint=endpoint)])
configure_one_logger(OneLoggerConfig(service), recorder)
with timed_span("before"):
    pass
assert recorder.flush()
child = os.fork()
with timed_span("child" if child == 0 else "after"):
    pass
assert recorder.close()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


class Failing:
    """An exporter of the application that fails, without a reason, as often as it is told to."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.taken: list[str] = []

    def export(self, spans: Any) -> Any:
        """Fail, or take them."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self.left:
            self.left -= 1
            return SpanExportResult.FAILURE
        self.taken += [span.name for span in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing."""


def exporter_with(given: Failing) -> OTelExporter:
    """An initialised exporter with one span in it."""
    from one_logger.core import Resource

    exporter = OTelExporter(given)  # type: ignore[arg-type]  # it has what is needed of a SpanExporter
    exporter.initialize(Resource.create("tests"))
    exporter.export_stop(Span("work"))
    return exporter


def test_failure_without_a_reason_is_tried_again() -> None:
    """A given exporter that fails now and then loses nothing."""
    exporter = exporter_with(given := Failing(3))
    for _ in range(3):
        with pytest.raises(ExportError) as raised:
            exporter.flush()
        assert raised.value.retriable
    exporter.flush()
    assert given.taken == ["work"]
    exporter.close()


def test_failure_without_a_reason_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that a given exporter has refused often enough, over long enough a time, is given up for the next one."""
    exporter = exporter_with(given := Failing(outbox.ATTEMPTS))
    for _ in range(outbox.ATTEMPTS - 1):
        with pytest.raises(ExportError) as raised:
            exporter.flush()
        assert raised.value.retriable
    monkeypatch.setattr(outbox, "PATIENCE", 0.0)
    with pytest.raises(ExportError) as raised:
        exporter.flush()
    assert (raised.value.retriable, raised.value.lost) == (False, 2)
    exporter.export_stop(Span("next"))
    exporter.flush()
    assert given.taken == ["next"]
    exporter.close()


def test_shutdown_that_fails_is_said() -> None:
    """A given exporter that raises when it is shut down makes an error, and everything has been released."""

    class Stubborn(Failing):
        def shutdown(self) -> None:
            """Refuse."""
            raise RuntimeError("not now")

    exporter = exporter_with(given := Stubborn(0))
    with pytest.raises(ExportError, match="RuntimeError: not now") as raised:
        exporter.close()
    assert raised.value.lost == 0
    assert given.taken == ["work"]
    exporter.close()


def test_exporter_that_was_never_used_is_left_alone() -> None:
    """Closing what was never initialised shuts nothing down, as it is the application's still."""

    class Counting(Failing):
        def shutdown(self) -> None:
            """Count."""
            self.left += 1

    given = Counting(0)
    OTelExporter(given).close()  # type: ignore[arg-type]  # it has what is needed of a SpanExporter
    assert given.left == 0
    exporter = exporter_with(given)
    exporter.close()
    exporter.close()
    assert given.left == 1
