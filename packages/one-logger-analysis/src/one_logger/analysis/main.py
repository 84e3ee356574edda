"""The command `one-logger`."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Never

GOOD = 0
FINDING = 1
CANNOT_READ = 2
INTERRUPTED = 130
TERMINATED = 143
CLOSED_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What stands after `one-logger`. None: what the process was started with.

    Returns:
        The exit code: 0 if all is well, 1 if there is a finding, 2 if something cannot be read or was asked for in the
        wrong way, 130 after Ctrl-C, 143 after SIGTERM, 141 if the reader of stdout has gone.
    """
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # With PYTHONUNBUFFERED, what a pipe doesn't take at once would be lost without an error.
        buffered = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(buffered, encoding=sys.stdout.encoding, line_buffering=sys.stdout.isatty())
    for stream in (sys.stdout, sys.stderr):
        # What the terminal cannot show, by its encoding, is shown by its number rather than not at all.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    previous = signal.signal(signal.SIGTERM, _terminate)
    code = GOOD
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except _TerminatedError:
        return TERMINATED
    except OSError as error:
        # At its exit the interpreter would try again to write what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return CLOSED_PIPE
        if code != CANNOT_READ:  # else that has been said
            _complain(error)
        return CANNOT_READ
    finally:
        signal.signal(signal.SIGTERM, previous)
    return code


class _TerminatedError(BaseException):
    """SIGTERM has come: as an exception it lets temporary files be removed."""


def _terminate(*_: object) -> Never:
    raise _TerminatedError


def _run(arguments: list[str]) -> int:
    import click

    from one_logger.analysis.commands import COMMANDS
    from one_logger.analysis.terminal import complain

    try:
        # Not `COMMANDS.main`, which has words and exit codes of its own for Ctrl-C and a closed pipe.
        with COMMANDS.make_context("one-logger", arguments) as context:
            # A command returns its exit code, and None is that of one that has nothing to find.
            return COMMANDS.invoke(context) or GOOD
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
    except click.ClickException as error:
        at = getattr(error, "ctx", None)
        hint = f"\n'{at.command_path} --help' shows how it is used." if at is not None else ""
        complain(error.format_message() + hint)
    except BrokenPipeError:
        raise
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        _complain(error)
    return CANNOT_READ


def _complain(error: Exception) -> None:
    from one_logger.analysis.terminal import complain

    complain(_sentence(error))


def _sentence(error: Exception) -> str:
    from one_logger.core import OneLoggerError

    if isinstance(error, OneLoggerError):
        return str(error)
    if isinstance(error, OSError):
        name = "The output" if error.filename is None else repr(error.filename)
        return (
            f"{name} cannot be {'written' if error.filename is None else 'read or written'}: {error.strerror or error}."
        )
    if isinstance(error, MemoryError):
        return "There is not enough memory. Look at fewer files at a time."
    duckdb = sys.modules.get("duckdb")
    if duckdb and isinstance(error, duckdb.Error):
        return _sentence_of_duckdb(str(error))
    return (
        f"This is a mistake in one-logger: {type(error).__name__}: {error}. "
        "'python -X dev -m one_logger.analysis' shows where; please report it."
    )


def _sentence_of_duckdb(message: str) -> str:
    first = message.strip().partition("\n\n")[0]
    if "No space left on device" in message or "max_temp_directory_size" in message:
        return (
            "The disk is full: what doesn't fit into memory is written to the system's temporary folder. "
            f"Make room there, or name another folder by TMPDIR. DuckDB says: {first}"
        )
    if first.startswith("Out of Memory Error"):
        return f"There is not enough memory. Give it more by --memory-limit. DuckDB says: {first}"
    return message.strip()
