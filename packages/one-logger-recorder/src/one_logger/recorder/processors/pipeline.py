"""Calls processors in their order, whatever they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from one_logger.core import Attributes, Event, OneLoggerError, Span
from one_logger.core.spi import error_text, let_pass, shown
from one_logger.recorder.processors.names import MAX_CACHED
from one_logger.recorder.processors.processor import ALL, Choice, Decision, Host, Processor

Method = TypeVar("Method", bound=Callable[..., object])


Step = tuple[int, Method]
"""The place of a processor in the list, from 0, and a method that it overrides."""


class Failure(NamedTuple):
    """A mistake of a processor."""

    kind: str
    """The same text for the same mistake, so that it can be counted."""
    message: str
    error: Exception | None


class Pipeline:
    """Calls processors in their order. One that raises is skipped, and `failed` is told."""

    def __init__(self, processors: Sequence[Processor], host: Host, failed: Callable[[Failure], None]) -> None:
        self._processors = check_processors(processors)
        self._failed = failed
        self.size = len(self._processors)
        self.samplers: list[Step[Callable[[int], bool]]] = self._steps("sample_trace")
        self.deciders: list[Step[Callable[[str], Decision]]] = self._steps("decide")
        self.known: dict[str, Choice] = {}
        """The choice for each name in sampled traces, if only names decide."""
        self.known_unsampled: dict[str, Choice] = {}
        """The same in traces that are not sampled."""
        self._by_name = all(self._processors[index].decides_by_name for index, _ in self.deciders)
        self.starters: list[Step[Callable[[Span], Mapping[str, object] | None]]] = self._steps("on_start")
        self.listeners: list[Step[Callable[[Event, Span], Event | None]]] = self._steps("on_event")
        self.stoppers: list[Step[Callable[[Span], bool]]] = self._steps("on_stop")
        for processor in self._processors:
            processor.attach(host)

    def _steps(self, method: str) -> list[Step[Method]]:
        """The processors that override a method: the others are not called."""
        default = getattr(Processor, method)
        bound = [(index, getattr(processor, method)) for index, processor in enumerate(self._processors)]
        return [(index, call) for index, call in bound if getattr(call, "__func__", None) is not default]

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
        """Have processors decide on a span: all, or those before the samplers if its trace is not sampled."""
        known = self.known if sampled else self.known_unsampled
        choice = known.get(name)
        if choice is None:
            choice = self._ask(name, self.size if sampled else self.samplers[0][0])
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
        """Call `on_start` of the first `depth` processors; `take` gets the attributes that they add."""
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
        """What the processors from place `first` up to `depth` leave of an event. None: it is dropped."""
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
        """Call `on_stop` of all processors, or of those at the given places."""
        for index, on_stop in self.stoppers:
            if index not in without and (only is None or index in only):
                try:
                    on_stop(span)
                except Exception as error:
                    self._raised(index, "on_stop", error)

    def refused_by(self, span: Span, deferrers: Sequence[int]) -> int | None:
        """The place of the first deferring processor that does not want the span exported. None if all want it."""
        for index in deferrers:
            try:
                if not self._processors[index].on_stop(span):
                    return index
            except Exception as error:
                self._raised(index, "on_stop", error)
        return None

    def close(self) -> None:
        """Call `on_close` of all processors."""
        self._call_all("on_close")

    def after_fork(self) -> None:
        """Call `after_fork` of all processors."""
        self._call_all("after_fork")

    def _call_all(self, method: str) -> None:
        for index, processor in enumerate(self._processors):
            try:
                getattr(processor, method)()
            except Exception as error:
                self._raised(index, method, error)

    def _raised(self, index: int, method: str, error: Exception) -> None:
        let_pass(error)
        kind = type(error).__name__
        self._skipped(index, method, kind, f"raised {kind}: {error_text(error)}", error)

    def _wrong(self, index: int, method: str, given: object, expected: str) -> None:
        self._skipped(index, method, "result", f"returned {shown(given)}; expected {expected}.")

    def _skipped(self, index: int, method: str, kind: str, what: str, error: Exception | None = None) -> None:
        called = f"{type(self._processors[index]).__name__} (number {index + 1})"
        message = f"The processor {called} was skipped: its {method}() {what}"
        self._failed(Failure(f"{called} {method} {kind}", message, error))


def check_processors(processors: object) -> tuple[Processor, ...]:
    """The processors, or a `OneLoggerError` if the argument is no list of processors."""
    if not isinstance(processors, Sequence) or isinstance(processors, (str, bytes)):
        raise OneLoggerError(f"processors is {type(processors).__name__}; expected a list of processors.")
    for number, processor in enumerate(processors):
        if not isinstance(processor, Processor):
            raise OneLoggerError(
                f"processors[{number}] is {type(processor).__name__}; expected a one_logger.recorder.Processor."
            )
    return tuple(processors)
