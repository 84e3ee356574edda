"""What this process trains: its spans that are open, its loop, its checkpoints. One for each recorder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from time import monotonic_ns, time_ns

from one_logger.api import NoOpRecorder, OneLoggerErrorHandlingStrategy, OneLoggerProvider, Recorder, current_span
from one_logger.core import NOOP_SPAN, Event, OneLoggerError, Span, Status, Timestamp
from one_logger.core.spi import diagnostics, error_text, safe_repr
from one_logger.training_telemetry.checkpoints import Checkpoints
from one_logger.training_telemetry.config import TrainingTelemetryConfig
from one_logger.training_telemetry.evaluations import Evaluations
from one_logger.training_telemetry.iterations import Iterations
from one_logger.training_telemetry.names import AttributeName, EventName, SpanName

_provider = OneLoggerProvider.instance()
_LOOP = SpanName.TRAINING_LOOP
_JITTER_NS = 1_000_000
try:
    _VERSION: str | None = version("one-logger-training-telemetry")
except PackageNotFoundError:  # in an application that was packed into one file
    _VERSION = None
_WAITS = frozenset(SpanName) - {SpanName.APPLICATION, SpanName.TRAINING_LOOP, SpanName.TRAINING_SINGLE_ITERATION}


class Training:
    """What this process trains.

    Args:
        recorder: What it is recorded with.
        config: What is trained.

    Attributes:
        recorder: As given.
        config: As given, or as it was changed later.
        loop: The iterations of the training loop that is open.
        checkpoints: Its checkpoints.
        evaluations: Its validations and tests.
    """

    def __init__(self, recorder: Recorder, config: TrainingTelemetryConfig) -> None:
        self.recorder = recorder
        self.config = config
        self.loop: Iterations | None = None
        self.checkpoints = Checkpoints(self)
        self.evaluations = Evaluations(self)
        now = Timestamp.now()
        self._began_ns = now.monotonic_ns
        self._offset_ns = self._first_offset_ns = now.unix_ns - now.monotonic_ns
        self._open: dict[str, list[Span]] = {}
        self._waiting: set[Span] = set()  # those of the open ones for which the loop waits
        self._told: set[str] = set()
        self._announced = False
        self._last_loop: Iterations | None = None
        self._loop_start: Timestamp | None = None
        self._first_iteration_ns: int | None = None
        self._earlier_time_ns = self._earlier_count = 0  # of loops that have ended

    # -- spans -------------------------------------------------------------------------------------------------------

    def start(self, name: str, attributes: Mapping[str, object] | None = None, at: Timestamp | None = None) -> Span:
        """Start a span, in the current one, else in the training's."""
        if at is None:
            at = Timestamp.now()
        parent = self.around() if current_span() is NOOP_SPAN else None
        return self.recorder.start(name, attributes, {AttributeName.MONOTONIC_NS: at.monotonic_ns}, at, parent)

    def begin(self, name: str, attributes: Mapping[str, object] | None = None, at: Timestamp | None = None) -> Span:
        """Start a span that `finish` ends, or `finish_latest` by its name."""
        span = self.start(name, attributes, at)
        if span is NOOP_SPAN:
            return span
        self._open.setdefault(name, []).append(span)
        if self.loop is not None and name in _WAITS and self.loop.waits.begin(span.start_monotonic_ns):
            self._waiting.add(span)
        return span

    def finish(self, span: Span, at: Timestamp | None = None, exception: BaseException | None = None) -> None:
        """Stop a span. If an exception has ended it, that is recorded."""
        opened = self._open.get(span.name, [])
        if span in opened:
            opened.remove(span)
        if at is None:
            at = Timestamp.now()
        if span in self._waiting:
            self._waiting.discard(span)
            if self.loop is not None:
                self.loop.waits.end(at.monotonic_ns)
        if span.end_unix_ns is None:
            if exception is not None:
                self.record_exception(span, exception)
            self.recorder.stop(span, None, at)

    def latest(self, name: str) -> Span | None:
        """The span of a name that was begun last and is open."""
        spans = self._open.get(name)
        return spans[-1] if spans else None

    def open_spans(self, name: str) -> list[Span]:
        """The spans of a name that are open, the last one last."""
        return list(self._open.get(name, ()))

    def around(self) -> Span | None:
        """The training loop, else the application; None if neither is open."""
        return self.latest(_LOOP) or self.latest(SpanName.APPLICATION)

    def record_exception(self, span: Span, exception: BaseException) -> None:
        """Record an exception that leaves a span. An exit without an error is none."""
        if isinstance(exception, GeneratorExit) or (isinstance(exception, SystemExit) and exception.code in (None, 0)):
            return
        self.recorder.error(span, f"{span.name} raised {type(exception).__name__}", exception)

    # -- the training ------------------------------------------------------------------------------------------------

    def begin_application(self, at: Timestamp) -> Span:
        """The process begins."""
        config = _provider.config
        span = self.begin(SpanName.APPLICATION, None, at)
        metadata = [
            f"{name}:{value!r}" if isinstance(value, bytes) else f"{name}:{value}"
            for name, value in (config.custom_metadata if config else {}).items()
        ]
        attributes: dict[str, object] = {
            AttributeName.MONOTONIC_NS: at.monotonic_ns,
            AttributeName.WORLD_SIZE: self.world_size,
            AttributeName.RANK: config.rank if config else None,
            AttributeName.SESSION_TAG: config.session_tag if config else None,
            AttributeName.NODE_NAME: os.uname().nodename if hasattr(os, "uname") else None,
            AttributeName.VERSION: _VERSION,
            AttributeName.CUSTOM_METADATA: metadata or None,
        }
        self.recorder.event(span, Event(EventName.ONE_LOGGER_INITIALIZATION, attributes, at))
        self.announce(at)
        return span

    def end_application(self, span: Span, at: Timestamp, exception: BaseException | None = None) -> None:
        """The process ends. What is still open has failed."""
        if self.loop is not None:
            self.end_loop(self.loop.span, at, failed=True)
        for left in [each for spans in self._open.values() for each in spans if each is not span]:
            left.set_status(Status.ERROR)
            self.finish(left, at)
        self.finish(span, at, exception)

    def announce(self, at: Timestamp | None = None) -> None:
        """Record what is trained, once it is known, if a span is open of which that can be said."""
        span = self.latest(SpanName.APPLICATION) or self.latest(_LOOP)
        if span is None or self.config is _UNKNOWN or self._announced:
            return
        self._announced = True
        at = Timestamp.now() if at is None else at
        attributes = {AttributeName.MONOTONIC_NS: at.monotonic_ns, **self.config.attributes()}
        self.recorder.event(span, Event(EventName.UPDATE_TRAINING_TELEMETRY_CONFIG, attributes, at))

    def change_config(self, config: TrainingTelemetryConfig) -> None:
        """What is trained is known now."""
        self.config = config
        self._announced = False
        self.announce()

    def begin_loop(
        self,
        first: int,
        samples_start: int | None,
        iterations_target: int | None,
        samples_target: int | None,
        at: Timestamp,
    ) -> Span:
        """A training loop begins. One that is open has failed."""
        open_loop = self.latest(_LOOP)
        if open_loop is not None:
            self.end_loop(open_loop, at, failed=True)
        config = self.config
        batch, sequence, flops = config.global_batch_size, config.seq_length, config.flops_per_sample
        if samples_start is None and batch is not None:
            samples_start = first * batch
        iterations_target = iterations_target or config.train_iterations_target
        samples_target = samples_target or config.train_samples_target
        if samples_target is None and iterations_target is not None and batch is not None:
            samples_target = iterations_target * batch
        attributes: dict[str, object] = {
            AttributeName.TRAIN_ITERATIONS_START: first,
            AttributeName.TRAIN_SAMPLES_START: samples_start,
            AttributeName.TRAIN_ITERATIONS_TARGET: iterations_target,
            AttributeName.TRAIN_SAMPLES_TARGET: samples_target,
            AttributeName.TRAIN_TOKENS_TARGET: (
                samples_target * sequence if samples_target is not None and sequence else None
            ),
            AttributeName.COMPLETED_FLOPS: (samples_start * flops if samples_start is not None and flops else None),
        }
        span = self.begin(_LOOP, attributes, at)
        self.loop = self._last_loop = Iterations(self, span, at.monotonic_ns, first, samples_start)
        self._loop_start = self._loop_start or at
        self.announce(at)
        return span

    def end_loop(
        self, span: Span, at: Timestamp, exception: BaseException | None = None, *, failed: bool = False
    ) -> None:
        """A training loop ends: by itself, by an exception, or since nothing says that it has ended otherwise."""
        loop = self.loop
        if loop is not None and loop.span is span:
            loop.drop()
            self.close_waits(at)
            loop.flush(at.monotonic_ns)
            self._earlier_time_ns += loop.time_ns
            self._earlier_count += loop.count
            self.loop = None
        if failed:
            span.set_status(Status.ERROR)
        self.finish(span, at, exception)

    def fail(self, exception: BaseException, spans: Sequence[Span] = ()) -> None:
        """An exception has ended the training: it is recorded, on the loop if one is open, else on these spans.

        Args:
            exception: The exception.
            spans: What else is open.
        """
        at = Timestamp.now()
        loop = self.loop
        if loop is not None:
            self.end_loop(loop.span, at, exception)
        for span in spans:
            if span.end_unix_ns is None:
                span.set_status(Status.ERROR)
                self.finish(span, at, None if loop is not None else exception)

    def left_waiting(self, at: Timestamp) -> None:
        """An iteration begins, but nothing has said that what the loop waited for has ended."""
        names = ", ".join(sorted({span.name for span in self._waiting}))
        self.close_waits(at)
        if self.loop is not None:
            self.loop.waits.end_all(at.monotonic_ns)
        self.mistake(
            "left waiting",
            f"An iteration began in {names or 'a wait for data'}; end that before, as with on_..._end().",
        )

    def close_waits(self, at: Timestamp) -> None:
        """End what the loop waits for, though nothing has said that it has ended: the training goes on, or is over."""
        for span in sorted(self._waiting, key=lambda each: -each.start_monotonic_ns):
            span.set_status(Status.ERROR)
            self.finish(span, at)

    def note_first_iteration(self, now: int) -> None:
        """The first iteration of a loop has ended."""
        if self._first_iteration_ns is None and self.loop is not None:
            self._first_iteration_ns = now
            start = min(self._began_ns, self.loop.span.start_monotonic_ns)
            self.loop.span.set_attribute(AttributeName.TIME_TO_FIRST_ITERATION_SEC, (now - start) / 1e9)

    @property
    def world_size(self) -> int | None:
        """How many ranks there are. None if nobody says."""
        config = _provider.config
        return None if config is None else config.world_size

    @property
    def completed(self) -> int:
        """How many iterations were completed, over all incarnations."""
        return 0 if self._last_loop is None else self._last_loop.completed

    def productive(self) -> dict[str, object]:
        """What was done until now, by the names of attributes."""
        names, config = AttributeName, self.config
        loop = self.loop
        count = self._earlier_count + (loop.count if loop else 0)
        samples = None if config.global_batch_size is None else count * config.global_batch_size
        flops = config.flops_per_sample
        return {
            names.PRODUCTIVE_TRAIN_ITERATIONS: count,
            names.PRODUCTIVE_TRAIN_SAMPLES: samples,
            names.PRODUCTIVE_TRAIN_ITERATIONS_SEC: (self._earlier_time_ns + (loop.time_ns if loop else 0)) / 1e9,
            names.PRODUCTIVE_VALIDATION_ITERATIONS_SEC: self.evaluations.times.total_ns / 1e9,
            names.PRODUCTIVE_TRAIN_TFLOPS: samples * flops / 1e12 if samples is not None and flops else None,
            names.TRAINING_START: None if self._loop_start is None else self._loop_start.unix_ns / 1e9,
        }

    # -- times and mistakes ------------------------------------------------------------------------------------------

    def moment(self, now_ns: int) -> Timestamp:
        """An instant that is given by the monotonic clock, in nanoseconds."""
        before, wall, after = monotonic_ns(), time_ns(), monotonic_ns()
        # The wall clock was changed, unless the thread just had to wait between the two.
        if abs(wall - before - self._offset_ns) > _JITTER_NS > after - before:
            self._offset_ns = wall - before
        return Timestamp.of_clocks(now_ns + self._offset_ns, now_ns)

    def time(self, milliseconds: float | None) -> Timestamp:
        """An instant that was given in milliseconds since 1970; None: now."""
        if milliseconds is None:
            return Timestamp.now()
        try:
            unix_ns = round(milliseconds * 1_000_000)
        except Exception:
            self.mistake("time", f"A time is {safe_repr(milliseconds, 100)}; expected milliseconds since 1970.")
            return Timestamp.now()
        return Timestamp(unix_ns, unix_ns - self._first_offset_ns)

    def mistake(self, kind: str, message: str) -> None:
        """Handle a telemetry error as the strategy asks: this library is used in a wrong way. Said once for each kind.

        Raises:
            OneLoggerError: The strategy is `PROPAGATE_EXCEPTIONS`.
        """
        if kind not in self._told:
            self._told.add(kind)
            self.recorder.telemetry_data_error(message)
            diagnostics.report(f"training: {kind}", message)
        strategy = _provider.config.error_handling_strategy if _provider.config else None
        if strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS:
            raise OneLoggerError(message)
        if strategy is OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR:
            _provider.force_disable_logging()


_UNKNOWN = TrainingTelemetryConfig()
_config = _UNKNOWN
_training: Training | None = None


def training() -> Training | None:
    """What this process trains; None if nothing is recorded."""
    global _training  # noqa: PLW0603 - there is one for each recorder, and one recorder at a time
    recorder = _provider.recorder
    found = _training
    if found is not None and found.recorder is recorder:
        return found
    if isinstance(recorder, NoOpRecorder):
        return None
    found = _training = Training(recorder, _config)
    return found


def configure_training(config: TrainingTelemetryConfig) -> None:
    """Say what is trained: before or after the recorder is configured, at best before the training loop starts.

    Raises:
        OneLoggerError: The argument is no `TrainingTelemetryConfig`.
    """
    global _config  # noqa: PLW0603 - it may be said before there is a recorder
    if not isinstance(config, TrainingTelemetryConfig):
        raise OneLoggerError(
            f"configure_training() was given {type(config).__name__}; expected a TrainingTelemetryConfig."
        )
    _config = config
    found = training()
    if found is not None:
        found.change_config(config)


@contextmanager
def contained() -> Iterator[None]:
    """Let no telemetry error leave a block in which an exception of the job is handled."""
    try:
        yield
    except Exception as error:
        diagnostics.report("training: telemetry error while an exception passed", error_text(error))
