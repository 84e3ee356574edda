"""How to reach a collector: what the configuration says, and what the environment adds."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Literal, NamedTuple, cast, get_args
from urllib.parse import unquote, urlsplit

from one_logger.core import OneLoggerError
from one_logger.core.spi import check_choice, check_number, check_type, remember_secret, shown, without_user_info
from one_logger.exporter.otel.tls import TlsFile, TlsFiles

Protocol = Literal["http/protobuf", "grpc"]
Compression = Literal["none", "gzip", "deflate"]
Signal = Literal["traces", "logs"]

DEFAULT_TIMEOUT = 10.0
"""Seconds (OTLP exporter specification, "Configuration Options")."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_NEEDS = {"http/protobuf": ("http", "requests"), "grpc": ("grpc", "grpc")}  # the extra, and a package of it


class OtlpSettings(NamedTuple):
    """Where to send one signal, and how."""

    protocol: Protocol
    signal: Signal
    url: str
    """Over HTTP the URL of the signal; over gRPC the name of the target, as gRPC has it."""
    secure: bool
    headers: dict[str, str]
    compression: Compression
    files: TlsFiles
    timeout: float

    @property
    def shown(self) -> str:
        """The URL for messages."""
        return self.url.partition("?")[0]


def check_settings(signal: Signal, arguments: Mapping[str, object]) -> OtlpSettings:
    """The settings for a signal: what arguments of `OTelExporter` say, or else the environment, or the defaults.

    Raises:
        OneLoggerError: Something of it cannot be used, or the protocol's package is missing.
    """
    source, chosen = _given_or_variable(signal, "protocol", arguments["protocol"])
    check_choice(source, chosen, get_args(Protocol), optional=True)
    protocol = cast("Protocol", chosen or "http/protobuf")
    _check_installed(protocol)
    url, secure, user = _endpoint(signal, protocol, arguments["endpoint"])
    headers = {**user, **_headers(*_given_or_variable(signal, "headers", None))}
    headers |= _headers("headers", arguments["headers"])
    files = TlsFiles(
        *(_file(signal, name, arguments[name]) for name in ("certificate", "client_certificate", "client_key"))
    )
    if arguments["client_key"] is not None and arguments["client_certificate"] is None:
        raise OneLoggerError("client_key was given without client_certificate; give both, or neither.")
    if secure:
        files.check()
    query = url.partition("?")[2]
    for secret in (*headers.values(), query, *query.replace("&", "=").split("=")[1::2]):
        remember_secret(secret)  # what sends them may show them in an exception
    return OtlpSettings(
        protocol=protocol,
        signal=signal,
        url=url,
        secure=secure,
        headers=headers,
        compression=_compression(signal, protocol, arguments["compression"]),
        files=files,
        timeout=_timeout(signal, arguments["timeout"]),
    )


def _given_or_variable(signal: Signal, name: str, given: object) -> tuple[str, object]:
    """What says it, and what it says: the argument, or else the environment variable that is set."""
    if given is not None:
        return name, given
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name.upper()}", f"OTEL_EXPORTER_OTLP_{name.upper()}"):
        value = os.environ.get(variable, "").strip()
        if value:
            return variable, value
    return name, None


def _check_installed(protocol: Protocol) -> None:
    extra, package = _NEEDS[protocol]
    with suppress(ModuleNotFoundError):
        if find_spec(package) is not None:
            return
    other = "grpc" if protocol == "http/protobuf" else "http/protobuf"
    raise OneLoggerError(
        f"The protocol {protocol!r} needs a package that is not installed: run "
        f"pip install 'one-logger-exporter-otel[{extra}]', or choose protocol={other!r}."
    )


def _endpoint(signal: Signal, protocol: Protocol, given: object) -> tuple[str, bool, dict[str, str]]:
    """The URL, whether TLS is spoken there, and a header for the user and password in it.

    Source: OTLP exporter specification, "Endpoint URLs for OTLP/HTTP", and gRPC's "Name Resolution" for `unix:`.
    """
    source, text = _given_or_variable(signal, "endpoint", given)
    port = 4317 if protocol == "grpc" else 4318
    expected = f"a URL such as http://collector:{port}"
    check_type(source, text, str, expected, optional=True)
    text = str(text or f"http://localhost:{port}").strip()
    problem = f"{source} is {shown(without_user_info(text).partition('?')[0])}; expected {expected}"
    if protocol == "grpc" and text.startswith(("unix:", "unix-abstract:")) and not re.search(r"\s", text):
        return text, False, {}
    bare = protocol == "grpc" and given is None and "://" not in text  # a variable may name a host and a port only
    try:
        url = urlsplit(f"//{text}" if bare else text)
        usable = bool(url.hostname) and url.port != 0 and (bare or url.scheme in ("http", "https"))
    except ValueError:  # a port that is no number, brackets that are no IPv6 address
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", text):
        raise OneLoggerError(f"{problem}.")
    of_the_signal = source.endswith(f"_{signal.upper()}_ENDPOINT")
    if url.fragment or (url.query and not of_the_signal):
        raise OneLoggerError(f"{problem}, without a query or fragment.")
    name, at, place = url.netloc.rpartition("@")
    pair = base64.b64encode(unquote(name).encode()).decode()
    user = {"authorization": f"Basic {pair}"} if at else {}
    path = re.sub(r"/v1/(traces|logs)/?$", "", url.path).rstrip("/")
    if protocol == "grpc":
        if path:
            raise OneLoggerError(f"{problem}: over gRPC there is no path.")
        plain = _given_or_variable(signal, "insecure", None)[1]
        return place, url.scheme == "https" or (bare and str(plain).lower() != "true"), user
    if of_the_signal:
        return url._replace(netloc=place, path=url.path or "/").geturl(), url.scheme == "https", user
    return f"{url.scheme}://{place}{path}/v1/{signal}", url.scheme == "https", user


def _headers(source: str, given: object) -> dict[str, str]:
    """The headers. Their values are secrets, so no message has them."""
    if given is None:
        return {}
    pairs = _pairs(source, given) if isinstance(given, str) else given
    check_type(source, pairs, Mapping, "a mapping of names to texts")
    checked = {}
    for name, value in cast("Mapping[object, object]", pairs).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise OneLoggerError(
                f"{source} has the name {shown(name)}, which no header can have; expected letters, digits and hyphens."
            )
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value.strip()):
            raise OneLoggerError(
                f"The value of the header {shown(name)} in {source} is no text of printable ASCII characters."
            )
        checked[name.lower()] = value.strip()
    return checked


def _pairs(source: str, text: str) -> dict[str, str]:
    """Headers as `name=value,name=value`, percent-encoded (OTLP exporter specification, "Specifying headers")."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise OneLoggerError(f"{source} has a part without an equals sign; expected name=value,name=value.")
    return {unquote(name).strip(): unquote(value) for name, _, value in pairs}


def _compression(signal: Signal, protocol: Protocol, given: object) -> Compression:
    source, text = _given_or_variable(signal, "compression", given)
    chosen = text.lower() if isinstance(text, str) and given is None else text
    choices = [choice for choice in get_args(Compression) if protocol != "grpc" or choice != "deflate"]
    check_choice(f"{source} over {protocol}", chosen, choices, optional=True)
    return cast("Compression", chosen or "none")


def _timeout(signal: Signal, given: object) -> float:
    source, value = _given_or_variable(signal, "timeout", given)
    if isinstance(value, str) and given is None:
        with suppress(ValueError):
            value = float(value)
    check_number(source, value, 0.001, "a number of seconds", most=3_600, optional=True)
    return DEFAULT_TIMEOUT if value is None else cast("float", value)


def _file(signal: Signal, name: str, given: object) -> TlsFile | None:
    source, path = _given_or_variable(signal, name, given)
    check_type(source, path, (str, os.PathLike), "the path of a file", optional=True)
    return None if path is None else TlsFile(source, os.path.abspath(os.path.expanduser(cast("str", path))))
