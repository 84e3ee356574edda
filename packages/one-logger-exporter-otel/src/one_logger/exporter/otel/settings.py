"""How to reach a collector: what the configuration says, and what the environment adds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Literal, NamedTuple, cast, get_args
from urllib.parse import urlsplit

from one_logger.core import ExportError, OneLoggerError
from one_logger.core.spi import check_choice, check_number, check_type, shown, without_user_info

Protocol = Literal["http/protobuf", "grpc"]
Compression = Literal["none", "gzip", "deflate"]
Signal = Literal["traces", "logs"]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_EXTRAS = {"http/protobuf": "http", "grpc": "grpc"}


class OtlpSettings(NamedTuple):
    """Where to send one signal, and how. None: what the environment says, or else the default of OpenTelemetry."""

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
        """The headers of the environment and of the configuration, which has precedence."""
        from opentelemetry.util.re import parse_env_headers

        environment = parse_env_headers(self.variable("HEADERS") or "", liberal=True)
        return {**environment, **(self.headers or {})}

    def variable(self, name: str) -> str | None:
        """The value of `OTEL_EXPORTER_OTLP_TRACES_...`, or else of `OTEL_EXPORTER_OTLP_...`."""
        return _variable(self.signal, name)[1]

    def check_files(self) -> None:
        """See whether the files that TLS needs can be read."""
        for name in ("certificate", "client_key", "client_certificate"):
            path = getattr(self, name)
            try:
                if path is not None:
                    open(path, "rb").close()
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
    """The settings for a signal, if the arguments of `OTelExporter` can be used and the protocol's package is there."""
    chosen = _protocol(signal, protocol)
    _check_installed(chosen)
    choices = [choice for choice in get_args(Compression) if chosen != "grpc" or choice != "deflate"]
    check_choice(f"compression over {chosen}", compression, choices, optional=True)
    check_number("timeout", timeout, 0.001, "a number of seconds", most=3_600, optional=True)
    if client_key is not None and client_certificate is None:
        raise OneLoggerError("client_key was given without client_certificate; give both, or neither.")
    return OtlpSettings(
        signal=signal,
        protocol=chosen,
        endpoint=None if endpoint is None else _endpoint(endpoint, chosen),
        headers=None if headers is None else _headers(headers),
        compression=cast("Compression | None", compression),
        certificate=_path("certificate", certificate),
        client_key=_path("client_key", client_key),
        client_certificate=_path("client_certificate", client_certificate),
        timeout=timeout,
    )


def _variable(signal: Signal, name: str) -> tuple[str, str | None]:
    """The name of the environment variable that is set, and its value."""
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        value = os.environ.get(variable, "").strip()
        if value:
            return variable, value
    return variable, None


def _protocol(signal: Signal, given: str | None) -> Protocol:
    source, protocol = _variable(signal, "PROTOCOL") if given is None else ("protocol", given)
    check_choice(source, protocol, get_args(Protocol), optional=True)
    return cast("Protocol", protocol or "http/protobuf")


def _check_installed(protocol: Protocol) -> None:
    extra = _EXTRAS[protocol]
    with suppress(ModuleNotFoundError):
        if find_spec(f"opentelemetry.exporter.otlp.proto.{extra}") is not None:
            return
    other = "grpc" if protocol == "http/protobuf" else "http/protobuf"
    raise OneLoggerError(
        f"The protocol {protocol!r} needs a package that is not installed: run "
        f"pip install 'one-logger-exporter-otel[{extra}]', or choose protocol={other!r}."
    )


def _endpoint(given: str, protocol: Protocol) -> str:
    """The endpoint without the path of a signal."""
    expected = f"a URL such as http://collector:{4317 if protocol == 'grpc' else 4318}"
    check_type("endpoint", given, str, expected)
    problem = f"endpoint is {shown(without_user_info(given))}; expected {expected}"
    try:
        url = urlsplit(given.strip())
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number, brackets that are no IPv6 address
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", given.strip()):
        raise OneLoggerError(f"{problem}.")
    if url.query or url.fragment:
        raise OneLoggerError(f"{problem}, without a query or fragment.")
    path = re.sub(r"/v1/(traces|logs)/?$", "", url.path).rstrip("/")
    if protocol == "grpc" and path:
        raise OneLoggerError(f"{problem}: over gRPC there is no path.")
    return f"{url.scheme}://{url.netloc}{path}"


def _headers(given: Mapping[str, str] | str) -> dict[str, str]:
    """The headers. Their values are secrets, so no message has them."""
    pairs = _pairs(given) if isinstance(given, str) else given
    check_type("headers", pairs, Mapping, "a mapping of names to texts")
    for name, value in pairs.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise OneLoggerError(
                f"headers has the name {shown(name)}, which no header can have; expected letters, digits and hyphens."
            )
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise OneLoggerError(f"The value of the header {shown(name)} is no text of printable ASCII characters.")
    return {name.lower(): value.strip() for name, value in pairs.items()}


def _pairs(text: str) -> dict[str, str]:
    """Headers as in `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise OneLoggerError("headers has a part without an equals sign; expected name=value,name=value.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _path(name: str, given: str | os.PathLike[str] | None) -> str | None:
    check_type(name, given, (str, os.PathLike), "the path of a file", optional=True)
    return None if given is None else os.path.expanduser(os.fspath(given))
