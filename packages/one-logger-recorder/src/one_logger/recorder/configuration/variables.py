"""References in values: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`."""

from __future__ import annotations

import os
import re

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\})?")


class VariableError(Exception):
    """A reference cannot be replaced. The message follows the place of the value."""


def names_in(text: str) -> tuple[str, ...]:
    """The environment variables that a text refers to."""
    return tuple(match["name"] for match in _REFERENCE.finditer(text) if match["name"])


def expand(text: str) -> str:
    """Replace the references in a text, or raise `VariableError`. References in a variable's value are kept."""
    return _REFERENCE.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    if match[0] == "$${":
        return "${"
    name, default = match["name"], match["default"]
    if name is None:
        raise VariableError(
            "has a ${ that is no reference to an environment variable; expected ${NAME} or ${NAME:-default}. "
            "Write $${ for a literal ${."
        )
    value = os.environ.get(name)
    # As in a shell, `:-` stands in for a variable that is not set or empty (POSIX, "Parameter Expansion").
    if default is not None and not value:
        return default
    if value is None:
        raise VariableError(
            f"refers to the environment variable {name}, which is not set and has no default; "
            f"set it, or write ${{{name}:-default}}."
        )
    return value
