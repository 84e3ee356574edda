"""How to reach a collector: what the configuration says, and what the environment adds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlsplit

from one_logger.core import ExportError, OneLoggerError
from one_logger.core.spi import safe_repr

Protocol = Literal["http/protobuf", "grpc"]
Compression = Literal["none", "gzip", "deflate"]
Signal = Literal["traces", "logs"]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_EXTRAS = {"http/protobuf": "http", "grpc": "grpc"}


class OtlpSettings(NamedTuple):
    """Where to send one signal, and how. None: as the environment says, or else as the OTLP specification does."""

    signal: Signal
    protocol: Protocol
    endpoint: str | None
    headers: dict[str, str] | None
    compression: Compression | None
    certificate: str | None
    client_key: str | None
    client_certificate: str | None
    timeout: float | None

    @property
    def url(self) -> str | None:
        """Where to send the signal over HTTP (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP")."""
        return None if self.endpoint is None else f"{self.endpoint}/v1/{self.signal}"

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers of the environment, and over them those of the configuration."""
        from opentelemetry.util.re import parse_env_headers

        environment = parse_env_headers(self.variable("HEADERS") or "", liberal=True)
        return {**environment, **(self.headers or {})}

    def variable(self, name: str) -> str | None:
        """What the environment says: `OTEL_EXPORTER_OTLP_TRACES_...`, or else `OTEL_EXPORTER_OTLP_...`."""
        return _variable(self.signal, name)[1]

    def check_files(self) -> None:
        """See whether the files can be read that TLS needs.

        Raises:
            ExportError: One cannot.
        """
        for name, path in (
            ("certificate", self.certificate),
            ("client_key", self.client_key),
            ("client_certificate", self.client_certificate),
        ):
            if path is not None:
                try:
                    with open(path, "rb"):
                        pass
                except OSError as error:
                    raise ExportError(f"The {name} {path!r} cannot be read: {error.strerror}.") from error


def check_settings(
    signal: Signal,
    protocol: str | None,
    endpoint: str | None,
    headers: Mapping[str, str] | str | None,
    compression: str | None,
    certificate: str | os.PathLike[str] | None,
    client_key: str | os.PathLike[str] | None,
    client_certificate: str | os.PathLike[str] | None,
    timeout: float | None,
) -> OtlpSettings:
    """The settings, if they can be used. The arguments are those of `OTelExporter`.

    Raises:
        OneLoggerError: They cannot, or the package is not installed that they need.
    """
    chosen = _protocol(signal, protocol)
    _check_installed(chosen)
    if client_key is not None and client_certificate is None:
        raise OneLoggerError("client_key was given without client_certificate; give both, or neither.")
    return OtlpSettings(
        signal=signal,
        protocol=chosen,
        endpoint=None if endpoint is None else _endpoint(endpoint, chosen),
        headers=None if headers is None else _headers(headers),
        compression=_compression(compression, chosen),
        certificate=_path("certificate", certificate),
        client_key=_path("client_key", client_key),
        client_certificate=_path("client_certificate", client_certificate),
        timeout=_timeout(timeout),
    )


def _variable(signal: Signal, name: str) -> tuple[str, str | None]:
    """A variable of the environment, and what it says."""
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        value = os.environ.get(variable, "").strip()
        if value:
            return variable, value
    return variable, None


def _protocol(signal: Signal, given: str | None) -> Protocol:
    source, said = _variable(signal, "PROTOCOL") if given is None else ("protocol", given)
    for protocol in get_args(Protocol):
        if said == protocol or (said is None and protocol == "http/protobuf"):
            return protocol  # type: ignore[no-any-return]  # one of the choices
    raise OneLoggerError(f"{source} is {safe_repr(said, 100)}; expected 'http/protobuf' or 'grpc'.")


def _check_installed(protocol: Protocol) -> None:
    extra = _EXTRAS[protocol]
    try:
        installed = find_spec(f"opentelemetry.exporter.otlp.proto.{extra}") is not None
    except ModuleNotFoundError:
        installed = False
    if not installed:
        other = "grpc" if protocol == "http/protobuf" else "http/protobuf"
        raise OneLoggerError(
            f"The protocol {protocol!r} needs a package that is not installed: run "
            f"pip install 'one-logger-exporter-otel[{extra}]', or choose protocol={other!r}."
        )


def _endpoint(given: str, protocol: Protocol) -> str:
    """The endpoint without what stands there for one signal only."""
    example = f"expected a URL such as http://collector:{4317 if protocol == 'grpc' else 4318}"
    if not isinstance(given, str):
        raise OneLoggerError(f"endpoint was given as {type(given).__name__}; {example}.")
    shown = re.sub(r"(?<=://)[^/@\s]+(?=@)", "***", given)[:200]
    try:
        url = urlsplit(given.strip())
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number, brackets that are no IPv6 address
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", given.strip()):
        raise OneLoggerError(f"endpoint is {shown!r}; {example}.")
    if url.query or url.fragment:
        raise OneLoggerError(f"endpoint is {shown!r}; {example}, without a query or fragment.")
    path = re.sub(r"/v1/(traces|logs)/?$", "", url.path).rstrip("/")
    if protocol == "grpc" and path:
        raise OneLoggerError(f"endpoint is {shown!r}; {example}: over gRPC there is no path.")
    return f"{url.scheme}://{url.netloc}{path}"


def _headers(given: Mapping[str, str] | str) -> dict[str, str]:
    """The headers. Their values are secrets, so no message has them."""
    if isinstance(given, str):
        given = _pairs(given)
    if not isinstance(given, Mapping):
        raise OneLoggerError(f"headers were given as {type(given).__name__}; expected a mapping of names to texts.")
    headers: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise OneLoggerError(
                f"headers has the name {safe_repr(name, 100)}, which no header can have; "
                "expected letters, digits and hyphens."
            )
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise OneLoggerError(
                f"The value of the header {safe_repr(name, 100)} is no text of printable ASCII characters, "
                "so it cannot be sent."
            )
        headers[name.lower()] = value.strip()
    return headers


def _pairs(text: str) -> dict[str, str]:
    """What `OTEL_EXPORTER_OTLP_HEADERS` may hold: `name=value,name=value`."""
    pairs: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise OneLoggerError("headers has a part without an equals sign; expected name=value,name=value.")
        pairs[name.strip()] = value.strip()
    return pairs


def _compression(given: str | None, protocol: Protocol) -> Compression | None:
    choices = [choice for choice in get_args(Compression) if protocol != "grpc" or choice != "deflate"]
    if given is not None and given not in choices:
        raise OneLoggerError(
            f"compression is {safe_repr(given, 100)}; "
            f"expected {', '.join(map(repr, choices))} with the protocol {protocol!r}."
        )
    return given  # type: ignore[return-value]  # one of the choices


def _path(name: str, given: str | os.PathLike[str] | None) -> str | None:
    if given is not None and not isinstance(given, (str, os.PathLike)):
        raise OneLoggerError(f"{name} was given as {type(given).__name__}; expected the path of a file.")
    return None if given is None else os.path.expanduser(os.fspath(given))


def _timeout(given: float | None) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given <= 3_600:
        raise OneLoggerError(f"timeout is {safe_repr(given, 100)}; expected a number of seconds from above 0 to 3600.")
    return float(given)
