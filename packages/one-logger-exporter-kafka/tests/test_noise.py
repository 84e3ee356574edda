"""How much is logged while no broker answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from one_logger.core import Exporter, ExportError, Resource
from one_logger.exporter.kafka import KafkaExporter

MESSAGE_TOO_LARGE = 10
"""Kafka's error code."""
QUICK = {"bootstrap_timeout_ms": 300, "reconnect_backoff_max_ms": 50}


class Kept(logging.Handler):
    """A handler that keeps what it gets in a list."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._records.append(record)


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """What a handler at the root, as an application has it, sees at INFO and above."""
    seen: list[logging.LogRecord] = []
    handler, level = Kept(seen), logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    yield seen
    logging.root.removeHandler(handler)
    logging.root.setLevel(level)


def _levels() -> dict[str, tuple[int, bool, int]]:
    names = [name for name in logging.root.manager.loggerDict if name.startswith("kafka")]
    loggers = [logging.getLogger(name) for name in sorted(names)]
    return {logger.name: (logger.level, logger.disabled, len(logger.handlers)) for logger in loggers}


def test_few_lines_are_logged_while_no_broker_answers(lines: list[logging.LogRecord], resource: Resource) -> None:
    """Many attempts, at the start and later, leave two lines of kafka-python's, and its loggers as they were."""
    before = _levels()
    exporter = KafkaExporter("127.0.0.1:1", topic="telemetry", producer_config=QUICK)
    for _ in range(5):
        with pytest.raises(ExportError, match=r"do not answer: .*KafkaConnectionError"):
            exporter.initialize(resource)
    assert len([line for line in lines if line.name.startswith("kafka")]) <= 2
    after = _levels()
    assert {name: after[name] for name in before} == before


def test_nothing_stays_at_the_loggers(run_script: Callable[..., str]) -> None:
    """An exporter that has failed, and one that was closed, leave the loggers without a filter."""
    script = (
        "import logging\n"
        "from one_logger.core import ExportError, Resource\n"
        "from one_logger.exporter.kafka import KafkaExporter\n"
        "exporter = KafkaExporter('127.0.0.1:1', topic='telemetry', producer_config={'bootstrap_timeout_ms': 300})\n"
        "try:\n"
        "    exporter.initialize(Resource.create('tests'))\n"
        "except ExportError:\n"
        "    pass\n"
        "logging.captureWarnings(True)\n"
        "print({name: logging.getLogger(name).filters for name in list(logging.root.manager.loggerDict)\n"
        "       if logging.getLogger(name).filters})\n"
    )
    assert run_script(script).endswith("{}\n")


def test_few_lines_are_logged_while_a_broker_is_away(
    place: Any,
    new_topic: Callable[..., str],
    export_events: Callable[..., None],
    lines: list[logging.LogRecord],
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """A broker that goes away and stays away leaves two lines of kafka-python's at most."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, delivery_timeout=0.5, producer_config=QUICK)
    exporter.initialize(resource)
    flush_until_done(exporter)
    lines.clear()
    place.proxy.refuse()
    export_events(exporter, 10)
    for _ in range(4):
        with pytest.raises(ExportError):
            exporter.flush()
    with pytest.raises(ExportError):
        exporter.close()
    assert len([line for line in lines if line.name.startswith("kafka")]) <= 2


def test_what_is_no_news_is_not_logged(
    place: Any,
    new_topic: Callable[..., str],
    export_events: Callable[..., None],
    lines: list[logging.LogRecord],
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """A topic that is not there yet, and messages that have to be smaller, leave no line of kafka-python's."""
    topic = new_topic(place.servers)
    place.proxy.hidden = topic.encode()
    lines.clear()
    exporter = KafkaExporter(place.servers, topic=topic, producer_config={"max_block_ms": 300})
    exporter.initialize(resource)
    with pytest.raises(ExportError, match="Nothing is known about the topic"):
        exporter.flush()
    place.proxy.hidden = b""
    place.proxy.verdict = lambda size: MESSAGE_TOO_LARGE if size > 20_000 else 0
    export_events(exporter, 300, text="x" * 100)
    flush_until_done(exporter)
    exporter.close()
    assert [line.getMessage() for line in lines if line.name.startswith("kafka")] == []


def test_other_producers_are_heard(
    place: Any, new_topic: Callable[..., str], lines: list[logging.LogRecord], resource: Resource
) -> None:
    """What an application's own producer logs meanwhile is logged, whatever its `client_id`."""
    exporter = KafkaExporter(place.servers, topic=new_topic(place.servers))
    exporter.initialize(resource)
    lines.clear()
    with pytest.raises(KafkaTimeoutError):
        KafkaProducer(bootstrap_servers="127.0.0.1:1", client_id="one-logger", bootstrap_timeout_ms=500)
    exporter.close()
    assert len([line for line in lines if line.name.startswith("kafka") and line.levelno >= logging.WARNING]) > 5


def test_level_set_for_the_client_is_respected(resource: Resource) -> None:
    """An application that asks kafka-python for details gets those of the exporter's producer, too."""
    logger, seen = logging.getLogger("kafka"), list[logging.LogRecord]()
    handler = Kept(seen)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        exporter = KafkaExporter("127.0.0.1:1", topic="telemetry", producer_config=QUICK)
        begin = time.monotonic()
        with pytest.raises(ExportError):
            exporter.initialize(resource)
        assert time.monotonic() - begin < 5
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)
    assert sum(record.levelno < logging.WARNING for record in seen) > 5


MINUTE = """
import logging
import sys
import time
from one_logger.core import Event
from one_logger.exporter.kafka import KafkaExporter
from one_logger.recorder import DefaultRecorder

logging.basicConfig(level=logging.INFO, stream=sys.stdout)
recorder = DefaultRecorder([KafkaExporter("127.0.0.1:1", topic="telemetry")])
span = recorder.start("job")
end = time.monotonic() + 60
while time.monotonic() < end:
    recorder.event(span, Event.create("step"))
    time.sleep(0.01)
assert recorder.stats()["KafkaExporter"].failures > 4
logging.disable()
recorder.close(0.1)
"""


@pytest.mark.faults
def test_a_minute_without_a_broker_is_five_lines(run_script: Callable[..., str]) -> None:
    """An application that logs everything from INFO on gets five lines at most, the recorder's own included."""
    said = run_script(MINUTE, timeout=90).splitlines()
    assert 1 <= len(said) <= 5, said
