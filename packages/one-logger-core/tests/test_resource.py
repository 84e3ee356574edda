import os
import socket
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import OneLoggerError, Resource

_FORK = """
import os
from one_logger.core import Resource

child = os.fork()
if child == 0:
    os._exit(0 if Resource.create("job").attributes["process.pid"] == os.getpid() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Key(Enum):
    TEAM = "team"


def test_resource_describes_this_process() -> None:
    """The resource of this process has its id and host, and the names that OpenTelemetry gives them."""
    attributes = Resource.create("trainer").attributes
    assert attributes["service.name"] == "trainer"
    assert attributes["process.pid"] == os.getpid()
    assert attributes["host.name"] == socket.gethostname()
    assert attributes["telemetry.sdk.name"] == "one-logger"
    assert attributes["telemetry.sdk.language"] == "python"


def test_job_is_described_as_far_as_it_is_known() -> None:
    """Session tag, rank and world size are attributes if they are given, also where they are zero."""
    attributes = Resource.create("trainer", session_tag="run-7", rank=0, world_size=8).attributes
    assert attributes["one_logger.session_tag"] == "run-7"
    assert attributes["one_logger.rank"] == 0
    assert attributes["one_logger.world_size"] == 8
    assert not {name for name in Resource.create("trainer").attributes if name.startswith("one_logger.")}


def test_the_executable_is_named() -> None:
    """The resource names the program that runs, without its folder."""
    assert Resource.create("trainer").attributes["process.executable.name"] == Path(sys.executable).name


def test_what_the_launcher_says_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank, world size, local rank, job and restarts are the launcher's, where no argument says something else."""
    for name, value in {"RANK": "9", "WORLD_SIZE": "16", "LOCAL_RANK": "1", "TORCHELASTIC_RUN_ID": "run-5"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "2")
    attributes = Resource.create("trainer").attributes
    assert {name: value for name, value in attributes.items() if name.startswith("one_logger.")} == {
        "one_logger.rank": 9,
        "one_logger.world_size": 16,
        "one_logger.local_rank": 1,
        "one_logger.job_id": "run-5",
        "one_logger.restart": 2,
    }
    given = Resource.create("trainer", rank=0, world_size=2, attributes={"one_logger.job_id": "mine"}).attributes
    assert (given["one_logger.rank"], given["one_logger.world_size"]) == (0, 2)
    assert given["one_logger.job_id"] == "mine"


def test_the_environment_adds_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_RESOURCE_ATTRIBUTES` adds attributes; what is said by an argument stays, what is found out doesn't."""
    said = ["team=vision", " k8s.pod.name = pod%201%2C2 ", "host.name=node-1", "service.name=other", "percent=50%"]
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", ",".join([*said, "empty=", "euro=%E2%82%AC"]))
    attributes = Resource.create("trainer", attributes={"team": "speech"}).attributes
    assert attributes["team"] == "speech"
    assert attributes["k8s.pod.name"] == "pod 1,2"
    assert attributes["host.name"] == "node-1"
    assert attributes["service.name"] == "trainer"
    assert (attributes["percent"], attributes["empty"], attributes["euro"]) == ("50%", "", "€")


def test_a_malformed_item_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, reports: Callable[[], list[str]]
) -> None:
    """An item of `OTEL_RESOURCE_ATTRIBUTES` that is none costs itself alone, and is reported."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "nonsense,=5,,team=vision,bad=%ff%f")
    attributes = Resource.create("trainer").attributes
    assert attributes["team"] == "vision"
    assert attributes["bad"] == "\ufffd%f"
    assert "nonsense" not in attributes
    assert "" not in attributes
    assert ["item without a name" in message for message in reports()] == [True]


@pytest.mark.parametrize("name", [None, "unknown_service", "unknown_service:python"])
def test_the_environment_names_an_application_without_a_name(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SERVICE_NAME`, or else `OTEL_RESOURCE_ATTRIBUTES`, names what nobody has named, and nothing else."""
    assert str(Resource.create(name).attributes["service.name"]).startswith("unknown_service")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=second")
    assert Resource.create(name).attributes["service.name"] == "second"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "first")
    assert Resource.create(name).attributes["service.name"] == "first"
    assert Resource.create("trainer").attributes["service.name"] == "trainer"


def test_each_resource_is_an_instance_of_its_own() -> None:
    """Two resources never share a `service.instance.id`."""
    instances = {Resource.create("trainer").attributes["service.instance.id"] for _ in range(100)}
    assert len(instances) == 100


def test_given_attributes_replace_known_ones() -> None:
    """Further attributes are added, and replace the ones of the same name."""
    attributes = Resource.create("trainer", attributes={"team": "vision", "host.name": "node-1"}).attributes
    assert attributes["team"] == "vision"
    assert attributes["host.name"] == "node-1"


def test_resource_keeps_a_copy() -> None:
    """Changing the mapping that a resource was made from does not change the resource."""
    values = {"team": "vision"}
    resource = Resource(values)
    values["team"] = "speech"
    assert resource.attributes == {"team": "vision"}
    assert repr(resource) == "Resource({'team': 'vision'})"


def test_attributes_that_are_no_mapping_are_refused() -> None:
    """A resource is configuration, so a mistake in it raises."""
    with pytest.raises(OneLoggerError, match="expected a mapping"):
        Resource.create("trainer", attributes=5)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(OneLoggerError, match="expected a mapping"):
        Resource(5)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("name", ["", "  ", 5, None, ("a",)], ids=str)
def test_attributes_without_a_name_are_refused(name: Any) -> None:
    """What an application adds to its resource has a name that is a text and not empty."""
    with pytest.raises(OneLoggerError, match="expected a text that is not empty"):
        Resource.create("trainer", attributes={"fine": 1, name: 1})


def test_names_may_be_members_of_an_enum() -> None:
    """An `Enum` whose value is a text is a name, as it is for other attributes."""
    assert Resource({Key.TEAM: "vision"}).attributes == {"team": "vision"}  # type: ignore[dict-item]  # types know no better


def test_forked_child_has_its_own_process_id(run_script: Callable[..., str]) -> None:
    """The resource made in a forked child has the id of the child."""
    assert run_script(_FORK) == "0\n"
