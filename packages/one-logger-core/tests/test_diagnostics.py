import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from one_logger.core import diagnostics

_MANY = """
import logging
from one_logger.core import diagnostics

for number in range(3 * diagnostics.MAX_KINDS):
    diagnostics.report(f"kind {number}", "sentence")
diagnostics.report("kind 1", "sentence")
messages = []
handler = logging.Handler()
handler.emit = messages.append
logging.getLogger("one_logger").addHandler(handler)
diagnostics.write_reports()
counts = [diagnostics.occurrences(f"kind {number}") for number in range(3 * diagnostics.MAX_KINDS)]
kinds = sum(count > 0 for count in counts)
print(counts[1], kinds, sum(counts) + diagnostics.occurrences(diagnostics.OTHER), len(messages))
"""

_IMPORT = """
import os
import sys
os.chdir(sys.argv[1])
before = set(sys.modules)
import one_logger.core
from one_logger.core import Event, Span
Span("work", {"a": object()}).stop()
loaded = sorted({"asyncio", "logging", "traceback", "typing"} & (set(sys.modules) - before))
import logging
import one_logger.exporter.file, one_logger.exporter.logger, one_logger.exporter.memory
logger = logging.getLogger("one_logger")
print(loaded, logger.handlers, logger.level, logging.getLogger().handlers, os.listdir())
"""


def test_first_report_of_a_kind_is_logged(reports: Callable[[], list[str]]) -> None:
    """Of several reports of one kind only the first is logged, and all are counted."""
    assert [diagnostics.report("first", f"sentence {number}") for number in range(3)] == [1, 2, 3]
    assert reports() == ["sentence 0"]
    assert diagnostics.occurrences("first") == 3


def test_kinds_are_told_apart(reports: Callable[[], list[str]]) -> None:
    """The first report of each kind is logged, in order."""
    diagnostics.report("apart one", "one")
    diagnostics.report("apart two", "two")
    diagnostics.report("apart one", "one again")
    assert reports() == ["one", "two"]


def test_unknown_kind_has_no_occurrences() -> None:
    """What was never reported occurred zero times."""
    assert diagnostics.occurrences("never reported") == 0


def test_levels_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """A report is logged as a warning, or at the level that was given."""
    diagnostics.write_reports()
    caplog.clear()
    diagnostics.report("level one", "one")
    diagnostics.report("level two", "two", logging.ERROR)
    diagnostics.write_reports()
    assert [(record.levelno, record.name) for record in caplog.records] == [
        (logging.WARNING, "one_logger"),
        (logging.ERROR, "one_logger"),
    ]


def test_reports_are_written_once(reports: Callable[[], list[str]]) -> None:
    """Writing the reports again logs nothing more."""
    diagnostics.report("once", "sentence")
    assert reports() == reports() == ["sentence"]


def test_percent_signs_are_no_format(reports: Callable[[], list[str]]) -> None:
    """A message is logged as it is, whatever it holds."""
    diagnostics.report("percent", "50% of %s {0}")
    assert reports() == ["50% of %s {0}"]


def test_kinds_are_bounded(run_script: Callable[..., str]) -> None:
    """Beyond 1,024 kinds, occurrences are counted together, so memory and log stay small."""
    first, kinds, counted, logged = map(int, run_script(_MANY).split())
    assert first == 2
    assert kinds <= diagnostics.MAX_KINDS
    assert counted == 3 * diagnostics.MAX_KINDS + 1
    assert logged <= diagnostics.MAX_KINDS


def test_import_has_no_side_effects(run_script: Callable[..., str], tmp_path: Path) -> None:
    """Importing core and its exporters opens no file, adds no handler, and core leaves the slow modules alone."""
    assert run_script(_IMPORT, tmp_path) == "[] [] 0 [] []\n"
