"""Checkpoints: what survives a crash, and how long the training waited for it."""

from __future__ import annotations

import threading

import pytest
from training_records import SECOND, START, Recorded, iterate

from one_logger.training_telemetry import (
    application,
    checkpoint_load,
    checkpoint_save,
    on_app_start,
    on_save_checkpoint_end,
    on_save_checkpoint_start,
    on_save_checkpoint_success,
    on_train_end,
    on_train_start,
    on_training_single_iteration_start,
    training_loop,
)


@pytest.mark.training(global_batch_size=2, flops_per_sample=1e12)
def test_what_a_checkpoint_saves(recorded: Recorded) -> None:
    """The event of a saved checkpoint says what survives a crash: what was done when its saving started."""
    on_train_start(100, start_time_msec=START)
    end = iterate([2, 3])
    with checkpoint_save(102):
        pass
    [event] = recorded.events("save_checkpoint_success")
    assert event["current_iteration"] == 102
    assert event["checkpoint_strategy"] == "sync"
    assert event["productive_train_iterations"] == 2
    assert event["productive_train_samples"] == 4
    assert event["productive_train_iterations_sec"] == 5
    assert event["productive_train_tflops"] == 4
    assert event["training_start_timestamp_sec"] == START / SECOND
    on_train_end(end)
    span = recorded.span("checkpoint_save_sync")
    assert span["attributes"] == {
        "checkpoint_strategy": "sync",
        "current_iteration": 102,
        "save_checkpoint_attempt_count": 1,
    }


def test_sums_are_recorded_before_a_save(recorded: Recorded) -> None:
    """When a saving starts, the iterations before it are recorded first: no kill can lose what the checkpoint holds."""
    with training_loop():
        iterate([1, 1, 1])
        on_save_checkpoint_start(3)
        [event] = recorded.events("training_metrics_update")
        assert event["num_iterations"] == 3
        assert [record["name"] for record in recorded.records if record["type"] == "start"][-1] == (
            "checkpoint_save_sync"
        )
        on_save_checkpoint_end()


def test_save_that_fails(recorded: Recorded) -> None:
    """It has no success; its exception is recorded and goes on; the training can go on, too."""
    with training_loop():
        with pytest.raises(OSError, match="full"), checkpoint_save(1):
            raise OSError("the disk is full")
        iterate([1])
    assert recorded.events("save_checkpoint_success") == []
    assert recorded.span("checkpoint_save_sync")["status"] == "ERROR"
    assert recorded.errors("checkpoint_save_sync") == ["OSError"]
    assert recorded.span("training_loop")["status"] == "UNSET"


def test_blocking_times(recorded: Recorded) -> None:
    """Each saving says how long all of them made the training wait, in all, at least and at most."""
    on_train_start(start_time_msec=START)
    for step, seconds in ((1, 3), (2, 1)):
        on_save_checkpoint_start(step, START)
        on_save_checkpoint_success(step, START + seconds * SECOND)
        on_save_checkpoint_end(START + seconds * SECOND)
    event = recorded.events("sync_checkpoint_metrics_update")[-1]
    assert event["save_checkpoint_sync_time_total_sec"] == 4
    assert event["save_checkpoint_sync_time_min_sec"] == 1
    assert event["save_checkpoint_sync_time_max_sec"] == 3
    on_train_end()


@pytest.mark.training(save_checkpoint_strategy="async", global_batch_size=1)
def test_asynchronous_saves_overlap(recorded: Recorded) -> None:
    """Each success says what its own checkpoint holds, in whatever order they come, and how long it took in all."""
    on_app_start(START)
    on_train_start(start_time_msec=START)
    time = iterate([1] * 5)
    on_save_checkpoint_start(5, time)
    on_save_checkpoint_end(time + SECOND)
    time = iterate([1] * 5, time + SECOND)
    on_save_checkpoint_start(10, time)
    on_save_checkpoint_end(time + SECOND)
    on_save_checkpoint_success(10, time + 2 * SECOND)
    on_train_end(time + 3 * SECOND)
    on_save_checkpoint_success(5, time + 4 * SECOND)
    later, earlier = recorded.events("save_checkpoint_success")
    assert (later["current_iteration"], later["productive_train_iterations"]) == (10, 10)
    assert (earlier["current_iteration"], earlier["productive_train_iterations"]) == (5, 5)
    assert later["save_checkpoint_time_sec"] == pytest.approx(2)
    assert earlier["save_checkpoint_time_sec"] == pytest.approx(10)
    assert [span["duration_ns"] for span in recorded.spans("checkpoint_save_async")] == [10**9, 10**9]


@pytest.mark.training(save_checkpoint_strategy="async")
def test_block_of_an_asynchronous_save_is_no_success(recorded: Recorded) -> None:
    """Leaving the block says that the training goes on, not that anything was saved."""
    with training_loop(), checkpoint_save(1):
        pass
    assert recorded.events("save_checkpoint_success") == []


@pytest.mark.training(save_checkpoint_strategy="async")
def test_two_blocking_parts_at_once(recorded: Recorded) -> None:
    """Two savings may be open at the same time; each end ends its own."""
    with training_loop():
        on_save_checkpoint_start(1)
        on_save_checkpoint_start(2)
        on_save_checkpoint_end(global_step=1)
        on_save_checkpoint_end(global_step=2)
    spans = recorded.spans("checkpoint_save_async")
    assert [span["attributes"]["current_iteration"] for span in spans] == [1, 2]
    assert recorded.mistakes() == []


@pytest.mark.training(save_checkpoint_strategy="async")
def test_success_in_another_thread_after_the_training(recorded: Recorded) -> None:
    """A save that ends when neither loop nor application is open is recorded nevertheless."""
    with training_loop():
        iterate([1])
        with checkpoint_save(1):
            pass
    thread = threading.Thread(target=on_save_checkpoint_success, args=(1,))
    thread.start()
    thread.join()
    [event] = recorded.events("save_checkpoint_success")
    assert event["productive_train_iterations"] == 1
    assert recorded.span("checkpoint_save_finalization")
    assert recorded.mistakes() == []


@pytest.mark.training(save_checkpoint_strategy="async")
def test_saves_that_never_succeed_take_no_memory(recorded: Recorded) -> None:
    """What is kept of savings under way is bounded; a success of one that was forgotten says what is known."""
    with application(), training_loop():
        for step in range(1_100):
            with checkpoint_save(step):
                pass
        on_save_checkpoint_success(0)
        on_save_checkpoint_success(1_099)
    forgotten, kept = recorded.events("save_checkpoint_success")
    assert "productive_train_iterations" not in forgotten
    assert "productive_train_iterations" in kept


def test_save_whose_end_nobody_said(recorded: Recorded) -> None:
    """An iteration that starts in an open save ends it as failed, which is said once: the rest is measured rightly."""
    with training_loop():
        on_save_checkpoint_start(0)
        iterate([1])
        on_save_checkpoint_start(1)
        iterate([1])
    first, second = recorded.spans("checkpoint_save_sync")
    assert (first["status"], second["status"]) == ("ERROR", "ERROR")
    assert len(recorded.mistakes()) == 1
    assert recorded.events("training_metrics_update")[-1]["interval_productive_ns"] == 10**9


def test_loading(recorded: Recorded) -> None:
    """Loading a checkpoint is a span of its own."""
    with application(), checkpoint_load():
        pass
    assert recorded.parent(recorded.span("checkpoint_load")) == "application"


def test_application_ends_what_is_open(recorded: Recorded) -> None:
    """Where an exception leaves the application, everything that was begun by callbacks ends with it, as failed."""
    with pytest.raises(KeyboardInterrupt), application():
        on_train_start()
        iterate([1])
        on_training_single_iteration_start()
        on_save_checkpoint_start(1)
        raise KeyboardInterrupt
    for name in ("checkpoint_save_sync", "training_loop", "application"):
        assert recorded.span(name)["status"] == "ERROR"
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 1
    assert recorded.errors("application") == ["KeyboardInterrupt"]
