"""The JSON Schemas of what the commands print with `--json`: a file `COMMAND.schema.json` for each."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def command_schema(command: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `one-logger COMMAND --json` prints.

    Raises:
        FileNotFoundError: There is no such command, or it has no schema.
    """
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(f"{command}.schema.json").read_text("utf-8"))
    return schema
