"""The group of all commands, each of which is imported when it is asked for."""

from __future__ import annotations

import pkgutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint

import click

from one_logger.analysis.errors import ReadError
from one_logger.core import OneLoggerError
from one_logger.core.spi import distribution_of, entry_points

ENTRY_POINT_GROUP = "one_logger.commands"
_PACKAGE = "one_logger.analysis.commands"


class Commands(click.Group):
    """The commands of this distribution, by the names of their modules, and those that others have registered."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands. Ours go before those of others, in `get_command`, too."""
        return sorted({*_own(), *_others()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        if cmd_name in _own():
            with _signals_held_back():
                command = import_module(f"{_PACKAGE}.{cmd_name}").command
            return command if isinstance(command, click.Command) else None
        entry_point = _others().get(cmd_name)
        return None if entry_point is None else _of_other(cmd_name, entry_point)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM come afterwards: an exception in the midst of DuckDB's import ends the process."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _own() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(import_module(_PACKAGE).__path__)]


def _others() -> dict[str, EntryPoint]:
    return {entry_point.name: entry_point for entry_point in entry_points(ENTRY_POINT_GROUP)}


def _of_other(name: str, entry_point: EntryPoint) -> click.Command:
    distribution = distribution_of(entry_point)

    # Not even --help is ours.
    @click.command(
        name,
        short_help=f"From {distribution}.",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> int:
        try:
            with _signals_held_back():
                function: Callable[[list[str]], int] = entry_point.load()
        except Exception as error:
            raise ReadError(
                f"The command {name!r} of {distribution} cannot be loaded: {type(error).__name__}: {error}. "
                f"Install {distribution} again, or remove it."
            ) from error
        try:
            return function(list(arguments))
        except (OneLoggerError, OSError, click.ClickException):
            raise
        except Exception as error:
            raise ReadError(
                f"The command {name!r} of {distribution} has failed: {type(error).__name__}: {error}. "
                f"That is a mistake in {distribution}."
            ) from error

    return command
