"""The producer of the telemetry, as OpenTelemetry describes it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.resources import Resource as OTelResource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from one_logger.core import Resource
from one_logger.exporter.otel.attributes import exported_attributes

_PLACEHOLDER = "unknown_service"
"""The service name begins so if the application has given none (semantic conventions, "Service")."""


class ExportedResource(OTelResource):
    """A resource that computes its hash once. OTLP's encoder needs it for every span."""

    def __init__(self, resource: OTelResource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash


def exported_resource(resource: Resource) -> OTelResource:
    """The resource with what `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` add.

    What the application says has precedence (Resource SDK, section "Specifying resource information via an environment
    variable"), but not the placeholder of a service name.
    """
    environment = OTELResourceDetector().detect()
    said = exported_attributes(resource.attributes)
    if "service.name" in environment.attributes and str(said.get("service.name", "")).startswith(_PLACEHOLDER):
        del said["service.name"]
    found = {"telemetry.sdk.version": _version("one-logger-core")}
    # The environment need not be UTF-8.
    added = exported_attributes({name: str(value) for name, value in environment.attributes.items()})
    return ExportedResource(OTelResource(found).merge(OTelResource(added)).merge(OTelResource(said)))


def _version(distribution: str) -> str:
    """The version, or `unknown` if the sources are used without having been installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


SCOPE = InstrumentationScope("one_logger", _version("one-logger-exporter-otel"))
"""The instrumentation scope of all spans and log records."""
