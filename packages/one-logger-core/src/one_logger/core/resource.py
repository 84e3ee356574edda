"""Who produces the telemetry."""

from __future__ import annotations

import os
from collections.abc import Mapping

from one_logger.core.attributes import Attributes, read_mapping, take_attributes
from one_logger.core.errors import OneLoggerError
from one_logger.core.ids import new_stream_id
from one_logger.core.text import name_text, safe_repr


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
        service_name: str,
        *,
        session_tag: str | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> Resource:
        """The resource of this process.

        Sets `service.name`, `service.instance.id` (new for each call), `host.name`, `process.pid` and
        `telemetry.sdk.*` (OpenTelemetry semantic conventions, "Resource"), and what is given of
        `one_logger.session_tag`, `one_logger.rank` and `one_logger.world_size`.

        Args:
            service_name: The application's name.
            session_tag: What ties the restarts of one job together.
            rank: The number of this process in the job, from 0.
            world_size: How many processes the job has.
            attributes: Further attributes; one named like an attribute above replaces it.

        Raises:
            OneLoggerError: `attributes` is no mapping, or a name in it is no text, or empty.
        """
        further = {} if attributes is None else read_mapping(attributes)
        for name in further:
            if not (name_text(name) or "").strip():
                raise OneLoggerError(
                    f"An attribute of a Resource has the name {safe_repr(name, 100)}; "
                    "expected a text that is not empty, such as service.version."
                )
        known: dict[str, object | None] = {
            "service.name": service_name,
            "service.instance.id": new_stream_id(),
            "host.name": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "unknown"),
            "process.pid": os.getpid(),
            "telemetry.sdk.name": "one-logger",
            "telemetry.sdk.language": "python",
            "one_logger.session_tag": session_tag,
            "one_logger.rank": rank,
            "one_logger.world_size": world_size,
        }
        return cls({**{k: v for k, v in known.items() if v is not None}, **take_attributes(further)})

    @property
    def attributes(self) -> Attributes:
        """What is known of the producer."""
        return self._attributes

    def __repr__(self) -> str:
        return f"Resource({safe_repr(dict(self._attributes))})"
