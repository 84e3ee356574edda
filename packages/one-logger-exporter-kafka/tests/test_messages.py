"""What the messages are like."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kafka_job import PATIENT

from one_logger.core import (
    ErrorEvent,
    Event,
    ExportError,
    Resource,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
    verify,
)
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
Numbers = Callable[[list[dict[str, Any]]], list[int]]
Export = Callable[..., None]
BATCHES = ["jsonl", "records"]
TEXTS = st.text(alphabet=st.characters(exclude_categories=[]), max_size=10)  # half surrogate pairs, too


@pytest.mark.parametrize(
    ("batch", "content_type"), [("jsonl", b"application/x-ndjson"), ("records", b"application/json")]
)
def test_key_and_headers_say_what_a_message_holds(
    batch: Any,
    content_type: bytes,
    brokers: str,
    topic: str,
    consume: Consume,
    export_events: Export,
    resource: Resource,
) -> None:
    """The key is the stream, and the headers name content type, version of the schema, and stream."""
    exporter = KafkaExporter(brokers, topic=topic, batch=batch, delivery_timeout=PATIENT)
    exporter.initialize(resource)
    export_events(exporter, 3)
    exporter.close()
    messages = consume(brokers, topic)
    stream = exporter.stream.encode()
    for message in messages:
        assert message.key == stream
        assert message.headers == [
            ("content-type", content_type),
            ("one-logger-schema-version", b"1"),
            ("one-logger-stream", stream),
        ]
    contents = [message.value for message in messages]
    if batch == "jsonl":
        assert [content.count(b"\n") for content in contents] == [5]
        assert contents[0].endswith(b"\n")
    else:
        assert [json.loads(content)["seq"] for content in contents] == [1, 2, 3, 4, 5]
        assert b"\n" not in b"".join(contents)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, names=st.dictionaries(TEXTS, TEXTS), batch=st.sampled_from(BATCHES))
@example(text="\ud800", names={"\udcff": "\ud800"}, batch="jsonl")
def test_every_text_of_a_message_can_be_encoded(
    text: str, names: dict[str, str], batch: Any, brokers: str, new_topic: Callable[..., str], consume: Consume
) -> None:
    """Whatever names, attributes, errors and the client's id have in them: keys, values and headers are UTF-8."""
    topic = new_topic(brokers)
    exporter = KafkaExporter(brokers, topic=topic, client_id=f"a{text}", batch=batch, delivery_timeout=PATIENT)
    exporter.initialize(Resource(names))
    span = Span(text, names)
    exporter.export_start(span)
    exporter.export_event(Event(text, names), span)
    exporter.export_error(ErrorEvent(text, ValueError(text), names), span)
    kind = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    exporter.export_telemetry_data_error(TelemetryDataError(kind, text, names))
    exporter.close()
    messages = consume(brokers, topic)
    for message in messages:
        for part in (message.value, message.key, *(value for _, value in message.headers)):
            part.decode("utf-8", "strict")
    assert verify(read_records(messages))[0].whole


@pytest.mark.parametrize("batch", BATCHES)
def test_messages_stay_below_the_limit(
    batch: Any,
    brokers: str,
    topic: str,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
) -> None:
    """What is more than a message may hold goes in several, cut between records, in order."""
    exporter = KafkaExporter(brokers, topic=topic, batch=batch, max_message_bytes=5_000, delivery_timeout=PATIENT)
    exporter.initialize(resource)
    export_events(exporter, 100, text="é" * 300)
    exporter.close()
    messages = consume(brokers, topic)
    assert len(messages) > 10
    assert max(len(message.value) for message in messages) <= 5_000
    records = list(read_records(messages))
    assert numbers_of(records) == list(range(100))
    (report,) = verify(records)
    assert report.whole


@pytest.mark.parametrize("batch", BATCHES)
def test_record_above_the_limit_is_a_loss_that_is_counted(
    batch: Any,
    brokers: str,
    topic: str,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
) -> None:
    """A record that no message can hold is lost, with a count; those before and after it arrive."""
    exporter = KafkaExporter(brokers, topic=topic, batch=batch, max_message_bytes=5_000, delivery_timeout=PATIENT)
    exporter.initialize(resource)
    export_events(exporter, 10)
    export_events(exporter, 1, start=10, text="x" * 5_000)
    export_events(exporter, 10, start=11)
    with pytest.raises(ExportError, match=r"1 record is lost: a record has more than the 5000 bytes") as raised:
        exporter.flush()
    assert (raised.value.lost, raised.value.retriable) == (1, False)
    exporter.close()
    records = list(read_records(consume(brokers, topic)))
    assert numbers_of(records) == [*range(10), *range(11, 21)]
    (report,) = verify(records)
    assert [len(gap) for gap in report.gaps] == [1]


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
def test_compressed_messages_arrive(
    batch: Any, compression: Any, brokers: str, topic: str, consume: Consume, export_events: Export, resource: Resource
) -> None:
    """Messages are compressed as asked for, and any consumer reads them."""
    exporter = KafkaExporter(brokers, topic=topic, batch=batch, compression=compression, delivery_timeout=PATIENT)
    exporter.initialize(resource)
    export_events(exporter, 500)
    exporter.close()
    (report,) = verify(read_records(consume(brokers, topic)))
    assert (report.whole, report.records) == (True, 502)


def test_a_stream_is_in_one_partition(
    brokers: str, new_topic: Callable[..., str], consume: Consume, export_events: Export, resource: Resource
) -> None:
    """In a topic of several partitions each stream is in one, in order, and the streams are spread."""
    topic = new_topic(brokers, 4)
    for _ in range(12):
        exporter = KafkaExporter(brokers, topic=topic, max_message_bytes=2_000, delivery_timeout=PATIENT)
        exporter.initialize(resource)
        export_events(exporter, 30)
        exporter.close()
    messages = consume(brokers, topic)
    partitions: dict[bytes, set[int]] = {}
    for message in messages:
        partitions.setdefault(message.key, set()).add(message.partition)
    assert {len(numbers) for numbers in partitions.values()} == {1}
    assert len(set.union(*partitions.values())) > 1
    records = list(read_records(messages))
    for stream in partitions:
        own = [record["seq"] for record in records if record["stream"] == stream.decode()]
        assert own == list(range(1, 33))
    assert [report.whole for report in verify(records)] == [True] * 12
