"""The stack trace of an exception, recorded without reading files and without keeping frames alive."""

from __future__ import annotations

from collections import deque

from one_logger.core.text import MAX_TRACE, bounded, encodable, error_text

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from types import TracebackType

MAX_FRAMES = 128  # of one exception: the innermost ones
MAX_EXCEPTIONS = 16  # of a chain: the latest ones; of a group: the first ones
MAX_MEMBERS = 64  # of a group, with those of the groups in it
_MAX_DEPTH = 10  # of groups in groups
_FRAME = 150  # bytes of a frame, with its line number; its texts belong to the code

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_MEMBER = "\nThe following exception is one of the group above:\n\n"
_MARGIN = "  | "  # before the lines of a member, as Python has it


def qualified_name(kind: type) -> str:
    """The name of a class with its module, unless it is built in: `json.decoder.JSONDecodeError`."""
    module: object = kind.__module__  # it may be anything
    named = type(module) is str and module != "builtins"
    return encodable(f"{module}.{kind.__qualname__}" if named else kind.__qualname__)


class StackTrace:
    """What is needed to print an exception later. The exception itself is not kept."""

    __slots__ = ("_parts", "_text", "message", "weight")

    def __init__(self, exception: BaseException) -> None:
        self.message = error_text(exception)
        # (depth in groups, text before it, header, frames left out, frames) in the order of printing
        self._parts: list[tuple[int, str, str, int, list[tuple[str, int, str]]]] = []
        self._text: str | None = None
        self._add(exception, "", 0, set())
        self.weight = sum(len(header) + _FRAME * len(frames) for *_, header, _, frames in self._parts)
        """About how many bytes it takes."""

    def _add(self, exception: BaseException, before: str, depth: int, seen: set[int]) -> None:
        """Add an exception with its causes and members, after the text `before`."""
        chain: list[tuple[str, BaseException]] = []
        current: BaseException | None = exception
        while current is not None and id(current) not in seen and len(chain) < MAX_EXCEPTIONS:
            seen.add(id(current))
            link, earlier = _CAUSE, current.__cause__
            if earlier is None:
                link, earlier = _CONTEXT, None if current.__suppress_context__ else current.__context__
            chain.append((link, current))
            current = earlier
        for link, each in reversed(chain):
            self._parts.append((depth, before if each is chain[-1][1] else link, *_header_and_frames(each)))
            if isinstance(each, BaseExceptionGroup):
                members = each.exceptions[:MAX_EXCEPTIONS] if depth < _MAX_DEPTH else ()
                shown = 0
                for member in members:
                    if len(self._parts) < MAX_MEMBERS:
                        self._add(member, _MEMBER, depth + 1, seen)
                        shown += 1
                if left_out := len(each.exceptions) - shown:
                    self._parts.append((depth + 1, "", f"... and {left_out} more exceptions of the group ...", 0, []))

    @property
    def text(self) -> str:
        """The trace as Python prints it. Reads source files, so it is for an exporter's thread."""
        if self._text is None:
            import traceback
            from textwrap import indent

            text: list[str] = []
            for depth, before, header, left_out, frames in self._parts:
                part = [before] if text else []
                if frames:
                    part.append("Traceback (most recent call last):\n")
                if left_out:
                    part.append(f"  ... {left_out} outer frames left out ...\n")
                part.extend(traceback.StackSummary.from_list([(*frame, None) for frame in frames]).format())
                part.append(header + "\n")
                text.append(indent("".join(part), depth * _MARGIN, lambda _: True))
            self._text = bounded("".join(text), MAX_TRACE)
        return self._text


def _header_and_frames(exception: BaseException) -> tuple[str, int, list[tuple[str, int, str]]]:
    kind, message = qualified_name(type(exception)), error_text(exception)
    notes = getattr(exception, "__notes__", ())
    lines = [f"{kind}: {message}" if message else kind]
    if type(notes) in (list, tuple):
        lines += [str.__str__(note) for note in notes if issubclass(type(note), str)]
    return (bounded("\n".join(lines)), *_frames(exception.__traceback__))


def _frames(traceback: TracebackType | None) -> tuple[int, list[tuple[str, int, str]]]:
    """How many outer frames are left out, and (file, line, function) of the others, outermost first."""
    taken: deque[tuple[str, int, str]] = deque(maxlen=MAX_FRAMES)
    length = 0
    while traceback is not None:
        code = traceback.tb_frame.f_code
        taken.append((code.co_filename, traceback.tb_lineno or 0, code.co_name))
        length += 1
        traceback = traceback.tb_next
    return length - len(taken), list(taken)
