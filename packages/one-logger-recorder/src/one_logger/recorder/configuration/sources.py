"""The places that entries come from, and which of them counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from one_logger.recorder.configuration.entry import Entry
from one_logger.recorder.configuration.file import ConfigFile
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR, Kind
from one_logger.recorder.configuration.problem import ConfigProblem, Path, Source
from one_logger.recorder.configuration.section import Section

CODE = Source("code", "the code")


@dataclass(frozen=True)
class Replaced:
    """What a stronger source has put out of use.

    Args:
        what: The entry or the source.
        by: What is used instead.
    """

    what: str
    by: str


@dataclass
class Gathered:
    """The entries that count, the strongest first.

    Args:
        entries: The entries, also those that are not enabled.
        replaced: What was put out of use.
        present: Whether there is a source at all: one may be there and say that there are no exporters.
    """

    entries: list[Entry] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    present: bool = False


@dataclass(frozen=True)
class _Level:
    source: Source
    inherit: bool
    entries: Callable[[Collection[str]], tuple[list[Entry], list[str]]]
    """Reads the entries, but for those whose names are taken; of these it gives the names."""


def gather(exporters: object, file: ConfigFile | None, inherit: bool | None, problems: list[ConfigProblem]) -> Gathered:
    """Find the entries that count.

    The strongest source that is present, of code, file and packages, replaces the others as a whole; if it is to
    inherit, it adds to the next one. What then has a name that a stronger source also gives is replaced.

    Args:
        exporters: The entries in the code; None: there are none, which is not the same as an empty list.
        file: The file.
        inherit: Whether the stronger of the two adds to the next source. None: not so in code; in a file, as it says.
        problems: Where to put problems.
    """
    levels = list(_levels(exporters, file, inherit, problems))
    gathered = Gathered(present=bool(levels))
    for number, level in enumerate(levels):
        taken = {entry.name: entry.section.source.label for entry in gathered.entries if entry.name is not None}
        entries, replaced = level.entries(taken)
        gathered.entries += entries
        gathered.replaced += [Replaced(f"{name!r} of {level.source.label}", taken[name]) for name in replaced]
        if not level.inherit:
            gathered.replaced += [Replaced(weaker.source.label, level.source.label) for weaker in levels[number + 1 :]]
            break
    return gathered


def _levels(
    exporters: object, file: ConfigFile | None, inherit: bool | None, problems: list[ConfigProblem]
) -> Sequence[_Level]:
    levels: list[_Level] = []

    def in_exporters(values: object, source: Source, taken: Collection[str]) -> tuple[list[Entry], list[str]]:
        return listed(values, source, ("exporters",), problems, EXPORTER, taken)

    if not isinstance(inherit, bool | None):
        section = Section(CODE, ("inherit",), problems)
        section.problem((), f"is {section.shown(inherit, ())}; expected True or False.")
    if exporters is not None:
        levels.append(
            _Level(
                CODE, inherit is True, lambda taken: listed(exporters, CODE, ("exporters",), problems, EXPORTER, taken)
            )
        )
    if file is not None:
        in_file = _file_inherits(file, problems)
        if "exporters" in file.values:
            inherits = in_file if inherit is None or exporters is not None else inherit
            entries = file.values["exporters"]
            source = file.source
            levels.append(
                _Level(
                    source, inherits, lambda taken: listed(entries, source, ("exporters",), problems, EXPORTER, taken)
                )
            )
    return [*levels, *_package_level(problems)]


def _file_inherits(file: ConfigFile, problems: list[ConfigProblem]) -> bool:
    from one_logger.recorder.configuration.conversion import MismatchError, convert

    section = Section(file.source, ("inherit",), problems)
    given = section.expand(file.values.get("inherit", False))
    try:
        return convert(given, bool, "inherit") is True
    except MismatchError as error:
        section.problem((), f"is {section.shown(given, ())}; expected {error.expected}.")
        return False


def _package_level(problems: list[ConfigProblem]) -> Sequence[_Level]:
    """The default configurations of all installed packages, loaded if it comes to that."""
    from one_logger.recorder.configuration.entry_points import CONFIGS, NotLoadedError, distribution, installed, load

    try:
        points = installed(CONFIGS)
    except NotLoadedError as error:
        problems.append(ConfigProblem("the installed packages", None, "", str(error)))
        return []
    if not points:
        return []
    labels = [f"{distribution(point)} (entry point {point.name})" for point in points]

    def entries(taken: Collection[str]) -> tuple[list[Entry], list[str]]:
        found: list[Entry] = []
        replaced: list[str] = []
        for point, label in zip(points, labels, strict=True):
            source = Source("package", label)
            try:
                provided = load(point)
                if callable(provided):
                    provided = _called(provided, point.name)
            except NotLoadedError as error:
                problems.append(ConfigProblem(label, None, "", str(error)))
            else:
                entries, names = listed(provided, source, (), problems, EXPORTER, taken)
                found += entries
                replaced += names
        return found, replaced

    return [_Level(Source("package", ", ".join(labels)), inherit=False, entries=entries)]


def _called(function: Callable[[], object], name: str) -> object:
    from one_logger.recorder.configuration.entry_points import NotLoadedError

    try:
        return function()
    except (Exception, SystemExit) as error:
        raise NotLoadedError(f"The entry point {name!r} is a function that raised {type(error).__name__}.") from None


def listed(
    values: object,
    source: Source,
    path: Path,
    problems: list[ConfigProblem],
    kind: Kind,
    taken: Collection[str] = (),
) -> tuple[list[Entry], list[str]]:
    """The entries in a list, but for those whose names are taken, and the names of these.

    Args:
        values: The list.
        source: Where it is from.
        path: Where it stands there.
        problems: Where to put problems.
        kind: What its entries are about.
        taken: The names that are taken.
    """
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        section = Section(source, path, problems)
        given = "a text" if isinstance(values, str) else section.shown(values, ())
        what = "" if path else "The default configuration "
        section.problem((), f"{what}is {given}; expected a list of entries. An empty list means no {kind.noun}s.")
        return [], []
    entries: list[Entry] = []
    replaced: list[str] = []
    for number, value in enumerate(values):
        section = Section(source, (*path, number), problems)
        if isinstance(value, kind.base):
            entries.append(Entry.of_instance(value, section, kind))
        elif taken and (name := _name_of(value, section)) in taken:
            replaced.append(name)
        else:
            entry = Entry.parse(value, section, kind)
            if kind is EXPORTER and entry.enabled and isinstance(value, Mapping) and "processors" in value:
                own = (*path, number, "processors")
                entry.processors, _ = listed(value["processors"], source, own, problems, PROCESSOR)
            entries.append(entry)
    _check_names(entries)
    return entries, replaced


def _name_of(value: object, section: Section) -> str:
    """The name that an entry is given. What is wrong with the entry is of no interest yet."""
    if not isinstance(value, Mapping):
        return ""
    name = Section(section.source, section.path, []).expand(value.get("name"), ("name",))
    return name if isinstance(name, str) else ""


def _check_names(entries: list[Entry]) -> None:
    """Two entries of one list must not have been given one name."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.name is None:
            continue
        if entry.name in first:
            other = first[entry.name].section
            entry.section.problem(
                ("name",), f"is {entry.name!r}, as in entry {other.path[-1]}; give each entry a name of its own."
            )
        first.setdefault(entry.name, entry)
