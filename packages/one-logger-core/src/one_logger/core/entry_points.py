"""What installed distributions register. No distribution can spoil it for the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from one_logger.core.diagnostics import report, write_reports
from one_logger.core.text import error_text

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint


def entry_points(group: str, distribution: str | None = None) -> list[EntryPoint]:
    """The entry points of a group, sorted by name and distribution. None of them is imported.

    Each distribution is read by itself. One that can't be read is left out, and that is logged once. Of two that have
    the same name the first one on `sys.path` counts, unless it is but a folder that `pip` has left behind.

    Args:
        group: The name of the group.
        distribution: The name of the distribution to look at. None: all, which takes some time if there are many.
    """
    found: dict[str, list[EntryPoint]] = {}
    for number, each in enumerate(_distributions(distribution)):
        try:
            if group in (each.read_text("entry_points.txt") or ""):
                found.setdefault(_normal_name(each) or str(number), list(each.entry_points.select(group=group)))
        except Exception as error:
            _say(f"The entry points of {_said(each)} can't be read", error)
    points = (point for points in found.values() for point in points)
    return sorted(points, key=lambda point: (point.name, distribution_of(point), point.value))


def distribution_of(point: EntryPoint) -> str:
    """The name and version of the distribution that an entry point is part of."""
    return _said(point.dist)


def _distributions(name: str | None) -> Iterator[Distribution]:
    from importlib.metadata import distributions  # the import alone takes milliseconds

    try:
        yield from distributions() if name is None else distributions(name=name)
    except Exception as error:
        _say("The installed distributions can't all be listed", error)


def _normal_name(distribution: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", _about(distribution)[0]).lower()


def _said(distribution: Distribution | None) -> str:
    path = getattr(distribution, "_path", None)
    return " ".join(_about(distribution)).strip() or getattr(path, "name", "an unknown distribution")


def _about(distribution: Distribution | None) -> tuple[str, str]:
    """Its name and version. Empty texts if that can't be read."""
    try:
        return str(distribution.name or ""), str(distribution.version or "")  # type: ignore[union-attr]
    except Exception:  # it says in different ways that its metadata is broken
        return "", ""


def _say(what: str, error: Exception) -> None:
    report(what, f"{what}: {type(error).__name__}: {error_text(error)}")
    write_reports()
