"""OTLP over gRPC, by the messages and stubs of `opentelemetry-proto`.

The exporters of `opentelemetry-exporter-otlp-proto-grpc` only say that they failed, but gRPC's status says whether a
batch may be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

# What is not used below would else be imported in the exporter's thread.
import grpc
import grpc.experimental
import opentelemetry.util.re  # noqa: F401 - settings

from one_logger.core import ExportError
from one_logger.core.spi import error_text
from one_logger.exporter.otel.outbox import Hint, RefusedError
from one_logger.exporter.otel.settings import OtlpSettings, Signal

with suppress(ImportError):
    import grpc._channel

DEFAULT_ENDPOINT = "http://localhost:4317"
DEFAULT_TIMEOUT = 10.0
"""Seconds (OTLP exporter specification, "Configuration Options")."""

RETRYABLE = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
"""The statuses after which a request may be sent again (OTLP specification, section "OTLP/gRPC Response")."""

OPTIONS = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1_000))
"""The recorder waits between attempts. If gRPC did so, too, it would find a collector again minutes late."""

_ABOUT_THE_CONTENT = ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "INTERNAL", "UNKNOWN")
_RETRY_INFO = ("grpc-status-details-bin", "google.rpc.retryinfo-bin")


def stub_of(signal: Signal) -> tuple[Any, Any, str]:
    """What encodes a signal, the stub that sends it, and the field of the answer for how many items were rejected."""
    if signal == "logs":
        from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

        return encode_logs, LogsServiceStub, "rejected_log_records"
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

    return encode_spans, TraceServiceStub, "rejected_spans"


class GrpcClient:
    """Sends to a collector over gRPC, which logs nothing."""

    loggers: frozenset[str] = frozenset()

    def __init__(self, settings: OtlpSettings) -> None:
        self._encode, make, self._rejected = stub_of(settings.signal)
        endpoint = settings.endpoint or settings.variable("ENDPOINT") or DEFAULT_ENDPOINT
        self._peer = (urlsplit(endpoint).netloc or endpoint).rpartition("@")[2]
        self._timeout = settings.timeout or _seconds(settings.variable("TIMEOUT"))
        self._headers = tuple(settings.all_headers.items())
        self._channel = _channel(settings, endpoint, self._peer)
        self._export: Any = make(self._channel).Export

    def send(self, batch: Sequence[Any], /) -> int:
        """Send a batch, once."""
        try:
            request = self._encode(batch)
        except Exception as error:
            raise RefusedError(f"The batch cannot be encoded: {error_text(error)}", Hint.SPLIT) from error
        try:
            response = self._export(request, metadata=self._headers, timeout=self._timeout)
        except grpc.RpcError as error:
            raise _refusal(self._peer, error) from error
        return int(getattr(response.partial_success, self._rejected))

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _channel(settings: OtlpSettings, endpoint: str, peer: str) -> grpc.Channel:
    compression = settings.compression or settings.variable("COMPRESSION") or "none"
    arguments: dict[str, Any] = {
        "compression": grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression,
        "options": OPTIONS,
    }
    scheme = urlsplit(endpoint).scheme
    if scheme == "http" or (scheme != "https" and (settings.variable("INSECURE") or "").lower() == "true"):
        return grpc.insecure_channel(peer, **arguments)
    return grpc.secure_channel(
        peer,
        grpc.ssl_channel_credentials(
            root_certificates=_content(settings.certificate or settings.variable("CERTIFICATE")),
            private_key=_content(settings.client_key or settings.variable("CLIENT_KEY")),
            certificate_chain=_content(settings.client_certificate or settings.variable("CLIENT_CERTIFICATE")),
        ),
        **arguments,
    )


def _content(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ExportError(f"The file {path!r}, which TLS needs, cannot be read: {error.strerror}.") from error


def _seconds(text: str | None) -> float:
    try:
        return float(text) if text is not None else DEFAULT_TIMEOUT
    except ValueError:
        return DEFAULT_TIMEOUT


def _refusal(peer: str, error: grpc.RpcError) -> RefusedError:
    code = error.code().name
    reason = f"{peer} answered {code}: {error.details()}"
    # Without a retry delay RESOURCE_EXHAUSTED means that the request is too large, or that it is of no use to retry.
    metadata: Any = error.trailing_metadata() or ()
    told = code == "RESOURCE_EXHAUSTED" and any(key in _RETRY_INFO for key, _ in metadata)
    if code in RETRYABLE or told:
        return RefusedError(reason, Hint.RETRY)
    return RefusedError(reason, Hint.SPLIT if code in _ABOUT_THE_CONTENT else Hint.GIVE_UP)
