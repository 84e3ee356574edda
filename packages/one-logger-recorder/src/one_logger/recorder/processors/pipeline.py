"""Calling processors in their order, whatever they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from one_logger.core import Attributes, Event, OneLoggerError, Span
from one_logger.core.spi import error_text, safe_repr
from one_logger.recorder.processors.choice import ALL, Choice
from one_logger.recorder.processors.names import MAX_CACHED
from one_logger.recorder.processors.processor import Decision, Host, Processor

Method = TypeVar("Method", bound=Callable[..., object])


class Step(NamedTuple, Generic[Method]):
    """A method of a processor that does not leave everything as it is."""

    place: int
    """The number of the processor in the list, from 0."""
    call: Method
    """The method, bound."""


class Failure(NamedTuple):
    """What a processor did wrong."""

    kind: str
    """What it is, for counting."""
    message: str
    """A sentence."""
    error: Exception | None
    """What it raised."""


class Pipeline:
    """Processors in their order. One that raises is skipped, which is noted as a failure."""

    def __init__(self, processors: Sequence[Processor], host: Host, failed: Callable[[Failure], None]) -> None:
        self._processors = check_processors(processors)
        self._failed = failed
        self.size = len(self._processors)
        self.samplers: list[Step[Callable[[int], bool]]] = self._steps("sample_trace")
        self.deciders: list[Step[Callable[[str], Decision]]] = self._steps("decide")
        self.known: dict[str, Choice] = {}
        """What they have decided of a name in a sampled trace, where they would decide the same again."""
        self.known_unsampled: dict[str, Choice] = {}
        """The same in a trace that is not sampled."""
        self._by_name = all(self._processors[step.place].decides_by_name for step in self.deciders)
        self.starters: list[Step[Callable[[Span], Mapping[str, object] | None]]] = self._steps("on_start")
        self.listeners: list[Step[Callable[[Event, Span], Event | None]]] = self._steps("on_event")
        self.stoppers: list[Step[Callable[[Span], bool]]] = self._steps("on_stop")
        for processor in self._processors:
            processor.attach(host)

    def _steps(self, method: str) -> list[Step[Method]]:
        """The processors that have a method of their own: the others are not called."""
        default = getattr(Processor, method)
        bound = [(index, getattr(processor, method)) for index, processor in enumerate(self._processors)]
        return [Step(index, call) for index, call in bound if getattr(call, "__func__", None) is not default]

    def place(self, processor: Processor) -> int:
        """The place of a processor in the list."""
        return next(index for index, each in enumerate(self._processors) if each is processor)

    def samples(self, trace_id: int) -> bool:
        """Whether all of them want a trace recorded."""
        for index, sample in self.samplers:
            try:
                if not sample(trace_id):
                    return False
            except Exception as error:
                self._raised(index, "sample_trace", error)
        return True

    def choose(self, name: str, *, sampled: bool = True) -> Choice:
        """Ask the processors what is to be done with a span: those before the samplers, if its trace is not sampled."""
        known = self.known if sampled else self.known_unsampled
        choice = known.get(name)
        if choice is None:
            choice = self._ask(name, self.size if sampled else self.samplers[0].place)
            if not sampled:
                choice = choice._replace(dropped=True, deferrers=())
            if self._by_name and len(known) < MAX_CACHED:
                known[name] = choice
        return choice

    def _ask(self, name: str, limit: int) -> Choice:
        observers: tuple[int, ...] = ()
        deferrers: tuple[int, ...] = ()
        for index, decide in self.deciders:
            if index >= limit:
                break
            try:
                decision = decide(name)
            except Exception as error:
                self._raised(index, "decide", error)
                continue
            if decision is Decision.KEEP:
                continue
            if decision is Decision.DROP:
                return Choice(index, True, observers, ())
            if decision is Decision.OBSERVE:
                observers += (index,)
            elif decision is Decision.DEFER:
                deferrers += (index,)
            else:
                self._wrong(index, "decide", decision, "a Decision")
        return Choice(limit, False, observers, deferrers) if observers or deferrers or limit < self.size else ALL

    def attributes(self, span: Span, depth: int, take: Callable[[Mapping[str, object]], None]) -> None:
        """Show the start of a span to the first `depth` processors; `take` gets the attributes that they add."""
        for index, on_start in self.starters:
            if index >= depth:
                break
            try:
                added = on_start(span)
                if added is None:
                    continue
                if type(added) is Attributes or isinstance(added, Mapping):
                    take(added)
                else:
                    self._wrong(index, "on_start", added, "a mapping of attributes or None")
            except Exception as error:
                self._raised(index, "on_start", error)

    def event(self, event: Event, span: Span, first: int = 0, depth: int = ALL.depth) -> Event | None:
        """What the processors from place `first` on, of the first `depth`, leave of an event."""
        for index, on_event in self.listeners:
            if index < first:
                continue
            if index >= depth:
                break
            try:
                left = on_event(event, span)
                if left is event:
                    continue
                if left is None:
                    return None
                if isinstance(left, Event):
                    event = left
                else:
                    self._wrong(index, "on_event", left, "an Event or None")
            except Exception as error:
                self._raised(index, "on_event", error)
        return event

    def stopped(self, span: Span, only: Sequence[int] | None = None, without: Sequence[int] = ()) -> None:
        """Show a span that has stopped to all processors, or to those at some places."""
        for index, on_stop in self.stoppers:
            if index not in without and (only is None or index in only):
                try:
                    on_stop(span)
                except Exception as error:
                    self._raised(index, "on_stop", error)

    def refused_by(self, span: Span, deferrers: Sequence[int]) -> int | None:
        """The place of the first processor of those that have deferred it which does not want a span exported."""
        for index in deferrers:
            try:
                if not self._processors[index].on_stop(span):
                    return index
            except Exception as error:
                self._raised(index, "on_stop", error)
        return None

    def close(self) -> None:
        """Tell all of them that this was all."""
        for index, processor in enumerate(self._processors):
            try:
                processor.on_close()
            except Exception as error:
                self._raised(index, "on_close", error)

    def after_fork(self) -> None:
        """Have all of them forget."""
        for index, processor in enumerate(self._processors):
            try:
                processor.after_fork()
            except Exception as error:
                self._raised(index, "after_fork", error)

    def _raised(self, index: int, method: str, error: Exception) -> None:
        called, kind = self._called(index), type(error).__name__
        self._failed(
            Failure(
                f"{called} {method} {kind}",
                f"The processor {called} was skipped: its {method}() raised {kind}: {error_text(error)}",
                error,
            )
        )

    def _wrong(self, index: int, method: str, given: object, expected: str) -> None:
        called = self._called(index)
        self._failed(
            Failure(
                f"{called} {method} result",
                f"The processor {called} was skipped: its {method}() gave {safe_repr(given, 100)}; "
                f"expected {expected}.",
                None,
            )
        )

    def _called(self, index: int) -> str:
        return f"{type(self._processors[index]).__name__} (number {index + 1})"


def check_processors(processors: object) -> tuple[Processor, ...]:
    """The processors, if that is what they are."""
    if not isinstance(processors, Sequence) or isinstance(processors, (str, bytes)):
        raise OneLoggerError(f"processors is {type(processors).__name__}; expected a list of processors.")
    for number, processor in enumerate(processors):
        if not isinstance(processor, Processor):
            raise OneLoggerError(
                f"processors[{number}] is {type(processor).__name__}; expected a one_logger.recorder.Processor."
            )
    return tuple(processors)
