"""Looking at a run of many ranks: the command `one-logger`, and core's `verify`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.bench.contenders.contender import Looker, Watcher


class Command(Looker):
    """A command of `one-logger` that keeps nothing for the next time."""

    arguments: tuple[str, ...]

    def look(self) -> None:
        """Run it."""
        from one_logger.analysis.main import main

        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            code = main([*self.arguments, str(self.run)])
        if code not in (0, 1):
            raise SystemExit(f"{self.arguments} ended with {code}.")


class Verify(Command):
    """Is it all there?"""

    arguments = ("verify", "--json", "--no-cache")


class Show(Command):
    """What happened, and where did the time go?"""

    arguments = ("show", "--json", "--no-cache")


class ShowAgain(Command):
    """The same with what another process has kept of it."""

    arguments = ("show", "--json")

    def configure(self) -> None:
        """Let another process show the same run."""
        os.environ["XDG_CACHE_HOME"] = str(self.file.parent)
        command = [sys.executable, "-m", "one_logger.analysis", *self.arguments, str(self.run)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


class Trace(Command):
    """A file for Perfetto."""

    @property
    def arguments(self) -> tuple[str, ...]:  # type: ignore[override]
        """Write it where the benchmark may."""
        return ("trace", "--no-cache", "-o", str(self.file.with_suffix(".pftrace")))


class Report(Command):
    """A page in HTML."""

    @property
    def arguments(self) -> tuple[str, ...]:  # type: ignore[override]
        """Write it where the benchmark may."""
        return ("report", "--no-cache", "-o", str(self.file.with_suffix(".html")))


class Watch(Watcher):
    """What is happening?"""

    def command(self) -> list[str]:
        """With its own interval."""
        return [sys.executable, "-m", "one_logger.analysis", "watch", "--json", str(self.file)]

    def lines(self, count: int) -> Iterator[str]:
        """Those of one rank of a training."""
        from tools.bench.large_run import lines

        return lines(0, 1, count + 100)


class CoreVerify(Looker):
    """`one_logger.core.verify`."""

    def look(self) -> None:
        """Verify each stream."""
        from one_logger.core import read_records, verify

        if not all(report.whole for report in verify(read_records(_lines(self.run)))):
            raise SystemExit("The run isn't whole.")


def _lines(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            yield from file
