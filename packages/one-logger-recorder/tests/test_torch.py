"""In a job with PyTorch: code that it compiles, and tensors that must not be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, current_span, get_recorder, record_error, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import Attributes, ErrorEvent
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

pytestmark = pytest.mark.frameworks


def _with_a_span(x: Any) -> Any:
    with timed_span("step", {"a": 1}) as span:
        span.set_attribute("b", 2)
        record_event("event", {"c": 3})
        return x * 2 + 1


def _with_everything(x: Any) -> Any:
    y = x * 2
    if not current_span().is_recording():
        record_error("error")
    get_recorder().stop(get_recorder().start("by hand"))
    return y + 1


@timed_span("inner")
def _decorated(x: Any) -> Any:
    return x * 2 + 1


def _that_calls_a_decorated_one(x: Any) -> Any:
    with timed_span("outer"):
        return _decorated(x)


FUNCTIONS = [_with_a_span, _with_everything, _decorated, _that_calls_a_decorated_one]


@pytest.mark.parametrize("fullgraph", [True, False])
@pytest.mark.parametrize("telemetry", [True, False])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_span_in_compiled_code_neither_breaks_nor_splits_a_graph(
    function: Callable[[Any], Any], telemetry: bool, fullgraph: bool
) -> None:
    """It is one graph with telemetry and without, and records nothing; the span around the call times it."""
    import torch
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app", enable_for_current_rank=telemetry), recorder):
        compiled = torch.compile(function, fullgraph=fullgraph, backend="eager")
        with timed_span("around"):
            assert torch.equal(compiled(torch.ones(3)), torch.full((3,), 3.0))
            assert torch.equal(compiled(torch.zeros(3)), torch.ones(3))
        recorder.close(timeout=30)
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    names = {record["name"] for record in exporter.records if "name" in record}
    assert names == ({"around"} if telemetry else set())


def test_the_same_functions_record_when_they_are_not_compiled() -> None:
    """What is left out of compiled code is there elsewhere, also after something was compiled."""
    import torch

    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        torch.compile(_with_a_span, fullgraph=True, backend="eager")(torch.ones(3))
        for function in FUNCTIONS:
            function(torch.ones(3))
        recorder.close(timeout=30)
    names = {record["name"] for record in exporter.records if "name" in record}
    assert names >= {"step", "event", "by hand", "inner", "outer"}


def _read(value: object) -> object:
    return Attributes({"loss": value})["loss"]


def test_plain_tensors_on_the_cpu_are_read() -> None:
    """They are in memory already."""
    import torch

    assert _read(torch.tensor(0.5)) == 0.5
    assert _read(torch.nn.Parameter(torch.tensor(0.5))) == 0.5


def test_tensors_that_only_look_plain_are_not_read() -> None:
    """Fake and distributed ones, those of `vmap` and functional ones, and unknown subclasses."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    mine = type("Mine", (torch.Tensor,), {})
    with FakeTensorMode():
        assert "not read" in str(_read(torch.tensor(0.5)))
    assert "not read" in str(_read(torch.tensor(0.5).as_subclass(mine)))
    assert "not read" in str(_read(torch.empty((), device="meta")))
    seen: list[object] = []

    def transformed(x: Any) -> Any:
        seen.append(_read(x))
        seen.append(ErrorEvent("loss", ValueError("loss", x)).exception_message)
        return x * 2

    torch.vmap(transformed)(torch.ones(3))
    torch.func.functionalize(transformed)(torch.tensor(0.5))
    torch.func.grad(transformed)(torch.tensor(0.5))
    assert len(seen) == 6
    assert all("not read" in str(text) for text in seen)


def test_a_part_of_a_distributed_tensor_is_not_taken_for_the_whole() -> None:
    """A `DTensor` with partial placement has on each rank a part of the sum."""
    import torch
    from torch.distributed import destroy_process_group, init_process_group
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Partial

    init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        partial = DTensor.from_local(torch.tensor(1.0), mesh, [Partial()])
        assert "not read" in str(_read(partial))
        assert "not read" in str(ErrorEvent("loss", ValueError(partial)).exception_message)
    finally:
        destroy_process_group()
