"""From entries to exporters and processors: all of them or none."""

from __future__ import annotations

import re
from typing import NamedTuple

from one_logger.core import Exporter
from one_logger.core.spi import error_text
from one_logger.recorder.configuration.arguments import check_arguments
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.entry_points import NotLoadedError, class_of_name, class_of_type
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError
from one_logger.recorder.processors.processed_exporter import ProcessedExporter
from one_logger.recorder.processors.processor import Processor


def check_entries(entries: list[Entry]) -> None:
    """Load the class of each entry that is enabled, and hold its arguments against the class's signature.

    Nothing is constructed. What is wrong becomes problems of the entries' sections.
    """
    for entry in entries:
        if not entry.enabled or entry.instance is not None:
            continue
        check_entries(entry.processors)
        if not entry.reference:
            continue
        try:
            find = class_of_type if entry.key == "type" else class_of_name
            entry.target = find(entry.kind, entry.reference)
        except NotLoadedError as error:
            entry.section.problem((entry.key,), _about(entry, str(error)))
            continue
        entry.arguments = check_arguments(entry.target, entry.target.__name__, entry.config, entry.section, ("config",))


class Built(NamedTuple):
    """What a configuration has made."""

    exporters: dict[str, Exporter]
    """The exporters, by name."""
    processors: list[Processor]
    """The processors, in their order."""


def construct(entries: list[Entry], processors: list[Entry], problems: list[ConfigProblem]) -> Built:
    """Construct what the entries that are enabled are about.

    Args:
        entries: Entries of exporters that `check_entries` has seen.
        processors: Entries of processors that it has seen.
        problems: What is known to be wrong. Nothing is constructed if there is anything.

    Raises:
        ExporterConfigError: There are problems, or constructors have raised. What was constructed is closed then.
    """
    exporters: dict[str, Exporter] = {}
    if not problems:
        chain = _constructed(processors)
        for name, entry in named(entries).items():
            exporter = entry.instance or _construct(entry)
            own = _constructed(entry.processors)
            if isinstance(exporter, Exporter):
                exporters[name] = ProcessedExporter(exporter, own) if own else exporter
        if not problems:
            return Built(exporters, chain)
        close(exporters, entries)
    raise ExporterConfigError(problems)


def _constructed(entries: list[Entry]) -> list[Processor]:
    made = [entry.instance or _construct(entry) for entry in entries if entry.enabled]
    return [each for each in made if isinstance(each, Processor)]


def close(exporters: dict[str, Exporter], entries: list[Entry]) -> None:
    """Close exporters that will not be used, but for those that the application has made."""
    theirs = [entry.instance for entry in entries if entry.instance is not None]
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


def _construct(entry: Entry) -> object:
    if entry.target is None:
        return None
    try:
        made: object = entry.target(**entry.arguments)
    except (Exception, SystemExit) as error:
        text = error_text(error).rstrip(".")
        raised = f"{type(error).__name__}: {text}" if text else type(error).__name__
        entry.section.problem(("config",), f"is refused by {entry.target.__name__}, which raised {raised}.")
        return None
    if not isinstance(made, entry.kind.base):
        entry.section.problem(
            (entry.key,), _about(entry, f"makes a {type(made).__qualname__}, which is no {entry.kind.noun}.")
        )
        return None
    return made


def _about(entry: Entry, message: str) -> str:
    shown = entry.section.shown(entry.reference, (entry.key,))
    return f"is {shown}, which {message}" if message[:1].islower() else f"is {shown}. {message}"
