"""From entries to exporters: all of them or none."""

from __future__ import annotations

import re

from one_logger.core import Exporter
from one_logger.recorder.configuration.arguments import check_arguments
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.entry_points import NotLoadedError, exporter_of_class, exporter_of_type
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError


def check_entries(entries: list[Entry]) -> None:
    """Load the class of each entry that is enabled, and hold its arguments against the class's signature.

    Nothing is constructed. What is wrong becomes problems of the entries' sections.
    """
    for entry in entries:
        if not entry.enabled or entry.exporter is not None or not entry.reference:
            continue
        try:
            find = exporter_of_type if entry.key == "type" else exporter_of_class
            entry.exporter_class = find(entry.reference)
        except NotLoadedError as error:
            entry.section.problem((entry.key,), _about(entry, str(error)))
            continue
        called = entry.exporter_class.__name__
        entry.arguments = check_arguments(entry.exporter_class, called, entry.config, entry.section, ("config",))


def construct(entries: list[Entry], problems: list[ConfigProblem]) -> dict[str, Exporter]:
    """Construct the exporters of the entries that are enabled, by name.

    Args:
        entries: Entries that `check_entries` has seen.
        problems: What is known to be wrong. Nothing is constructed if there is anything.

    Raises:
        ExporterConfigError: There are problems, or constructors have raised. What was constructed is closed then.
    """
    exporters: dict[str, Exporter] = {}
    if not problems:
        for name, entry in named(entries).items():
            exporter = entry.exporter or _construct(entry)
            if exporter is not None:
                exporters[name] = exporter
        if not problems:
            return exporters
        close(exporters, entries)
    raise ExporterConfigError(problems)


def close(exporters: dict[str, Exporter], entries: list[Entry]) -> None:
    """Close exporters that will not be used, but for those that the application has made."""
    theirs = [entry.exporter for entry in entries if entry.exporter is not None]
    for exporter in exporters.values():
        if not any(exporter is other for other in theirs):
            try:
                exporter.close()
            except Exception:  # noqa: S112 - nothing was opened by it, and the reason to close it is reported already
                continue


def named(entries: list[Entry]) -> dict[str, Entry]:
    """The entries that are enabled, by name. One without a name is named after its type, with a number if need be."""
    enabled = [entry for entry in entries if entry.enabled]
    given = {entry.name for entry in enabled}
    names: dict[str, Entry] = {}
    for entry in enabled:
        stem = entry.name or re.split("[.:]", entry.reference)[-1]
        name, number = stem, 1
        while name in names or (entry.name is None and name in given):
            number += 1
            name = f"{stem}-{number}"
        names[name] = entry
    return names


def _construct(entry: Entry) -> Exporter | None:
    if entry.exporter_class is None:
        return None
    try:
        exporter = entry.exporter_class(**entry.arguments)
    except (Exception, SystemExit) as error:
        text = str(error).rstrip(".")
        raised = f"{type(error).__name__}: {text}" if text else type(error).__name__
        entry.section.problem(("config",), f"is refused by {entry.exporter_class.__name__}, which raised {raised}.")
        return None
    if not isinstance(exporter, Exporter):
        entry.section.problem(
            (entry.key,), _about(entry, f"makes a {type(exporter).__qualname__}, which is no exporter.")
        )
        return None
    return exporter


def _about(entry: Entry, message: str) -> str:
    shown = entry.section.shown(entry.reference, (entry.key,))
    return f"is {shown}, which {message}" if message[:1].islower() else f"is {shown}. {message}"
