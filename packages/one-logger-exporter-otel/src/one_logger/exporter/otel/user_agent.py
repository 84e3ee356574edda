"""How requests name their sender."""

from __future__ import annotations

from one_logger.exporter.otel.messages import installed_version

USER_AGENT = "one-logger/{0} OTel-OTLP-Exporter-Python/{0}".format(installed_version("one-logger-exporter-otel"))
"""As in the OTLP exporter specification, "User Agent"."""
