"""What is left of the facade in code that PyTorch compiles: nothing.

A compiled function runs as a graph of operations, so there is no moment at which a span of it starts or ends. Without
help, `torch.compile` would refuse a function with a span in it, or compile it in pieces. PyTorch inlines, in place of a
function that has the attribute `_torchdynamo_inline`, the function that this is. So nothing of ours imports PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable

from one_logger.api.recorder import NO_ERROR, NOOP_RECORDER, Recorder
from one_logger.core import NOOP_SPAN, ErrorEvent, Span


def replace_in_compiled_code(function: Callable[..., object], replacement: Callable[..., object]) -> None:
    """Have PyTorch inline `replacement`, which takes the same arguments, where compiled code calls `function`."""
    function._torchdynamo_inline = replacement  # type: ignore[attr-defined]  # PyTorch's name


def nothing(*_: object, **__: object) -> None:
    """In place of what returns nothing."""


def no_span(*_: object, **__: object) -> Span:
    """In place of what returns a span."""
    return NOOP_SPAN


def no_recorder(*_: object, **__: object) -> Recorder:
    """In place of what returns the recorder."""
    return NOOP_RECORDER


def no_error(*_: object, **__: object) -> ErrorEvent:
    """In place of what returns an error."""
    return NO_ERROR
