"""Tables of runs that were looked at, kept for the next time.

Each run has a folder, named by a hash of its files' paths, sizes and times of change. A folder is put in place by one
rename, so that none is there by half. Who uses one has hard links to its files, so that it may be removed meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence

import duckdb

from one_logger.analysis.sources import Source

_FORMAT = 4  # to be raised when what is kept changes
_SMALLEST = 32 << 20  # in bytes; a smaller run is read as fast
_LARGEST = 4 << 30  # in bytes, of all that is kept
_ABANDONED = 24 * 3600  # in seconds; after that the folder of a process that was killed is removed
_SETTLED = 2 * 10**9  # in nanoseconds; a file that was changed later than that may change again within one tick
_WORKING = "working-"


class Cache:
    """The folder of all that is kept.

    Args:
        folder: Where it is. None: `one-logger` in the user's folder for caches (XDG Base Directory Specification).
        limit: How many bytes may be kept.
    """

    def __init__(self, folder: str | None = None, limit: int = _LARGEST) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        self._folder = folder or os.path.join(home, "one-logger")
        self._limit = limit

    def work(self, sources: Sequence[Source]) -> str | None:
        """A folder to work in, with what is kept of these files; None if they are not worth it or it can't be made."""
        if sum(source.size for source in sources) < _SMALLEST:
            return None
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            working = tempfile.mkdtemp(prefix=_WORKING, dir=self._folder)
        except OSError:
            return None
        try:
            _link(self._entry(sources), working)
        except OSError:
            shutil.rmtree(working, ignore_errors=True)
            os.mkdir(working, 0o700)
        return working

    def keep(self, working: str, sources: Sequence[Source]) -> None:
        """Keep what is in the folder to work in, which is then gone, unless its files have changed since."""
        try:
            if not all(map(_is_settled, sources)):
                return
            entry = self._entry(sources)
            if _size(entry) < _size(working):
                if os.path.exists(entry):
                    os.rename(entry, working + ".old")
                os.rename(working, entry)
            else:
                os.utime(entry)
            self._remove_oldest()
        except OSError:
            pass  # another process was faster, or the disk is full: the next one reads the files again
        finally:
            shutil.rmtree(working, ignore_errors=True)

    def _entry(self, sources: Sequence[Source]) -> str:
        about = [_FORMAT, duckdb.__version__, [[os.path.realpath(source.path), *source[1:]] for source in sources]]
        return os.path.join(self._folder, hashlib.sha256(json.dumps(about).encode()).hexdigest()[:40])

    def _remove_oldest(self) -> None:
        entries = sorted(os.scandir(self._folder), key=lambda entry: entry.stat().st_mtime, reverse=True)
        size = 0
        for entry in entries:
            if entry.name.startswith(_WORKING):
                abandoned = time.time() - entry.stat().st_mtime > _ABANDONED or entry.name.endswith(".old")
                if abandoned:
                    shutil.rmtree(entry.path, ignore_errors=True)
                continue
            size += _size(entry.path)
            if size > self._limit:
                shutil.rmtree(entry.path, ignore_errors=True)


def _link(entry: str, working: str) -> None:
    """Give `working` all files of `entry`, if it is there."""
    if not os.path.isdir(entry):
        return
    for parent, _, names in os.walk(entry):
        target = os.path.join(working, os.path.relpath(parent, entry))
        os.makedirs(target, exist_ok=True)
        for name in names:
            os.link(os.path.join(parent, name), os.path.join(target, name))


def _is_settled(source: Source) -> bool:
    status = os.stat(source.path)
    unchanged = (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns)
    return unchanged and time.time_ns() - source.mtime_ns > _SETTLED


def _size(folder: str) -> int:
    """How many bytes the files in a folder have; -1 if it isn't there."""
    if not os.path.isdir(folder):
        return -1
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total
