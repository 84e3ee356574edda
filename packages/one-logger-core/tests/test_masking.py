"""What is a secret, and how it is kept out of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core.journal import Journal
from one_logger.core.masking import MASK, Redactor, is_secret_name, remember_secret, without_user_info


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


@pytest.mark.parametrize("secret", ["a", "me", "7", "é", "$%"])
def test_a_short_secret_blanks_no_other_words(secret: str) -> None:
    """Of less than four characters, it is masked where it stands alone, and not inside of words."""
    redactor = Redactor([secret])
    words = f"x{secret}x and {secret}{secret * 9}x" if secret.isalnum() else "x"
    assert redactor.redacted(words) == words
    assert redactor.redacted(f"user '{secret}', {secret}.") == f"user '{MASK}', {MASK}."


def test_the_log_has_no_secret_that_was_remembered(caplog: pytest.LogCaptureFixture) -> None:
    """From then on it is masked in every line; what says little, such as `on` or a number, is not."""
    for secret in ("remembered one", "on", 7_777, None):
        remember_secret(secret)
    journal = Journal()
    journal.log(30, "It is on: 7777 times, with 'remembered one' at me:hush@host.")
    journal.write()
    assert caplog.messages == [f"It is on: 7777 times, with '{MASK}' at {MASK}@host."]


def test_the_user_and_password_are_masked_without_a_scheme() -> None:
    """Whoever forgets the scheme of a URL doesn't show the password in an error."""
    text = "Invalid URL 'me:secret@host:4318/v1', endpoint=(a:b@[::1]); mail a@b, at 12:30@ line:3"
    assert without_user_info(text) == "Invalid URL '***@host:4318/v1', endpoint=(***@[::1]); mail a@b, at 12:30@ line:3"


@given(
    st.lists(st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4 and not set(text) & set(MASK))), st.text()
)
def test_no_secret_is_left(secrets: list[str], text: str) -> None:
    """Whatever the secrets and the text are, and however they overlap, none of them is in the result."""
    redacted = Redactor(secrets).redacted(text + "".join(secrets))
    assert not [secret for secret in secrets if secret in redacted]
