"""Who produced the telemetry."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from one_logger.core import Resource, Span

Make = Callable[..., Any]


def described(make: Make, resource: Resource) -> dict[str, Any]:
    """The resource that a span arrives with."""
    memory = make(resource)
    span = Span("work")
    memory.exporter.export_start(span)
    span.stop()
    memory.exporter.export_stop(span)
    memory.exporter.flush()
    return dict(memory.spans.get_finished_spans()[0].resource.attributes)


def test_resource_is_ours(in_memory: Make) -> None:
    """All attributes of the resource arrive, and the version of the library, which the conventions ask for."""
    resource = Resource.create("app", session_tag="nightly", rank=3, world_size=8, attributes={"team": "a", "b": 2**70})
    assert described(in_memory, resource) == {
        **resource.attributes,
        "b": str(2**70),
        "telemetry.sdk.version": version("one-logger-core"),
    }


def test_environment_adds_to_what_the_application_says(in_memory: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_RESOURCE_ATTRIBUTES` adds attributes; one that the application gives as well stays the application's."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=environment,k8s.pod.name=pod%201,service.version=7")
    arrived = described(in_memory, Resource.create("app", attributes={"team": "application"}))
    assert (arrived["team"], arrived["k8s.pod.name"], arrived["service.version"]) == ("application", "pod 1", "7")


def test_environment_need_not_be_text(in_memory: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes in the variables that are no UTF-8 arrive as U+FFFD: a span that cannot be encoded would be lost."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "te\udcffam=a\udcff")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "\udcff")
    arrived = described(in_memory, Resource.create("unknown_service:python"))
    assert (arrived["te\ufffdam"], arrived["service.name"]) == ("a\ufffd", "\ufffd")


def test_application_name_wins_over_the_environment(in_memory: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SERVICE_NAME` does not rename an application that says its name."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "environment")
    assert described(in_memory, Resource.create("app"))["service.name"] == "app"


@pytest.mark.parametrize(
    "variable", [("OTEL_SERVICE_NAME", "named"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=named")]
)
def test_environment_names_what_nobody_has_named(
    in_memory: Make, monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    """The name that a recorder makes up where nothing is configured gives way to that of the environment."""
    monkeypatch.setenv(*variable)
    assert described(in_memory, Resource.create("unknown_service:python"))["service.name"] == "named"


def test_made_up_name_is_better_than_none(in_memory: Make) -> None:
    """Without any name the made-up one arrives."""
    assert described(in_memory, Resource.create("unknown_service:python"))["service.name"] == "unknown_service:python"
