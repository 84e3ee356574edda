"""A configuration taken together: found, read, checked, and not yet built."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from one_logger.recorder.configuration.building import check_entries
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.file import ConfigFile, find_file, read_file
from one_logger.recorder.configuration.kind import PROCESSOR
from one_logger.recorder.configuration.problem import ConfigProblem
from one_logger.recorder.configuration.section import Section
from one_logger.recorder.configuration.sources import CODE, Replaced, gather, listed


@dataclass
class Resolution:
    """What the sources say, taken together.

    Args:
        entries: The entries that count, also those that are not enabled.
        replaced: What a stronger source has put out of use.
        present: Whether there is a source of entries at all.
        processors: The entries of the processors that count, also those that are not enabled.
        recorder: The options of the recorder, checked.
        problems: What is wrong.
    """

    entries: list[Entry] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    present: bool = False
    processors: list[Entry] = field(default_factory=list)
    recorder: dict[str, object] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)


def read(config_file: str | os.PathLike[str] | None) -> ConfigFile | None:
    """The file that counts, if there is one.

    Raises:
        ExporterConfigError: It cannot be read.
    """
    path = find_file(config_file)
    return None if path is None else read_file(path)


def resolve(
    exporters: object = None,
    file: ConfigFile | None = None,
    inherit: bool | None = None,
    recorder: Mapping[str, object] | None = None,
    processors: object = None,
) -> Resolution:
    """Find the entries that count and check them. Nothing is constructed.

    Args:
        exporters: Entries in the code.
        file: The file.
        inherit: Whether the stronger of the two adds to the next source.
        recorder: Options of the recorder that are given in the code.
        processors: Entries of processors in the code. They replace those of the file.
    """
    resolution = Resolution()
    gathered = gather(exporters, file, inherit, resolution.problems)
    resolution.entries, resolution.replaced = gathered.entries, gathered.replaced
    resolution.present = gathered.present
    resolution.processors = _processors(processors, file, resolution)
    check_entries([*resolution.entries, *resolution.processors])
    if file is not None and "recorder" in file.values:
        section = Section(file.source, ("recorder",), resolution.problems)
        resolution.recorder |= recorder_options(section, file.values["recorder"])
    if recorder is not None:
        resolution.recorder |= recorder_options(Section(CODE, ("recorder",), resolution.problems), recorder)
    return resolution


def _processors(processors: object, file: ConfigFile | None, resolution: Resolution) -> list[Entry]:
    in_file = file is not None and "processors" in file.values
    if processors is not None:
        if file is not None and in_file:
            resolution.replaced.append(Replaced(f"processors of {file.source.label}", CODE.label))
        return listed(processors, CODE, ("processors",), resolution.problems, PROCESSOR)[0]
    if file is not None and in_file:
        return listed(file.values["processors"], file.source, ("processors",), resolution.problems, PROCESSOR)[0]
    return []


def recorder_options(section: Section, values: object) -> dict[str, object]:
    """The options of the recorder, checked against its signature. What is wrong becomes problems of the section."""
    from one_logger.core import OneLoggerError
    from one_logger.recorder.configuration.arguments import check_arguments
    from one_logger.recorder.default_recorder import DefaultRecorder

    values = section.expand(values)
    if not isinstance(values, Mapping):
        section.problem((), f"is {section.shown(values, ())}; expected a mapping of the recorder's options.")
        return {}
    options = check_arguments(DefaultRecorder, "the recorder", values, section, (), without=("exporters", "processors"))
    if section.sound:
        try:
            DefaultRecorder([], **options)  # type: ignore[arg-type]  # checked above; this checks the numbers' ranges
        except OneLoggerError as error:
            section.problem((), f"cannot be used: {error}")
    return options
