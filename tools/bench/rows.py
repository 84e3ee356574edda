"""The rows: what is measured, against whom, and what it should be."""

from __future__ import annotations

from dataclasses import replace

from tools.bench.row import Entry, Measurement, Row, Server, Target

NV, OTEL, KAFKA = "nv-one-logger", "OpenTelemetry", "kafka-python"
VIZTRACER, VIZTRACER_ORJSON = "VizTracer's add_raw (C)", "the same, with orjson"
"""The peers."""


def _ours(contender: str, label: str = "one-logger", server: Server = "") -> Entry:
    return Entry(label, "one-logger", contender, server=server)


_NV_FILE = Entry(NV, "nv-one-logger", "nv_one_logger.ToFile")
_OTEL_FILE = Entry(OTEL, "opentelemetry", "opentelemetry_sdk.ToFile")
_FILES = (_ours("one_logger.ToFile"), _NV_FILE, _OTEL_FILE)

PACED = Measurement("paced", _FILES)
THROUGHPUT = Measurement(
    "throughput",
    (
        *_FILES,
        Entry("one-logger, with orjson", "one-logger-speedups", "one_logger.ToFile"),
        Entry(VIZTRACER, "viztracer", "viztracer.AddRaw"),
        Entry(VIZTRACER_ORJSON, "viztracer-speedups", "viztracer.AddRaw"),
        Entry("two clock reads, orjson.dumps, write", "one-logger-speedups", "floor.ReadClocksAndWrite"),
    ),
)
COMPRESSED = Measurement(
    "throughput",
    (_ours("one_logger.ToCompressedFile", "one-logger, gzip"), _ours("one_logger.ToFile", "plain")),
    most_rounds=3,
)
UNCONFIGURED = Measurement(
    "unconfigured",
    (_ours("one_logger.Unconfigured"), Entry(OTEL, "opentelemetry", "opentelemetry_api.Unconfigured")),
)
IMPORT = Measurement("importing", (_ours("one_logger.api"), Entry(OTEL, "opentelemetry", "opentelemetry.trace")))
MEMORY = Measurement(
    "memory",
    (
        _ours("one_logger.ToFileAndWait"),
        Entry("nv-one-logger, 200,000 extrapolated", "nv-one-logger", "nv_one_logger.ToFile", ("--events", "200000")),
    ),
    most_rounds=1,
)
MEMORY_BY_DEFAULT = Measurement("memory", (_ours("one_logger.ToFileByDefault"),), most_rounds=1)
SILENT = Measurement(
    "paced",
    (
        _ours("one_logger_otel.ToCollector", "one-logger, never answered", "silent"),
        _ours("one_logger_otel.ToCollector", "one-logger, healthy backend", "collector"),
    ),
    ("--close-timeout", "2"),
    most_rounds=3,
)
SILENT_PEER = Measurement(
    "paced",
    (
        _ours("one_logger_otel.ToCollector", server="silent"),
        Entry(OTEL, "opentelemetry", "opentelemetry_otlp.ToCollector", server="silent"),
    ),
    ("--close-timeout", "2", "--spans", "1000"),
    most_rounds=1,
)


def _otlp(contender: str, server: Server, of: str) -> Measurement:
    ours = _ours(f"one_logger_otel.{contender}", server=server)
    theirs = Entry(OTEL, "opentelemetry", f"opentelemetry_otlp.{contender}", server=server)
    return Measurement("delivery", (ours, theirs), ("--of", of, "--count", "10000"))


OTLP = {
    "otlp": ("OTLP over HTTP, 2 attributes", _otlp("ToCollector", "collector", "spans")),
    "otlp-10": ("OTLP over HTTP, 10 attributes", _otlp("ToCollector", "collector", "wide-spans")),
    "otlp-grpc": ("OTLP over gRPC, 2 attributes", _otlp("ToCollectorByGrpc", "collector-grpc", "spans")),
    "otlp-grpc-10": ("OTLP over gRPC, 10 attributes", _otlp("ToCollectorByGrpc", "collector-grpc", "wide-spans")),
}
"""By the group of rows, what it is called and measured by."""
TOPIC = Measurement(
    "delivery",
    (
        _ours("one_logger_kafka.ToTopic", server="broker"),
        Entry(KAFKA, "kafka-python", "kafka_python.SendEach", server="broker"),
        Entry("kafka-python, tuned", "kafka-python", "kafka_python.SendEachTuned", server="broker"),
        Entry("confluent-kafka (C)", "confluent-kafka", "confluent_kafka.SendEach", server="broker"),
    ),
    ("--of", "events"),
)
COST = Measurement("cost", _FILES, most_rounds=3)
_VARIANT = ("--only-spans",)
_PLAIN = _ours("one_logger.ToFile", "one file")
DISABLED = Measurement("cost", (_ours("one_logger.DisabledRank"), _PLAIN), _VARIANT, most_rounds=3)
TWO = Measurement("cost", (_ours("one_logger.ToTwoFiles"), _PLAIN), _VARIANT, most_rounds=3)
FAILING = Measurement("cost", (_ours("one_logger.ToFullDisk"), _PLAIN), _VARIANT, most_rounds=3)
START_UP = Measurement("start_up", (_ours("one_logger.ToFileInALine"), _NV_FILE, _OTEL_FILE))
START_UP_BESIDE_MANY = Measurement(
    "start_up", (_ours("one_logger.ToFileInALine"), _OTEL_FILE), ("--distributions", "300")
)
CLOSING = Measurement("closing", (_ours("one_logger.ToGatedFile"),), most_rounds=3)
STALL = Measurement(
    "stall", (_ours("one_logger.ToFile"), _OTEL_FILE, _ours("nothing.Nothing", "no telemetry")), most_rounds=3
)

TWO_SPANS = "two spans instead"

TRAINING = Measurement(
    "training",
    (
        _ours("one_logger_training.ToFile"),
        Entry(NV, "nv-one-logger", "nv_one_logger_training.ToFile"),
        _ours("one_logger_training.TwoSpans", TWO_SPANS),
    ),
    most_rounds=3,
)

STALL_OTLP = Measurement(
    "stall",
    (
        _ours("one_logger_otel.ToCollector", server="collector"),
        Entry(OTEL, "opentelemetry", "opentelemetry_otlp.ToCollector", server="collector"),
    ),
    ("--every", "5", "--pieces", "20000"),  # a span each half of a millisecond
    most_rounds=3,
)

READING = Measurement(
    "reading",
    (
        _ours("reading.ReadRecords"),
        Entry("json.loads", "one-logger", "reading.JsonLoads"),
        Entry("one-logger, with orjson", "one-logger-speedups", "reading.ReadRecords"),
    ),
    most_rounds=3,
)

POLARS, PANDAS, DUCKDB, CORE = "polars", "pandas", "DuckDB", "one_logger.core.verify"
"""What else looks at a run."""


def _looking(contender: str, *others: Entry) -> Measurement:
    return Measurement("looking", (_ours(contender, server="run"), *others), most_rounds=3)


def _large(measurement: Measurement) -> Measurement:
    return replace(measurement, options=("--streams", "1000"), most_rounds=1)


SHOW = _looking(
    "looking.Show",
    Entry(DUCKDB, "tables", "tables.DuckDb", server="run"),
    Entry(POLARS, "tables", "tables.Polars", server="run"),
    Entry(PANDAS, "tables", "tables.Pandas", server="run"),
)
SHOW_LARGE = _large(SHOW)
SHOW_AGAIN = _looking("looking.ShowAgain")
SHOW_AGAIN_LARGE = _large(SHOW_AGAIN)
VERIFY = _looking("looking.Verify", _ours("looking.CoreVerify", CORE, "run"))
TRACE = _looking("looking.Trace")
REPORT = _looking("looking.Report")
WATCH = Measurement("watching", (_ours("looking.Watch"),), most_rounds=3)

_NOT_ABOVE = 1.0
"""The target where a percentile is not to be above a peer's."""

ROWS = (
    # Section by section what the targets are about, ...
    Row(
        *("paced.p50", "A span with 2 attributes, for its caller, at 1,000 a second: p50", PACED, "p50", "µs"),
        (Target(1 / 8, NV), Target(1 / 4, OTEL)),
    ),
    Row(
        *("paced.p99.9", "The same: p99.9", PACED, "p99.9", "µs"),
        (Target(_NOT_ABOVE, NV), Target(_NOT_ABOVE, OTEL)),
    ),
    Row(
        *("throughput.spans", "Spans without a pause, until all are on disk", THROUGHPUT, "per_second", "spans/s"),
        (Target(6, NV, at_least=True), Target(5, OTEL, at_least=True)),
    ),
    Row(
        *("throughput.cpu", "The same: CPU time of all threads until a span is on disk", THROUGHPUT, "cpu", "µs"),
        (Target(2, VIZTRACER), Target(2, VIZTRACER_ORJSON)),
    ),
    Row(
        *("compressed.bytes", "A span in a compressed file, on disk", COMPRESSED, "bytes", "B"),
        (Target(45),),
    ),
    Row(
        *("unconfigured", "A span where nothing is configured", UNCONFIGURED, "span", "µs"),
        (Target(1 / 10, OTEL),),
    ),
    Row(
        *("import.api", "Import of the facade, above a bare interpreter", IMPORT, "import", "ms"),
        (Target(1 / 2, OTEL),),
    ),
    Row(
        *("memory.peak", "Memory for 1,000,000 events in an open span, without a pause", MEMORY, "megabytes", "MB"),
        (Target(20),),
    ),
    Row(
        *("memory.growth", "The same: growth after the first 100,000", MEMORY, "growth", "MB"),
        (Target(2),),
    ),
    Row(
        *("silent.p99.9", "A span with a backend that never answers: p99.9", SILENT, "p99.9", "µs"),
        (Target(2, "one-logger, healthy backend"),),
    ),
    Row(
        *("silent.close", "The same: time until close(2) returns", SILENT, "close_seconds", "s"),
        (Target(2.5),),
    ),
    Row(
        *("silent.says", "The same: close(2) says that all was delivered (1) or not (0)", SILENT, "close_says", ""),
        (Target(0),),
    ),
    *(
        Row(*(f"{group}.cpu", f"{title}: CPU time of a span", measurement, "cpu", "µs"), (Target(1 / 4, OTEL),))
        for group, (title, measurement) in OTLP.items()
    ),
    *(
        Row(
            *(f"{group}.spans", f"{title}: spans a second", measurement, "per_second", "spans/s"),
            (Target(4, OTEL, at_least=True),),
        )
        for group, (title, measurement) in OTLP.items()
    ),
    Row(
        *("stall-otlp.p99.9", "Delay of 0.1 ms of work by 2,000 spans a second over OTLP: p99.9", STALL_OTLP, "p99.9"),
        "µs",
        (Target(_NOT_ABOVE, OTEL),),
    ),
    Row(
        *("kafka.records", "Kafka: records a second", TOPIC, "per_second", "records/s"),
        (Target(5, KAFKA, at_least=True),),
    ),
    Row(*("kafka.cpu", "Kafka: CPU time of a record", TOPIC, "cpu", "µs"), (Target(1 / 5, KAFKA),)),
    Row(
        *("reading.record", "Reading a record back from a file", READING, "record", "µs"),
        (Target(_NOT_ABOVE, "json.loads"),),
    ),
    Row(
        *(
            "reading.memory",
            "The same: memory, at its peak, with a file three times as large",
            READING,
            "megabytes",
            "MB",
        ),
        (Target(4),),
    ),
    Row(
        *("training.iteration", "An iteration of a training, for its caller", TRAINING, "iteration", "µs"),
        (Target(1 / 4, NV), Target(_NOT_ABOVE, TWO_SPANS)),
    ),
    Row(
        *("looking.show", "`one-logger show` of 100 ranks with 10,000 records each", SHOW, "seconds", "s"),
        (Target(1 / 12, PANDAS),),
    ),
    Row(
        *("looking.memory", "The same: memory at its peak", SHOW, "megabytes", "MB"),
        (Target(1 / 5, PANDAS),),
    ),
    Row(
        *("looking.show-large", "`one-logger show` of 1,000 ranks with 10,000 records each", SHOW_LARGE, "seconds"),
        *("s", (Target(25), Target(_NOT_ABOVE, POLARS), Target(1 / 12, PANDAS))),
    ),
    Row(
        *("looking.memory-large", "The same: memory at its peak", SHOW_LARGE, "megabytes", "MB"),
        (Target(1_000), Target(1 / 8, POLARS), Target(1 / 5, PANDAS)),
    ),
    Row(
        *("looking.again-large", "The same once more, from what was kept", SHOW_AGAIN_LARGE, "seconds", "s"),
        (Target(3),),
    ),
    Row(
        *("looking.verify", "`one-logger verify` of the same run", VERIFY, "seconds", "s"),
        (Target(1 / 5, CORE),),
    ),
    Row(
        *("looking.watch", "`one-logger watch` of a job of 1,000 records a second: share of a core", WATCH),
        *("percent", "%", (Target(5),)),
    ),
    Row(
        *("start-up.many", "Configuration beside 300 installed distributions", START_UP_BESIDE_MANY, "configure", "ms"),
        (Target(_NOT_ABOVE, OTEL),),
    ),
    # ... and what is measured for the record.
    Row("training.checkpoint", "The saving of a checkpoint, for its caller", TRAINING, "checkpoint", "µs"),
    Row("training.disk", "A million iterations on disk", TRAINING, "megabytes_per_million", "MB"),
    Row("looking.again", "`one-logger show` of 100 ranks, from what was kept", SHOW_AGAIN, "seconds", "s"),
    Row("looking.cpu", "`one-logger show` of 100 ranks: CPU time of all threads", SHOW, "cpu", "s"),
    Row("looking.verify-cpu", "`one-logger verify`: CPU time of all threads", VERIFY, "cpu", "s"),
    Row("looking.verify-memory", "The same: memory at its peak", VERIFY, "megabytes", "MB"),
    Row("looking.trace", "`one-logger trace` of the same run", TRACE, "seconds", "s"),
    Row("looking.trace-memory", "The same: memory at its peak", TRACE, "megabytes", "MB"),
    Row("looking.report", "`one-logger report` of the same run", REPORT, "seconds", "s"),
    Row("looking.report-memory", "The same: memory at its peak", REPORT, "megabytes", "MB"),
    Row("looking.watch-memory", "`one-logger watch`: memory at its peak", WATCH, "megabytes", "MB"),
    Row("paced.p99", "A span with 2 attributes, for its caller, at 1,000 a second: p99", PACED, "p99", "µs"),
    Row("throughput.caller", "A span without a pause, for its caller", THROUGHPUT, "caller", "µs"),
    Row("throughput.bytes", "The same: bytes on disk", THROUGHPUT, "bytes", "B"),
    Row("compressed.cpu", "A span in a compressed file: CPU time of all threads", COMPRESSED, "cpu", "µs"),
    Row("cost.attributes-0", "A span in a burst, for its caller: no attributes", COST, "span_without_attributes", "µs"),
    Row("cost.attributes-2", "The same: 2 attributes", COST, "span", "µs"),
    Row("cost.attributes-10", "The same: 10 attributes", COST, "span_with_10_attributes", "µs"),
    Row("cost.nested", "One of 4 nested spans, 2 attributes", COST, "nested_span", "µs"),
    Row("cost.threads-1", "A span made by 1 thread, without a pause", COST, "threads_1", "µs"),
    Row("cost.threads-4", "The same: 4 threads", COST, "threads_4", "µs"),
    Row("cost.threads-16", "The same: 16 threads", COST, "threads_16", "µs"),
    Row("cost.asyncio", "A span in an asyncio task, above the task's switch", COST, "asyncio", "µs"),
    Row("cost.event", "An event", COST, "event", "µs"),
    Row("cost.error", "An error with a stack trace", COST, "error", "µs"),
    Row("disabled", "A span on a disabled rank", DISABLED, "span", "µs"),
    Row("two-exporters", "A span with two exporters", TWO, "span", "µs"),
    Row("failing", "A span while the exporter fails", FAILING, "span", "µs"),
    Row("silent.close-peer", "Closing with a backend that never answers", SILENT_PEER, "close_seconds", "s"),
    Row("memory.rate", "Events a second, for a caller who waits for room", MEMORY, "events_per_second", "events/s"),
    Row("memory.default-peak", "Memory for 1,000,000 events by default", MEMORY_BY_DEFAULT, "megabytes", "MB"),
    Row("memory.default-dropped", "The same: events dropped", MEMORY_BY_DEFAULT, "dropped", "events"),
    Row("memory.default-rate", "The same: events a second", MEMORY_BY_DEFAULT, "events_per_second", "events/s"),
    Row("import.said", "Import of the facade, by -X importtime", IMPORT, "importtime", "ms"),
    Row("start-up.configure", "Configuration with a file exporter", START_UP, "configure", "ms"),
    Row("start-up.ready", "The same with the import before and one span after", START_UP, "ready", "ms"),
    Row("closing.close", "close() with a full queue", CLOSING, "close", "ms"),
    Row("closing.pending", "The same: records in the queue", CLOSING, "pending", "records"),
    Row("stall.p99.9", "Delay of 0.1 ms of the main thread's work by a busy worker: p99.9", STALL, "p99.9", "µs"),
    Row("stall.longest", "The same: longest", STALL, "longest", "µs"),
    Row("stall.mean", "The same: mean", STALL, "mean", "µs"),
)
