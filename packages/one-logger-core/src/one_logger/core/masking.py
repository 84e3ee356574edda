"""Finds secrets, and keeps them out of texts that people read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from one_logger.core.text import encodable, safe_repr

MASK = "***"
"""Stands in place of a secret."""

_SECRET_NAME = re.compile(
    r"passw|passphrase|(^|_)pass($|_)|(^|_)pwd($|_)|token|secret|credential|authorization|headers?$|cookie"
    r"|api[-_]?key|access[-_]?key|private[-_]?key|(^|_)sasl_|(^|_)auth($|_)|(^|_)dsn$",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)|(?<![^\s'\"(=,])[^\s/@:'\"(=,]+:[^\s/@]+(?=@[\w\[])")
_SHORT = 4  # characters: what has fewer may be a part of any word


def is_secret_name(name: str) -> bool:
    """Whether this is the name of a secret: `password`, `api_key`, `headers`, ..."""
    return _SECRET_NAME.search(name) is not None


def without_user_info(text: str) -> str:
    """The text with the user and password in each URL masked, also if it has no scheme: `user:password@host`."""
    return _USER_INFO.sub(MASK, text)


class Redactor:
    """Removes secrets from texts of other libraries, such as the message of an exception.

    Args:
        secrets: The secrets known at the start.
    """

    def __init__(self, secrets: Iterable[object] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: object) -> None:
        """Add a secret. True, False, None and a text of blanks are no secrets."""
        text = str.__str__(secret) if isinstance(secret, str) else safe_repr(secret)
        if not isinstance(secret, bool) and secret is not None and text.strip():
            # A message has a text as it is, as it can be encoded, or as repr() and JSON write it.
            self._secrets |= {text, encodable(text), repr(text)[1:-1], text.strip(), encodable(text.strip())}

    def redacted(self, text: str) -> str:
        """The text with every secret, and the user and password in each URL, masked.

        A secret of less than four characters is masked where it isn't a part of a longer word.
        """
        for secret in sorted(self._secrets, key=len, reverse=True):  # one may be a part of a longer one
            if len(secret) >= _SHORT:
                text = text.replace(secret, MASK)
            else:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        return without_user_info(text)


_remembered = Redactor()


def remember_secret(secret: object) -> None:
    """Keep a secret out of the library's log from now on, also where another library shows it in an exception.

    Only a text of at least four characters: a shorter one may be a common word.
    """
    if isinstance(secret, str) and len(secret.strip()) >= _SHORT:
        _remembered.add(secret)


def masked(text: str) -> str:
    """A text for the log, without the secrets that were remembered, and without the users and passwords of URLs."""
    return _remembered.redacted(text)
