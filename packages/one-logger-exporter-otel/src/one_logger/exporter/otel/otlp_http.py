"""OTLP over HTTP, by the exporters of `opentelemetry-exporter-otlp-proto-http`."""

from __future__ import annotations

import netrc  # noqa: F401 - requests imports it at the first request, which is in the exporter's thread
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from one_logger.core.spi import error_text
from one_logger.exporter.otel.given import GivenExporter
from one_logger.exporter.otel.refusal import RefusedError, Remedy
from one_logger.exporter.otel.settings import OtlpSettings, Signal

RETRYABLE = frozenset((429, 502, 503, 504))
"""The statuses after which a request may be sent again (OTLP specification, section "Retryable Response Codes")."""

_ABOUT_THE_CONTENT = frozenset((400, 413, 422, 500))
_COMPRESSION = {"none": Compression.NoCompression, "gzip": Compression.Gzip, "deflate": Compression.Deflate}


class NotingSession(requests.Session):
    """A session that takes note of how the last request ended.

    The exporters say no more than that they failed. And what may be sent again they send again themselves, and sleep in
    between; that is the recorder's business here, so what they see of a failure is one that they give up at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: RefusedError | None = None
        self.rejected = 0

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request.

        Raises:
            RefusedError: Anything but success came back.
        """
        self.rejected = 0
        shown = _shown(url)
        if isinstance(self.verify, str):
            kwargs["verify"] = self.verify  # else requests prefers REQUESTS_CA_BUNDLE to what was asked for
        try:
            response = self._request(method, url, *args, **kwargs)
        except (requests.ConnectionError, requests.Timeout) as error:
            self.refused = RefusedError(f"{shown} cannot be reached: {error_text(error)}", Remedy.RETRY)
            raise self.refused from error
        except Exception as error:
            self.refused = RefusedError(f"Nothing can be sent to {shown}: {error_text(error)}", Remedy.NONE)
            raise self.refused from error
        if not 200 <= response.status_code < 300:
            self.refused = _refusal(shown, response)
            raise self.refused
        self.refused = None
        self.rejected = _rejected(response.content)
        return response

    def _request(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().request(*args, **kwargs)
        except requests.Timeout:
            raise
        except requests.ConnectionError:
            return super().request(*args, **kwargs)  # the peer may just have closed a connection that was idle


def exporter_of(signal: Signal) -> Any:
    """The class that exports a signal. The one for logs is imported where it is wanted: it is not stable."""
    if signal == "logs":
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        return OTLPLogExporter
    return OTLPSpanExporter


class HttpClient:
    """The way to a collector over HTTP.

    Args:
        settings: Where to, and how.
    """

    def __init__(self, settings: OtlpSettings) -> None:
        self._session = NotingSession()
        self._exporter: GivenExporter[Any] = exporter_of(settings.signal)(
            endpoint=settings.url,
            certificate_file=settings.certificate,
            client_key_file=settings.client_key,
            client_certificate_file=settings.client_certificate,
            headers=settings.all_headers,
            timeout=settings.timeout,
            compression=None if settings.compression is None else _COMPRESSION[settings.compression],
            session=self._session,
        )

    @property
    def loggers(self) -> set[str]:
        """That of the exporter."""
        return {type(self._exporter).__module__}

    def send(self, batch: Sequence[Any], /) -> int:
        """Send a batch, once."""
        session = self._session
        session.refused = RefusedError("The batch cannot be encoded, or is too large.", Remedy.SPLIT)
        try:
            self._exporter.export(batch)
        except RefusedError:
            raise
        except Exception as error:
            raise RefusedError(f"The batch cannot be encoded: {error_text(error)}", Remedy.SPLIT) from error
        if session.refused is not None:
            raise session.refused
        return session.rejected

    def close(self) -> None:
        """Close the connections."""
        self._exporter.shutdown()


def _shown(url: str) -> str:
    """The URL without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _refusal(url: str, response: requests.Response) -> RefusedError:
    status = response.status_code
    reason = f"{url} answered {status} {response.reason}."
    if status in RETRYABLE:
        return RefusedError(reason, Remedy.RETRY, _seconds(response.headers.get("Retry-After", "")))
    return RefusedError(reason, Remedy.SPLIT if status in _ABOUT_THE_CONTENT else Remedy.NONE)


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0


def _rejected(content: bytes) -> int:
    """How many items the peer has rejected of those it was sent (OTLP specification, section "Partial Success")."""
    if not content:
        return 0
    try:
        # The responses for traces and for logs have the same fields, with the same numbers.
        return ExportTraceServiceResponse.FromString(content).partial_success.rejected_spans
    except DecodeError:
        return 0
