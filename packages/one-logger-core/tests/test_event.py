from collections.abc import Callable
from enum import Enum, StrEnum

import pytest

from one_logger.core import ErrorEvent, Event, TelemetryDataError, TelemetryDataErrorType, Timestamp


class _Name(StrEnum):
    SAVED = "checkpoint.saved"


class _OldName(str, Enum):
    SAVED = "checkpoint.saved"


class _Colour(Enum):
    RED = 1


_INCOMPLETE = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
_KINDS: dict[str, Callable[[dict[str, object]], Event]] = {
    "Event": lambda attributes: Event("name", attributes),
    "Event.create": lambda attributes: Event.create("name", attributes),
    "ErrorEvent": lambda attributes: ErrorEvent("", None, attributes),
    "ErrorEvent.create": lambda attributes: ErrorEvent.create("", None, attributes),
    "TelemetryDataError": lambda attributes: TelemetryDataError(_INCOMPLETE, "", attributes),
    "TelemetryDataError.create": lambda attributes: TelemetryDataError.create(_INCOMPLETE, "", attributes),
}


@pytest.mark.parametrize("name", ["checkpoint.saved", _Name.SAVED, _OldName.SAVED], ids=["str", "StrEnum", "str-Enum"])
def test_name_becomes_a_plain_text(name: str) -> None:
    """The name of an event is a plain `str`; an Enum gives its value."""
    event = Event(name)
    assert event.name == "checkpoint.saved"
    assert type(event.name) is str


@pytest.mark.parametrize("name", [None, 5, _Colour.RED], ids=["none", "int", "enum"])
def test_name_that_is_no_text_is_a_problem_not_an_error(name: object) -> None:
    """A name of another type does not raise; the event has its repr and says what was wrong."""
    event = Event(name, {"a": 1})  # type: ignore[arg-type]  # that is the point
    assert event.name == repr(name)
    assert event.attributes == {"a": 1}
    assert event.problem is not None


def test_attributes_that_are_no_mapping_are_a_problem_not_an_error() -> None:
    """Attributes that are no mapping do not raise; the event keeps what it can and says what was wrong."""
    event = Event("name", [1])  # type: ignore[arg-type]  # that is the point
    assert event.attributes == {"one_logger.invalid_attributes": "[1]"}
    assert event.problem is not None
    assert "list" in event.problem
    assert Event("name").problem is None


@pytest.mark.parametrize("make", _KINDS.values(), ids=_KINDS)
def test_reused_attributes_do_not_rewrite_an_earlier_event(make: Callable[[dict[str, object]], Event]) -> None:
    """A mapping that is reused for one event after the other gives each its own values, and is not changed."""
    values: dict[str, object] = {"step": 1, "list": [1]}
    first = make(values)
    values["step"] = 2
    values["list"] = [2]
    second = make(values)
    assert (first.attributes["step"], first.attributes["list"]) == (1, (1,))
    assert (second.attributes["step"], second.attributes["list"]) == (2, (2,))
    assert values == {"step": 2, "list": [2]}


@pytest.mark.parametrize("make", _KINDS.values(), ids=_KINDS)
def test_events_are_immutable(make: Callable[[dict[str, object]], Event]) -> None:
    """Nothing public of an event can be set, and nothing be added to it."""
    event = make({})
    for name in (*(name for name in dir(event) if not name.startswith("_")), "unknown"):
        with pytest.raises(AttributeError):
            setattr(event, name, "changed")


def test_time_is_now_unless_given() -> None:
    """An event happens at the given instant, or now."""
    before = Timestamp.now()
    event = Event("name")
    after = Timestamp.now()
    assert before.unix_ns <= event.timestamp.unix_ns <= after.unix_ns
    assert before.monotonic_ns <= event.timestamp.monotonic_ns <= after.monotonic_ns
    assert Event("name", timestamp=Timestamp(1, 2)).timestamp == Timestamp(1, 2)
    assert ErrorEvent("m", timestamp=Timestamp(1, 2)).timestamp == Timestamp(1, 2)


def test_create_makes_the_same_as_the_class() -> None:
    """`create` of an event, and of a kind of event, gives one of its own class with all that was given."""
    event = Event.create("name", {"a": 1}, Timestamp(1, 2))
    assert (event.name, event.timestamp) == ("name", Timestamp(1, 2))
    assert event.attributes == {"a": 1}
    error = ErrorEvent.create("failed", ValueError("no"), {"a": 1}, Timestamp(1, 2))
    assert type(error) is ErrorEvent
    assert (error.message, error.exception_message, error.timestamp) == ("failed", "no", Timestamp(1, 2))
    data = TelemetryDataError.create(_INCOMPLETE, "lost", {"a": 1}, Timestamp(1, 2), dropped=3)
    assert (data.error_type, data.message, data.dropped, data.timestamp) == (_INCOMPLETE, "lost", 3, Timestamp(1, 2))


def test_telemetry_data_error_says_what_is_wrong() -> None:
    """A telemetry data error has a type, a message, attributes, and how many records are missing."""
    error = TelemetryDataError(TelemetryDataErrorType.NO_TELEMETRY_DATA, "disabled", {"a": 1})
    assert error.error_type is TelemetryDataErrorType.NO_TELEMETRY_DATA
    assert error.message == "disabled"
    assert error.attributes == {"a": 1}
    assert error.dropped == 0


@pytest.mark.parametrize("message", [None, 5, ValueError("no")], ids=["none", "int", "exception"])
def test_message_of_another_type_becomes_text(message: object) -> None:
    """A message that is no text becomes its repr."""
    assert TelemetryDataError(_INCOMPLETE, message).message == repr(message)  # type: ignore[arg-type]
    assert ErrorEvent(message).message == repr(message)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", _KINDS.values(), ids=_KINDS)
def test_an_event_with_other_attributes(kind: Callable[[dict[str, object]], Event]) -> None:
    """`with_attributes` gives a copy of the same class that differs in nothing else; the event itself stays."""
    event = kind({"a": 1})
    changed = event.with_attributes({"b": [1, 2]})
    assert type(changed) is type(event)
    assert (changed.name, changed.timestamp.unix_ns) == (event.name, event.timestamp.unix_ns)
    assert (dict(event.attributes), dict(changed.attributes)) == ({"a": 1}, {"b": (1, 2)})


def test_an_error_with_other_attributes_is_the_same_error() -> None:
    """Message, exception and stack trace stay, also among the attributes, and whether or not these were read before."""
    try:
        raise ValueError("no")
    except ValueError as error:
        event = ErrorEvent("it failed", error, {"a": 1})
    before = dict(event.attributes)
    changed = event.with_attributes({"b": 2})
    assert (changed.message, changed.exception_type, changed.stack_trace) == (
        "it failed",
        "ValueError",
        event.stack_trace,
    )
    assert dict(changed.attributes) == {"b": 2, **{k: v for k, v in before.items() if k != "a"}}
    again = changed.with_attributes({**changed.attributes, "c": 3})
    assert dict(again.attributes) == {**changed.attributes, "c": 3}
    assert dict(again.given_attributes) == {"b": 2, "c": 3}


def test_repr_names_the_event() -> None:
    """The repr of an event shows its class, its name and its time."""
    assert repr(Event("name", timestamp=Timestamp(1, 2))) == "<Event 'name' at 1>"
    assert repr(ErrorEvent("m", timestamp=Timestamp(1, 2))) == "<ErrorEvent 'exception' at 1>"


_AT = Timestamp(1, 2)
_ERROR = ValueError("no")
_SAID: dict[str, Callable[[], Event]] = {
    "event": lambda: Event("e", {"a": [1]}, _AT),
    "name": lambda: Event("f", {"a": [1]}, _AT),
    "attributes": lambda: Event("e", {"a": [2]}, _AT),
    "wall clock": lambda: Event("e", {"a": [1]}, Timestamp(2, 2)),
    "monotonic clock": lambda: Event("e", {"a": [1]}, Timestamp(1, 3)),
    "error": lambda: ErrorEvent("m", _ERROR, {"a": 1}, _AT),
    "message": lambda: ErrorEvent("n", _ERROR, {"a": 1}, _AT),
    "exception": lambda: ErrorEvent("m", ValueError("yes"), {"a": 1}, _AT),
    "no exception": lambda: ErrorEvent("m", None, {"a": 1}, _AT),
    "class": lambda: Event("exception", ErrorEvent("m", _ERROR, {"a": 1}, _AT).attributes, _AT),
    "data error": lambda: TelemetryDataError(_INCOMPLETE, "m", {"a": 1}, _AT),
    "data error's type": lambda: TelemetryDataError(TelemetryDataErrorType.NO_TELEMETRY_DATA, "m", {"a": 1}, _AT),
    "data error's message": lambda: TelemetryDataError(_INCOMPLETE, "n", {"a": 1}, _AT),
    "dropped": lambda: TelemetryDataError(_INCOMPLETE, "m", {"a": 1}, _AT, dropped=1),
}


@pytest.mark.parametrize("one", _SAID)
@pytest.mark.parametrize("other", _SAID)
def test_events_are_equal_if_all_that_they_say_is(one: str, other: str) -> None:
    """Events are equal, and hash alike, if class, name, time, attributes, and what else they say are equal."""
    first, second = _SAID[one](), _SAID[other]()
    assert first is not second
    assert (first == second) is (one == other)
    assert (first != second) is (one != other)
    assert len({first, second}) == (1 if one == other else 2)


def test_event_is_not_equal_to_anything_else() -> None:
    """An event is not equal to its name, or to attributes."""
    assert Event("e") != "e"
    assert Event("e", {"a": 1}) != {"a": 1}


def test_errors_with_the_same_stack_trace_are_equal() -> None:
    """Two events of one exception are equal, whether or not one of them was exported; those of two places are not."""
    errors = []
    for _ in range(2):
        try:
            raise ValueError("no")
        except ValueError as error:
            errors.append(error)
    one, other = (ErrorEvent("m", error, None, _AT) for error in errors)
    assert one.stack_trace
    assert one == other
    assert one != ErrorEvent("m", ValueError("no"), None, _AT)
