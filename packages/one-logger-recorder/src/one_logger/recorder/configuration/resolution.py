"""Decides which values of code, file and packages are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from one_logger.core.spi import entry_points
from one_logger.recorder.configuration.entry import Entry, read_entries, read_switch
from one_logger.recorder.configuration.installed import CONFIGS, label, load_config
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR
from one_logger.recorder.configuration.problem import ConfigProblem, Source, UnusableError
from one_logger.recorder.configuration.section import Said, Section, said


@dataclass
class Resolution:
    """The values of all sources together."""

    problems: list[ConfigProblem]
    exporters: list[Entry] = field(default_factory=list)  # those of the strongest source first; also disabled ones
    processors: list[Entry] = field(default_factory=list)  # in the order in which they run
    recorder: list[Said] = field(default_factory=list)  # the sections `recorder`, the weakest source first
    options: dict[str, object] = field(default_factory=dict)  # of the recorder, once they are checked
    inherit: list[Said] = field(default_factory=list)
    present: bool = False  # whether a source has exporters; it may say that there are none
    replaced: list[tuple[str, str]] = field(default_factory=list)  # what is not used, except packages, and what is
    instead_of_packages: str | None = None  # the source that is used instead of what packages provide

    def add(self, lists: Iterable[Said]) -> None:
        """Add lists of exporter entries, except entries whose names an earlier source has."""
        taken = {entry.name: entry.section.source.label for entry in self.exporters if entry.name is not None}
        for values, section in lists:
            entries, names = read_entries(values, section, EXPORTER, taken)
            self.exporters += entries
            self.replaced += [(f"{name!r} of {section.source.label}", taken[name]) for name in names]
            self.present = True


def resolve(code: Source, file: Source | None, problems: list[ConfigProblem]) -> Resolution:
    """Decide what is used. Mistakes become problems.

    Code comes before the file, and the file before packages. The first source with exporters replaces the others as a
    whole; if it inherits, it adds to the next one. Default configurations of packages are imported only if used.
    """
    resolution = Resolution(problems)
    sources = [code] if file is None else [code, file]
    spoken: bool | None = None  # `inherit` of a source without exporters: it applies to the next one
    for source in sources:
        own = _inherits(source, resolution, in_code=source is code)
        inherits = own if spoken is None else spoken
        if "exporters" not in source.values:
            spoken = inherits
        elif resolution.instead_of_packages is None:
            resolution.add([(source.values["exporters"], Section(source, ("exporters",), problems))])
            resolution.instead_of_packages = None if inherits else source.label
        else:
            resolution.replaced.append((source.label, resolution.instead_of_packages))
    if resolution.instead_of_packages is None:
        resolution.add(_of_packages(problems))
    with_processors = [source for source in sources if "processors" in source.values]
    for source in with_processors[:1]:
        section = Section(source, ("processors",), problems)
        resolution.processors, _ = read_entries(source.values["processors"], section, PROCESSOR)
        resolution.replaced += [(f"processors of {each.label}", source.label) for each in with_processors[1:]]
    resolution.recorder = [each for source in reversed(sources) for each in said(source, "recorder", problems)]
    return resolution


def _inherits(source: Source, resolution: Resolution, *, in_code: bool) -> bool | None:
    for value, section in said(source, "inherit", resolution.problems):
        resolution.inherit.append((value, section))
        if not in_code or isinstance(value, bool):
            return read_switch(value, section)
        section.mismatch(value, "True or False")
    return None


def _of_packages(problems: list[ConfigProblem]) -> Iterator[Said]:
    """The default configurations of installed packages."""
    for point in entry_points(CONFIGS):
        try:
            provided = load_config(point)
        except UnusableError as error:
            problems.append(ConfigProblem(label(point), None, "", str(error)))
        else:
            yield provided, Section(Source(label(point)), (), problems)
