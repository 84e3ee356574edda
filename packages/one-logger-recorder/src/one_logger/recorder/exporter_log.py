"""Logs how an exporter works, without flooding the log."""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic

from one_logger.core.spi import Journal, counted, error_text

RECOVERIES_TOLD = 2
"""At most how many recoveries are logged in `TOLD_WITHIN` seconds."""

TOLD_WITHIN = 600.0


class ExporterLog:
    """Logs a line when an exporter begins to fail, when it is disabled, and when it works again.

    An exporter that fails and works in turn must not flood the log. So at most one recovery is logged in ten minutes,
    or two if it was disabled. Until a recovery is logged, no new failure is.
    """

    def __init__(self, name: str, journal: Journal) -> None:
        self._name = name
        self._journal = journal
        self._told: set[tuple[str, str]] = set()  # messages that are logged only once
        self._failing = False
        self._disabled = False
        self._ended = False
        self._recoveries: deque[float] = deque(maxlen=RECOVERIES_TOLD)  # when they were logged

    def failed(self, error: BaseException) -> None:
        """The exporter has raised `error`, and not for a single record only."""
        if not self._failing:
            self._failing = True
            self._log(logging.WARNING, f"failed, it raised {_sentence(error)}")

    def waits(self, error: BaseException) -> None:
        """The exporter has raised `error`, as its backend has asked to be left alone for a while."""
        if not self._failing:
            self._failing = True
            self._log(logging.WARNING, f"waits, as its backend asks, it raised {_sentence(error)}")

    def disabled(self, error: BaseException) -> None:
        """The exporter is disabled. `error` is what it raised last."""
        if not self._disabled:
            self._disabled = True
            self._log(
                logging.ERROR,
                f"has failed too often and is disabled, it last raised {_sentence(error)} It will be tried again.",
            )

    def works(self) -> None:
        """The exporter has shipped something."""
        if not (self._failing or self._disabled):
            return
        now = monotonic()
        recent = sum(now - told < TOLD_WITHIN for told in self._recoveries)
        if recent < (RECOVERIES_TOLD if self._disabled else 1):
            self._recoveries.append(now)
            self._failing = self._disabled = False
            self._log(logging.INFO, "works again.")

    def loses(self, error: BaseException) -> None:
        """The exporter has raised `error`, and lost records by that. Each kind of error is logged once."""
        self._once("lost records, it raised", error)

    def cannot_tell(self, error: BaseException) -> None:
        """The exporter has raised `error` when it was to say what is missing, or that the process lives. Likewise."""
        self._once("cannot tell its backend how the recorder is, it raised", error)

    def ends(self, missing: int, error: BaseException | None) -> None:
        """It is closed with `missing` records undelivered. `error` is what it raised last."""
        why = f" It last raised {_sentence(error)}" if error else ""
        if self._ended:
            return
        self._ended = True
        self._log(logging.ERROR, f"was closed with {counted(missing, 'record')} undelivered.{why}")

    def _once(self, what: str, error: BaseException) -> None:
        kind = (what, type(error).__name__)
        if kind not in self._told:
            self._told.add(kind)
            self._log(logging.WARNING, f"{what} {_sentence(error)}")

    def _log(self, level: int, message: str) -> None:
        self._journal.log(level, f"Exporter {self._name} {message}")


def _sentence(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error_text(error)}".removesuffix(": ").strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
