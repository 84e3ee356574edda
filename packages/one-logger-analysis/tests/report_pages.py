"""Reads a report, for tests: strictly, as nothing in it may be doubtful."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

_EMPTY = {"meta"}
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "footer", "h1", "h2", "h3"),
    *("p", "a", "b", "strong", "span", "div", "code", "ul", "li", "dl", "dt", "dd", "details", "summary", "script"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "path", "rect", "line", "polygon", "text"),
}
"""The elements that a report may have."""


class ReportPage(HTMLParser):
    """A report, read element by element.

    Attributes:
        text: What it says, without its script, style and data.
        policy: Its policy, by directive.
        data: Its data for the script, by their ids.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self._open: list[str] = []
        self._code: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._said: list[str] = []
        self.policy: dict[str, str] = {}
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"
        self.text = "".join(self._said)
        self.data: dict[str, Any] = {}
        scripts = []
        for name, attributes, parts in self._code:
            source = "".join(parts)
            if attributes.get("type") == "application/json":
                self.data[str(attributes["id"])] = json.loads(source)
                continue
            digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
            assert self.policy[f"{name}-src"] == f"'sha256-{digest}'"
            scripts.append(name)
        assert sorted(scripts) == ["script", "style"], "no other code is in the page"
        for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
            ET.fromstring(svg)  # noqa: S314 - it is our own

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        attributes = dict(attrs)
        assert len(attributes) == len(attrs)
        for name, value in attributes.items():
            assert not name.startswith("on"), "code in an attribute"
            assert name != "style", "a style that a policy would forbid"
            assert name not in {"src", "action"}, "an address"
            assert name != "href" or (value or "").startswith("#"), "an address"
        if attributes.get("http-equiv") == "Content-Security-Policy":
            assert not self._code, "the policy comes before all that it holds for"
            directives = (directive.strip().partition(" ") for directive in str(attributes["content"]).split(";"))
            self.policy = {name: value for name, _, value in directives}
        if tag not in _EMPTY:
            self._open.append(tag)
        if tag in ("script", "style"):
            self._code.append((tag, attributes, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self._code[-1][2].append(data)
        else:
            self._said.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment, of which nobody knows where it ends")
