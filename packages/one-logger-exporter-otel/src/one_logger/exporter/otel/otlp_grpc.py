"""OTLP over gRPC. Requests are put together as bytes, which gRPC sends as they are."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - what is not used below would else be imported in the exporter's thread
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import grpc
import grpc.experimental
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from one_logger.core import OneLoggerError
from one_logger.core.spi import error_text, masked
from one_logger.exporter.otel.messages import USER_AGENT, Rejected, Requests, partial_success
from one_logger.exporter.otel.outbox import Hint, RefusedError
from one_logger.exporter.otel.settings import OtlpSettings

with suppress(ImportError):
    import grpc._channel

METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

RETRYABLE = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
"""The statuses after which a request may be sent again (OTLP specification, section "OTLP/gRPC Response")."""

OPTIONS = (
    # The recorder waits between attempts. If gRPC did so, too, it would find a collector again minutes late.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.primary_user_agent", USER_AGENT),
    ("grpc.use_local_subchannel_pool", 1),  # else a channel with new certificates gets the connection of the old one
)

_ABOUT_THE_CONTENT = ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "INTERNAL", "UNKNOWN")


class GrpcClient:
    """Sends one signal to a collector over gRPC, which logs nothing."""

    loggers: frozenset[str] = frozenset()

    def __init__(self, settings: OtlpSettings, resource: Resource) -> None:
        self._settings = settings
        self._requests = Requests(resource)
        self.item = self._requests.item
        self._headers = tuple(settings.headers.items())
        self._channel: grpc.Channel | None = None
        self._state: tuple[object, ...] = ()
        self._export: Any = None

    def send(self, batch: Sequence[bytes], /) -> Rejected:
        """Send a batch, once."""
        self._connect()
        try:
            answer = self._export(self._requests.encoded(batch), metadata=self._headers, timeout=self._settings.timeout)
        except grpc.RpcError as error:
            raise self._refusal(error) from error
        try:
            return partial_success(answer)
        except ValueError as error:
            raise RefusedError(f"{self._settings.shown} answered, but not as OTLP does.", Hint.RETRY) from error

    def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            self._channel.close()

    def _connect(self) -> None:
        """Make a channel, if there is none or the certificates were replaced: gRPC reads them once."""
        files, before = self._settings.files, self._state
        try:
            if self._settings.secure:
                self._state = files.state
            if self._channel is not None and self._state == before:
                return
            if self._settings.secure:
                files.check()
            channel = self._new_channel()
        except (OneLoggerError, OSError) as error:
            self._state = before
            if self._channel is None:
                raise RefusedError(error_text(error), Hint.RETRY) from error
            return  # the files are being replaced
        self.close()
        self._channel = channel
        self._export = channel.unary_unary(METHODS[self._settings.signal])

    def _new_channel(self) -> grpc.Channel:
        settings = self._settings
        zipped = settings.compression == "gzip"
        arguments: dict[str, Any] = {
            "compression": grpc.Compression.Gzip if zipped else grpc.Compression.NoCompression,
            "options": OPTIONS,
        }
        if not settings.secure:
            return grpc.insecure_channel(settings.url, **arguments)
        trusted, certificate, key = settings.files
        credentials = grpc.ssl_channel_credentials(
            root_certificates=trusted and trusted.content(),
            private_key=certificate and (key or certificate).content(),
            certificate_chain=certificate and certificate.content(),
        )
        return grpc.secure_channel(settings.url, credentials, **arguments)

    def _refusal(self, error: grpc.RpcError) -> RefusedError:
        code = error.code().name
        details = masked(str(error.details() or ""))
        if "WRONG_VERSION_NUMBER" in details:
            details = f"this port doesn't speak TLS; try http://. {details}"
        reason = f"{self._settings.shown} answered {code}: {details}"
        # Without a retry delay RESOURCE_EXHAUSTED means that the request is too large, or that no retry will help.
        told = _retry_delay(error)
        if code in RETRYABLE or (code == "RESOURCE_EXHAUSTED" and told is not None):
            return RefusedError(reason, Hint.RETRY, told or 0.0)
        return RefusedError(reason, Hint.SPLIT if code in _ABOUT_THE_CONTENT else Hint.NEVER)


def _retry_delay(error: grpc.RpcError) -> float | None:
    """The seconds that the peer asks for (OTLP specification, section "OTLP/gRPC Throttling"); None if it does not."""
    metadata: Any = error.trailing_metadata() or ()
    info = RetryInfo()
    with suppress(DecodeError):
        for key, value in metadata:
            if key == "google.rpc.retryinfo-bin":
                info.MergeFromString(value)
                return float(info.retry_delay.ToTimedelta().total_seconds())
            if key == "grpc-status-details-bin":
                for detail in Status.FromString(value).details:
                    if detail.Unpack(info):
                        return float(info.retry_delay.ToTimedelta().total_seconds())
    return None
