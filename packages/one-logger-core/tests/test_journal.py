import logging

import pytest

from one_logger.core.journal import MAX_MESSAGES, Journal


def test_messages_are_logged_when_they_are_written(caplog: pytest.LogCaptureFixture) -> None:
    """What is kept is logged by `write`, each message once, at its level and in order, also one that comes again."""
    caplog.set_level(logging.DEBUG, "one_logger")
    journal = Journal()
    for message in ("first", "second", "first"):
        journal.log(logging.INFO, message)
    assert not caplog.records
    journal.write()
    journal.write()
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        ("one_logger", logging.INFO, message) for message in ("first", "second", "first")
    ]


def test_what_nobody_writes_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Of more messages than are kept the latest are."""
    journal = Journal()
    for number in range(MAX_MESSAGES + 10):
        journal.log(logging.ERROR, str(number))
    journal.write()
    assert [record.getMessage() for record in caplog.records] == [str(n) for n in range(10, MAX_MESSAGES + 10)]


def test_a_forked_child_forgets(caplog: pytest.LogCaptureFixture) -> None:
    """After `clear` nothing is logged of what was kept before."""
    journal = Journal()
    journal.log(logging.ERROR, "the parent's")
    journal.clear()
    journal.write()
    assert not caplog.records


def test_a_handler_that_raises_reaches_nobody() -> None:
    """An exception in a log handler of the application ends neither the writer nor the messages that follow."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            raise RuntimeError("no")

    seen: list[str] = []
    handler = Handler()
    logging.getLogger("one_logger").addHandler(handler)
    try:
        journal = Journal()
        journal.log(logging.ERROR, "first")
        journal.log(logging.ERROR, "second")
        journal.write()
    finally:
        logging.getLogger("one_logger").removeHandler(handler)
    assert seen == ["first", "second"]
