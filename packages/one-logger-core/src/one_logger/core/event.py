"""Events: points in time during a span, errors among them, and what the library has to say about its own data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from time import monotonic_ns, time_ns

from one_logger.core._conversion import exported_name, message_text
from one_logger.core._stack_trace import StackTrace, qualified_name
from one_logger.core.attributes import Attributes, AttributeValue, salvage_attributes, take_attributes
from one_logger.core.errors import OneLoggerError
from one_logger.core.text import MAX_TRACE, bounded, safe_repr
from one_logger.core.thread import HERE, ThreadInfo, look_around
from one_logger.core.timestamp import Timestamp, take_time

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Self

ERROR_SPAN_ID = "one_logger.error_span_id"
"""The attribute of an error that says where its exception stands in full: the id of a span, 16 hexadecimal digits."""

EXCEPTION_EVENT_NAME = "exception"
"""The name of an error's event (OpenTelemetry semantic conventions, "Exceptions in spans")."""


class Event:
    """A point in time during a span. Immutable. Two are equal if all that they say is: class, name, time, and the rest.

    A name that is no text, and attributes that are no mapping, do not raise: their `repr` is exported, and `problem`
    says what was wrong, which a recorder treats as a telemetry error. So it is with a timestamp that is none; the event
    then happens now.

    Args:
        name: A `str`, or an `Enum` whose value is one.
        attributes: Its properties.
        timestamp: When it happened. None: now.
    """

    __slots__ = ("_attributes", "_monotonic_ns", "_name", "_problem", "_thread", "_unix_ns")

    def __init__(
        self,
        name: str | Enum,
        attributes: Mapping[str, object] | None = None,
        timestamp: Timestamp | None = None,
    ) -> None:
        self._problem: str | None = None
        try:
            self._name = name if type(name) is str else exported_name(name)
            self._attributes = take_attributes(attributes)
        except OneLoggerError as error:
            self._problem = str(error)
            self._name = message_text(name)
            self._attributes = salvage_attributes(attributes)
        if timestamp is None:
            self._unix_ns = time_ns()
            self._monotonic_ns = monotonic_ns()
        else:
            self._unix_ns, self._monotonic_ns, problem = take_time("timestamp", timestamp)
            self._problem = self._problem or problem
        try:
            self._thread: ThreadInfo | None = HERE.thread
        except AttributeError:
            self._thread = look_around()

    @classmethod
    def create(
        cls,
        name: str | Enum,
        attributes: Mapping[str, object] | None = None,
        timestamp: Timestamp | None = None,
    ) -> Self:
        """The same as calling the class."""
        return cls(name, attributes, timestamp)

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def problem(self) -> str | None:
        """A sentence that says what was wrong with the arguments; None if nothing was."""
        return self._problem

    @property
    def thread(self) -> ThreadInfo | None:
        """The thread that it was made in; None for the main thread."""
        return self._thread

    @property
    def timestamp(self) -> Timestamp:
        """When it happened."""
        return Timestamp.of_clocks(self._unix_ns, self._monotonic_ns)

    @property
    def attributes(self) -> Attributes:
        """The properties."""
        return Attributes.of_taken(self._attributes)

    @property
    def given_attributes(self) -> Attributes:
        """The properties that it was made with. Of an error, without those that say what the exception was."""
        return Attributes.of_taken(self._attributes)

    def with_attributes(self, attributes: Mapping[str, object]) -> Self:
        """The same event with these attributes instead of its own."""
        changed = object.__new__(type(self))
        for slot in _SLOTS.get(type(self)) or _slots(type(self)):
            setattr(changed, slot, getattr(self, slot))
        changed._attributes = Attributes(attributes)._values
        return changed

    def _said(self) -> tuple[object, ...]:
        """All that it says, for comparisons."""
        return self._name, self._unix_ns, self._monotonic_ns, self.attributes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return type(self) is type(other) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash((self._name, self._unix_ns, self._monotonic_ns))  # a stack trace would be read for all of it

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name[:100]!r} at {self._unix_ns}>"


_SLOTS: dict[type, tuple[str, ...]] = {}


def _slots(kind: type) -> tuple[str, ...]:
    """The names of what an event of this class consists of."""
    slots = tuple(slot for base in kind.__mro__ for slot in base.__dict__.get("__slots__", ()))
    _SLOTS[kind] = slots
    return slots


class ErrorEvent(Event):
    """An error in the instrumented application: an event named `exception`.

    Nothing of the exception is kept alive, neither frames nor their variables. Source lines are read when
    `stack_trace` is first asked for, which is the exporter's affair.

    An error that is known from texts only, as it comes from a worker process, a log, or another language, is made with
    these texts instead of an exception.

    Args:
        message: What went wrong, in the application's words.
        exception: The exception, if there is one.
        attributes: Further properties.
        timestamp: When it happened. None: now.
        exception_type: The name of the exception's class, such as `java.lang.IllegalStateException`. None: that of
            `exception`. So it is with the two that follow.
        exception_message: The exception's own text.
        stack_trace: The stack trace, as whoever has it prints it.
        error_span_id: The id of the span in whose error the exception stands in full, if it is the same one. Then this
            error has its class alone, and the attribute `one_logger.error_span_id`.
    """

    __slots__ = ("_exception_message", "_exception_type", "_message", "_stack_trace", "_with_exception")

    def __init__(
        self,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
        timestamp: Timestamp | None = None,
        *,
        exception_type: str | None = None,
        exception_message: str | None = None,
        stack_trace: str | None = None,
        error_span_id: int | None = None,
    ) -> None:
        super().__init__(EXCEPTION_EVENT_NAME, attributes, timestamp)
        self._message = bounded(message if type(message) is str else message_text(message))
        self._with_exception: dict[str, AttributeValue] | None = None
        self._exception_type: str | None = None
        self._exception_message: str | None = None
        self._stack_trace: StackTrace | str | None = None
        if isinstance(exception, BaseException):
            self._exception_type = qualified_name(type(exception))
            if error_span_id is None:
                trace = self._stack_trace = StackTrace(exception)
                self._exception_message = trace.message
            else:
                self._attributes = {**self._attributes, ERROR_SPAN_ID: f"{error_span_id:016x}"}
        elif exception is not None:
            self._problem = (
                f"exception was given as {type(exception).__name__} ({safe_repr(exception, 100)}); "
                "expected an exception or None."
            )
        if exception_type is not None:
            self._exception_type = message_text(exception_type)
        if exception_message is not None:
            self._exception_message = bounded(message_text(exception_message))
        if stack_trace is not None:
            self._stack_trace = bounded(message_text(stack_trace), MAX_TRACE)

    @classmethod
    def create(  # type: ignore[override]  # an error has a message where other events have a name
        cls,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
        timestamp: Timestamp | None = None,
        *,
        exception_type: str | None = None,
        exception_message: str | None = None,
        stack_trace: str | None = None,
        error_span_id: int | None = None,
    ) -> Self:
        """The same as calling the class."""
        return cls(
            message,
            exception,
            attributes,
            timestamp,
            exception_type=exception_type,
            exception_message=exception_message,
            stack_trace=stack_trace,
            error_span_id=error_span_id,
        )

    def with_attributes(self, attributes: Mapping[str, object]) -> Self:
        """The same error with these attributes instead of its own; those of the exception stay."""
        changed = super().with_attributes(attributes)
        changed._with_exception = None
        said = self._with_exception  # if nobody has asked for them, none of the given ones can come from there
        if said is not None:
            known = said.items() - self._attributes.items()
            changed._attributes = {n: v for n, v in changed._attributes.items() if (n, v) not in known}
        return changed

    def _said(self) -> tuple[object, ...]:
        return self._message, *super()._said()  # what is known of the exception is among the attributes

    @property
    def message(self) -> str:
        """What went wrong, in the application's words."""
        return self._message

    @property
    def exception_type(self) -> str | None:
        """The qualified name of the exception's class, such as `json.decoder.JSONDecodeError`."""
        return self._exception_type

    @property
    def exception_message(self) -> str | None:
        """The exception's own text."""
        return self._exception_message

    @property
    def stack_trace(self) -> str | None:
        """The exception's stack trace with its causes, as the interpreter prints it."""
        trace = self._stack_trace
        return trace.text if isinstance(trace, StackTrace) else trace

    @property
    def attributes(self) -> Attributes:
        """The properties, and what is known of the exception.

        That is `exception.type`, `exception.message` and `exception.stacktrace`, as the OpenTelemetry semantic
        conventions name them, "Exceptions in spans". `error.message` is the application's
        message, where it is not empty.
        """
        return Attributes(self._all_attributes())

    def _all_attributes(self) -> dict[str, AttributeValue]:
        if self._with_exception is None:
            added = {
                "error.message": self._message or None,
                "exception.type": self._exception_type,
                "exception.message": self._exception_message,
                "exception.stacktrace": self.stack_trace,
            }
            self._with_exception = {**self._attributes, **{k: v for k, v in added.items() if v is not None}}
        return self._with_exception


class TelemetryDataErrorType(Enum):
    """What is wrong with the telemetry of a stream."""

    NO_TELEMETRY_DATA = "no_telemetry_data"
    """Nothing was or will be collected."""

    INCOMPLETE_TELEMETRY_DATA = "incomplete_telemetry_data"
    """Something is missing or wrong."""


class TelemetryDataError(Event):
    """A mistake in collecting the telemetry: the data exported around it is not to be trusted as it stands.

    Args:
        error_type: What is wrong with the data.
        message: A sentence that says what happened.
        attributes: Further properties.
        timestamp: When it was found. None: now.
        dropped: How many records are missing that no earlier report to the same exporter has counted.
    """

    __slots__ = ("_dropped", "_error_type", "_message")

    def __init__(
        self,
        error_type: TelemetryDataErrorType,
        message: str,
        attributes: Mapping[str, object] | None = None,
        timestamp: Timestamp | None = None,
        *,
        dropped: int = 0,
    ) -> None:
        super().__init__("telemetry_data_error", attributes, timestamp)
        if not isinstance(error_type, TelemetryDataErrorType):
            self._problem = self._problem or (
                f"error_type was given as {type(error_type).__name__}; expected a TelemetryDataErrorType."
            )
            error_type = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
        self._error_type = error_type
        self._message = bounded(message if type(message) is str else message_text(message))
        if type(dropped) is not int or dropped < 0:
            self._problem = self._problem or (
                f"dropped was given as {safe_repr(dropped, 100)}; expected a number of records from 0."
            )
            dropped = 0
        self._dropped = dropped

    @classmethod
    def create(  # type: ignore[override]  # a telemetry data error has a type where other events have a name
        cls,
        error_type: TelemetryDataErrorType,
        message: str,
        attributes: Mapping[str, object] | None = None,
        timestamp: Timestamp | None = None,
        *,
        dropped: int = 0,
    ) -> Self:
        """The same as calling the class."""
        return cls(error_type, message, attributes, timestamp, dropped=dropped)

    def _said(self) -> tuple[object, ...]:
        return self._error_type, self._message, self._dropped, *super()._said()

    @property
    def error_type(self) -> TelemetryDataErrorType:
        """What is wrong with the data."""
        return self._error_type

    @property
    def message(self) -> str:
        """A sentence that says what happened."""
        return self._message

    @property
    def dropped(self) -> int:
        """How many records are missing that no earlier report to the same exporter has counted."""
        return self._dropped
