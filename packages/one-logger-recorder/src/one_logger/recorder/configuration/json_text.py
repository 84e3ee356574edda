"""JSON, read into values of which the line is known."""

from __future__ import annotations

import json

from one_logger.recorder.configuration.problem import Path
from one_logger.recorder.configuration.yaml_text import TextError, lines_of_json


def read_json(text: str) -> tuple[object, dict[Path, int]]:
    """The value that a JSON document holds, and the line of each value in it.

    Raises:
        TextError: The text is no JSON, or a key stands twice in one object.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise TextError(f"{error.msg[:1].lower()}{error.msg[1:]} (column {error.colno})", error.lineno) from None
    except RecursionError:
        raise TextError("it is nested too deeply") from None
    except ValueError:  # an integer of more digits than Python reads
        raise TextError("a number in it is too long") from None
    return value, lines_of_json(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise TextError(f"the key {twice!r} stands in one object twice")
    return values
