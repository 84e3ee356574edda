"""The producer of telemetry."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from one_logger.core import diagnostics, launcher
from one_logger.core.attributes import Attributes, read_mapping, take_attributes
from one_logger.core.checks import check_names
from one_logger.core.ids import random_bits
from one_logger.core.text import encodable, safe_repr

UNKNOWN_SERVICE = "unknown_service:python"
"""The name of an application without a name (OpenTelemetry semantic conventions, `service.name`)."""


class Resource:
    """The producer of telemetry, described by attributes. Immutable.

    Args:
        attributes: Named by the OpenTelemetry semantic conventions for resources.

    Raises:
        OneLoggerError: `attributes` is no mapping.
    """

    __slots__ = ("_attributes",)

    def __init__(self, attributes: Mapping[str, object] | None = None) -> None:
        self._attributes = Attributes.of_taken(take_attributes(attributes))

    @classmethod
    def create(
        cls,
        service_name: str | None = None,
        *,
        session_tag: str | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> Resource:
        """The resource of this process.

        Sets `service.name`, `service.instance.id` (a UUID, new for each call), `host.name`, `process.pid`,
        `process.executable.name` and `telemetry.sdk.*` (OpenTelemetry semantic conventions, "Resource"), and if known
        `one_logger.session_tag`, `one_logger.rank`, `one_logger.world_size`, `one_logger.local_rank`,
        `one_logger.job_id` and `one_logger.restart` (see `one_logger.core.launcher`). The environment variables
        `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` override what is detected here, and arguments override them.

        Args:
            service_name: The application's name. None, or a name that begins with `unknown_service`: the name in those
                variables, else `unknown_service:python`.
            session_tag: What the restarts of one job have in common.
            rank: The number of this process in the job, from 0. None: what the launcher says.
            world_size: How many processes the job has. None: what the launcher says.
            attributes: More attributes. They override all others.

        Raises:
            OneLoggerError: `attributes` is no mapping, or a name in it is no text, or is empty.
        """
        further = {} if attributes is None else read_mapping(attributes)
        check_names("An attribute of a Resource", further)
        found: dict[str, object] = {
            "service.name": service_name or UNKNOWN_SERVICE,
            "service.instance.id": _new_uuid(),
            "host.name": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "unknown"),
            "process.pid": os.getpid(),
            "process.executable.name": os.path.basename(sys.executable or "") or None,
            "one_logger.rank": launcher.rank(),
            "one_logger.world_size": launcher.world_size(),
            "one_logger.local_rank": launcher.local_rank(),
            "one_logger.job_id": launcher.job_id(),
            "one_logger.restart": launcher.restart(),
        }
        given: dict[str, object] = {
            "service.name": None if (service_name or "").startswith("unknown_service") else service_name,
            "telemetry.sdk.name": "one-logger",
            "telemetry.sdk.language": "python",
            "one_logger.session_tag": session_tag,
            "one_logger.rank": rank,
            "one_logger.world_size": world_size,
        }
        known = {**_known(found), **_from_environment(), **_known(given)}
        return cls({**known, **take_attributes(further)})

    @property
    def attributes(self) -> Attributes:
        """The attributes of the producer."""
        return self._attributes

    def __repr__(self) -> str:
        return f"Resource({safe_repr(dict(self._attributes))})"


def _new_uuid() -> str:
    """A random UUID (RFC 9562, section 5.4): version 4, variant 10."""
    digits = f"{random_bits(128):032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) % 4]}{digits[17:20]}-{digits[20:]}"
    )


def _known(attributes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in attributes.items() if value is not None}


def _from_environment() -> dict[str, str]:
    """The attributes that `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` name.

    The first is a list of `name=value` with commas between them and percent-encoded values, as in W3C Baggage. The
    second overrides it. Source: OpenTelemetry, "Resource SDK", section "Specifying resource information via an
    environment variable", and "Environment Variable Specification". As in OpenTelemetry's SDK for Python, only a
    malformed item is left out.
    """
    attributes = {}
    for item in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, equals, value = item.partition("=")
        if equals and name.strip():
            from urllib.parse import unquote  # slow to import, and seldom needed

            attributes[name.strip()] = encodable(unquote(value.strip()))
        elif item.strip():
            diagnostics.report(
                "OTEL_RESOURCE_ATTRIBUTES",
                "OTEL_RESOURCE_ATTRIBUTES has an item without a name or without a value; expected name=value, with "
                "commas between the items. It is left out.",
            )
    if name := os.environ.get("OTEL_SERVICE_NAME", "").strip():
        attributes["service.name"] = name
    return attributes
