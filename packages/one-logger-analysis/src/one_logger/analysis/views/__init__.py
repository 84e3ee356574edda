"""The views, as SQL: `views.sql(name)` is the text of `name.sql` in this folder."""

from __future__ import annotations

from importlib.resources import files

PUBLIC = ("records", "streams", "gaps", "spans", "events", "errors", "ranks", "restarts")
"""The views that users ask."""


def sql(name: str) -> str:
    """The query that a view stands for."""
    return files(__name__).joinpath(f"{name}.sql").read_text("utf-8")
