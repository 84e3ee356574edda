"""What `python -m one_logger.recorder config` prints."""

from __future__ import annotations

import json
from typing import Any

from one_logger.api.spi import disabled_by_environment
from one_logger.core import OneLoggerError
from one_logger.recorder.configuration.building import close, construct, named
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.entry_points import CONFIGS, NotLoadedError, distribution, installed
from one_logger.recorder.configuration.file import ConfigFile, find_file, read_file
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR
from one_logger.recorder.configuration.one_logger_section import from_section
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError, Path, path_text
from one_logger.recorder.configuration.resolution import resolve
from one_logger.recorder.configuration.section import Section

Report = dict[str, Any]


def make_report(path: str | None) -> Report:
    """Everything that is to be said about the configuration in this environment, secrets masked.

    Args:
        path: The file to read. None: the one that `configure` would find.
    """
    problems: list[ConfigProblem] = []
    file: ConfigFile | None = None
    found = find_file(path)
    if found is not None:
        try:
            file = read_file(found)
        except ExporterConfigError as error:
            problems += error.problems
    resolution = resolve(None, file)
    problems += resolution.problems
    values = _sections(file, problems)
    if not problems:
        try:
            built = construct(resolution.entries, resolution.processors, resolution.problems)
            close(built.exporters, resolution.entries)
        except ExporterConfigError as error:
            problems += error.problems
    return {
        "ok": not problems,
        "file": found,
        "disabled": disabled_by_environment(),
        "exporters": _entries(resolution.entries),
        "processors": _entries(resolution.processors),
        "replaced": [{"what": each.what, "by": each.by} for each in resolution.replaced],
        "values": values,
        "installed": {group: _installed(group) for group in (EXPORTER.group, CONFIGS, PROCESSOR.group)},
        "problems": [{**problem._asdict(), "text": str(problem)} for problem in ExporterConfigError(problems).problems],
    }


def as_json(report: Report) -> str:
    """The report for machines."""
    return json.dumps(report, indent=2, default=str)


def as_text(report: Report) -> str:
    """The report for people."""
    lines = [f"File: {report['file'] or 'none'}"]
    if report["disabled"]:
        lines.append("ONE_LOGGER_DISABLED is set: a job in this environment records nothing.")
    lines += ["", "Exporters:"]
    for exporter in report["exporters"]:
        lines += _entry_text(exporter)
        for processor in exporter["processors"]:
            lines += ["    with", *(f"    {line}" for line in _entry_text(processor))]
    if not report["exporters"]:
        lines.append("  none")
    if report["processors"]:
        lines += ["", "Processors:", *(line for each in report["processors"] for line in _entry_text(each))]
    if report["values"]:
        lines += ["", "Values:", *(f"  {_value_text(value)}" for value in report["values"])]
    if report["replaced"]:
        lines += ["", "Replaced:", *(f"  {each['what']}, by {each['by']}" for each in report["replaced"])]
    lines += ["", "Installed:"]
    for group, points in report["installed"].items():
        lines += [f"  {group}: {point['name']} ({point['value']}), of {point['distribution']}" for point in points]
    lines += ["", "Problems:", *(f"  {problem['text']}" for problem in report["problems"])]
    if not report["problems"]:
        lines.append("  none")
    return "\n".join(lines)


def _entry_text(entry: Report) -> list[str]:
    state = "" if entry["enabled"] else ", not enabled"
    return [
        f"  {entry['name']} ({entry['class'] or entry['reference']}){state}",
        f"    from {entry['source']}{_line(entry['line'])}",
        *(f"    {_value_text(value)}" for value in entry["values"]),
    ]


def _sections(file: ConfigFile | None, problems: list[ConfigProblem]) -> list[Report]:
    """The values of the sections that are not exporters."""
    if file is None:
        return []
    values: list[Report] = []
    for key in ("one_logger", "recorder", "inherit"):
        if key in file.values:
            unheard: list[ConfigProblem] = []  # resolve() has checked the others
            section = Section(file.source, (key,), problems if key == "one_logger" else unheard)
            if key == "one_logger":
                _check_one_logger(section, file.values[key])
            expanded = Section(file.source, (key,), unheard)
            values += _values(expanded, expanded.expand(file.values[key]), ())
    return values


def _check_one_logger(section: Section, values: object) -> None:
    from one_logger.api import OneLoggerConfig

    arguments = from_section(section, values)
    if section.sound:
        try:
            OneLoggerConfig.from_mapping({"application_name": "given in code", **arguments})
        except OneLoggerError as error:
            section.problem((), f"cannot be used: {error}")


def _installed(group: str) -> list[Report]:
    try:
        points = installed(group)
    except NotLoadedError:  # which is among the problems
        return []
    return [{"name": point.name, "value": point.value, "distribution": distribution(point)} for point in points]


def _entries(entries: list[Entry]) -> list[Report]:
    names = {id(entry): name for name, entry in named(entries).items()}
    return [_entry(entry, names.get(id(entry))) for entry in entries]


def _entry(entry: Entry, name: str | None) -> Report:
    section, kind = entry.section, entry.target
    own = {"processors": _entries(entry.processors)} if entry.kind is EXPORTER else {}
    return {
        "name": name or entry.name or section.displayed(entry.reference, (entry.key,)),
        "reference": section.displayed(entry.reference, (entry.key,)),
        "class": f"{kind.__module__}.{kind.__qualname__}" if kind else None,
        "enabled": entry.enabled,
        "source": section.source.label,
        "line": section.source.line(section.path),
        "values": _values(section, entry.config, ("config",)),
        **own,
    }


def _values(section: Section, value: object, path: Path) -> list[Report]:
    """The leaves of a value, each with its place."""
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _values(section, item, (*path, key))]
    if isinstance(value, (list, tuple)) and value:
        return [leaf for number, item in enumerate(value) for leaf in _values(section, item, (*path, number))]
    if path == ("config",):
        return []
    whole = section.path + path
    return [
        {
            "path": path_text(whole),
            "value": section.displayed(value, path),
            "secret": section.is_secret(path),
            "source": section.source.label,
            "line": section.source.line(whole),
            "variables": list(section.variables(path)),
        }
    ]


def _value_text(value: Report) -> str:
    variables = "".join(f", with ${{{name}}}" for name in value["variables"])
    return f"{value['path']} = {json.dumps(value['value'])}{_line(value['line'])}{variables}"


def _line(line: int | None) -> str:
    return "" if line is None else f", line {line}"
