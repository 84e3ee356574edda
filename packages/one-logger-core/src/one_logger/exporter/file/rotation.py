"""Files that are full, and are moved out of the way."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

from one_logger.core.diagnostics import report

_ROTATED = r"\.(\d{8})T(\d{6})\.(\d{9})Z-\d+$"
_LINKS = 40  # one after the other, as in Linux


def rotate(path: str, backups: int | None) -> bool:
    """Rename the file that a path leads to, unless another process has just done so.

    The suffix is the moment, which is later than that of every file that was rotated before, even if the clock was set
    back; and the process id. Symbolic links stay as they are: the file behind them is renamed.

    Args:
        path: The path.
        backups: How many rotated files to keep; older ones are removed. None: all.

    Returns:
        Whether the file is out of the way. Why it isn't, or why old files can't be removed, is logged once.
    """
    try:
        file = _behind_links(path)
        os.rename(file, f"{file}.{_moment(file)}Z-{os.getpid()}")
    except FileNotFoundError:
        return True  # another process was faster, and has not made the new file yet
    except OSError as error:
        _say(f"The file {path!r} cannot be rotated, and grows beyond max_bytes", error)
        return False
    if backups is not None:
        try:
            for old in _rotated(file)[: -backups or None]:
                with suppress(FileNotFoundError):  # another process was faster
                    os.remove(os.path.join(os.path.dirname(file), old))
        except OSError as error:
            _say(f"Old files of {path!r} cannot be removed", error)
    return True


def _behind_links(path: str) -> str:
    """The path of the file that is to be renamed."""
    for _ in range(_LINKS):
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if not os.path.islink(path):
            return path
        if path.startswith("/proc/"):  # it would still lead to the file after that got another name
            raise OSError("it is a file that was opened by another name, such as /dev/stdout")
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    raise OSError("there are too many symbolic links")


def _moment(file: str) -> str:
    """Now, in UTC and to the nanosecond, or just after the last rotation if that is later."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    digits = int(f"{time.strftime('%Y%m%d%H%M%S', time.gmtime(seconds))}{rest:09}")
    with suppress(OSError):  # a folder that may not be listed
        for name in _rotated(file)[-1:]:
            digits = max(digits, int("".join(re.findall(_ROTATED, name)[0])) + 1)
    text = f"{digits:023}"
    return f"{text[:8]}T{text[8:14]}.{text[14:]}"


def _rotated(file: str) -> list[str]:
    """The names of the files that were rotated before, the oldest first."""
    folder, name = os.path.split(file)
    return sorted(n for n in os.listdir(folder) if n.startswith(name) and re.match(_ROTATED, n[len(name) :]))


def _say(what: str, error: OSError) -> None:
    report(what, f"{what}: {error.strerror or error}.")
