"""Checks entries and options against the classes that take them. Nothing is constructed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from one_logger.api import OneLoggerConfig
from one_logger.core import OneLoggerError
from one_logger.recorder.arguments import check_options
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.installed import class_of_name, class_of_type
from one_logger.recorder.configuration.problem import UnusableError
from one_logger.recorder.configuration.resolution import Resolution
from one_logger.recorder.configuration.section import Section
from one_logger.recorder.configuration.signature import Signature
from one_logger.recorder.default_recorder import DefaultRecorder

NOT_IN_RECORDER = ("exporters", "processors")
"""Arguments of `DefaultRecorder` that are not options of the section `recorder`."""


def check(resolution: Resolution) -> Resolution:
    """Load the class of each enabled entry, and check all arguments. Mistakes become problems of the resolution."""
    _check_entries([*resolution.exporters, *resolution.processors])
    for values, section in resolution.recorder:
        resolution.options |= _recorder_options(values, section)
    return resolution


def _check_entries(entries: Iterable[Entry]) -> None:
    for entry in entries:
        if not entry.enabled or entry.instance is not None:
            continue
        _check_entries(entry.processors)
        if not entry.reference:
            continue
        try:
            find = class_of_type if entry.key == "type" else class_of_name
            entry.target = find(entry.kind, entry.reference)
        except UnusableError as error:
            entry.blame_reference(str(error))
        else:
            signature = Signature(entry.target)
            entry.arguments = signature.check(entry.config, entry.section, entry.target.__name__, at="config")


def _recorder_options(values: object, section: Section) -> dict[str, object]:
    if not isinstance(values, Mapping):
        section.mismatch(values, "a mapping of the recorder's options")
        return {}
    options = Signature(DefaultRecorder, NOT_IN_RECORDER).check(values, section, "the recorder")
    if section.sound:
        try:
            check_options(**options)
        except OneLoggerError as error:
            section.problem((), f"cannot be used: {error}")
    return options


def check_one_logger(values: object, section: Section) -> dict[str, object]:
    """The arguments in a section, as `OneLoggerConfig` takes them. Mistakes become problems."""
    if isinstance(values, Mapping):
        return Signature(OneLoggerConfig).check(values, section, "OneLoggerConfig", partial=True)
    section.mismatch(values, "a mapping, such as application_name: orders")
    return {}


def check_config(arguments: Mapping[str, object], section: Section) -> OneLoggerConfig | None:
    """The configuration of the arguments from all sources. None if it is not valid, which becomes a problem."""
    try:
        return OneLoggerConfig.from_mapping(arguments)
    except OneLoggerError as error:
        section.problem((), f"cannot be used: {error}")
        return None
