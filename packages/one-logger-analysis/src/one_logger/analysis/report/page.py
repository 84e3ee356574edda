"""Puts a report together: one page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files

from one_logger.analysis.findings.finding import duration
from one_logger.analysis.report import tables
from one_logger.analysis.report.breakdown import breakdown_picture
from one_logger.analysis.report.content import Content
from one_logger.analysis.report.goodput import goodput_section
from one_logger.analysis.report.markup import Markup, element, json_data, short, together
from one_logger.analysis.report.steps import heat_map_picture, steps_data, steps_picture
from one_logger.analysis.report.timeline import timeline_colours, timeline_data, timeline_picture
from one_logger.core.spi import counted

_BETWEEN = element("span", " · ", class_="between")  # seen where style sheets are forbidden
_STATE_WORDS = {
    "finished": "Finished",
    "running": "Running when last heard of",
    "killed": "Killed",
    "hanging": "Hanging",
}


def page(content: Content, made_unix_nano: int) -> str:
    """The report as an HTML page.

    What it says stands in plain HTML, and in SVG whose colours are attributes, so that it can be read where a viewer
    forbids style sheets and scripts. The script and the style sheet are let in by their hashes, and nothing else is.

    Args:
        content: What it says.
        made_unix_nano: When it is made, in nanoseconds since 1970-01-01T00:00:00Z.
    """
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    script = files(__package__).joinpath("report.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = content.service or "A run"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{short(title)}: report of a run"),
        element("style", Markup(style)),
    )
    colours = timeline_colours(content.timeline, content.paths)
    sections = [section for section in _sections(content, colours) if section is not None]
    body = element(
        "body",
        _header(content, title),
        element(
            "nav",
            *(
                part
                for number, (id_, words, _) in enumerate(sections)
                for part in (_BETWEEN if number else None, element("a", words, href=f"#{id_}"))
            ),
            aria_label="Sections",
        ),
        element("main", *(_section(*section) for section in sections)),
        _footer(made_unix_nano),
        *_data(content, colours),
        element("script", Markup(script)),
        bgcolor="#ffffff",
        text="#1f2430",
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _hash(source: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"


_Section = tuple[str, str, Markup]


def _section(id_: str, title: str, content: Markup) -> Markup:
    return element("section", element("h2", title), content, id=id_)


def _header(content: Content, title: str) -> Markup:
    state, trust = content.overview["state"], content.overview["trust"]
    facts = [
        ("Session", content.session),
        ("Job", content.job),
        ("Started", None if content.first is None else _date(content.first)),
        ("Took", None if content.first is None or content.last is None else duration(content.last - content.first)),
        ("Ranks", _count_of(content.ranks_count, content.hosts)),
        ("Restarts", f"{content.incarnations - 1:,}" if content.incarnations > 1 else None),
        ("Spans", f"{sum(path['count'] for path in content.paths):,}"),
        ("Events", f"{content.events:,}"),
        ("Errors", f"{sum(error['count'] for error in content.overview['errors']):,}"),
    ]
    return element(
        "header",
        element("p", "one-logger · report of a run", class_="eyebrow"),
        element("h1", short(title)),
        element(
            "p",
            element("strong", _STATE_WORDS.get(state, state), class_=f"pill {_kind(state)}"),
            _BETWEEN,
            element("strong", trust["sentence"], class_=f"pill {'good' if trust['whole'] else 'bad'}"),
            class_="pills",
        ),
        element(
            "table",
            element("tr", *(element("th", name, align="left") for name, value in facts if value)),
            element("tr", *(element("td", short(value)) for _, value in facts if value)),
            cellspacing=0,
            cellpadding=6,
            class_="facts",
        ),
        element(
            "p",
            "This page also works without scripts and styles. Where they are forbidden, as they are here, download the "
            "file and open it: then pictures can be zoomed, and tables sorted.",
            id="forbidden",
        ),
    )


def _kind(state: str) -> str:
    return {"finished": "good", "running": "going"}.get(state, "bad")


def _date(unix_nano: int) -> str:
    return f"{datetime.fromtimestamp(unix_nano // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _count_of(ranks: int, hosts: int) -> str | None:
    if not ranks:
        return None
    return f"{ranks:,} on {counted(hosts, 'host')}" if hosts else f"{ranks:,}"


def _sections(content: Content, colours: dict[str, int]) -> Iterable[_Section]:
    shown = content.overview
    yield "verdict", "Verdict", tables.findings(shown["verdict"])
    if content.goodput is not None:
        yield "goodput", "Goodput", goodput_section(content.goodput)
    if content.timeline is not None and content.timeline.columns:
        notes = [element("p", note, class_="note") for note in content.timeline.notes]
        yield (
            "when",
            "What each rank did when" if content.ranks_count else "What happened when",
            together(
                [
                    element("div", timeline_picture(content.timeline, colours), class_="figure", id="timeline-figure"),
                    *notes,
                ]
            ),
        )
    if content.paths:
        picture = breakdown_picture(content.paths, colours)
        figure = None if picture is None else element("div", picture, class_="figure")
        lead = element(
            "p",
            "Each span stands below the one that it is in, as wide as the time it took"
            f"{' over all ranks' if content.ranks_count else ''}. What is pale was spent in the spans below it.",
            class_="note",
        )
        yield "where", "Where the time went", together([lead, figure, tables.spans(content.paths, colours)])
    if content.steps is not None:
        yield "steps-section", "Step by step", _steps(content)
    if content.ranks["ranks"]:
        yield "ranks", "Ranks", tables.ranks(content.ranks)
    if shown["errors"]:
        yield "errors", "Errors", tables.errors(shown["errors"])
    if shown["open_spans"]:
        yield "open", "Spans that never ended", tables.open_spans(shown["open_spans"])
    if content.longest:
        yield "longest", f"The {len(content.longest)} longest spans", tables.longest(content.longest)
    yield "data", "Is it all there?", _data_section(content)


def _steps(content: Content) -> Markup:
    steps = content.steps
    assert steps is not None  # noqa: S101 - says so to the type checker
    name = steps.path.rpartition("/")[2]
    some = f", {steps.steps_in_column:,} to a column" if steps.steps_in_column > 1 else ""
    parts = [
        element("p", f"{steps.count:,} steps: the spans {short(name)}{some}.", class_="note"),
        element("div", steps_picture(steps), class_="figure"),
    ]
    if steps.ratios:
        parts += [
            element("h3", "Which rank was slower than the others"),
            element(
                "p",
                "Each rank's time for a step beside the median rank's, without the time of waiting for others where "
                "spans show it. Steps are counted from each rank's start.",
                class_="note",
            ),
            element("div", heat_map_picture(steps), class_="figure"),
        ]
    return together(parts)


def _data_section(content: Content) -> Markup:
    missing = content.verification["missing_ranks"]
    return together(
        [
            element("p", content.overview["trust"]["sentence"]),
            element("p", f"Of these ranks there is no record: {tables.evidence_words('ranks', missing)}.")
            if missing
            else None,
            tables.streams(content.verification),
        ]
    )


def _footer(made_unix_nano: int) -> Markup:
    return element(
        "footer",
        element(
            "p",
            f"Made at {_date(made_unix_nano)} by one-logger-analysis from what one-logger recorded. All times are UTC. "
            "The page asks no server for anything.",
        ),
    )


def _data(content: Content, colours: dict[str, int]) -> Iterable[Markup]:
    if content.timeline is not None:
        yield json_data("timeline-data", timeline_data(content.timeline, colours))
    if content.steps is not None:
        yield json_data("steps-data", steps_data(content.steps))
