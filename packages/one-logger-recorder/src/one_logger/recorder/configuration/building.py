"""Builds exporters, processors and the recorder from checked entries: all of them or none."""

from __future__ import annotations

from typing import Any, NamedTuple

from one_logger.core import Exporter
from one_logger.core.spi import error_text
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.problem import ExporterConfigError
from one_logger.recorder.configuration.resolution import Resolution
from one_logger.recorder.default_recorder import DefaultRecorder
from one_logger.recorder.processors.processed_exporter import ProcessedExporter
from one_logger.recorder.processors.processor import Processor


class Built(NamedTuple):
    """Exporters by name, and processors in their order."""

    exporters: dict[str, Exporter]
    processors: list[Processor]


def build(resolution: Resolution) -> Built:
    """Construct the exporters and processors of the enabled entries.

    Raises `ExporterConfigError` before anything is constructed if there are problems, or if a constructor raises. Then
    the exporters that were constructed are closed.
    """
    exporters: dict[str, Exporter] = {}
    if not resolution.problems:
        processors = _processors(resolution.processors)
        for name, entry in named(resolution.exporters).items():
            exporter = _construct(entry)
            own = _processors(entry.processors)
            if isinstance(exporter, Exporter):
                exporters[name] = ProcessedExporter(exporter, own) if own else exporter
        if not resolution.problems:
            return Built(exporters, processors)
        close(exporters, resolution)
    raise ExporterConfigError(resolution.problems)


def build_recorder(resolution: Resolution) -> DefaultRecorder:
    """Build exporters, processors and recorder, or raise a `OneLoggerError`."""
    exporters, processors = build(resolution)
    options: Any = resolution.options  # checked
    try:
        return DefaultRecorder(exporters, processors=processors, **options)
    except Exception:
        close(exporters, resolution)
        raise


def close(exporters: dict[str, Exporter], resolution: Resolution) -> None:
    """Close exporters that will not be used, except those that the application has made."""
    theirs = [entry.instance for entry in resolution.exporters if entry.instance is not None]
    for exporter in exporters.values():
        if not any(exporter is other for other in theirs):
            try:
                exporter.close()
            except Exception:  # noqa: S112 - nothing was opened by it, and the reason to close it is reported already
                continue


def named(entries: list[Entry]) -> dict[str, Entry]:
    """The enabled entries by name. One without a name is named after its type, with a number if needed."""
    enabled = [entry for entry in entries if entry.enabled]
    given = {entry.name for entry in enabled}
    names: dict[str, Entry] = {}
    for entry in enabled:
        stem = entry.name or entry.reference.replace(":", ".").rpartition(".")[2]
        name, number = stem, 1
        while name in names or (entry.name is None and name in given):
            number += 1
            name = f"{stem}-{number}"
        names[name] = entry
    return names


def _processors(entries: list[Entry]) -> list[Processor]:
    made = [_construct(entry) for entry in entries if entry.enabled]
    return [each for each in made if isinstance(each, Processor)]


def _construct(entry: Entry) -> object:
    """The exporter or processor of an entry. None if it cannot be made, which becomes a problem."""
    if entry.instance is not None or entry.target is None:
        return entry.instance
    try:
        made: object = entry.target(**entry.arguments)
    except (Exception, SystemExit) as error:
        text = error_text(error).rstrip(".")
        raised = f"{type(error).__name__}: {text}" if text else type(error).__name__
        entry.section.problem(("config",), f"is refused by {entry.target.__name__}, which raised {raised}.")
        return None
    if isinstance(made, entry.kind.base):
        return made
    entry.blame_reference(f"makes a {type(made).__qualname__}, which is no {entry.kind.noun}.")
    return None
