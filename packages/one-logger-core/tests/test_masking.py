"""What is a secret, and how it is kept out of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core.masking import MASK, Redactor, is_secret_name, without_user_info


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWD", "pwd", "apiToken", "api-key", "headers", "sasl_x", "SENTRY_DSN"]
)
def test_names_of_secrets(name: str) -> None:
    """Whatever has such a name is a secret."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["path", "passage", "header_count", "author", "monkey", "compass_s", ""])
def test_names_of_other_things(name: str) -> None:
    """These only look like it."""
    assert not is_secret_name(name)


def test_the_user_and_password_of_urls_are_masked() -> None:
    """All that stands between a scheme and an @, in each URL of a text."""
    text = "from http://me:secret@a.example/b@c to kafka://token@b.example, not a@b"
    assert without_user_info(text) == "from http://***@a.example/b@c to kafka://***@b.example, not a@b"


def test_secrets_are_masked_in_the_ways_they_are_written() -> None:
    """As such, as repr() writes them, without the blanks around them, and the longest first."""
    redactor = Redactor(["it's\n", "pass"])
    redactor.add("password1")
    redactor.add(4711)
    assert redactor.redacted("password1 pass 4711") == f"{MASK} {MASK} {MASK}"
    assert redactor.redacted(f"{'it' + chr(39) + 's' + chr(10)!r} it's") == f'"{MASK}" {MASK}'


def test_what_says_nothing_is_no_secret() -> None:
    """A text is not blanked for the sake of True, None or blanks."""
    assert Redactor([True, False, None, "", " "]).redacted("True None x") == "True None x"


@given(st.lists(st.text(min_size=1).filter(str.strip).filter(lambda text: not set(text) & set(MASK))), st.text())
def test_no_secret_is_left(secrets: list[str], text: str) -> None:
    """Whatever the secrets and the text are, and however they overlap, none of them is in the result."""
    redacted = Redactor(secrets).redacted(text + "".join(secrets))
    assert not [secret for secret in secrets if secret in redacted]
