"""What OpenTelemetry's environment variables say about who produces the telemetry."""

from __future__ import annotations

import os

from one_logger.core import diagnostics


def attributes_of_environment() -> dict[str, str]:
    """The attributes that `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` name.

    The former is a list of `name=value` with commas between them, as in W3C Baggage: in values, what is no plain
    character is percent-encoded. The latter is stronger. Source: OpenTelemetry, "Resource SDK", section "Specifying
    resource information via an environment variable", and "Environment Variable Specification". As in OpenTelemetry's
    SDK for Python, an item that is malformed is left out, and the others hold.
    """
    attributes = {}
    for item in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = item.partition("=")
        if equals and name.strip():
            attributes[name.strip()] = _decoded(value.strip())
        elif item.strip():
            diagnostics.report(
                "OTEL_RESOURCE_ATTRIBUTES",
                "OTEL_RESOURCE_ATTRIBUTES has an item without a name or without a value; expected name=value, with "
                "commas between the items. It is left out.",
            )
    if name := os.environ.get("OTEL_SERVICE_NAME", "").strip():
        attributes["service.name"] = name
    return attributes


def _decoded(text: str) -> str:
    """A percent-encoded text (RFC 3986, section 2.1). What is not encoded rightly stays as it is."""
    first, *parts = text.encode("utf-8", "surrogateescape").split(b"%")
    decoded = bytearray(first)
    for part in parts:
        digits = part[:2]
        if len(digits) == 2 and digits.isalnum():
            try:
                decoded += bytes([int(digits, 16)]) + part[2:]
                continue
            except ValueError:
                pass
        decoded += b"%" + part
    return decoded.decode("utf-8", "replace")
