"""References in values: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`."""

from __future__ import annotations

import os
import re

from one_logger.recorder.configuration.problem import UnusableError

_BRACES = r"\{(?:[^{}]|\{[^{}]*\})*\}"  # of a placeholder, or doubled
_REFERENCE = re.compile(
    rf"\$\$\{{|\$\{{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{{)[^{{}}]|{_BRACES})*))?\}})?"
)


def names_in(text: str) -> tuple[str, ...]:
    """The environment variables that a text refers to."""
    return tuple(match["name"] for match in _REFERENCE.finditer(text) if match["name"])


def expand(text: str, *, double_braces: bool = False) -> str:
    """Replace the references in a text, or raise `UnusableError`. References in a variable's value are kept.

    Line ends at the end of a variable's value are left out, as a shell does with the output of a command: a secret that
    comes from a file mostly has one. With `double_braces`, those in a variable's value are no placeholders.
    """

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match["name"], match["default"]
        if name is None:
            raise UnusableError(
                "has a ${ that is no reference to an environment variable; expected ${NAME} or ${NAME:-default}. "
                "Write $${ for a literal ${."
            )
        value = os.environ.get(name)
        value = None if value is None else value.rstrip("\r\n")
        # As in a shell, `:-` stands in for a variable that is not set or empty (POSIX, "Parameter Expansion").
        if default is not None and not value:
            return default
        if value is None:
            raise UnusableError(
                f"refers to the environment variable {name}, which is not set and has no default; "
                f"set it, or write ${{{name}:-default}}."
            )
        return value.replace("{", "{{").replace("}", "}}") if double_braces else value

    return _REFERENCE.sub(replacement, text)
