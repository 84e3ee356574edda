"""The producer of the telemetry, as OpenTelemetry describes it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.resources import Resource as OTelResource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from one_logger.core import Resource
from one_logger.exporter.otel.attributes import exported_attributes

SCOPE_NAME = "one_logger"

_PLACEHOLDER = "unknown_service"
"""How the service name of a process begins that nobody has named (semantic conventions, "Service")."""


class ExportedResource(OTelResource):
    """A resource whose hash is computed once: OTLP's encoder asks for it with every span."""

    def __init__(self, resource: OTelResource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash


def exported_resource(resource: Resource) -> OTelResource:
    """The resource with what the environment adds.

    What the application says wins over `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` (Resource SDK, section
    "Specifying resource information via an environment variable"). A service name that nobody has given loses.
    """
    environment = OTELResourceDetector().detect()
    said = exported_attributes(resource.attributes)
    if "service.name" in environment.attributes and str(said.get("service.name", "")).startswith(_PLACEHOLDER):
        del said["service.name"]
    found = {"telemetry.sdk.version": _version("one-logger-core")}
    added = exported_attributes(
        {name: str(value) for name, value in environment.attributes.items()}
    )  # need not be UTF-8
    return ExportedResource(OTelResource(found).merge(OTelResource(added)).merge(OTelResource(said)))


def scope() -> InstrumentationScope:
    """What the spans and log records say they were made by."""
    return InstrumentationScope(SCOPE_NAME, _version("one-logger-exporter-otel"))


def _version(distribution: str) -> str:
    """The version, or `unknown` where the sources are used without having been installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
