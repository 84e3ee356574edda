"""The GPU's time, with a stand-in for CUDA's events alone: nothing is waited for, and no rule of theirs is broken."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from training_records import Recorded

from one_logger.training_telemetry import training_iteration, training_loop


class Cuda:
    """What `torch.cuda` has of events: a GPU that is so many iterations behind, and takes 2 s for each."""

    def __init__(self, behind: int = 3) -> None:
        self.behind = behind
        self.made = 0
        self.clock = 0.0
        self.ended = 0
        self.capturing = False
        self.initialized = True
        self.fails = False

    def is_initialized(self) -> bool:
        return self.initialized

    def is_current_stream_capturing(self) -> bool:
        if not self.initialized:
            raise RuntimeError("Found no NVIDIA driver on your system.")
        return self.capturing

    def Event(self, *, enable_timing: bool) -> Event:  # noqa: N802 - PyTorch's name
        assert enable_timing
        self.made += 1
        return Event(self)


class Event:
    """As `torch.cuda.Event`: it refuses what that refuses."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._at: float | None = None
        self._number = 0

    def record(self) -> None:
        assert not self._cuda.capturing, "the capture of a graph is invalidated"
        if self._cuda.fails:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        self._cuda.clock += 1
        self._cuda.ended += 1
        self._at, self._number = self._cuda.clock * 2, self._cuda.ended

    def query(self) -> bool:
        assert not self._cuda.capturing, "the capture of a graph is invalidated"
        return self._at is None or self._number <= self._cuda.ended - 2 * self._cuda.behind

    def elapsed_time(self, end: Event) -> float:
        if self._at is None or end._at is None or not end.query():
            raise RuntimeError("Both events must be completed before calculating elapsed time.")
        return (end._at - self._at) * 1_000

    def synchronize(self) -> None:
        raise AssertionError("the job waits for the GPU")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    """A job that uses CUDA."""
    cuda = Cuda()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    return cuda


def iterate(count: int) -> None:
    """So many iterations, with nothing in them."""
    for _ in range(count):
        with training_iteration():
            pass


@pytest.mark.training(gpu_time=True, log_every_n_train_iterations=10)
def test_time_of_iterations_that_are_ready(recorded: Recorded, cuda: Cuda) -> None:
    """Events are read when they are ready, some iterations later, and used again."""
    with training_loop():
        iterate(1_000)
    first, *_, last = recorded.events("training_metrics_update")
    assert (first["gpu_iterations"], last["gpu_iterations"]) == (7, 10)
    assert first["avg_gpu_time_sec"] == 2
    assert cuda.made <= 10


@pytest.mark.training(gpu_time=True, log_every_n_train_iterations=1_000)
def test_gpu_that_is_far_behind(recorded: Recorded, cuda: Cuda) -> None:
    """The number of events is bounded, however far the GPU is behind."""
    cuda.behind = 10**9
    with training_loop():
        iterate(1_000)
    assert cuda.made == 128
    assert recorded.events("training_metrics_update")[0]["gpu_iterations"] == 0


@pytest.mark.training(gpu_time=True)
def test_capture_of_a_graph(recorded: Recorded, cuda: Cuda) -> None:
    """While a graph is captured events are neither recorded nor queried, also if that begins in an iteration."""
    with training_loop():
        with training_iteration():
            cuda.capturing = True
        iterate(3)
        cuda.capturing = False
        iterate(10)
    assert recorded.events("training_metrics_update")[0]["num_iterations"] == 14


@pytest.mark.training(gpu_time=True)
def test_without_a_driver_and_with_a_broken_one(recorded: Recorded, cuda: Cuda) -> None:
    """Where CUDA is not used, is not there, or fails, the training goes on as if it had not been asked for."""
    cuda.initialized = False
    with training_loop():
        iterate(5)
        cuda.initialized, cuda.fails = True, True
        iterate(5)
    assert recorded.events("training_metrics_update")[0]["gpu_iterations"] == 0
    assert recorded.mistakes() == []
