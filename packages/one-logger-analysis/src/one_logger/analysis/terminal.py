"""What is written to the terminal, or to a pipe."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_NARROW = 60
_PIPE_WIDTH = 80
_GAP = "  "
# A column isn't made narrower than that, and in no table of more rows.
_LEAST, _FOLDED = 8, 200
# Marks that change the order in which what follows is shown (Unicode Standard Annex 9), and ends of lines.
_REORDER = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff")


def clean(text: str) -> str:
    r"""A text that does nothing to the terminal: control characters and the like are shown as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(character if _is_harmless(character) else _escaped(character) for character in text)


def _is_harmless(character: str) -> bool:
    return character not in _REORDER and unicodedata.category(character) not in {"Cc", "Cs", "Cn", "Co"}


def _escaped(character: str) -> str:
    return (
        character.encode("ascii", "backslashreplace").decode() if ord(character) > 127 else f"\\x{ord(character):02x}"
    )


def complain(message: str) -> None:
    """Say on stderr what is wrong."""
    lines = [clean(line) for line in message.splitlines()]
    sys.stderr.write("\n".join(["one-logger: " + lines[0], *lines[1:]]) + "\n" if lines else "")
    sys.stderr.flush()


def write_json(value: Any) -> None:
    """Write a value to stdout as JSON, and nothing else. What is not ASCII is escaped, so that any reader reads it."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def has_styles(stream: TextIO) -> bool:
    """Whether colours and bold may be written: to a terminal that can show them, whose user hasn't said no."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the caller know; rich would end the process with 1, which is ours for a finding."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console(stream: TextIO | None = None) -> Console:
    """A console of rich that takes every text as it is, and the environment's word only as far as `has_styles` does.

    Give it `Text`s made by `text`, or strings that went through `clean`.

    Args:
        stream: Where it writes. None: stdout.
    """
    stream = stream or sys.stdout
    size = shutil.get_terminal_size((_PIPE_WIDTH, 24))
    return _Console(
        file=stream,
        force_terminal=has_styles(stream),
        no_color=not has_styles(stream),
        force_jupyter=False,
        # Both have to be given, or one is asked of the terminal.
        width=max(20, size.columns),
        height=size.lines,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def text(value: object, style: str = "") -> Text:
    """A value as a text that does nothing to the terminal. None is a dash."""
    return Text("-" if value is None else clean(str(value)), style=style)


def write_line(out: Console, line: str = "", style: str = "") -> None:
    """Write a sentence. It is not cut into lines: the terminal does that."""
    out.print(text(line, style), soft_wrap=True)


def count(number: int) -> str:
    """A number with commas between thousands."""
    return f"{number:,}"


def write_table(
    out: Console, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Write a table; where the terminal is too narrow for that, a line `name: value` for each cell.

    Args:
        out: Where to.
        columns: The names of the columns.
        rows: The cells: `Text`s, or values that `text` makes one of.
        right: The columns that are aligned to the right.
    """
    names = [clean(column) for column in columns]
    cells = [[value if isinstance(value, Text) else text(value) for value in row] for row in rows]
    read = [names, *([cell.plain for cell in row] for row in cells)]
    widths = [max(map(cell_len, column)) for column in zip(*read, strict=True)]
    whole = sum(widths) + len(_GAP) * (len(widths) - 1)
    least = sum(min(width, _LEAST) + len(_GAP) for width in widths)
    if out.width < _NARROW or (whole > out.width and (least > out.width or len(rows) > _FOLDED)):
        for row in cells:
            for name, cell in zip(names, row, strict=True):
                _write_cells(out, [Text(f"{name}: "), cell])
            out.file.write("\n")
    elif whole > out.width:
        table = Table(box=box.SIMPLE_HEAD if is_unicode(out.file) else box.ASCII2, pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(text(column), justify="right" if column in right else "left", overflow="fold")
        for row in cells:
            table.add_row(*row)
        out.print(table)
    else:
        for number, row in enumerate([[Text(name, "bold") for name in names], *cells]):
            for column, width, cell in zip(columns, widths, row, strict=True):
                (cell.pad_left if column in right else cell.pad_right)(width - cell.cell_len)
            _write_cells(out, row, _GAP)
            if not number:
                out.file.write(("─" if is_unicode(out.file) else "-") * whole + "\n")


def _write_cells(out: Console, cells: Sequence[Text], gap: str = "") -> None:
    """Write a line. What has no style doesn't go through rich, which takes minutes for a million cells."""
    if out.no_color or not any(cell.style or cell.spans for cell in cells):
        out.file.write(gap.join(cell.plain for cell in cells).rstrip() + "\n")
    else:
        out.print(Text(gap).join(cells), soft_wrap=True)


def is_unicode(stream: Any) -> bool:
    """Whether a stream can show more than ASCII."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")
