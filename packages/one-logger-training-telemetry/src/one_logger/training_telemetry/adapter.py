"""What the adapters for frameworks have in common: no fault of ours stops their training."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from time import monotonic_ns
from typing import Any, TypeVar, cast

from one_logger.api import OneLoggerErrorHandlingStrategy, OneLoggerProvider
from one_logger.core import OneLoggerError, Span
from one_logger.core.spi import diagnostics, error_text
from one_logger.training_telemetry.training import Training, training

F = TypeVar("F", bound=Callable[..., None])


def base_class(name: str, *modules: str) -> tuple[type, bool]:
    """A class of a framework, of whichever of these modules is imported, or else installed.

    Args:
        name: The class.
        modules: Where it may be.

    Returns:
        The class, and True; `object` and False if none of them is installed.
    """
    for module in sorted(modules, key=lambda each: each not in sys.modules):
        try:
            found: type = getattr(import_module(module), name)
        except ImportError:
            continue
        return found, True
    return object, False


def safely(hook: F) -> F:
    """Let nothing that goes wrong in a hook reach the framework, unless the strategy asks for that."""

    @wraps(hook)
    def safe(*args: Any, **kwargs: Any) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:
            config = OneLoggerProvider.instance().config
            strategy = config and config.error_handling_strategy
            propagates = strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
            if propagates and isinstance(error, OneLoggerError):
                raise
            what = f"{hook.__qualname__} of one-logger failed: {type(error).__name__}: {error_text(error)}"
            diagnostics.report(f"training: {hook.__qualname__}", what)

    return cast("F", safe)  # wraps() keeps the signature


class Gap:
    """The time between iterations, in which the framework waits for data."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._waited = 0

    def begin(self) -> None:
        """The framework asks for data from now on."""
        here = training()
        if here is not None and here.loop is not None:
            self._since, self._waited = monotonic_ns(), here.loop.waits.total_ns

    def end(self) -> None:
        """It has got them."""
        since, self._since = self._since, None
        here = training()
        if since is not None and here is not None and here.loop is not None:
            here.loop.note_data_wait(since, self._waited, monotonic_ns())

    def forget(self) -> None:
        """It was something else."""
        self._since = None


def finish(here: Training | None, span: Span | None) -> None:
    """Stop a span, if there is one and it is open."""
    if here is not None and span is not None and span.end_unix_ns is None:
        here.finish(span)


def missing(framework: str, install: str) -> Callable[..., Any]:
    """An initializer that says that a framework is missing."""

    def refuse(*_: object, **__: object) -> None:
        raise OneLoggerError(f"{framework} is not installed; install it, as with `pip install {install}`.")

    return refuse
