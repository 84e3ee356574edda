"""What is exported, and where to, unless an application or a configuration file says otherwise."""

from typing import Any


def default_config() -> list[dict[str, Any]]:
    """The entries that installing this distribution adds to a configuration."""
    return [
        {
            "name": "acme",  # a name, so that a file that inherits this entry can change it
            "type": "acme-sqlite",
            "config": {"database": "${ACME_TELEMETRY_DATABASE:-telemetry.sqlite}"},
        }
    ]
