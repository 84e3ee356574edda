"""Paths with placeholders."""

from __future__ import annotations

import os
import re
from string import Formatter

from one_logger.core import OneLoggerError, Resource
from one_logger.core.text import error_text

PLACEHOLDERS = ("rank", "local_rank", "pid", "host", "job_id", "session_tag")

MOST = 100
"""The most bytes of a session tag or job id in a path. A name has 255 at most in Linux, and may hold both."""

_ADVICE = "Write {{ and }} for braces that are part of the path."
_PRIME = 2**61 - 1


def check_template(path: str) -> str:
    """The path, absolute from now on, if `expand` can fill in its placeholders. `~` is the home folder.

    Raises:
        OneLoggerError: It can't be used.
    """
    if "$" in path and (match := re.search(r"\$(?:([A-Za-z_]\w*)|\{(\w+)\})", path)):
        name = match[1] or match[2]
        raise OneLoggerError(
            f"The file path {path!r} has {match[0]}, which is not replaced here. In a configuration file write "
            f"${{{name}}}; in code give the path with the value of the variable, as by os.path.expandvars()."
        )
    try:
        fields = [field for _, field, _, _ in Formatter().parse(path) if field is not None]
    except ValueError as error:
        raise OneLoggerError(f"The file path {path!r} is no template: {error}. {_ADVICE}") from None
    for field in fields:
        if field not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise OneLoggerError(
                f"The file path {path!r} has the placeholder {{{field}}}; expected one of {known}. {_ADVICE}"
            )
    try:
        expand(path, Resource())
    except Exception as error:
        raise OneLoggerError(
            f"The file path {path!r} has a placeholder with a format that cannot be used: {error_text(error)}."
        ) from None
    return _absolute(path)


def _absolute(path: str) -> str:
    """The path as it is meant now: the job may change the working directory later."""
    home, _, below = path.partition("/")
    try:
        folder = os.path.expanduser(home) if home.startswith("~") else "" if os.path.isabs(path) else os.getcwd()
    except OSError as error:
        raise OneLoggerError(f"The file path {path!r} is relative, and the working directory is gone.") from error
    if folder.startswith("~"):
        raise OneLoggerError(f"The file path {path!r} begins with {home}, and nobody knows that home folder.")
    return os.path.join(folder.replace("{", "{{").replace("}", "}}"), below if home.startswith("~") else path)


def expand(template: str, resource: Resource) -> str:
    """The path for the process that `resource` describes.

    `{rank}` and `{local_rank}` are 0 if there is no rank. In the session tag and the job id, what cannot stand in the
    name of a file becomes `_`, and what would be too long becomes a checksum.
    """
    attributes = resource.attributes
    return template.format(
        rank=attributes.get("one_logger.rank", 0),
        local_rank=attributes.get("one_logger.local_rank", 0),
        pid=attributes.get("process.pid", os.getpid()),
        host=attributes.get("host.name", "unknown"),
        job_id=_name(attributes.get("one_logger.job_id", "unknown")),
        session_tag=_name(attributes.get("one_logger.session_tag", "untagged")),
    )


def _name(value: object) -> str:
    """A text as a part of the name of a file."""
    text = str(value)
    if not text.isalnum():  # which spares most processes the expression
        text = re.sub(r"^\.+$|[/\\\0\ud800-\udfff]", "_", text)
    name = text.encode()
    if len(name) > MOST:
        checksum = f"-{int.from_bytes(name, 'big') % _PRIME:016x}"
        text = name[: MOST - len(checksum)].decode(errors="ignore") + checksum
    return text
