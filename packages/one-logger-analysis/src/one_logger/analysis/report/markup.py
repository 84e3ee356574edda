"""Makes HTML and SVG, in which no text can become markup or code."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable

from one_logger.analysis.terminal import clean

_EMPTY = frozenset({"br", "circle", "line", "meta", "path", "polygon", "rect", "use"})
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Markup(str):
    """Text that is markup already, and is taken as it is."""

    __slots__ = ()


def text(value: object) -> Markup:
    r"""A text as markup. Control characters and marks that turn the direction of text are shown: `\x1b`, `\u202e`."""
    return value if isinstance(value, Markup) else Markup(html.escape(clean(str(value))))


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: Its name.
        content: What is in it: markup, and texts, which are escaped. None is left out.
        attributes: Its attributes, with an underscore for a hyphen, and one at the end of what Python has for itself:
            `class_`. None and False are left out, and True is an attribute without a value.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        parts.append(f" {attribute}" if value is True else f' {attribute}="{text(value)}"')
    if name in _EMPTY and not content:
        return Markup("".join([*parts, "/>"]))
    return Markup("".join([*parts, ">", *(text(part) for part in content if part is not None), f"</{name}>"]))


def short(value: object, most: int = 160) -> str:
    """A text, cut if it is long, so that no name can make the page large. Control characters are shown."""
    shown = clean(str(value))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def together(parts: Iterable[object]) -> Markup:
    """Markup and texts, one after the other."""
    return Markup("".join(text(part) for part in parts if part is not None))


def json_data(element_id: str, value: object) -> Markup:
    """Data for a script, as JSON that cannot end the element it stands in."""
    data = json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_IN_SCRIPT)
    return Markup(f'<script type="application/json" id="{text(element_id)}">{data}</script>')
