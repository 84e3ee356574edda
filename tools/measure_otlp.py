"""Measure the CPU time that a span costs the job over OTLP HTTP: OpenTelemetry's own SDK, and one-logger.

    python tools/measure_otlp.py [--spans N] [--rounds N]

Both make spans with two attributes and send them, by the same exporter, to a collector that throws them away; the SDK
does so by its BatchSpanProcessor. They take turns in one process. What is counted is all CPU time of the process, until
the last span has been acknowledged. Needs the requirements of the group test-one-logger-exporter-otel.
"""

import argparse
import importlib.metadata
import os
import socket
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from one_logger.api import OneLoggerConfig, timed_span
from one_logger.api.testing import configured
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder


def main() -> None:
    """Measure, and print a line a round."""
    parser = argparse.ArgumentParser(description="CPU time of a span over OTLP HTTP, against OpenTelemetry's SDK.")
    parser.add_argument("--spans", type=int, default=20_000, help="how many spans a round has (default: 20000)")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds there are (default: 5)")
    arguments = parser.parse_args()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    collector = _start_collector(port)
    try:
        ratios = []
        for _ in range(arguments.rounds):
            sdk = _measured(_sdk, endpoint, arguments.spans)
            ours = _measured(_one_logger, endpoint, arguments.spans)
            ratios.append(ours / sdk)
            print(f"SDK {sdk:6.1f} us a span, one-logger {ours:6.1f} us a span, ratio {ours / sdk:.2f}", flush=True)
        print(f"ratio, median of {len(ratios)} rounds: {statistics.median(ratios):.2f}")
    finally:
        collector.terminate()
        collector.wait()


def _start_collector(port: int) -> subprocess.Popen[bytes]:
    agent = next(file for file in importlib.metadata.files("rotel") or [] if file.name == "rotel-agent")
    folder = Path(tempfile.mkdtemp(prefix="measure-otlp-"))
    with (folder / "log").open("wb") as log:
        collector = subprocess.Popen(
            [
                *(str(agent.locate()), "start", "--exporter", "blackhole", "--pid-file", str(folder / "pid")),
                *("--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", "127.0.0.1:0"),
            ],
            env=os.environ | {"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if collector.poll() is not None:
                raise SystemExit(f"The collector has ended: {(folder / 'log').read_text()}") from None
            time.sleep(0.05)
        else:
            return collector


def _measured(run: Callable[[str, int], float], endpoint: str, spans: int) -> float:
    """Microseconds of CPU time a span."""
    return run(endpoint, spans) / spans * 1e6


def _sdk(endpoint: str, spans: int) -> float:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=spans + 1))
    tracer = provider.get_tracer("measurement")
    begin = time.process_time()
    for step in range(spans):
        with tracer.start_as_current_span("work", attributes={"step": step, "kind": "training"}):
            pass
    delivered = provider.force_flush(60_000)
    taken = time.process_time() - begin
    provider.shutdown()
    assert delivered, "The SDK has not delivered everything."  # noqa: S101 - a measurement of less means nothing
    return taken


def _one_logger(endpoint: str, spans: int) -> float:
    recorder = DefaultRecorder([OTelExporter(endpoint=endpoint)], queue_capacity=3 * spans)
    with configured(OneLoggerConfig("measurement"), recorder):
        begin = time.process_time()
        for step in range(spans):
            with timed_span("work", {"step": step, "kind": "training"}):
                pass
        delivered = recorder.flush(60)
        taken = time.process_time() - begin
        recorder.close()
    assert delivered, "one-logger has not delivered everything."  # noqa: S101 - the same
    return taken


if __name__ == "__main__":
    main()
