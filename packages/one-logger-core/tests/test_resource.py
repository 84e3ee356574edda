import os
import socket
from collections.abc import Callable
from enum import Enum
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
    """Session tag, rank and world size are attributes if they are given, also where they are zero, and only then."""
    attributes = Resource.create("trainer", session_tag="run-7", rank=0, world_size=8).attributes
    assert attributes["one_logger.session_tag"] == "run-7"
    assert attributes["one_logger.rank"] == 0
    assert attributes["one_logger.world_size"] == 8
    assert not {name for name in Resource.create("trainer").attributes if name.startswith("one_logger.")}


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
