"""OTLP over HTTP, by the exporters of `opentelemetry-exporter-otlp-proto-http`."""

from __future__ import annotations

import netrc  # noqa: F401 - else requests imports it in the exporter's thread
from collections.abc import Sequence
from typing import Any

import requests
from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from one_logger.core.spi import error_text, without_user_info
from one_logger.exporter.otel.outbox import Hint, RefusedError
from one_logger.exporter.otel.settings import OtlpSettings, Signal

RETRYABLE = frozenset((429, 502, 503, 504))
"""The statuses after which a request may be sent again (OTLP specification, section "Retryable Response Codes")."""

_ABOUT_THE_CONTENT = frozenset((400, 413, 422, 500))
_COMPRESSION = {"none": Compression.NoCompression, "gzip": Compression.Gzip, "deflate": Compression.Deflate}


class NotingSession(requests.Session):
    """A session that notes how the last request ended.

    OpenTelemetry's exporters only say that they failed. They would also sleep and send again themselves, which the
    recorder does here, so each failure is raised as an error after which they give up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: RefusedError | None = None
        self.rejected = 0

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, or raise `RefusedError`."""
        self.rejected = 0
        shown = without_user_info(url).partition("?")[0]  # a query may have secrets, too
        if isinstance(self.verify, str):
            kwargs["verify"] = self.verify  # else requests prefers REQUESTS_CA_BUNDLE
        try:
            response = self._request(method, url, *args, **kwargs)
        except (requests.ConnectionError, requests.Timeout) as error:
            self.refused = RefusedError(f"{shown} cannot be reached: {error_text(error)}", Hint.RETRY)
            raise self.refused from error
        except Exception as error:
            self.refused = RefusedError(f"Nothing can be sent to {shown}: {error_text(error)}", Hint.GIVE_UP)
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
            return super().request(*args, **kwargs)  # the peer may have closed an idle connection just now


def exporter_of(signal: Signal) -> Any:
    """The class that exports a signal. The one for logs is not stable, and imported only if it is wanted."""
    if signal == "logs":
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        return OTLPLogExporter
    return OTLPSpanExporter


class HttpClient:
    """Sends to a collector over HTTP."""

    def __init__(self, settings: OtlpSettings) -> None:
        self._session = NotingSession()
        self._exporter = exporter_of(settings.signal)(
            endpoint=settings.url,
            certificate_file=settings.certificate,
            client_key_file=settings.client_key,
            client_certificate_file=settings.client_certificate,
            headers=settings.all_headers,
            timeout=settings.timeout,
            compression=None if settings.compression is None else _COMPRESSION[settings.compression],
            session=self._session,
        )
        self.loggers = frozenset((type(self._exporter).__module__,))

    def send(self, batch: Sequence[Any], /) -> int:
        """Send a batch, once."""
        session = self._session
        session.refused = RefusedError("The batch cannot be encoded, or is too large.", Hint.SPLIT)
        try:
            self._exporter.export(batch)
        except RefusedError:
            raise
        except Exception as error:
            raise RefusedError(f"The batch cannot be encoded: {error_text(error)}", Hint.SPLIT) from error
        if session.refused is not None:
            raise session.refused
        return session.rejected

    def close(self) -> None:
        """Close the connections."""
        self._exporter.shutdown()


def _refusal(url: str, response: requests.Response) -> RefusedError:
    status = response.status_code
    reason = f"{url} answered {status} {response.reason}."
    if status in RETRYABLE:
        after = response.headers.get("Retry-After", "")
        return RefusedError(reason, Hint.RETRY, float(after) if after.isascii() and after.isdigit() else 0.0)
    return RefusedError(reason, Hint.SPLIT if status in _ABOUT_THE_CONTENT else Hint.GIVE_UP)


def _rejected(content: bytes) -> int:
    """How many items the peer has rejected (OTLP specification, section "Partial Success")."""
    try:
        # The responses for traces and for logs have the same fields, with the same numbers.
        return ExportTraceServiceResponse.FromString(content).partial_success.rejected_spans
    except DecodeError:
        return 0
