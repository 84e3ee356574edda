"""Callbacks: all of them, in order and out of order; configuration; strategies for telemetry errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from training_records import SECOND, START, Recorded, configured, iterate

from one_logger import training_telemetry as telemetry
from one_logger.api import OneLoggerConfig, OneLoggerProvider
from one_logger.core import NOOP_SPAN, OneLoggerError
from one_logger.recorder.testing import recorded_telemetry
from one_logger.training_telemetry import AttributeName, EventName, SpanName, TrainingTelemetryConfig

PAIRS = [
    ("distributed_init", SpanName.DIST_INIT, "distributed_init"),
    ("model_init", SpanName.MODEL_INIT, "model_init"),
    ("dataloader_init", SpanName.DATA_LOADER_INIT, "dataloader_init"),
    ("optimizer_init", SpanName.OPTIMIZER_INIT, "optimizer_init"),
    ("load_checkpoint", SpanName.CHECKPOINT_LOAD, "checkpoint_load"),
    ("validation", SpanName.VALIDATION_LOOP, "validation_loop"),
    ("testing", SpanName.TESTING_LOOP, "testing_loop"),
    ("app", SpanName.APPLICATION, "application"),
    ("train", SpanName.TRAINING_LOOP, "training_loop"),
]


@pytest.mark.parametrize(("callback", "span", "block"), PAIRS, ids=[name for name, _, _ in PAIRS])
def test_pairs(recorded: Recorded, callback: str, span: str, block: str) -> None:
    """Each pair of callbacks, and each block, records its span, at the times that were given."""
    start, end = (getattr(telemetry, f"on_{callback}_{which}") for which in ("start", "end"))
    started = start(start_time_msec=START)
    assert started.name == span
    end(START + 1.5 * SECOND)
    with getattr(telemetry, block)():
        pass
    first, second = recorded.spans(span)
    assert first["start_time_unix_nano"] == START * 1_000_000
    assert first["duration_ns"] == 1_500_000_000
    assert second["duration_ns"] >= 0
    assert recorded.mistakes() == []


@pytest.mark.parametrize(
    "end",
    ["app", "model_init", "load_checkpoint", "train", "training_single_iteration", "validation", "save_checkpoint"],
)
def test_end_without_a_start(recorded: Recorded, end: str) -> None:
    """It changes nothing, and is said to the backend once, however often it happens."""
    for _ in range(3):
        getattr(telemetry, f"on_{end}_end")()
    assert len(recorded.mistakes()) == 1


def test_iteration_outside_a_loop(recorded: Recorded) -> None:
    """It is a telemetry error, said once, and the code in it runs."""
    ran = 0
    for _ in range(3):
        with telemetry.training_iteration() as span:
            assert span is NOOP_SPAN
            ran += 1
    assert ran == 3
    assert len(recorded.mistakes()) == 1


def test_strategy_propagate() -> None:
    """Where telemetry errors are to be raised, they are, but never in place of the job's own exception."""
    with configured("PROPAGATE_EXCEPTIONS"):
        with pytest.raises(OneLoggerError, match="had not started"):
            telemetry.on_train_end()
        with pytest.raises(ValueError, match="the job's"), telemetry.application():
            telemetry.on_train_start()
            raise ValueError("the job's")


def test_strategy_disable() -> None:
    """Where the first telemetry error is to be the last, nothing is recorded after it, and the job goes on."""
    with configured("DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR") as recorded, telemetry.application():
        telemetry.on_train_end()
        with telemetry.training_loop() as span:
            iterate([1])
        assert span is NOOP_SPAN
        assert not OneLoggerProvider.instance().one_logger_enabled
    assert recorded.spans("training_loop") == []


def test_disabled_rank() -> None:
    """On a rank that does not record nothing is, and every call works."""
    with recorded_telemetry(OneLoggerConfig("tests", rank=1, enable_for_current_rank=lambda rank: rank == 0)) as kept:
        with telemetry.application(), telemetry.training_loop() as loop:
            loop.set_attribute("lr", 0.1)
            with telemetry.training_iteration(), telemetry.checkpoint_save(1):
                pass
        telemetry.on_save_checkpoint_success(1)
    assert [record for record in kept.records if record["type"] not in ("resource", "end")] == []


def test_who_trains_what(recorded: Recorded) -> None:
    """The application says who trains, and what, as soon as that is known."""
    with telemetry.application():
        telemetry.configure_training(TrainingTelemetryConfig(perf_tag="small", global_batch_size=lambda: 64))
        with telemetry.training_loop():
            pass
    [who] = recorded.events("one_logger_initialization")
    assert (who["session_tag"], who["world_size"], who["rank"]) == ("s", 2, 0)
    what = recorded.events("update_training_telemetry_config")[-1]
    assert (what["perf_tag"], what["global_batch_size"]) == (["small"], 64)
    assert what["log_every_n_train_iterations"] == 50


@pytest.mark.training(perf_tag=["a", "b"], custom_metadata={"model": "gpt"})
def test_what_is_trained_without_an_application(recorded: Recorded) -> None:
    """Where there is no span of an application, the loop says what is trained."""
    with telemetry.training_loop():
        pass
    [what] = recorded.events("update_training_telemetry_config")
    assert (what["perf_tag"], what["custom_metadata"]) == (["a", "b"], ["model:gpt"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"global_batch_size": 0}, "global_batch_size is 0; expected a whole number from 1"),
        ({"micro_batch_size": "8"}, "micro_batch_size is '8'"),
        ({"log_every_n_train_iterations": 0}, "log_every_n_train_iterations is 0"),
        ({"flops_per_sample": -1}, "flops_per_sample is -1"),
        ({"perf_tag": 3}, "perf_tag is 3; expected a text, or a sequence of texts"),
        ({"save_checkpoint_strategy": "later"}, "expected 'sync' or 'async'"),
        ({"seq_length": lambda: 1 / 0}, "The function given as seq_length raised ZeroDivisionError"),
        ({"iteration_spans": 1}, "iteration_spans was given as int; expected True or False"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_wrong_configuration(arguments: dict[str, Any], sentence: str) -> None:
    """What is wrong with a configuration is said in a sentence."""
    with pytest.raises(OneLoggerError) as caught:
        TrainingTelemetryConfig(**arguments)
    assert sentence in str(caught.value)


def test_configuration_from_a_mapping() -> None:
    """A mapping has the same names; an unknown one is refused, with the one that was probably meant."""
    assert TrainingTelemetryConfig.from_mapping({"perf_tag": "x", "seq_length": 8}).seq_length == 8
    with pytest.raises(OneLoggerError, match="did you mean 'seq_length'"):
        TrainingTelemetryConfig.from_mapping({"seq_lenght": 8})
    with pytest.raises(OneLoggerError, match="expected a TrainingTelemetryConfig"):
        telemetry.configure_training({"seq_length": 8})  # type: ignore[arg-type]


def test_function_is_called_once() -> None:
    """A function that is given for a number is called once, where the configuration is made."""
    calls: list[int] = []

    def batch() -> int:
        calls.append(1)
        return 4

    config = TrainingTelemetryConfig(global_batch_size=batch)
    with configured(global_batch_size=config.global_batch_size), telemetry.training_loop():
        iterate([1] * 60)
    assert calls == [1]


def test_wrong_time(recorded: Recorded) -> None:
    """A time that is none is a telemetry error; the time of the call is used."""
    telemetry.on_app_start("yesterday")  # type: ignore[arg-type]
    telemetry.on_app_end()
    assert len(recorded.mistakes()) == 1
    assert recorded.span("application")["duration_ns"] >= 0


def test_blocks_decorate(recorded: Recorded) -> None:
    """Each block decorates functions, and coroutine functions: every call is one."""

    @telemetry.application()
    def main() -> int:
        return step() + step()

    @telemetry.training_iteration()
    def step() -> int:
        return 1

    @telemetry.training_loop(train_iterations_start=5)
    async def train() -> int:
        await asyncio.sleep(0)
        return step()

    assert asyncio.run(train()) == 1
    with telemetry.training_loop():
        assert main() == 2
    first, second = recorded.spans("training_loop")
    assert first["attributes"]["train_iterations_start"] == 5
    assert second["attributes"]["train_iterations_start"] == 0
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 2


@pytest.mark.training(iteration_spans=True, global_batch_size=1, flops_per_sample=1, peak_tflops_per_gpu=1)
def test_validation(recorded: Recorded) -> None:
    """A validation says how long its batches took in the whole process, and after how many iterations it came."""
    with telemetry.training_loop():
        iterate([1, 1])
        telemetry.on_validation_start(START)
        for _ in range(2):
            telemetry.on_validation_single_iteration_start(START)
            telemetry.on_validation_single_iteration_end(START + 3 * SECOND)
        telemetry.on_validation_single_iteration_start(START)  # which has no end: it does not count
        telemetry.on_validation_end(START + 8 * SECOND)
        with telemetry.testing_loop():
            pass
    [event] = recorded.events("validation_metrics_update")
    assert (event["current_iteration"], event["interval"]) == (1, 2)
    assert (event["avg_iteration_time_sec"], event["total_iteration_time_sec"]) == (3, 6)
    assert recorded.events("testing_metrics_update")[0]["interval"] == 2
    assert len(recorded.spans("validation_single_iteration")) >= 2


@pytest.mark.training(global_batch_size=1, seq_length=2, flops_per_sample=1, peak_tflops_per_gpu=1, perf_tag="x")
def test_all_names_are_listed(recorded: Recorded) -> None:
    """Whatever is recorded has a name that `SpanName`, `EventName` and `AttributeName` list."""
    with telemetry.application():
        with telemetry.checkpoint_load(), telemetry.model_init():
            pass
        with telemetry.training_loop(train_iterations_target=10):
            iterate([1.0] * 40 + [9])
            with telemetry.checkpoint_save(41):
                pass
            with telemetry.validation_loop(), telemetry.validation_iteration():
                pass
    for record in recorded.records:
        if record["type"] in ("start", "stop", "complete"):
            assert record["name"] in set(SpanName)
        elif record["type"] == "event":
            assert record["name"] in set(EventName)
        if record["type"] != "resource":
            assert set(record.get("attributes", ())) <= set(AttributeName)
            assert set(record.get("start_event", ())) <= {"monotonic_ns"}


def test_each_recorder_has_its_own_training() -> None:
    """What was open with an earlier recorder has nothing to do with the next one."""
    with configured():
        telemetry.on_train_start()
    with configured() as recorded:
        telemetry.on_train_end()
        assert len(recorded.mistakes()) == 1
        with telemetry.training_loop():
            iterate([1])
    assert recorded.events("training_metrics_update")[0]["num_iterations"] == 1


def test_flops() -> None:
    """FLOPs per token are 6N + 12·L·h·s, and the peaks are dense ones of devices that are known."""
    # PaLM 540B (arXiv 2204.02311, table 3): 118 layers, 48 heads of 256, sequences of 2,048.
    flops = telemetry.transformer_flops_per_sample(540e9, 118, 48 * 256, 2_048)
    assert flops == 2_048 * (6 * 540e9 + 12 * 118 * 48 * 256 * 2_048)
    assert telemetry.transformer_flops_per_sample(0, 1, 1, 2, causal=True) == 24
    known = {name: telemetry.dense_peak_tflops(name) for name in ("NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe")}
    assert known == {"NVIDIA H100 80GB HBM3": 989, "NVIDIA H100 PCIe": 756}
    assert telemetry.dense_peak_tflops("NVIDIA A100-SXM4-80GB") == 312
    for unknown in ("NVIDIA GB200", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "Tesla T4"):
        assert telemetry.dense_peak_tflops(unknown) is None
