"""Checks of a recorder's arguments."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from one_logger.core import ContextBridge, Exporter, OneLoggerError
from one_logger.core.spi import check_choice, check_number, check_type, shown, system_threads
from one_logger.recorder.processors.processed_exporter import ProcessedExporter
from one_logger.recorder.settings import ChannelSettings

_CHOICES = {"delivery": ("background", "inline"), "overflow": ("drop", "block")}
_LONGEST = 31_536_000
"""365 days, in seconds: much more is beyond what threads can wait for."""

_MOST = 2**63 - 1
_NUMBERS = {
    "queue_capacity": (1, _MOST, "a number of records", True),
    "queue_bytes": (1, _MOST, "a number of bytes", True),
    "block_timeout": (0, _LONGEST, "a number of seconds", False),
    "flush_interval": (0.001, inf, "a number of seconds", False),  # where it is endless, only flush() delivers
    "alive_interval": (0, _LONGEST, "a number of seconds", False),
    "max_failures": (1, _MOST, "a number of failures", True),
    "cool_down": (0, _LONGEST, "a number of seconds", False),
    "exit_timeout": (0, _LONGEST, "a number of seconds", False),
}


def check_options(**options: object) -> None:
    """Check options of `DefaultRecorder`, or raise a `OneLoggerError`. Each of them may be missing."""
    for name, choices in _CHOICES.items():
        if name in options:
            check_choice(name, options[name], choices)
    for name, (least, most, expected, whole) in _NUMBERS.items():
        if name in options:
            check_number(name, options[name], least, expected, most=most, whole=whole)
    check_type("context_bridge", options.get("context_bridge"), ContextBridge, "a ContextBridge", optional=True)
    if "flush_on_signals" in options:
        check_signals(options["flush_on_signals"])


def channel_settings(**options: Any) -> ChannelSettings:
    """The settings of a recorder's channels. Options are checked as by `check_options`; here none may be missing."""
    check_options(**options)
    return ChannelSettings(
        options["queue_capacity"],
        options["queue_bytes"],
        options["block_timeout"] if options["overflow"] == "block" else 0.0,
        min(options["flush_interval"], system_threads.TIMEOUT_MAX),
        options["alive_interval"],
        options["max_failures"],
        options["cool_down"],
    )


def check_signals(value: object) -> tuple[int, ...]:
    """The signals as numbers, or a `OneLoggerError` if one cannot be caught."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        numbers = tuple(value)
        catchable = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} if numbers else set()
        if all(isinstance(number, int) and number in catchable for number in numbers):
            return numbers
    raise OneLoggerError(
        f"flush_on_signals is {shown(value)}; expected a list of signals that can be caught, such as [signal.SIGTERM]."
    )


def named_exporters(exporters: object) -> dict[str, Exporter]:
    """The exporters by name: a mapping's names, or those of the classes, numbered if one class comes several times."""
    if isinstance(exporters, Mapping):
        places = {
            f"exporters[{shown(name)}]": (name if isinstance(name, str) else shown(name), exporter)
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
        inner = _inner(exporter)
        if any(other is inner for other in seen):
            raise OneLoggerError(f"{place} is there twice; give each exporter once.")
        seen.append(inner)
    return dict(places.values())


def _inner(exporter: object) -> object:
    """The exporter itself, without its processors."""
    return exporter.exporter if isinstance(exporter, ProcessedExporter) else exporter


def _class_name(exporter: object) -> str:
    return type(_inner(exporter)).__name__
