"""The JSON Schema of a record."""

from __future__ import annotations

from typing import Any


def record_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every record of version 1 fulfils."""
    import json
    from importlib.resources import files

    schema: dict[str, Any] = json.loads(files("one_logger.core").joinpath("record.schema.json").read_text("utf-8"))
    return schema
