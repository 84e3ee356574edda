"""The views, as SQL: `views.sql(name)` is the text of `name.sql` in this folder."""

from __future__ import annotations

from importlib.resources import files

PUBLIC = ("records", "streams", "gaps", "spans", "events", "errors", "ranks", "restarts")
"""The views that users ask."""


PATH_STEPS = 10
"""How often `span_path_step` is taken at most: enough for a depth of 1,023."""


def sql(name: str) -> str:
    """The query that a view stands for."""
    return _span_paths() if name == "span_paths" else files(__name__).joinpath(f"{name}.sql").read_text("utf-8")


def _span_paths() -> str:
    """The path from the root to each parent, in one query."""
    step = sql("span_path_step")
    steps = [sql("span_path_start"), *(step.replace("path_steps", f"step_{number}") for number in range(PATH_STEPS))]
    named = ", ".join(f"step_{number} AS (\n{query})" for number, query in enumerate(steps))
    return f"WITH {named}\n{sql('span_path_end').replace('path_steps', f'step_{PATH_STEPS}')}"
