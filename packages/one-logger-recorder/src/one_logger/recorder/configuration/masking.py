"""What is secret in a configuration, and how it is kept out of every text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from one_logger.core.spi import encodable, safe_repr

MASK = "***"

_SECRET_NAME = re.compile(
    r"passw|passphrase|passwd|(^|_)pass($|_)|(^|_)pwd($|_)|token|secret|credential|authorization|headers?$|cookie"
    r"|api[-_]?key|access[-_]?key|private[-_]?key|(^|_)sasl_|(^|_)auth($|_)|(^|_)dsn$",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def is_secret_name(name: str) -> bool:
    """Whether what is called so is to be kept out of messages: `password`, `api_key`, `headers`, ..."""
    return _SECRET_NAME.search(name) is not None


def without_user_info(text: str) -> str:
    """The text with the user and password in each URL masked."""
    return _USER_INFO.sub(MASK, text)


class Redactor:
    """Takes secrets out of texts that others have written, such as the message of an exception."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def add(self, secret: object) -> None:
        """Keep this out of texts from now on. True, False, None and the empty text are no secrets."""
        if isinstance(secret, bool) or secret is None or secret == "":
            return
        text = str.__str__(secret) if isinstance(secret, str) else safe_repr(secret)
        # A text stands in messages as it is, as it can be encoded, or as repr() and JSON write it.
        self._secrets |= {text, encodable(text), repr(text)[1:-1], text.strip(), encodable(text.strip())} - {""}

    def redacted(self, text: str) -> str:
        """The text with every secret in it replaced by a mask."""
        for secret in _longest_first(self._secrets):
            text = text.replace(secret, MASK)
        return without_user_info(text)


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=len, reverse=True)
