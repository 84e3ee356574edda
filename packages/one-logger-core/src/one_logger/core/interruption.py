"""Tells exceptions that the job has raised into a call of this library from those that the call itself has caused.

A signal handler, such as one for a time limit, runs between any two instructions, and what it raises comes out of
whatever was running. It is the job's, whatever class it has, and must reach the job.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import TypeVar

    R = TypeVar("R")

_OURS = "one_logger."
# What a fault in our code can raise. Code for the recording path does no input or output.
_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, BufferError, ImportError, LookupError, MemoryError, NameError),
    *(ReferenceError, RuntimeError, StopIteration, SystemError, TypeError, ValueError),
)


def is_interruption(error: BaseException) -> bool:
    """Whether a signal handler, or a trace function, has raised `error`, to be asked in an `except` block.

    These are called with the frame that they have interrupted as an argument, as nothing else is.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if _was_given(trace.tb_next.tb_frame, trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def is_foreign(error: BaseException) -> bool:
    """Whether `error` is no fault of our code or of what it has read, to be asked in an `except` block.

    So it is with an interruption; with one that another thread has raised in this one (`PyThreadState_SetAsyncExc`),
    which comes out of our code and is of a class that our code does not raise; and where the job has used up the stack.
    """
    if not isinstance(error, Exception) or is_interruption(error):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    frame = None if trace is None else trace.tb_frame
    if frame is None or frame.f_code is read.__code__ or not str(frame.f_globals.get("__name__")).startswith(_OURS):
        return False  # the job's own code has raised it, or C code that it has given us to call
    own = any(base.__module__ == "one_logger.core.errors" for base in type(error).__mro__)
    return isinstance(error, RecursionError) or not (own or isinstance(error, _FAULTS))


def let_pass(error: BaseException) -> None:
    """Raise `error` again if it is foreign. For an `except` block around what reads an object of the job."""
    if is_foreign(error):
        raise error


def read(call: Callable[..., R], *arguments: object) -> R:
    """Call what the job has written, as a `__repr__`, or what may do so."""
    return call(*arguments)


def _was_given(frame: FrameType, interrupted: FrameType) -> bool:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4)  # 4: it has *args (inspect.CO_VARARGS)
    known = frame.f_locals
    for name in code.co_varnames[:count]:
        value = known.get(name)
        if value is interrupted or (type(value) is tuple and any(item is interrupted for item in value)):
            return True
    return False
