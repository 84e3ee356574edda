"""The training loop: iterations, summed up, and those that stand out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from training_records import START, Recorded, iterate

from one_logger.api import get_recorder, timed_span
from one_logger.core import NOOP_SPAN
from one_logger.training_telemetry import (
    TrainingTelemetryConfig,
    application,
    checkpoint_save,
    configure_training,
    data_loading,
    on_train_end,
    on_train_start,
    on_training_single_iteration_end,
    training_iteration,
    training_loop,
    validation_iteration,
    validation_loop,
)


@pytest.mark.training(log_every_n_train_iterations=4, global_batch_size=8, seq_length=16)
def test_sums_are_of_the_loop(recorded: Recorded) -> None:
    """Counts, times, samples and tokens are those since the loop's start; the interval's have names of their own."""
    with training_loop():
        iterate([1, 2, 3, 4, 5])
    first, last = recorded.events("training_metrics_update")
    assert (first["current_iteration"], first["num_iterations"], first["interval"]) == (3, 4, 4)
    assert (first["min_iteration_time_sec"], first["max_iteration_time_sec"]) == (1, 4)
    assert (first["avg_iteration_time_sec"], first["total_iteration_time_sec"]) == (2.5, 10)
    assert (first["num_train_samples"], first["train_tokens"]) == (32, 512)
    assert (last["current_iteration"], last["num_iterations"], last["interval"]) == (4, 5, 1)
    assert (last["total_iteration_time_sec"], last["interval_time_ns"]) == (15, 5 * 10**9)
    assert last["num_train_samples"] == 40


@pytest.mark.training(log_every_n_train_iterations=1)
def test_first_iteration_is_reported(recorded: Recorded) -> None:
    """With an event for each iteration, the first one has one, too."""
    with training_loop():
        iterate([1, 1])
    assert [event["current_iteration"] for event in recorded.events("training_metrics_update")] == [0, 1]


def test_restart_goes_on_counting(recorded: Recorded) -> None:
    """A loop that begins at iteration 100 reports at the iterations at which it would have without the restart."""
    configure_training(TrainingTelemetryConfig(log_every_n_train_iterations=50, global_batch_size=4))
    with training_loop(train_iterations_start=120, train_iterations_target=1_000):
        iterate([1] * 40)
    span = recorded.span("training_loop")
    assert span["attributes"]["train_iterations_start"] == 120
    assert span["attributes"]["train_samples_start"] == 480
    assert span["attributes"]["train_samples_target"] == 4_000
    events = recorded.events("training_metrics_update")
    assert [(event["current_iteration"], event["interval"]) for event in events] == [(149, 30), (159, 10)]


@pytest.mark.training(
    log_every_n_train_iterations=10, global_batch_size=6, flops_per_sample=1e12, peak_tflops_per_gpu=4, seq_length=5
)
def test_throughput(recorded: Recorded) -> None:
    """Samples, tokens and TFLOP/s per GPU, and how much of what the GPUs can do is used, are those of the interval."""
    on_train_start(10, start_time_msec=START)
    end = iterate([1] * 10, iterate([2] * 10))
    on_train_end(end)
    first, second = recorded.events("training_metrics_update")
    assert second["avg_samples_per_second"] == pytest.approx(6)
    assert second["avg_tokens_per_second"] == pytest.approx(30)
    assert second["mfu"] == pytest.approx(6 / 2 / 4)
    assert second["train_throughput_per_gpu_max"] == pytest.approx(3)
    assert second["total_flops"] == 120e12
    assert second["completed_floating_point_operations_overall"] == 180e12
    assert second["train_throughput_per_gpu"] == pytest.approx(120 / 30 / 2)
    assert first["train_throughput_per_gpu"] == pytest.approx(60 / 20 / 2)


def test_outliers_are_spans(recorded: Recorded) -> None:
    """An iteration that takes far longer than the last ones is a span, with its number and its time."""
    with training_loop():
        iterate([1.0, 1.1] * 20 + [40] + [1.0] * 3)
    outlier = recorded.span("training_single_iteration")
    assert outlier["attributes"] == {"current_iteration": 40}
    assert outlier["duration_ns"] == 40 * 10**9
    assert recorded.parent(outlier) == "training_loop"
    assert recorded.events("training_metrics_update")[-1]["outliers"] == 1


def test_equal_iterations_are_no_outliers(recorded: Recorded) -> None:
    """Where all iterations take the same time, one that takes a little longer is none."""
    with training_loop():
        iterate([1.0] * 40 + [1.05] * 3)
    assert recorded.spans("training_single_iteration") == []


@pytest.mark.training(log_every_n_train_iterations=100)
def test_outliers_are_bounded(recorded: Recorded) -> None:
    """However many outliers there are, the spans of an interval are few: each is longer than the one before."""
    with training_loop():
        iterate(([1.0] * 19 + [10.0]) * 50)
    assert sum(event["outliers"] for event in recorded.events("training_metrics_update")) >= 40
    assert len(recorded.spans("training_single_iteration")) <= 10


@pytest.mark.training(iteration_spans=True)
def test_spans_of_all_iterations(recorded: Recorded) -> None:
    """If asked for, each iteration is a span, with its number, and what is recorded in it is in it."""
    with training_loop(train_iterations_start=7):
        for _ in range(2):
            with training_iteration() as span, timed_span("forward"):
                span.set_attribute("loss", 0.5)
    spans = recorded.spans("training_single_iteration")
    assert [span["attributes"] for span in spans] == [{"current_iteration": n, "loss": 0.5} for n in (7, 8)]
    assert recorded.parent(recorded.spans("forward")[0]) == "training_single_iteration"


def test_exception_that_leaves_the_loop(recorded: Recorded) -> None:
    """It is recorded on iteration, loop and application, goes on unchanged, and all of them are stopped."""
    error = RuntimeError("CUDA out of memory")
    with pytest.raises(RuntimeError) as caught, application(), training_loop():
        with training_iteration():
            pass
        with training_iteration():
            raise error
    assert caught.value is error
    for name in ("training_single_iteration", "training_loop", "application"):
        assert recorded.span(name)["status"] == "ERROR"
        assert recorded.errors(name) == ["RuntimeError"]
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 1


def test_iteration_that_fails_does_not_count(recorded: Recorded) -> None:
    """An iteration whose exception the loop handles is recorded with it, and is none of the completed ones."""
    with training_loop():
        for number in range(3):
            try:
                with training_iteration():
                    if number == 1:
                        raise ValueError("a bad batch")
            except ValueError:
                pass
    [event] = recorded.events("training_metrics_update")
    assert event["num_iterations"] == 2
    assert recorded.span("training_single_iteration")["attributes"] == {"current_iteration": 1}
    assert recorded.span("training_loop")["status"] == "UNSET"


def test_exit_without_an_error(recorded: Recorded) -> None:
    """`sys.exit(0)` stops the spans and is no error; `sys.exit(1)` is one."""
    with pytest.raises(SystemExit), training_loop():
        raise SystemExit(0)
    assert recorded.errors("training_loop") == []
    with pytest.raises(SystemExit), training_loop():
        raise SystemExit(1)
    assert recorded.errors("training_loop") == ["SystemExit"]


def test_second_loop_without_an_end_of_the_first(recorded: Recorded) -> None:
    """A loop that starts while one is open ends that one as failed, with what it had summed up."""
    on_train_start(0)
    iterate([1, 1])
    on_train_start(0)
    iterate([1])
    on_train_end()
    first, second = recorded.spans("training_loop")
    assert (first["status"], second["status"]) == ("ERROR", "UNSET")
    assert [event["num_iterations"] for event in recorded.events("training_metrics_update")] == [2, 1]


def test_productive_time_leaves_out_what_the_loop_waited_for(recorded: Recorded) -> None:
    """A save and a validation within an iteration, and waiting for data, are no part of its productive time."""
    with training_loop(), training_iteration():
        with data_loading():
            time.sleep(0.03)
        with checkpoint_save(1):
            time.sleep(0.02)
        with validation_loop(), validation_iteration():
            time.sleep(0.01)
        time.sleep(0.005)
    event = recorded.events("training_metrics_update")[-1]
    assert event["interval_time_ns"] >= 65_000_000
    productive = event["interval_productive_ns"]
    waited = sum(recorded.span(name)["duration_ns"] for name in ("checkpoint_save_sync", "validation_loop"))
    assert productive == event["interval_time_ns"] - waited - event["interval_data_loading_ns"]
    assert 30_000_000 <= event["interval_data_loading_ns"] < event["interval_time_ns"] - waited


def test_data_stall(recorded: Recorded) -> None:
    """Waiting for the loader between iterations is measured, first batch included; the loader is used as ever."""

    class Loader:
        def __iter__(self) -> Iterator[int]:
            for batch in range(3):
                time.sleep(0.02)
                yield batch

        def __len__(self) -> int:
            return 3

    loader = data_loading(Loader())
    with training_loop():
        seen = []
        for batch in loader:
            with training_iteration():
                seen.append(batch)
    assert seen == [0, 1, 2]
    assert len(loader) == 3
    assert list(loader) == [0, 1, 2]
    event = recorded.events("training_metrics_update")[-1]
    assert event["interval_data_loading_ns"] >= 60_000_000
    assert event["avg_dataloader_time_sec"] >= 0.02
    assert 0.5 < event["data_stall"] <= 1


def test_wait_whose_end_was_interrupted(recorded: Recorded) -> None:
    """A wait that did not come to its end, as a signal handler raised in it, does not go on for ever."""
    with training_loop():
        data_loading().__enter__()
        iterate([1, 1, 1])
    event = recorded.events("training_metrics_update")[-1]
    assert event["interval_productive_ns"] == 3 * 10**9
    assert len(recorded.mistakes()) == 1


def test_exception_of_the_loader(recorded: Recorded) -> None:
    """What a loader raises reaches the loop as it is, and the wait has ended."""

    def batches() -> Iterator[int]:
        yield 1
        raise OSError("the file system is gone")

    with pytest.raises(OSError, match="gone"), training_loop():
        for _ in data_loading(batches()):
            with training_iteration():
                pass
    assert recorded.errors("training_loop") == ["OSError"]
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 1


def test_other_threads_do_not_make_the_loop_wait(recorded: Recorded) -> None:
    """What threads of loaders do while an iteration runs is no waiting of the loop, and their spans are in it."""

    def load() -> None:
        with data_loading():
            time.sleep(0.01)
        with validation_loop():
            time.sleep(0.01)

    with training_loop(), training_iteration():
        thread = threading.Thread(target=load)
        thread.start()
        thread.join()
    event = recorded.events("training_metrics_update")[-1]
    assert event["interval_data_loading_ns"] == 0
    assert event["interval_productive_ns"] == event["interval_time_ns"]
    assert recorded.parent(recorded.span("validation_loop")) == "training_loop"


def test_open_sums_are_in_the_loop(recorded: Recorded) -> None:
    """Where a signal ends a process, the loop's span says what was done since the last event."""
    on_train_start()
    iterate([1, 1, 1])
    span = next(record for record in recorded.records if record["type"] == "start")
    assert span["name"] == "training_loop"
    get_recorder().close()
    attributes = recorded.span("training_loop")["attributes"]
    assert (attributes["open_iterations"], attributes["open_productive_ns"]) == (3, 3 * 10**9)


def test_time_to_first_iteration(recorded: Recorded) -> None:
    """The loop says how long it took from the first call until an iteration was completed."""
    with application():
        time.sleep(0.02)
        with training_loop():
            for _ in range(2):
                with training_iteration():
                    time.sleep(0.01)
    assert 0.03 <= recorded.span("training_loop")["attributes"]["time_to_first_iteration_sec"] < 5


def test_million_iterations_stay_flat(recorded: Recorded) -> None:
    """Iterations take neither memory nor room: what is recorded is bounded by the number of intervals."""
    configure_training(TrainingTelemetryConfig(log_every_n_train_iterations=10_000))
    with training_loop():
        for _ in range(100_000):
            with training_iteration():
                pass
    assert len(recorded.events("training_metrics_update")) == 10
    assert len(recorded.records) < 200


def test_nothing_is_configured() -> None:
    """Without a recorder each block yields a span that does nothing, and nothing is counted."""
    with application() as app, training_loop() as loop:
        for batch in data_loading([1, 2]):
            with training_iteration() as iteration:
                assert batch
    assert (app, loop, iteration) == (NOOP_SPAN, NOOP_SPAN, NOOP_SPAN)
    on_train_end()
    on_training_single_iteration_end()
