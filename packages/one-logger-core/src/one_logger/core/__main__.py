"""`python -m one_logger.core schema` prints the JSON Schema of a record."""

from __future__ import annotations

import json
import sys

from one_logger.core.schema import record_schema

_USAGE = "usage: python -m one_logger.core schema\n\nPrints the JSON Schema (draft 2020-12) of a record, version 1."


def main(arguments: list[str]) -> int:
    """Run the command, and return its exit code."""
    if arguments == ["schema"]:
        sys.stdout.write(json.dumps(record_schema(), indent=2) + "\n")
        return 0
    asked = arguments in (["-h"], ["--help"])
    (sys.stdout if asked else sys.stderr).write(_USAGE + "\n")
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
