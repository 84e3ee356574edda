"""Paths with placeholders."""

from __future__ import annotations

import os
import re
from string import Formatter

from one_logger.core import OneLoggerError, Resource
from one_logger.core.text import error_text

PLACEHOLDERS = ("rank", "local_rank", "pid", "host", "job_id", "session_tag")

_ADVICE = "Write {{ and }} for braces that are part of the path."
_NOT_IN_A_NAME = re.compile(r"^\.+$|[/\\\0\ud800-\udfff]")


def check_template(path: str) -> str:
    """Give the path back, if `expand` can fill in its placeholders."""
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
    return path


def expand(template: str, resource: Resource) -> str:
    """The path for the process that `resource` describes.

    `{rank}` and `{local_rank}` are 0 if there is no rank. What cannot stand in the name of a file becomes `_` in the
    session tag and the job id.
    """
    attributes = resource.attributes
    tag, job = (
        _NOT_IN_A_NAME.sub("_", str(attributes.get(f"one_logger.{name}", default)))
        for name, default in (("session_tag", "untagged"), ("job_id", "unknown"))
    )
    return template.format(
        rank=attributes.get("one_logger.rank", 0),
        local_rank=attributes.get("one_logger.local_rank", 0),
        pid=attributes.get("process.pid", os.getpid()),
        host=attributes.get("host.name", "unknown"),
        job_id=job,
        session_tag=tag,
    )
