"""Paths with placeholders."""

from __future__ import annotations

import os
import re
from string import Formatter

from one_logger.core import OneLoggerError, Resource
from one_logger.core.text import error_text

PLACEHOLDERS = ("rank", "local_rank", "pid", "host", "job_id", "session_tag")

_NOT_IN_A_NAME = re.compile(r"^\.+$|[/\\\0\ud800-\udfff]")


def check_template(path: str) -> str:
    """`path`, if its placeholders are ones that `expand` knows.

    Raises:
        OneLoggerError: They are not.
    """
    try:
        fields = [field for _, field, _, _ in Formatter().parse(path) if field is not None]
    except ValueError as error:
        raise OneLoggerError(
            f"The file path {path!r} is no template: {error}. Write {{{{ and }}}} for braces that are part of the path."
        ) from None
    for field in fields:
        if field not in PLACEHOLDERS:
            raise OneLoggerError(
                f"The file path {path!r} has the placeholder {{{field}}}; expected one of "
                f"{', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}. "
                "Write {{ and }} for braces that are part of the path."
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

    `{rank}` and `{local_rank}` are 0 where there is no rank. What session tag and job id have that cannot be part of a
    name, or would lead to another folder, becomes `_`.

    Raises:
        ValueError: A placeholder has a format that does not fit its value.
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
