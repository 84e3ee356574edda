"""What is recorded arrives at a real collector, as it was recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import read_records
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

ROOT = Path(__file__).parents[3]
PROTOCOLS = ["http/protobuf", "grpc"]
Attributes = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_main_job_arrives_as_its_file_has_it(
    protocol: Any, collector: Any, attributes_of: Attributes, tmp_path: Path
) -> None:
    """Every span, parent, time, attribute, event and error of the demo job reaches Kafka by way of the collector."""
    (tmp_path / "one_logger_exporters_config.yaml").write_text(
        "exporters:\n"
        "  - type: otel\n"
        f"    config: {{endpoint: '{collector.endpoint(protocol)}', protocol: {protocol}, compression: gzip}}\n"
    )
    file = tmp_path / "telemetry.jsonl"
    job = [sys.executable, str(ROOT / "examples/train_digits.py"), "--epochs", "2", "--output", str(file)]
    done = subprocess.run(job, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    with file.open("rb") as lines:
        recorded = Recorded(list(read_records(lines)))

    collector.wait_for(lambda: len(arrived_of(collector, recorded)) >= len(recorded.spans))
    arrived = arrived_of(collector, recorded)
    assert len(arrived) == len(recorded.spans)
    for span in arrived:
        assert as_recorded(span, attributes_of) == recorded.spans.pop(span["spanId"])
    for span in arrived:
        assert {**span["resource"], "service.instance.id": ""} == {
            **recorded.resource,
            "service.instance.id": "",
            "telemetry.sdk.version": span["scope"]["version"],
        }


class Recorded:
    """The records of a file, put together to what a collector has to have."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.resource = records[0]["attributes"]
        self.trace_ids = {record["trace_id"] for record in records if "trace_id" in record}
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for record in records:
            kinds.setdefault((record["type"], record.get("span_id", "")), []).append(record)
        self.spans = {span_id: self._span(span_id, kinds) for _, span_id in kinds if span_id}

    def _span(self, span_id: str, kinds: dict[tuple[str, str], list[dict[str, Any]]]) -> dict[str, Any]:
        complete = kinds.get(("complete", span_id))
        (start,) = complete or kinds["start", span_id]
        (stop,) = complete or kinds["stop", span_id]
        errors = kinds.get(("error", span_id), [])
        events = sorted([*kinds.get(("event", span_id), []), *errors], key=lambda event: int(event["seq"]))
        begin, end = start["start_time_unix_nano"], start["start_time_unix_nano"] + stop["duration_ns"]
        return {
            "trace": start["trace_id"],
            "parent": start.get("parent_span_id", ""),
            "name": start["name"],
            "start": begin,
            "end": end,
            "attributes": stop.get("attributes", {}),
            "status": stop["status"],
            "problem": _problem(**errors[-1]["error"]) if errors and stop["status"] == "ERROR" else "",
            "events": [
                *_border("span_start", begin, start.get("start_event")),
                *((event["name"], event["time_unix_nano"], _attributes(event)) for event in events),
                *_border("span_stop", end, stop.get("stop_event")),
            ],
        }


def _problem(message: str, exception_type: str = "", exception_message: str = "", **_: str) -> str:
    """How an error is described by the status of its span."""
    return ": ".join(filter(None, (exception_type, exception_message))) or message


_EXCEPTION = {
    "message": "error.message",
    "exception_type": "exception.type",
    "exception_message": "exception.message",
    "stack_trace": "exception.stacktrace",
}
"""What OpenTelemetry calls the fields of an error."""


def _attributes(event: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an event, and of an error what it says, by OpenTelemetry's names."""
    said = {_EXCEPTION[name]: value for name, value in event.get("error", {}).items()}
    return {**event.get("attributes", {}), **said}


def _border(name: str, time: int, attributes: dict[str, Any] | None) -> list[tuple[str, int, dict[str, Any]]]:
    return [(name, time, attributes)] if attributes else []


def arrived_of(collector: Any, recorded: Recorded) -> list[dict[str, Any]]:
    """The spans that the collector has written of the traces that were recorded."""
    return [span for span in collector.spans if span["traceId"] in recorded.trace_ids]


def as_recorded(span: dict[str, Any], attributes_of: Attributes) -> dict[str, Any]:
    """A span of the collector in the terms of `Recorded`."""
    return {
        "trace": span["traceId"],
        "parent": span["parentSpanId"],
        "name": span["name"],
        "start": int(span["startTimeUnixNano"]),
        "end": int(span["endTimeUnixNano"]),
        "attributes": attributes_of(span),
        "status": ("UNSET", "OK", "ERROR")[span["status"]["code"]],
        "problem": span["status"]["message"],
        "events": [(event["name"], int(event["timeUnixNano"]), attributes_of(event)) for event in span["events"]],
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_events_arrive_as_log_records(protocol: Any, collector: Any, attributes_of: Attributes, service: str) -> None:
    """With `events="log"`, the start and the events of a span that is still open arrive, in its context."""
    recorder = DefaultRecorder([OTelExporter(endpoint=collector.endpoint(protocol), protocol=protocol, events="log")])
    with configured(OneLoggerConfig(service), recorder), timed_span("training", {"model": "mlp"}) as span:
        record_event("step", {"loss": 0.5})
        assert recorder.flush()
        collector.wait_for(lambda: len(collector.logs_of(service)) == 2)
        assert collector.of(service) == []
    assert recorder.close()
    collector.wait_for(lambda: len(collector.of(service)) == 1)

    (arrived,) = collector.of(service)
    logs = collector.logs_of(service)
    assert [(log["eventName"], attributes_of(log)) for log in logs] == [
        ("span_start", {"model": "mlp"}),
        ("step", {"loss": 0.5}),
    ]
    assert {(log["traceId"], log["spanId"]) for log in logs} == {(f"{span.trace_id:032x}", f"{span.span_id:016x}")}
    assert (arrived["spanId"], arrived["events"]) == (f"{span.span_id:016x}", [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_collector_that_is_away_for_a_while_gets_everything(protocol: Any, mortal_collector: Any, service: str) -> None:
    """What is recorded while the collector is dead arrives after its restart, each span once."""
    collector = mortal_collector
    recorder = DefaultRecorder(
        {"otel": OTelExporter(endpoint=collector.endpoint(protocol), protocol=protocol, timeout=2)}
    )
    with configured(OneLoggerConfig(service), recorder):
        for number in range(100):
            with timed_span("before", {"number": number}):
                pass
        assert recorder.flush()
        collector.wait_for(lambda: len(collector.of(service)) == 100)  # else they would die with the collector

        collector.kill()
        for number in range(3_000):
            with timed_span("without", {"number": number}):
                record_event("something")
        assert not recorder.flush(1)
        assert recorder.stats()["otel"].failures > 0

        collector.start()
        with timed_span("after"):
            pass
        assert recorder.close(30)
    assert recorder.stats()["otel"].dropped == 0
    collector.wait_for(lambda: len(collector.of(service)) >= 3_101)
    collector.settle()
    assert len({span["spanId"] for span in collector.of(service)}) == len(collector.of(service)) == 3_101


CHILD = """
import sys
from one_logger.api import OneLoggerConfig, configure_one_logger, timed_span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

service, endpoint, protocol = sys.argv[1:]
recorder = DefaultRecorder([OTelExporter(endpoint=endpoint, protocol=protocol)])
configure_one_logger(OneLoggerConfig(service), recorder)
with timed_span("child"):
    with timed_span("grandchild"):
        pass
assert recorder.close()
"""


def test_subprocesses_are_part_of_one_trace(collector: Any, service: str) -> None:
    """The spans of subprocesses that get `child_environment()` are below the span that started them, in one trace."""
    from one_logger.api import child_environment

    recorder = DefaultRecorder([OTelExporter(endpoint=collector.endpoint("http/protobuf"))])
    with configured(OneLoggerConfig(service), recorder), timed_span("job") as job:
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, service, collector.endpoint(protocol), protocol], env=child_environment()
            )
            for protocol in PROTOCOLS
        ]
        assert [child.wait(60) for child in children] == [0, 0]
    assert recorder.close()
    collector.wait_for(lambda: len(collector.of(service)) == 5)

    spans = {span["spanId"]: span for span in collector.of(service)}
    assert {span["traceId"] for span in spans.values()} == {f"{job.trace_id:032x}"}
    parents = sorted(
        (span["name"], spans[span["parentSpanId"]]["name"]) for span in spans.values() if span["parentSpanId"]
    )
    assert parents == [("child", "job")] * 2 + [("grandchild", "child")] * 2
    remote = 0x200  # SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK of trace.proto
    assert {span["name"] for span in spans.values() if span["flags"] & remote} == {"child"}
    assert len({span["resource"]["service.instance.id"] for span in spans.values()}) == 3
