"""The report that `python -m one_logger.recorder config` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from one_logger.api.spi import disabled_by_environment
from one_logger.core.spi import distribution_of, entry_points
from one_logger.recorder.configuration.application import UNKNOWN_NAME
from one_logger.recorder.configuration.building import build, close, named
from one_logger.recorder.configuration.checking import check, check_config, check_one_logger
from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.file import find_file, read_file
from one_logger.recorder.configuration.installed import CONFIGS, label
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError, Path, Source, code_source
from one_logger.recorder.configuration.resolution import Resolution, resolve
from one_logger.recorder.configuration.section import Section, said

Report = dict[str, Any]


def make_report(path: str | None) -> Report:
    """Describe the configuration in this environment, with secrets masked. `path` None: the file of `configure`."""
    problems: list[ConfigProblem] = []
    file: Source | None = None
    found = find_file(path)
    try:
        file = None if found is None else read_file(found)
    except ExporterConfigError as error:
        problems += error.problems
    resolution = check(resolve(code_source(), file, problems))
    one_logger = said(file, "one_logger", problems)
    for values, section in one_logger:
        arguments = check_one_logger(values, section)
        if section.sound:
            check_config({"application_name": UNKNOWN_NAME, **arguments}, section)
    sections = [*one_logger, *resolution.recorder, *resolution.inherit]
    if not problems:
        try:
            close(build(resolution).exporters, resolution)
        except ExporterConfigError as error:
            problems = list(error.problems)
    return {
        "ok": not problems,
        "file": found,
        "disabled": disabled_by_environment(),
        "exporters": _entries(resolution.exporters),
        "processors": _entries(resolution.processors),
        "replaced": [{"what": what, "by": by} for what, by in [*resolution.replaced, *_replaced_packages(resolution)]],
        "values": [value for values, section in sections for value in _values(section, values)],
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
    exporters: list[str] = []
    for exporter in report["exporters"]:
        exporters += _entry_text(exporter)
        for processor in exporter["processors"]:
            exporters += ["    with", *(f"    {line}" for line in _entry_text(processor))]
    lines += ["", "Exporters:", *(exporters or ["  none"])]
    further = {
        "Processors": [line for each in report["processors"] for line in _entry_text(each)],
        "Values": [f"  {_value_text(value)}" for value in report["values"]],
        "Replaced": [f"  {each['what']}, by {each['by']}" for each in report["replaced"]],
    }
    for title, texts in further.items():
        lines += ["", f"{title}:", *texts] if texts else []
    lines += ["", "Installed:"]
    for group, points in report["installed"].items():
        lines += [f"  {group}: {point['name']} ({point['value']}), of {point['distribution']}" for point in points]
    return "\n".join([*lines, "", "Problems:", *([f"  {each['text']}" for each in report["problems"]] or ["  none"])])


def _entry_text(entry: Report) -> list[str]:
    state = "" if entry["enabled"] else ", not enabled"
    return [
        f"  {entry['name']} ({entry['class'] or entry['reference']}){state}",
        f"    from {entry['source']}{_line(entry['line'])}",
        *(f"    {_value_text(value)}" for value in entry["values"]),
    ]


def _value_text(value: Report) -> str:
    variables = "".join(f", with ${{{name}}}" for name in value["variables"])
    return f"{value['path']} = {json.dumps(value['value'])}{_line(value['line'])}{variables}"


def _line(line: int | None) -> str:
    return "" if line is None else f", line {line}"


def _replaced_packages(resolution: Resolution) -> list[tuple[str, str]]:
    by = resolution.instead_of_packages
    labels = ", ".join(map(label, entry_points(CONFIGS)))
    return [(labels, by)] if by is not None and labels else []


def _installed(group: str) -> list[Report]:
    points = entry_points(group)
    return [{"name": each.name, "value": each.value, "distribution": distribution_of(each)} for each in points]


def _entries(entries: list[Entry]) -> list[Report]:
    names = {id(entry): name for name, entry in named(entries).items()}
    return [_entry(entry, names.get(id(entry))) for entry in entries]


def _entry(entry: Entry, name: str | None) -> Report:
    section, target = entry.section, entry.target
    reference = section.displayed(entry.reference, (entry.key,))
    return {
        "name": name or entry.name or reference,
        "reference": reference,
        "class": f"{target.__module__}.{target.__qualname__}" if target else None,
        "enabled": entry.enabled,
        "source": section.source.label,
        "line": section.line(),
        "values": list(_values(section, entry.config, ("config",))) if entry.config else [],
        **({"processors": _entries(entry.processors)} if entry.kind is EXPORTER else {}),
    }


def _values(section: Section, value: object, path: Path = ()) -> Iterator[Report]:
    """The values that are not lists or mappings, each with its place."""
    if isinstance(value, (dict, list, tuple)) and value:
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _values(section, item, (*path, step))
        return
    yield {
        "path": section.place(path),
        "value": section.displayed(value, path),
        "secret": section.is_secret(path),
        "source": section.source.label,
        "line": section.line(path),
        "variables": list(section.variables(path)),
    }
