"""Checks of what a recorder is given: each mistake a sentence, where it is made."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence

from one_logger.core import Exporter, OneLoggerError
from one_logger.core.spi import safe_repr
from one_logger.recorder.processors.processed_exporter import ProcessedExporter


def named_exporters(exporters: object) -> dict[str, Exporter]:
    """The exporters by name: the names of a mapping, or of the classes, numbered if there are several of one class.

    Raises:
        OneLoggerError: It is neither a list nor a mapping of exporters.
    """
    if isinstance(exporters, Mapping):
        places = {
            f"exporters[{safe_repr(name, 100)}]": (name if isinstance(name, str) else safe_repr(name, 100), exporter)
            for name, exporter in exporters.items()
        }
    elif isinstance(exporters, Sequence) and not isinstance(exporters, (str, bytes)):
        places = {}
        for number, exporter in enumerate(exporters):
            name = _class_name(exporter)
            same = sum(_class_name(other) == name for other in exporters[:number])
            places[f"exporters[{number}]"] = (f"{name}-{same + 1}" if same else name, exporter)
    else:
        raise OneLoggerError(
            f"exporters is {type(exporters).__name__}; expected a list of exporters, or a mapping of names to them."
        )
    seen: list[object] = []
    for place, (_, exporter) in places.items():
        if not isinstance(exporter, Exporter):
            raise OneLoggerError(
                f"{place} is {type(exporter).__name__}; expected an instance of one_logger.core.Exporter."
            )
        inner = exporter.exporter if isinstance(exporter, ProcessedExporter) else exporter
        if any(other is inner for other in seen):
            raise OneLoggerError(f"{place} is there twice; give each exporter once.")
        seen.append(inner)
    return dict(places.values())


def _class_name(exporter: object) -> str:
    """The class of an exporter, whether or not there are processors before it."""
    return type(exporter.exporter if isinstance(exporter, ProcessedExporter) else exporter).__name__


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """See that `value` is one of `choices`.

    Raises:
        OneLoggerError: It is not.
    """
    if value not in choices:
        raise OneLoggerError(f"{name} is {safe_repr(value, 100)}; expected one of {', '.join(map(repr, choices))}.")


def check_number(name: str, value: object, least: float, expected: str, *, whole: bool = False) -> None:
    """See that `value` is a number from `least`.

    Raises:
        OneLoggerError: It is not.
    """
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
        raise OneLoggerError(f"{name} is {safe_repr(value, 100)}; expected {expected} from {least}.")


def check_signals(value: object) -> tuple[int, ...]:
    """The signals, as numbers.

    Raises:
        OneLoggerError: They are not signals, or cannot be caught.
    """
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        numbers = tuple(value)
        if all(number in signal.valid_signals() for number in numbers):
            uncatchable = [number for number in numbers if number in (signal.SIGKILL, signal.SIGSTOP)]
            if not uncatchable:
                return numbers
    raise OneLoggerError(
        f"flush_on_signals is {safe_repr(value, 100)}; "
        "expected a list of signals that can be caught, such as [signal.SIGTERM]."
    )
