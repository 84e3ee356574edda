"""OTLP over HTTP."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - else it is imported in the exporter's thread, when it looks a name up
import gzip
import json
import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import Any

import requests
import urllib3.exceptions
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from requests.utils import get_environ_proxies

from one_logger.core.spi import encodable, error_text, masked
from one_logger.exporter.otel.messages import USER_AGENT, Rejected, Requests, partial_success
from one_logger.exporter.otel.outbox import Hint, RefusedError
from one_logger.exporter.otel.settings import OtlpSettings

RETRYABLE = frozenset((429, 502, 503, 504))
"""The statuses after which a request may be sent again (OTLP specification, section "Retryable Response Codes")."""

LONGEST_ANSWER = 2**16
"""Bytes of an answer that are read, at most."""

_ABOUT_THE_CONTENT = frozenset((400, 413, 422, 500))
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class HttpClient:
    """Sends one signal to a collector over HTTP."""

    loggers = frozenset(("urllib3.connectionpool", "urllib3.util.retry"))

    def __init__(self, settings: OtlpSettings, resource: Resource) -> None:
        self._settings = settings
        self._requests = Requests(resource)
        self.item = self._requests.item
        self._session = requests.Session()
        self._session.trust_env = False  # else .netrc replaces the headers that were configured
        headers = {"content-type": "application/x-protobuf", "user-agent": USER_AGENT}
        if settings.compression != "none":
            headers["content-encoding"] = settings.compression
        # Prepared once: that takes longer than to send it.
        request = requests.Request("POST", settings.url, headers={**headers, **settings.headers})
        self._prepared = request.prepare()
        certificate, client_certificate, client_key = (file and file.path for file in settings.files)
        self._how: Any = {
            "proxies": get_environ_proxies(settings.url),
            "verify": certificate or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
            "cert": (client_certificate, client_key) if client_key else client_certificate,
            "stream": True,
        }

    def send(self, batch: Sequence[bytes], /) -> Rejected:
        """Send a batch, once."""
        body = self._requests.encoded(batch)
        if self._settings.compression != "none":
            body = _COMPRESS[self._settings.compression](body)
        shown = self._settings.shown
        try:
            response, content = self._post(body)
        except ValueError as error:  # requests cannot make a request of the settings
            raise RefusedError(f"Nothing can be sent to {shown}: {masked(error_text(error))}", Hint.GIVE_UP) from error
        except _BROKEN as error:
            text = masked(error_text(error))
            if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text.replace(" ", "_").upper():
                text = f"This port doesn't speak TLS; try http://. {text}"
            raise RefusedError(f"{shown} cannot be reached: {text}", Hint.RETRY) from error
        if not 200 <= response.status_code < 300:
            raise _refusal(shown, response, masked(_words(response, content)))
        try:
            return _rejected(response, content)
        except ValueError as error:
            kind = response.headers.get("content-type") or "no content type"
            raise RefusedError(
                f"{shown} answered {response.status_code}, but not as OTLP does ({encodable(kind)[:100]}): "
                f"{masked(_line(content))} Something else may listen there, such as a proxy with a login page.",
                Hint.RETRY,
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _post(self, body: bytes) -> tuple[requests.Response, bytes]:
        """Send a request, and read the answer, within the timeout."""
        try:
            return self._exchange(body)
        except requests.Timeout:
            raise
        except requests.ConnectionError:
            return self._exchange(body)  # the peer may have closed an idle connection just now

    def _exchange(self, body: bytes) -> tuple[requests.Response, bytes]:
        deadline = monotonic() + self._settings.timeout
        prepared = self._prepared
        prepared.body, prepared.headers["content-length"] = body, str(len(body))
        response = self._session.send(prepared, timeout=self._settings.timeout, allow_redirects=False, **self._how)
        content, piece = b"", b"."
        while piece and len(content) < LONGEST_ANSWER:
            piece = response.raw.read1(LONGEST_ANSWER, decode_content=True)
            content += piece
            if monotonic() > deadline:
                response.close()
                raise requests.ReadTimeout("The answer takes too long.")
        response.close()  # does nothing to a connection whose answer was read to its end
        return response, content


def _refusal(url: str, response: requests.Response, words: str) -> RefusedError:
    status = response.status_code
    with suppress(ValueError):
        phrase = HTTPStatus(status).phrase
        words = f"{phrase}." if words in ("", phrase) else f"{phrase}. {words}"
    if "location" in response.headers and 300 <= status < 400:
        words += f" It names {response.headers['location'].partition('?')[0]!r}; redirections are not followed."
    reason = f"{url} answered {status} {encodable(words)}".strip()
    if status in RETRYABLE:
        return RefusedError(reason, Hint.RETRY, _seconds(response.headers.get("retry-after", "")))
    return RefusedError(reason, Hint.SPLIT if status in _ABOUT_THE_CONTENT else Hint.NEVER)


def _seconds(after: str) -> float:
    """The seconds that `Retry-After` asks for: a number, or a date (RFC 9110, section 10.2.3)."""
    with suppress(ValueError):
        return max(float(after), 0.0)
    with suppress(ValueError, TypeError):
        date = parsedate_to_datetime(after)
        return max((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
    return 0.0


def _words(response: requests.Response, content: bytes) -> str:
    """What a refusal says: the message of a `google.rpc.Status`, as collectors answer, or the first line."""
    if response.headers.get("content-type", "").startswith("application/x-protobuf"):
        with suppress(DecodeError):
            return str(Status.FromString(content).message)[:200]
    return _line(content)


def _line(content: bytes) -> str:
    """The first line that is not empty, as far as it fits a message."""
    lines = [line.strip() for line in content[:2_000].decode("utf-8", "replace").splitlines() if line.strip()]
    return "".join(filter(str.isprintable, lines[0]))[:200] if lines else ""


def _rejected(response: requests.Response, content: bytes) -> Rejected:
    """What the peer has rejected. Raises `ValueError` if it is no answer of OTLP, by Protocol Buffers or by JSON."""
    kind = response.headers.get("content-type", "").lower()
    if not content.strip():
        return Rejected()
    if "json" in kind or content.lstrip()[:1] == b"{":
        said = json.loads(content)
        partial = said.get("partialSuccess") or {} if isinstance(said, dict) else None
        if not isinstance(partial, dict):
            raise ValueError("no object")
        items = partial.get("rejectedSpans") or partial.get("rejectedLogRecords") or 0
        return Rejected(int(items), str(partial.get("errorMessage") or ""))
    if kind.startswith("text/"):
        raise ValueError(kind)
    return partial_success(content)
